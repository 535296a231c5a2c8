/* dns_forward.c - see dns_forward.h.
 *
 * A flight is one question on its way; its waiters are the clients that asked it (dns_waiter.h).
 * Everything is bounded: flights, waiters, waiters a flight, shares of flights (dns_share.h), time.
 *
 * A flight asks the upstreams of its group in the policy's order, those that do not answer
 * (dns_peer.h) left out. Each try is short, and the whole is over before a stub resolver gives up
 * (5 s). Who says SERVFAIL, REFUSED or nonsense is not asked again by this flight. After 1.8 s
 * clients get an expired answer, if the cache has one (RFC 8767), and the flight goes on for the
 * cache. Where all upstreams of a group are known not to answer nothing waits: the old answer or
 * SERVFAIL at once, but for a few flights that try all the same. */
#include <errno.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/loop.h>
#include <knetd/map.h>

#include "dns_cache.h"
#include "dns_exchange.h"
#include "dns_forward.h"
#include "dns_scrub.h"
#include "dns_share.h"
#include "dns_waiter.h"

#define REFRESHES 64 /* flights that nobody waits for */
#define HOPELESS 16  /* flights to upstreams that do not answer */
#define WHOLE_MS 4500
#define TRIES_MAX 16 /* where things fail fast */
#define HOPELESS_MS 1000
#define PATIENCE_MS 1800 /* RFC 8767 5: the client response timer */

struct flight {
	struct flight *next_free;
	bool used, refresh, hopeless; /* refresh: began without a client */
	bool edns, stream;
	bool leave;    /* the upstream is gone: this try counts for nothing */
	bool redialed; /* once: a connection that was closed behind our back */
	struct dns_exchange x;
	struct dns_peer *peer; /* that is asked now */
	struct timer timer, patience;
	struct dns_query q; /* the first client's; raw is not valid any more */
	struct dns_forwarded fwd;
	uint8_t key[DNS_QUESTION_KEY];
	size_t key_len;
	struct dns_share share;
	unsigned tries, resets;
	unsigned first, round; /* place in the group that comes first; rounds over all */
	uint16_t asked, bad;   /* places: in this round; not again */
	uint64_t begun_ms, sent_ms;
	bool again; /* sent twice: nobody knows which one was answered */
	struct dns_waiters waiters;
};
static_assert(UPSTREAMS_MAX <= 16, "places are bits");

static struct flight flights[DNS_FLIGHTS], *free_flights;
static unsigned flights_touched, n_flights, n_refreshes, n_hopeless;
static struct map by_question;

static void flight_failed(struct flight *f, int error);

/* ---- places ------------------------------------------------------------------------------------
 */

static struct flight *flight_take(void)
{
	struct flight *f = free_flights;

	if (f)
		free_flights = f->next_free;
	else if (flights_touched < DNS_FLIGHTS)
		f = &flights[flights_touched++];
	if (!f)
		return NULL;
	memset(f, 0, sizeof(*f));
	f->used = true;
	n_flights++;
	return f;
}

static void flight_free(struct flight *f)
{
	dns_exchange_end(&f->x);
	timer_del(&f->timer);
	timer_del(&f->patience);
	map_del(&by_question, f->key, f->key_len);
	dns_share_give(&f->share);
	n_flights--;
	n_refreshes -= f->refresh;
	n_hopeless -= f->hopeless;
	f->used = false;
	f->next_free = free_flights;
	free_flights = f;
}

