/* dns_forward.c - see dns_forward.h.
 *
 * A flight is one question on its way; its waiters are the clients that asked it. What is kept of a
 * client is its packed query: when the answer is there, the query is worked out again (dns_answer),
 * which writes header, question and aliases, and the upstream's records are added. Everything is
 * bounded: flights, waiters, waiters a flight, tries, time. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/loop.h>
#include <knetd/map.h>

#include "dns_cache.h"
#include "dns_forward.h"

#define FLIGHTS 512
#define REFRESHES 64 /* flights that nobody waits for */
#define WAITERS 2048
#define WAITERS_A_FLIGHT 256
#define TRY_MS 2000
#define STREAM_MS 4000 /* for the answer over TCP */
#define TRIES_MIN 2
#define TRIES_MAX 3
#define STALE_TTL 30 /* seconds, RFC 8767 */
#define DATAGRAM_MAX 4096

struct waiter {
	struct waiter *next;
	struct dns_client client;
	uint16_t len;
	uint8_t query[DNS_QUERY_PACKED];
};

struct flight {
	struct flight *next_free;
	struct event ev; /* fd -1: no socket */
	struct timer timer;
	struct dns_query q; /* the first client's; raw is not valid any more */
	struct dns_forwarded fwd;
	uint8_t key[DNS_QUESTION_KEY];
	size_t key_len;
	uint16_t id;
	unsigned upstream, tries, n_waiters;
	bool edns, stream, refresh; /* refresh: began without a client */
	struct waiter *waiters;
	struct buf in; /* over TCP: what came so far */
};

static struct flight flights[FLIGHTS], *free_flights;
static struct waiter waiters[WAITERS], *free_waiters;
static unsigned flights_touched, waiters_touched, n_flights, n_refreshes;
static struct map by_question;
static unsigned preferred[DNS_GROUPS]; /* the upstream that answered last, in each group */

static void flight_start(struct flight *f);
static void flight_failed(struct flight *f);

/* ---- places ------------------------------------------------------------------------------------
 */

static struct flight *flight_take(void)
{
	struct flight *f = free_flights;

	if (f)
		free_flights = f->next_free;
	else if (flights_touched < FLIGHTS)
		f = &flights[flights_touched++];
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->ev.fd = -1;
	n_flights++;
	return f;
}

static void flight_hang_up(struct flight *f)
{
	timer_del(&f->timer);
	loop_del(&f->ev);
	if (f->ev.fd >= 0)
		close(f->ev.fd);
	f->ev.fd = -1;
	buf_free(&f->in);
}

static void flight_free(struct flight *f)
{
	flight_hang_up(f);
	map_del(&by_question, f->key, f->key_len);
	f->next_free = free_flights;
	free_flights = f;
	n_flights--;
	n_refreshes -= f->refresh;
}

static struct waiter *waiter_take(void)
{
	struct waiter *w = free_waiters;

	if (w)
		free_waiters = w->next;
	else if (waiters_touched < WAITERS)
		w = &waiters[waiters_touched++];
	return w;
}

bool dns_forward_idle(void)
{
	return !n_flights;
}

/* ---- the answer, to everybody who waits --------------------------------------------------------
 */

static void waiter_reply(const struct waiter *w, const struct dns_forwarded *asked,
                         const uint8_t *msg, size_t n, uint32_t age, uint32_t floor)
{
	static uint8_t bytes[DNS_TCP_MAX];
	struct dns_reply out = { .p = bytes, .max = w->client.stream ? DNS_TCP_MAX : DNS_UDP_MAX };
	struct dns_asker by = { .stream = w->client.stream };
	struct dns_forwarded fwd;
	struct dns_query q;
	enum dns_result r;

	r = dns_answer(dns_worker_zone(), w->query, w->len, &by, &q, &fwd, &out);
	if (r == DNS_FORWARD) {
		/* an alias may have been changed in between */
		bool same = fwd.target_len == asked->target_len &&
		            !memcmp(fwd.target, asked->target, fwd.target_len);

		if (n && same)
			dns_upstream_merge(&out, &q, &fwd, msg, n, age, floor);
		else
			dns_reply_error(&out, &q, DNS_SERVFAIL, DNS_RA);
		out.by = DNS_BY_FORWARD;
	}
	dns_worker_replied(&q, &w->client, &out);
	dns_count_duration(w->client.arrived, 1);
	if (w->client.stream)
		dns_tcp_send(&w->client, out.p, out.len);
	else
		dns_udp_send(&w->client, out.p, out.len);
}

/* n 0: there is no answer. The flight is gone first: a connection that gets its answer may go on to
 * its next query, which may take the flight's place. */
static void flight_land(struct flight *f, const uint8_t *msg, size_t n, uint32_t age,
                        uint32_t floor)
{
	struct waiter *w = f->waiters, *next;
	struct dns_forwarded asked = f->fwd;

	flight_free(f);
	dns_worker_fresh();
	for (; w; w = next) {
		next = w->next;
		waiter_reply(w, &asked, msg, n, age, floor);
		w->next = free_waiters;
		free_waiters = w;
	}
}

