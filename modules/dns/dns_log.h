/* dns_log.h - the query log: records that the workers leave in shared memory, and what becomes of
 * them in the control process.
 *
 * A worker writes into a ring and never looks at who reads: a query costs some copying, no system
 * call, and waits for nobody. The control process reads the rings every DNS_LOG_TICK_MS, or
 * DNS_LOG_BUSY_MS when there was much; of more than DNS_LOG_RECORDS a worker in that time the
 * oldest are lost, and counted: that is the rate limit. While nothing is logged, all this is one
 * load a query. */
#pragma once

#include <stdatomic.h>

#include <knetd/conf.h>
#include <knetd/http.h>

#include "dns_worker.h"

#define DNS_LOG_RECORDS 1024 /* a power of two */
#define DNS_LOG_TICK_MS 50
#define DNS_LOG_BUSY_MS 10

struct dns_log_record { /* one query and what was answered */
	uint64_t took;  /* ns */
	uint8_t ip[16];
	uint16_t port, id, type, class, size, udp_size, flags, rcode;
	uint16_t answer_size;
	uint8_t v4, stream, dnssec_ok, name_len;
	uint8_t name[DNS_NAME_MAX]; /* lower case */
};

struct dns_log_ring {
	_Atomic uint32_t mode;              /* enum conf_dns_log; written by the control process */
	_Atomic uint64_t born;              /* tells one worker from the next one in its seat */
	_Alignas(64) _Atomic uint64_t head; /* records written so far */
	struct dns_log_record records[DNS_LOG_RECORDS];
};
static_assert(sizeof(struct dns_log_ring) <= WORKER_SHARED, "the ring fits the shared page");

/* ---- in the worker ----------------------------------------------------------------------------
 */

extern struct dns_log_ring *dns_log_ring;
void dns_log_start(const struct worker *w);
static inline bool dns_log_on(void)
{
	return atomic_load_explicit(&dns_log_ring->mode, memory_order_relaxed);
}
void dns_log_reply(const struct dns_query *q, const struct dns_client *client,
                   const struct dns_reply *out);

/* ---- in the control process -------------------------------------------------------------------
 */

void dns_log_begin(struct worker_pool *pool, enum conf_dns_log mode);
void dns_log_end(void);
void dns_log_set(enum conf_dns_log mode); /* from now on */
void dns_log_metrics(struct buf *out);
/* GET /knetd/v1/dns/log?since=N&name=SUFFIX&client=IP: the queries since then. Without since: from
 * now on. Logging goes on for DNS_LOG_LEASE_MS after the last call, so there is nothing to be ended
 * when a client goes. */
#define DNS_LOG_LEASE_MS 3000
void dns_log_show(const struct http_call *call, struct http_answer *answer);

/* A record as CoreDNS' log plugin writes it, without a newline. Pure; the record may be anything.
 * Returns the length. */
#define DNS_LOG_LINE 512
size_t dns_log_text(const struct dns_log_record *r, char out[static DNS_LOG_LINE]);