bool dns_forward_idle(void)
{
	return !n_flights;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

/* The flight is gone first: a connection that gets its answer may go on to its next query, which
 * may take the flight's place. */
static void flight_land(struct flight *f, const struct dns_finding *found)
{
	struct dns_forwarded asked = f->fwd;
	struct dns_waiters waiters = f->waiters;

	flight_free(f);
	dns_waiters_tell(waiters, &asked, found);
}

/* What the cache still has of it; copied, since answering may change the cache. */
static bool stale(const struct dns_query *q, const struct dns_forwarded *fwd,
                  struct dns_finding *out, uint8_t copy[static DNS_CACHE_MESSAGE])
{
	struct dns_cached old;

	if (!dns_cache_get(q, fwd, loop_now(), true, &old))
		return false;
	dns_count(DNS_COUNT_CACHE_STALE);
	memcpy(copy, old.msg, old.len);
	*out = (struct dns_finding){
		.msg = copy, .n = old.len, .age = old.age, .floor = DNS_STALE_TTL
	};
	return true;
}

/* No upstream answers: better an old answer than none. */
static void flight_give_up(struct flight *f)
{
	struct dns_finding found = { 0 };
	uint8_t copy[DNS_CACHE_MESSAGE];

	dns_cache_fail(&f->q, &f->fwd, loop_now());
	if (!stale(&f->q, &f->fwd, &found, copy))
		dns_count(DNS_COUNT_FORWARD_FAILED);
	flight_land(f, &found);
}

/* The clients have waited long enough; the flight goes on without them. */
static void on_patience(struct timer *t)
{
	struct flight *f = container_of(t, struct flight, patience);
	struct dns_forwarded asked = f->fwd;
	struct dns_waiters waiters = f->waiters;
	uint8_t copy[DNS_CACHE_MESSAGE];
	struct dns_finding found;

	if (!waiters.n || !stale(&f->q, &f->fwd, &found, copy))
		return;
	f->waiters = (struct dns_waiters){ 0 };
	dns_waiters_tell(waiters, &asked, &found);
}

/* ---- whom to ask -------------------------------------------------------------------------------
 */

/* The upstreams to ask, as they are by now; NULL: none. */
static const struct dns_group *group_for(const struct dns_forwarded *fwd)
{
	const struct dns_settings *set = dns_worker_zone()->set;
	const struct dns_group *group =
		set ? dns_group_for(set, fwd->target, fwd->target_len) : NULL;

	return group && group->n ? group : NULL;
}

static bool usable(const struct dns_peer *p, bool broken_too)
{
	return p && !p->looping && (broken_too || !p->broken);
}

static bool any_usable(const struct dns_group *group, bool broken_too)
{
	for (unsigned i = 0; i < group->n; i++)
		if (usable(dns_peer_at(group, i), broken_too))
			return true;
	return false;
}

/* The next place in the group; -1: none is left. */
static int next_place(struct flight *f, const struct dns_group *group)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < group->n; i++) {
			unsigned place = (f->first + i) % group->n;

			if (!((f->asked | f->bad) >> place & 1) &&
			    usable(dns_peer_at(group, place), f->hopeless))
				return (int)place;
		}
		if (f->asked & ~f->bad)
			f->round++;
		f->asked = 0;
	}
	return -1;
}

/* ---- a try -------------------------------------------------------------------------------------
 */

/* RFC 8467 4.1: queries are as long as a multiple of 128, so that their length tells little. The
 * OPT record is the last. */
static size_t pad(uint8_t *p, size_t n)
{
	size_t end = (n + 4 + 127) / 128 * 128;

	dns_put16(p + n - 2, (uint16_t)(end - n));
	memset(p + n, 0, end - n);
	dns_put16(p + n, 12); /* RFC 7830 */
	dns_put16(p + n + 2, (uint16_t)(end - n - 4));
	return end;
}

#define AD                                                                                         \
	0x0020 /* RFC 6840 5.7: whoever asks us with it, or with DO, is told what the upstream     \
	          says */

static size_t write_query(const struct flight *f, bool tls, uint8_t out[static DNS_EXCHANGE_QUERY])
{
	size_t n = DNS_HEADER;

	memset(out, 0, DNS_HEADER);
	dns_put16(out + 2, DNS_RD | AD | (f->q.flags & DNS_CD));
	out[5] = 1;
	memcpy(out + n, f->fwd.target, f->fwd.target_len);
	n += f->fwd.target_len;
	dns_put16(out + n, f->q.type);
	dns_put16(out + n + 2, DNS_IN);
	n += 4;
	if (!f->edns)
		return n;
	out[11] = 1;
	n += dns_opt_write(out + n, f->q.dnssec_ok, 0);
	return tls ? pad(out, n) : n;
}

