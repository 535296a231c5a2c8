/* dns_log_read.c - the control process's half of the query log (dns_log.h): what the workers left
 * is written to standard error, and kept for a while for those who watch.
 *
 * Everything here is bounded, and nothing waits: what standard error does not take at once is lost,
 * and counted. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "dns_log.h"

#define WATCH_RECORDS 4096 /* kept for those who watch */
#define WATCH_LINES 1000   /* in one answer */
#define CHUNK 4096         /* bytes that a pipe takes whole when it takes any (PIPE_BUF) */

static struct {
	struct worker_pool *pool;
	enum conf_dns_log mode; /* of standard error */
	struct timer timer;
	struct {
		uint64_t born, next; /* the worker that was read last, and its next record */
	} seat[WORKER_MAX];
	uint64_t lost, told;
	struct log_rate rate;
	struct {
		struct dns_log_record *v; /* NULL: nobody watches */
		uint64_t head, until_ms;
	} watch;
} dns_log;

/* ---- standard error ---------------------------------------------------------------------------
 */

struct chunk {
	size_t n, lines;
	char text[CHUNK];
};

static void chunk_write(struct chunk *c)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (c->n && (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT) ||
	             write(STDERR_FILENO, c->text, c->n) != (ssize_t)c->n))
		dns_log.lost += c->lines;
	c->n = c->lines = 0;
}

static void chunk_add(struct chunk *c, const struct dns_log_record *r)
{
	char line[DNS_LOG_LINE];
	size_t n = dns_log_text(r, line);

	if (c->n + n + 4 > CHUNK)
		chunk_write(c);
	if (!isatty(STDERR_FILENO)) {
		memcpy(c->text + c->n, "<6>", 3);
		c->n += 3;
	}
	memcpy(c->text + c->n, line, n);
	c->n += n;
	c->text[c->n++] = '\n';
	c->lines++;
}

/* ---- the rings --------------------------------------------------------------------------------
 */

static bool is_error(const struct dns_log_record *r)
{
	return r->rcode != DNS_NOERROR && r->rcode != DNS_NXDOMAIN;
}

static void take(struct chunk *c, const struct dns_log_record *r)
{
	if (dns_log.mode == CONF_DNS_LOG_ALL ||
	    (dns_log.mode == CONF_DNS_LOG_ERRORS && is_error(r)))
		chunk_add(c, r);
	if (dns_log.watch.v)
		dns_log.watch.v[dns_log.watch.head++ % WATCH_RECORDS] = *r;
}

/* The worker may be writing over what is read: then it is lost. Returns how many waited. */
static uint64_t read_ring(const struct dns_log_ring *ring, uint64_t *next, struct chunk *c)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t waited = head - *next;
	struct dns_log_record r;

	if (head - *next >= DNS_LOG_RECORDS) {
		dns_log.lost += head - *next - DNS_LOG_RECORDS + 1;
		*next = head - DNS_LOG_RECORDS + 1;
	}
	for (; *next != head; ++*next) {
		r = ring->records[*next % DNS_LOG_RECORDS];
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&ring->head, memory_order_relaxed) - *next <
		    DNS_LOG_RECORDS)
			take(c, &r);
		else
			dns_log.lost++;
	}
	return waited;
}

static uint64_t read_seat(unsigned i, uint32_t mode, struct chunk *c)
{
	struct dns_log_ring *ring = worker_pool_shared(dns_log.pool, i);
	uint64_t born;

	if (!ring)
		return 0;
	born = atomic_load_explicit(&ring->born, memory_order_relaxed);
	if (atomic_load_explicit(&ring->mode, memory_order_relaxed) != mode)
		atomic_store_explicit(&ring->mode, mode, memory_order_relaxed);
	if (born != dns_log.seat[i].born)
		dns_log.seat[i].next = 0; /* somebody new sits there */
	dns_log.seat[i].born = born;
	return read_ring(ring, &dns_log.seat[i].next, c);
}