/* No upstream answers: better an old answer than none. */
static void flight_give_up(struct flight *f)
{
	static uint8_t copy[DNS_CACHE_MESSAGE];
	struct dns_cached old;

	if (dns_cache_get(&f->q, &f->fwd, loop_now(), true, &old)) {
		dns_count(DNS_COUNT_CACHE_STALE);
		memcpy(copy, old.msg, old.len);
		flight_land(f, copy, old.len, old.age, STALE_TTL);
		return;
	}
	dns_count(DNS_COUNT_FORWARD_FAILED);
	flight_land(f, NULL, 0, 0, 0);
}

/* ---- what an upstream says ---------------------------------------------------------------------
 */

static bool anybody_streams(const struct flight *f)
{
	for (const struct waiter *w = f->waiters; w; w = w->next)
		if (w->client.stream)
			return true;
	return false;
}

/* The upstreams to ask, as they are by now; NULL: none. */
static const struct dns_group *group_of(const struct flight *f)
{
	const struct dns_settings *set = dns_worker_zone()->set;
	const struct dns_group *group =
		set ? dns_group_for(set, f->fwd.target, f->fwd.target_len) : NULL;

	return group && group->n ? group : NULL;
}

/* The place in its group of the upstream that answered last. */
static unsigned *preferred_of(const struct dns_group *group)
{
	return &preferred[group - dns_worker_zone()->set->groups.group];
}

static bool last_try(const struct flight *f)
{
	const struct dns_group *group = group_of(f);
	unsigned most = group ? group->n : 0;

	return f->tries >= (most < TRIES_MIN ? TRIES_MIN : most > TRIES_MAX ? TRIES_MAX : most);
}

static void flight_message(struct flight *f, uint8_t *p, size_t n)
{
	struct dns_upstream_msg m;

	if (!dns_upstream_check(p, n, f->id, &f->fwd, f->q.type, &m)) {
		if (f->stream)
			flight_failed(f);
		return; /* a datagram: forged or late; the real one may still come */
	}
	if (f->edns && (m.rcode == DNS_FORMERR || m.rcode == DNS_NOTIMP)) {
		f->edns = false; /* a server older than EDNS */
		flight_start(f);
		return;
	}
	if ((m.rcode == DNS_SERVFAIL || m.rcode == DNS_REFUSED) && !last_try(f)) {
		flight_failed(f);
		return;
	}
	if (m.truncated && !f->stream && (!f->waiters || anybody_streams(f))) {
		f->stream = true;
		flight_start(f);
		return;
	}
	if (group_of(f))
		*preferred_of(group_of(f)) = f->upstream;
	dns_cache_put(&f->q, &f->fwd, loop_now(), p, &m);
	flight_land(f, p, m.len, 0, 0);
}

static void on_datagram(struct event *ev, uint32_t mask)
{
	struct flight *f = container_of(ev, struct flight, ev);
	static uint8_t p[DATAGRAM_MAX];
	ssize_t n = recv(ev->fd, p, sizeof(p), MSG_DONTWAIT);

	(void)mask;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		flight_failed(f); /* refused: nobody listens there */
	else
		flight_message(f, p, (size_t)n);
}

static size_t write_query(const struct flight *f, uint8_t out[static DNS_QUERY_PACKED])
{
	size_t n = DNS_HEADER;

	memset(out, 0, DNS_HEADER);
	dns_put16(out, f->id);
	dns_put16(out + 2, DNS_RD | (f->q.flags & DNS_CD));
	out[5] = 1;
	memcpy(out + n, f->fwd.target, f->fwd.target_len);
	n += f->fwd.target_len;
	dns_put16(out + n, f->q.type);
	dns_put16(out + n + 2, DNS_IN);
	n += 4;
	if (f->edns) {
		out[11] = 1;
		n += dns_opt_write(out + n, f->q.dnssec_ok, 0);
	}
	return n;
}

/* Over TCP: first the query goes out, then length and answer come in, in as many pieces as they
 * like. */
