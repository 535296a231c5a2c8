/* dns_log_read.c - the control process's half of the query log (dns_log.h): what the workers left
 * is written to standard error, and kept for a while for those who watch.
 *
 * Everything here is bounded, and nothing waits: what standard error does not take at once is lost,
 * and counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/log_ring.h>
#include <knetd/loop.h>

#include "dns_log.h"

#define WATCH_RECORDS 4096 /* kept for those who watch */
#define WATCH_LINES 1000   /* in one answer */

static void take(const void *record, struct log_lines *l);
static void look(void);

static struct log_reader reader = {
	.module = "dns",
	.log = "query log",
	.things = "queries",
	.first = offsetof(struct dns_log_ring, records),
	.record = sizeof(struct dns_log_record),
	.records = DNS_LOG_RECORDS,
	.take = take,
	.look = look,
};
static struct {
	struct dns_log_record *v; /* NULL: nobody watches */
	uint64_t head, until_ms;
} watch;

/* ---- standard error ---------------------------------------------------------------------------
 */

static void take_line(struct log_lines *l, const struct dns_log_record *r)
{
	char line[DNS_LOG_LINE];

	log_lines_add(l, line, dns_log_text(r, line));
}

/* ---- the rings --------------------------------------------------------------------------------
 */

static bool is_error(const struct dns_log_record *r)
{
	return r->rcode != DNS_NOERROR && r->rcode != DNS_NXDOMAIN;
}

static void take(const void *record, struct log_lines *l)
{
	const struct dns_log_record *r = record;

	if (reader.mode == CONF_LOGGED_ALL || (reader.mode == CONF_LOGGED_ERRORS && is_error(r)))
		take_line(l, r);
	if (watch.v)
		watch.v[watch.head++ % WATCH_RECORDS] = *r;
}

static void watch_end(void)
{
	free(watch.v);
	watch.v = NULL;
}

static void look(void)
{
	if (watch.v && loop_now() >= watch.until_ms)
		watch_end();
	log_reader_look(&reader, watch.v ? CONF_LOGGED_ALL : reader.mode);
}

/* ---- on and off -------------------------------------------------------------------------------
 */

void dns_log_begin(struct worker_pool *pool, enum conf_logged mode)
{
	log_reader_begin(&reader, pool, mode);
}

void dns_log_set(enum conf_logged mode)
{
	log_reader_set(&reader, mode);
}

void dns_log_end(void)
{
	watch_end();
	log_reader_end(&reader);
}

void dns_log_metrics(struct buf *out)
{
	buf_printf(out,
	           "# HELP knetd_dns_log_lost_total Queries that the query log left out, as there "
	           "were too many at once.\n"
	           "# TYPE knetd_dns_log_lost_total counter\nknetd_dns_log_lost_total %llu\n",
	           (unsigned long long)reader.lost);
}

/* ---- watching ---------------------------------------------------------------------------------
 */

struct wanted {
	uint64_t since;
	size_t name_len; /* of the suffix, 0: any */
	uint8_t name[DNS_NAME_MAX];
	struct ip client; /* len 0: any */
};

static bool is_wanted(const struct dns_log_record *r, const struct wanted *w)
{
	if (w->client.len &&
	    ((w->client.len == 4) != r->v4 || memcmp(w->client.b, r->ip, w->client.len) != 0))
		return false;
	return !w->name_len || dns_name_under(r->name, r->name_len, w->name, w->name_len);
}

static void put_lines(const struct wanted *w, struct buf *b)
{
	uint64_t head = watch.head, next = w->since > head ? head : w->since, lost = 0;
	char line[DNS_LOG_LINE];
	unsigned n = 0;

	if (head - next > WATCH_RECORDS) {
		lost = head - next - WATCH_RECORDS;
		next = head - WATCH_RECORDS;
	}
	buf_str(b, "\"lines\":[");
	for (; next != head && n < WATCH_LINES; next++) {
		const struct dns_log_record *r = &watch.v[next % WATCH_RECORDS];

		if (!is_wanted(r, w))
			continue;
		buf_str(b, n++ ? "," : "");
		buf_json(b, line, dns_log_text(r, line));
	}
	buf_printf(b, "],\"next\":%llu,\"lost\":%llu}\n", (unsigned long long)next,
	           (unsigned long long)lost);
}

/* What is wrong, or NULL. */
static const char *read_wanted(const struct http_call *call, struct wanted *w)
{
	char text[DNS_NAME_MAX + 1];
	char *end;

	*w = (struct wanted){ .since = UINT64_MAX };
	if (http_query_has(call->query, "since")) {
		if (!http_query(call->query, "since", text, sizeof(text)))
			return "since: a number is expected";
		w->since = strtoull(text, &end, 10);
		if (end == text || *end)
			return "since: a number is expected";
	}
	if (http_query_has(call->query, "name") &&
	    (!http_query(call->query, "name", text, sizeof(text)) ||
	     !(w->name_len = dns_name_from_text(w->name, text))))
		return "name: a domain name is expected";
	if (http_query_has(call->query, "client") &&
	    (!http_query(call->query, "client", text, sizeof(text)) || !ip_parse(&w->client, text)))
		return "client: an IP address is expected";
	return NULL;
}

void dns_log_show(const struct http_call *call, struct http_answer *answer)
{
	struct wanted w;
	const char *wrong = read_wanted(call, &w);

	if (wrong) {
		http_refuse(answer, EINVAL, wrong);
		return;
	}
	if (!watch.v)
		watch.v = xcalloc(WATCH_RECORDS, sizeof(*watch.v));
	watch.until_ms = loop_now() + DNS_LOG_LEASE_MS;
	look();
	buf_str(&answer->body, "{\"kind\":\"DNSLog\",\"apiVersion\":\"knetd.io/v1alpha1\",");
	put_lines(&w, &answer->body);
}