static void tell_lost(void)
{
	if (dns_log.lost == dns_log.told || !log_may(&dns_log.rate))
		return;
	log_warn("dns: %llu queries are not in the query log: there were too many at once",
	         (unsigned long long)(dns_log.lost - dns_log.told));
	dns_log.told = dns_log.lost;
}

static void watch_end(void)
{
	free(dns_log.watch.v);
	dns_log.watch.v = NULL;
}

/* Takes in what the workers left, and sees to it that they go on, or stop. */
static void look(void)
{
	struct chunk c = { 0 };
	uint64_t most = 0, n;
	uint32_t mode;

	if (dns_log.watch.v && loop_now() >= dns_log.watch.until_ms)
		watch_end();
	mode = dns_log.watch.v ? CONF_DNS_LOG_ALL : dns_log.mode;
	for (unsigned i = 0; i < worker_pool_seats(dns_log.pool) && i < WORKER_MAX; i++)
		if ((n = read_seat(i, mode, &c)) > most)
			most = n;
	chunk_write(&c);
	tell_lost();
	if (mode != CONF_DNS_LOG_NO)
		timer_set(&dns_log.timer,
		          most > DNS_LOG_RECORDS / 8 ? DNS_LOG_BUSY_MS : DNS_LOG_TICK_MS);
}

static void on_tick(struct timer *t)
{
	(void)t;
	look();
}

/* ---- on and off -------------------------------------------------------------------------------
 */

/* What adopted workers logged for another control process is none of ours. */
static void skip_old(void)
{
	for (unsigned i = 0; i < worker_pool_seats(dns_log.pool) && i < WORKER_MAX; i++) {
		const struct dns_log_ring *ring = worker_pool_shared(dns_log.pool, i);

		if (!ring)
			continue;
		dns_log.seat[i].born = atomic_load_explicit(&ring->born, memory_order_relaxed);
		dns_log.seat[i].next = atomic_load_explicit(&ring->head, memory_order_acquire);
	}
}

void dns_log_begin(struct worker_pool *pool, enum conf_dns_log mode)
{
	dns_log.pool = pool;
	dns_log.mode = mode;
	dns_log.timer.fn = on_tick;
	skip_old();
	look();
}

void dns_log_set(enum conf_dns_log mode)
{
	if (dns_log.mode == mode)
		return;
	look(); /* under the old rule */
	log_info("dns: query log: %s", conf_dns_log_name[mode]);
	dns_log.mode = mode;
	look();
}

void dns_log_end(void)
{
	if (!dns_log.pool)
		return;
	look();
	watch_end();
	dns_log.mode = CONF_DNS_LOG_NO;
	look(); /* nobody reads any more */
	timer_del(&dns_log.timer);
}

void dns_log_metrics(struct buf *out)
{
	buf_printf(out,
	           "# HELP knetd_dns_log_lost_total Queries that the query log left out, as there "
	           "were too many at once.\n"
	           "# TYPE knetd_dns_log_lost_total counter\nknetd_dns_log_lost_total %llu\n",
	           (unsigned long long)dns_log.lost);
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
	uint64_t head = dns_log.watch.head, next = w->since > head ? head : w->since, lost = 0;
	char line[DNS_LOG_LINE];
	unsigned n = 0;

	if (head - next > WATCH_RECORDS) {
		lost = head - next - WATCH_RECORDS;
		next = head - WATCH_RECORDS;
	}
	buf_str(b, "\"lines\":[");
	for (; next != head && n < WATCH_LINES; next++) {
		const struct dns_log_record *r = &dns_log.watch.v[next % WATCH_RECORDS];

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
	if (!dns_log.watch.v)
		dns_log.watch.v = xcalloc(WATCH_RECORDS, sizeof(*dns_log.watch.v));
	dns_log.watch.until_ms = loop_now() + DNS_LOG_LEASE_MS;
	look();
	buf_str(&answer->body, "{\"kind\":\"DNSLog\",\"apiVersion\":\"knetd.io/v1alpha1\",");
	put_lines(&w, &answer->body);
}
