/* dns_log.h - the query log: records that the workers leave in shared memory, and what becomes of
 * them in the control process. How they get from one to the other stands in log_ring.h. */
#pragma once

#include <knetd/conf.h>
#include <knetd/http.h>
#include <knetd/log_ring.h>

#include "dns_worker.h"

#define DNS_LOG_RECORDS 1024 /* a power of two */

struct dns_log_record { /* one query and what was answered */
	uint64_t took;  /* ns */
	uint8_t ip[16];
	uint16_t port, id, type, class, size, udp_size, flags, rcode;
	uint16_t answer_size;
	uint8_t v4, stream, dnssec_ok, name_len;
	uint8_t name[DNS_NAME_MAX]; /* lower case */
};

struct dns_log_ring {
	struct log_ring ring;
	struct dns_log_record records[DNS_LOG_RECORDS];
};
static_assert(sizeof(struct dns_log_ring) <= WORKER_SHARED, "the ring fits the shared page");

/* ---- in the worker ----------------------------------------------------------------------------
 */

extern struct dns_log_ring *dns_log_ring;
void dns_log_start(const struct worker *w);
static inline bool dns_log_on(void)
{
	return log_ring_mode(&dns_log_ring->ring);
}
void dns_log_reply(const struct dns_query *q, const struct dns_client *client,
                   const struct dns_reply *out);

/* ---- in the control process -------------------------------------------------------------------
 */

void dns_log_begin(struct worker_pool *pool, enum conf_logged mode);
void dns_log_end(void);
void dns_log_set(enum conf_logged mode); /* from now on */
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
