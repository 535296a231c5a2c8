/* dns_log.c - the worker's half of the query log: see dns_log.h. */
#include <time.h>

#include <knetd/loop.h>

#include "dns_log.h"

static struct dns_log_ring nowhere; /* before the start */
struct dns_log_ring *dns_log_ring = &nowhere;

void dns_log_start(const struct worker *w)
{
	dns_log_ring = w->shared;
	log_ring_begin(&dns_log_ring->ring);
}

static void set_client(struct dns_log_record *r, const struct dns_client *c)
{
	struct ip ip;

	r->stream = c->stream;
	ip_of_sockaddr(&ip, &c->peer.any);
	r->v4 = ip.len == 4;
	memcpy(r->ip, ip.b, ip.len);
	r->port = ntohs(c->peer.v4.sin_port); /* IPv6 has it in the same place */
}

static void set_question(struct dns_log_record *r, const struct dns_query *q)
{
	r->id = q->id;
	r->type = q->type;
	r->class = q->name_len ? dns_get16(q->raw + q->name_len + 2) : DNS_IN;
	r->udp_size = q->udp_size;
	r->dnssec_ok = q->dnssec_ok;
	r->name_len = q->name_len;
	memcpy(r->name, q->name, q->name_len);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void dns_log_reply(const struct dns_query *q, const struct dns_client *client,
                   const struct dns_reply *out)
{
	struct log_ring *ring = &dns_log_ring->ring;
	uint64_t number = log_ring_next(ring);
	struct dns_log_record *r = &dns_log_ring->records[number % DNS_LOG_RECORDS];
	bool fine = out->rcode == DNS_NOERROR || out->rcode == DNS_NXDOMAIN;

	if (fine && log_ring_mode(ring) == CONF_LOGGED_ERRORS)
		return;
	set_client(r, client);
	set_question(r, q);
	r->size = client->size;
	r->flags = dns_get16(out->p + 2);
	r->rcode = (uint16_t)out->rcode;
	r->answer_size = (uint16_t)out->len;
	r->took = now_ns() - client->arrived;
	log_ring_written(ring, number);
}