static void on_answer(struct dns_exchange *x, uint8_t *msg, size_t n);

static void flight_ask(struct flight *f, struct dns_peer *peer)
{
	uint8_t query[DNS_EXCHANGE_QUERY];
	size_t n = write_query(f, peer->up.tls, query);
	unsigned ms = f->hopeless ? HOPELESS_MS : dns_peer_timeout(peer, f->round);
	uint64_t left = f->begun_ms + WHOLE_MS - loop_now();

	dns_count(dns_upstream_counter(peer->number, DNS_UPSTREAM_ASKED));
	f->tries++;
	f->again = f->x.peer == peer && !f->stream && !peer->up.tls;
	f->peer = peer;
	f->x.done = on_answer;
	if (!f->again)
		f->sent_ms = loop_now();
	/* what fails at once fails by the timer: a flight never ends inside the call that began it
	 */
	if (f->again ? dns_exchange_again(&f->x, query, n)
	             : dns_exchange_start(&f->x, peer, f->stream, query, n))
		f->x.error = ETIMEDOUT;
	else
		ms = 0;
	timer_set(&f->timer, ms < left ? ms : left);
}

/* Goes to the next upstream, or ends. */
static void flight_next(struct flight *f)
{
	const struct dns_group *group = group_for(&f->fwd);
	bool more = f->tries < TRIES_MAX && loop_now() - f->begun_ms < WHOLE_MS;
	int place = group && more ? next_place(f, group) : -1;

	f->leave = false;
	if (place < 0) {
		flight_give_up(f);
		return;
	}
	f->asked |= (uint16_t)(1u << place);
	flight_ask(f, dns_peer_at(group, (unsigned)place));
}

/* Who is asked now is not asked again. */
static void mark_bad(struct flight *f)
{
	const struct dns_group *group = group_for(&f->fwd);

	for (unsigned i = 0; group && i < group->n; i++)
		if (dns_peer_at(group, i) == f->peer)
			f->bad |= (uint16_t)(1u << i);
}

/* A socket of datagrams stays open for an answer that is late, as long as the same upstream is
 * asked again. */
static void flight_failed(struct flight *f, int error)
{
	struct dns_peer *peer = f->peer;

	if (error != ETIMEDOUT && ++f->resets > 1)
		mark_bad(f);
	f->peer = NULL;
	if (error == ETIMEDOUT && f->x.peer && f->x.stream)
		dns_exchange_late(&f->x);
	if (error != ETIMEDOUT || !f->x.peer || f->x.stream)
		dns_exchange_end(&f->x);
	f->stream = false;
	if (peer)
		dns_peer_failed(peer, error);
	if (f->hopeless)
		flight_give_up(f);
	else
		flight_next(f);
}

static void on_timeout(struct timer *t)
{
	struct flight *f = container_of(t, struct flight, timer);

	if (f->leave) {
		f->stream = false;
		flight_next(f);
	} else {
		flight_failed(f, f->x.error);
	}
}

void dns_forward_leave(const struct dns_peer *p)
{
	for (unsigned i = 0; i < flights_touched; i++) {
		struct flight *f = &flights[i];

		if (!f->used || f->peer != p)
			continue;
		dns_exchange_end(&f->x);
		f->peer = NULL;
		f->leave = true;
		timer_set(&f->timer, 0);
	}
}

/* ---- what an upstream says ---------------------------------------------------------------------
 */

/* A truncated answer is good enough for clients with datagrams: they take no more than we told the
 * upstream. Not so for those with connections, for the cache alone, and where the upstream took us
 * for one without EDNS. */