static void on_stream(struct event *ev, uint32_t mask)
{
	struct flight *f = container_of(ev, struct flight, ev);
	uint8_t query[2 + DNS_QUERY_PACKED];
	size_t want = f->in.len < 2 ? 2 : 2u + dns_get16((uint8_t *)f->in.data);
	ssize_t n;

	if (ev->mask & EPOLLOUT) {
		size_t len = write_query(f, query + 2);

		dns_put16(query, (uint16_t)len);
		if (send(ev->fd, query, len + 2, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len + 2)
			flight_failed(f);
		else
			loop_mod(ev, EPOLLIN);
		return;
	}
	(void)mask;
	n = recv(ev->fd, buf_room(&f->in, want - f->in.len), want - f->in.len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		flight_failed(f);
		return;
	}
	f->in.len += (size_t)n;
	if (f->in.len == want && want > 2) {
		struct buf in = f->in; /* the flight may be gone before the bytes may */

		f->in = (struct buf){ 0 };
		flight_message(f, (uint8_t *)in.data + 2, in.len - 2);
		buf_free(&in);
	}
}

/* ---- a try -------------------------------------------------------------------------------------
 */

static void flight_failed(struct flight *f)
{
	const struct dns_group *group = group_of(f);

	if (last_try(f) || !group) {
		flight_give_up(f);
		return;
	}
	if (f->upstream == *preferred_of(group))
		*preferred_of(group) = (f->upstream + 1) % group->n;
	f->upstream = (f->upstream + 1) % group->n;
	f->stream = false;
	flight_start(f);
}

static void on_timeout(struct timer *t)
{
	flight_failed(container_of(t, struct flight, timer));
}

static socklen_t upstream_address(const struct endpoint *ep, union dns_sockaddr *at)
{
	memset(at, 0, sizeof(*at));
	if (ep->ip.len == 4) {
		at->v4.sin_family = AF_INET;
		at->v4.sin_port = htons(ep->port);
		memcpy(&at->v4.sin_addr, ep->ip.b, 4);
		return sizeof(at->v4);
	}
	at->v6.sin6_family = AF_INET6;
	at->v6.sin6_port = htons(ep->port);
	memcpy(&at->v6.sin6_addr, ep->ip.b, 16);
	return sizeof(at->v6);
}

static bool flight_dial(struct flight *f, const struct dns_upstream *up)
{
	const struct endpoint *to = &up->at;
	uint8_t query[DNS_QUERY_PACKED];
	int type = f->stream ? SOCK_STREAM : SOCK_DGRAM;
	union dns_sockaddr at;
	socklen_t len = upstream_address(to, &at);
	size_t n;

	if (up->tls)
		return false; /* never in clear */
	f->ev.fd = socket(at.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->ev.fd < 0 || (connect(f->ev.fd, &at.any, len) < 0 && errno != EINPROGRESS))
		return false;
	f->ev.fn = f->stream ? on_stream : on_datagram;
	if (loop_add(&f->ev, f->stream ? EPOLLOUT : EPOLLIN, NULL))
		return false;
	if (f->stream)
		return true;
	n = write_query(f, query);
	return send(f->ev.fd, query, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

/* Asks the flight's upstream, from a new socket and under a new id. What fails at once fails by the
 * timer: a flight never ends inside the call that started it. */
static void flight_start(struct flight *f)
{
	const struct dns_group *group = group_of(f);

	flight_hang_up(f);
	f->tries++;
	f->timer.fn = on_timeout;
	timer_set(&f->timer, 0);
	if (!group || getrandom(&f->id, sizeof(f->id), 0) != sizeof(f->id))
		return;
	f->upstream %= group->n;
	dns_count(DNS_COUNT_FORWARD);
	if (flight_dial(f, &dns_worker_zone()->set->groups.upstream[group->first + f->upstream]))
		timer_set(&f->timer, f->stream ? STREAM_MS : TRY_MS);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static struct flight *flight_new(const struct dns_query *q, const struct dns_forwarded *fwd)
{
	struct flight *f = flight_take();

	if (!f)
		return NULL;
	f->q = *q;
	f->q.raw = NULL;
	f->fwd = *fwd;
	f->edns = true;
	f->upstream = group_of(f) ? *preferred_of(group_of(f)) : 0;
	f->key_len = dns_question_key(q, fwd, f->key);
	map_put(&by_question, f->key, f->key_len, f);
	flight_start(f);
	return f;
}

static bool flight_join(struct flight *f, const struct dns_query *q,
                        const struct dns_client *client)
{
	struct waiter *w = f->n_waiters < WAITERS_A_FLIGHT ? waiter_take() : NULL;

	if (!w)
		return false;
	w->client = *client;
	w->len = (uint16_t)dns_query_pack(q, w->query);
	w->next = f->waiters;
	f->waiters = w;
	f->n_waiters++;
	return true;
}

bool dns_forward(const struct dns_query *q, const struct dns_forwarded *fwd,
                 const struct dns_client *client, struct dns_reply *out)
{
	uint8_t key[DNS_QUESTION_KEY];
	struct flight *f = map_get(&by_question, key, dns_question_key(q, fwd, key));

	if (!f)
		f = flight_new(q, fwd);
	if (f && flight_join(f, q, client))
		return false;
	if (f && !f->waiters && !f->refresh)
		flight_free(f);
	dns_reply_error(out, q, DNS_SERVFAIL, DNS_RA);
	out->by = DNS_BY_FORWARD;
	dns_worker_replied(q, client, out);
	return true;
}

void dns_forward_refresh(const struct dns_query *q, const struct dns_forwarded *fwd)
{
	uint8_t key[DNS_QUESTION_KEY];
	struct flight *f;

	if (n_refreshes >= REFRESHES || map_get(&by_question, key, dns_question_key(q, fwd, key)))
		return;
	f = flight_new(q, fwd);
	if (!f)
		return;
	f->refresh = true;
	n_refreshes++;
}
