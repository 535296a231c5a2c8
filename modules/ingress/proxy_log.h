/* proxy_log.h - the access log and what is counted of each route: what a worker leaves in the
 * memory that it shares with the control process, and what becomes of it there.
 *
 * How a record gets from one to the other stands in log_ring.h. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <knetd/conf.h>
#include <knetd/http.h>
#include <knetd/log_ring.h>
#include <knetd/worker.h>

#define PROXY_LOG_RECORDS 512 /* a power of two */

enum proxy_log_text {
	LOG_METHOD,
	LOG_HOST,
	LOG_TARGET, /* path and query as they were sent */
	LOG_AGENT,
	LOG_ROUTE,
	LOG_RULE,
	LOG_BACKEND,
	LOG_TEXTS
};
enum proxy_log_version { LOG_HTTP_1_0, LOG_HTTP_1_1, LOG_HTTP_2 };

struct proxy_log_record {              /* one request and its answer */
	uint64_t began, took;          /* ns, CLOCK_MONOTONIC */
	uint64_t bytes_up, bytes_down; /* of bodies */
	uint8_t client[16], upstream[16];
	uint16_t client_port, upstream_port, status;
	uint8_t client_len, upstream_len, version, tries, tls, cut;
	uint16_t n[LOG_TEXTS];
	char text[934]; /* one behind the other */
};
static_assert(sizeof(struct proxy_log_record) == 1024, "no more than it was meant to be");

#define ROUTES_COUNTED 512 /* further ones are counted together */
#define ROUTE_NAME_MAX 344 /* "HTTPRoute/namespace/name" */
#define ROUTE_BOUNDS 11    /* of the histogram; behind them lies one for what is above */
extern const uint32_t route_bounds_us[ROUTE_BOUNDS];

struct route_count {
	_Atomic uint32_t name_n; /* 0: nobody's */
	char name[ROUTE_NAME_MAX];
	_Atomic uint64_t codes[6]; /* answers by class; [0]: none was given */
	_Atomic uint64_t took[ROUTE_BOUNDS + 1], took_us;
};

struct proxy_shared {
	struct log_ring log;
	struct proxy_log_record records[PROXY_LOG_RECORDS];
	struct route_count routes[ROUTES_COUNTED + 1]; /* the last one: all others */
};
static_assert(sizeof(struct proxy_shared) <= WORKER_SHARED, "it fits the shared pages");

/* ---- in the worker -------------------------------------------------------------------------- */

struct exchange;
void proxy_log_start(const struct worker *w);
/* Of a request as it came, before anything of it is changed. */
void proxy_log_begin(struct exchange *x, const struct http_head *h);
/* It is over: answered, cut, or the client went. */
void proxy_log_end(struct exchange *x);
void route_count_start(struct proxy_shared *s);
void route_count_changed(void); /* there are other routes */
void route_count_end(const struct exchange *x, uint64_t took_ns);

/* ---- in the control process ----------------------------------------------------------------- */

void ingress_log_begin(struct worker_pool *pool, enum conf_logged mode);
void ingress_log_set(enum conf_logged mode); /* from now on */
void ingress_log_end(void);
void ingress_log_metrics(struct buf *out);
void ingress_route_metrics(const struct worker_pool *pool, struct buf *out);

/* A record as a line of JSON, without a newline. unix_ns: when it began. Pure; the record may be
 * anything. Returns the length, 0 when it does not fit. */
size_t ingress_log_text(const struct proxy_log_record *r, uint64_t unix_ns, char *out, size_t size);