static bool wants_stream(const struct flight *f)
{
	return !f->x.stream && (!f->waiters.n || !f->edns || dns_waiters_stream(&f->waiters));
}

/* The upstream cannot answer this: another one may. The last one's word is passed on, unless the
 * cache knows better. */
static void flight_bad(struct flight *f, const struct dns_finding *said)
{
	const struct dns_group *group = group_for(&f->fwd);
	struct dns_finding old;
	uint8_t copy[DNS_CACHE_MESSAGE];
	int place;

	mark_bad(f);
	dns_exchange_end(&f->x);
	f->stream = false;
	f->edns = true;
	place = group && !f->hopeless ? next_place(f, group) : -1;
	if (place >= 0) {
		flight_next(f);
		return;
	}
	dns_cache_fail(&f->q, &f->fwd, loop_now());
	flight_land(f, stale(&f->q, &f->fwd, &old, copy) ? &old : said);
}

static void flight_again(struct flight *f, struct dns_peer *peer)
{
	dns_exchange_end(&f->x);
	flight_ask(f, peer);
}

/* What is to be believed of a message, its length (0: nothing) and what follows from it. */
static size_t scrubbed(const struct flight *f, const uint8_t **msg, struct dns_upstream_msg *m)
{
	static uint8_t clean[DNS_TCP_MAX];
	const struct dns_settings *set = dns_worker_zone()->set;
	struct dns_scrub s = {
		.target = f->fwd.target,
		.target_len = f->fwd.target_len,
		.type = f->q.type,
		.dnssec = f->q.dnssec_ok,
		.zone = set->zone,
		.zone_len = set->zone_len,
	};
	size_t n = dns_scrub(&s, *msg, m->len, clean, sizeof(clean));

	*msg = clean;
	return n && dns_upstream_check(clean, n, dns_get16(clean), &f->fwd, f->q.type, m) ? m->len
	                                                                                  : 0;
}

static void flight_message(struct flight *f, uint8_t *p, size_t n)
{
	struct dns_peer *peer = f->peer;
	struct dns_upstream_msg m;
	struct dns_finding found = { .msg = p };

	if (!dns_upstream_check(p, n, f->x.id, &f->fwd, f->q.type, &m)) {
		if (f->x.stream)
			flight_failed(f, EPROTO);
		return; /* a datagram: forged or late; the real one may still come */
	}
	dns_peer_answered(peer, f->again ? -1 : (int)(loop_now() - f->sent_ms));
	if (f->edns && (m.rcode == DNS_FORMERR || m.rcode == DNS_NOTIMP)) {
		f->edns = false; /* a server older than EDNS */
		flight_again(f, peer);
		return;
	}
	found.n = scrubbed(f, &found.msg, &m);
	if (!found.n) { /* aliases in a circle, broken names: as good as SERVFAIL */
		flight_bad(f, &found);
		return;
	}
	if (m.rcode != DNS_NOERROR && m.rcode != DNS_NXDOMAIN) {
		flight_bad(f, &found);
		return;
	}
	if (m.truncated && wants_stream(f)) {
		f->stream = true;
		flight_again(f, peer);
		return;
	}
	/* what was on its way when the upstreams changed is not theirs to be remembered for */
	if (f->begun_ms > dns_worker_upstreams_since())
		dns_cache_put(&f->q, &f->fwd, loop_now(), found.msg, &m);
	flight_land(f, &found);
}

