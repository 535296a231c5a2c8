/* dns_worker.c - the DNS worker: its role, and the way of one query. dns_udp.c and dns_tcp.c bring
 * the bytes, dns_answer.c knows the zone, dns_cache.c and dns_forward.c everything else. */
#include <stddef.h>
#include <time.h>

#include <knetd/loop.h>
#include <knetd/map.h>

#include "dns_cache.h"
#include "dns_forward.h"
#include "dns_guard.h"
#include "dns_peer.h"
#include "dns_probe.h"
#include "dns_log.h"
#include "dns_trust.h"
#include "dns_worker.h"

#define DRAIN_CHECK_MS 50
#define DRAIN_CHECKS 200

static struct worker *self;
static struct dns_zone zone;
static unsigned turn;
static uint64_t upstreams_since;
static uint32_t epoch; /* seconds since 1970 when loop_now() was 0 */

const struct dns_zone *dns_worker_zone(void)
{
	return &zone;
}

uint64_t dns_worker_upstreams_since(void)
{
	return upstreams_since;
}

void dns_worker_fresh(void)
{
	worker_fresh(self);
}

bool dns_worker_draining(void)
{
	return self->draining;
}

bool dns_client_is_v4(const struct dns_client *c)
{
	return c->peer.any.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&c->peer.v6.sin6_addr);
}

void dns_worker_replied(const struct dns_query *q, const struct dns_client *client,
                        const struct dns_reply *out)
{
	dns_count_reply(q, out,
	                (struct dns_counted){ .stream = client->stream,
	                                      .v4 = dns_client_is_v4(client),
	                                      .size = client->size });
	if (dns_log_on())
		dns_log_reply(q, client, out);
}

struct dns_asker dns_worker_asker(const struct dns_client *c, unsigned step)
{
	return (struct dns_asker){ .stream = c->stream,
		                   .from = &c->peer.any,
		                   .step = step,
		                   .now = epoch + (uint32_t)(loop_now() / 1000),
		                   .idle = c->stream ? dns_tcp_keeps() : 0 };
}

/* No upstream answered a moment ago: an old answer, or none, without asking again (RFC 9520). */
static void answer_failed(const struct dns_query *q, const struct dns_forwarded *fwd,
                          struct dns_reply *out)
{
	struct dns_cached old;

	if (dns_cache_get(q, fwd, loop_now(), true, &old)) {
		dns_count(DNS_COUNT_CACHE_STALE);
		out->ede = dns_ede_stale(old.msg);
		dns_cache_reply(out, q, fwd, &old, DNS_STALE_TTL);
	} else {
		out->ede = DNS_EDE_NO_AUTHORITY;
		dns_reply_error(out, q, DNS_SERVFAIL, DNS_RA);
	}
}

/* False: an upstream must be asked. */
static bool answer_cached(const struct dns_query *q, const struct dns_forwarded *fwd,
                          struct dns_reply *out)
{
	struct dns_cached hit;

	if (dns_cache_get(q, fwd, loop_now(), false, &hit)) {
		dns_count(hit.denial ? DNS_COUNT_CACHE_HIT_DENIAL : DNS_COUNT_CACHE_HIT);
		dns_cache_reply(out, q, fwd, &hit, 0);
		if (hit.refresh) {
			dns_count(DNS_COUNT_CACHE_PREFETCH);
			dns_forward_refresh(q, fwd);
		}
	} else {
		dns_count(DNS_COUNT_CACHE_MISS);
		if (!dns_cache_failed(q, fwd, loop_now()))
			return false;
		answer_failed(q, fwd, out);
	}
	out->by = DNS_BY_CACHE;
	return true;
}

bool dns_worker_answer_from(unsigned step, const uint8_t *query, size_t n,
                            const struct dns_client *client, struct dns_reply *out)
{
	struct dns_asker by = dns_worker_asker(client, step);
	struct dns_forwarded fwd;
	struct dns_query q;
	enum dns_result result;

	out->turn = turn++;
	while ((result = dns_answer(&zone, query, n, &by, &q, &fwd, out)) == DNS_FORWARD) {
		if (dns_probe_came_back(zone.set, &q, &fwd, out))
			break;
		if (!answer_cached(&q, &fwd, out))
			return dns_forward(&q, &fwd, client, out);
		if (!fwd.step || out->rcode == DNS_NOERROR)
			break;
		by.step = out->rcode == DNS_NXDOMAIN ? fwd.step : DNS_STEP_END;
	}
	if (result == DNS_DROP) {
		dns_count(DNS_COUNT_DROPPED);
		return false;
	}
	dns_worker_replied(&q, client, out);
	return true;
}

bool dns_worker_answer(const uint8_t *query, size_t n, const struct dns_client *client,
                       struct dns_reply *out)
{
	struct dns_query q;

	if (!client->stream && zone.set) {
		switch (dns_guard(zone.set, client, query, n, &q, out)) {
		case DNS_GUARD_PASS:
			break;
		case DNS_GUARD_REPLY:
			dns_worker_replied(&q, client, out);
			return true;
		case DNS_GUARD_DROP:
			return false;
		}
	}
	return dns_worker_answer_from(0, query, n, client, out);
}

/* ---- the role ----------------------------------------------------------------------------------
 */

/* What other upstreams said does not count any more. */
static void cache_follow(const struct dns_settings *set)
{
	static uint64_t asked;
	uint64_t now;

	if (!set)
		return;
	now = hash_bytes(set->groups.group, sizeof(set->groups.group),
	                 hash_bytes(set->groups.upstream, sizeof(set->groups.upstream), 1));
	dns_cache_configure(&set->cache);
	if (now != asked) {
		dns_cache_clear();
		upstreams_since = loop_now();
	}
	asked = now;
}

static void changed(struct worker *w, unsigned slot)
{
	const struct snapshot *s = w->slots[slot];
	const void *p = s ? s->data : NULL;
	size_t n = s ? s->len : 0;

	if (slot == DNS_SLOT_TRUST) {
		dns_trust_changed(w->slots[slot]);
		return;
	}
	dns_zone_take(&zone, slot, p, n);
	if (slot == 0) {
		epoch = (uint32_t)time(NULL) - (uint32_t)(loop_now() / 1000);
		cache_follow(zone.set);
		if (zone.set)
			dns_peers_changed(&zone.set->groups);
	}
}

/* Datagrams are served to the last moment, as the kernel deals them out to us as long as our
 * sockets are open, and answers of upstreams leave by them. Only somebody who asks without pause
 * keeps us from being idle: after a time that does not matter any more. */
static void drain_check(struct timer *t)
{
	static unsigned checks;

	if (++checks < DRAIN_CHECKS && !(dns_tcp_idle() && dns_forward_idle())) {
		timer_set(t, DRAIN_CHECK_MS);
		return;
	}
	dns_udp_last();
	worker_exit();
}

static void drain(struct worker *w)
{
	static struct timer check = { .fn = drain_check };

	(void)w;
	dns_tcp_drain();
	timer_set(&check, 0);
}

static int start(struct worker *w, struct err *e)
{
	int ret;

	self = w;
	dns_count_start(w->counters);
	dns_log_start(w);
	ret = dns_udp_start(w, e);
	return ret ? ret : dns_tcp_start(w, e);
}

const struct worker_role dns_role = {
	.name = "dns",
	.slots = DNS_SLOTS_ALL,
	.start = start,
	.changed = changed,
	.drain = drain,
};