static void on_answer(struct dns_exchange *x, uint8_t *msg, size_t n)
{
	struct flight *f = container_of(x, struct flight, x);

	if (n) {
		flight_message(f, msg, n);
	} else if (x->error == ESTALE && !f->redialed) {
		f->redialed = f->x.alone = true;
		flight_again(f, f->peer);
	} else {
		flight_failed(f, x->error);
	}
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static struct flight *flight_new(const struct dns_query *q, const struct dns_forwarded *fwd,
                                 const struct dns_client *client)
{
	const struct dns_group *group = group_for(fwd);
	bool hope = group && any_usable(group, false);
	struct dns_share share;
	struct flight *f;

	if (group && !hope)
		dns_count(DNS_COUNT_ALL_BROKEN);
	if (!group || (!hope && (n_hopeless >= HOPELESS || !any_usable(group, true))) ||
	    !dns_share_take(&share, client, fwd->target, fwd->target_len, group))
		return NULL;
	f = flight_take();
	if (!f) {
		dns_share_give(&share);
		return NULL;
	}
	f->q = *q;
	f->q.raw = NULL;
	f->fwd = *fwd;
	f->share = share;
	f->edns = true;
	f->hopeless = !hope;
	n_hopeless += f->hopeless;
	f->first = dns_peer_first(&dns_worker_zone()->set->groups, group);
	f->begun_ms = loop_now();
	f->timer.fn = on_timeout;
	f->patience.fn = on_patience;
	f->key_len = dns_question_key(q, fwd, f->key);
	map_put(&by_question, f->key, f->key_len, f);
	flight_next(f);
	return f;
}

static bool flight_join(struct flight *f, const struct dns_query *q,
                        const struct dns_forwarded *fwd, const struct dns_client *client)
{
	if (!dns_waiters_join(&f->waiters, q, fwd, client))
		return false;
	if (!f->patience.heap)
		timer_set(&f->patience, PATIENCE_MS);
	return true;
}

/* Those that came before were told something old, or wait in vain: nobody waits any longer. */
static bool out_of_patience(const struct flight *f)
{
	return loop_now() - f->begun_ms >= PATIENCE_MS;
}

static bool answer_now(const struct dns_query *q, const struct dns_forwarded *fwd,
                       const struct dns_client *client, struct dns_reply *out, bool or_fail)
{
	uint8_t query[DNS_QUERY_PACKED];
	struct dns_finding found = { 0 };
	uint8_t copy[DNS_CACHE_MESSAGE];

	if (!stale(q, fwd, &found, copy) && !or_fail)
		return false;
	if (dns_leads_on(fwd, &found))
		return dns_worker_answer_from(dns_next_step(fwd, &found), query,
		                              dns_query_pack(q, query), client, out);
	out->ede = found.n ? dns_ede_stale(found.msg) : DNS_EDE_NO_AUTHORITY;
	if (found.n) {
		dns_upstream_merge(out, q, fwd, found.msg, found.n, found.age, found.floor);
	} else {
		dns_count(DNS_COUNT_FORWARD_REFUSED);
		dns_reply_error(out, q, DNS_SERVFAIL, DNS_RA);
	}
	out->by = DNS_BY_FORWARD;
	dns_worker_replied(q, client, out);
	return true;
}

bool dns_forward(const struct dns_query *q, const struct dns_forwarded *fwd,
                 const struct dns_client *client, struct dns_reply *out)
{
	uint8_t key[DNS_QUESTION_KEY];
	struct flight *f = map_get(&by_question, key, dns_question_key(q, fwd, key));

	if (f && out_of_patience(f) && answer_now(q, fwd, client, out, false))
		return true;
	if (!f)
		f = flight_new(q, fwd, client);
	if (f && flight_join(f, q, fwd, client))
		return false;
	if (f && !f->waiters.n && !f->refresh && f->begun_ms == loop_now())
		flight_free(f); /* it began for this client alone */
	return answer_now(q, fwd, client, out, true);
}

void dns_forward_refresh(const struct dns_query *q, const struct dns_forwarded *fwd)
{
	uint8_t key[DNS_QUESTION_KEY];
	struct flight *f;

	if (n_refreshes >= REFRESHES || map_get(&by_question, key, dns_question_key(q, fwd, key)))
		return;
	f = flight_new(q, fwd, NULL);
	if (!f)
		return;
	f->refresh = true;
	n_refreshes++;
}
