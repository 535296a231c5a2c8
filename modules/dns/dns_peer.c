/* dns_peer.c - see dns_peer.h.
 *
 * As in CoreDNS an upstream is left alone only when probes say so (dns_probe.c): a question that
 * nobody answers may be the question's fault. Healthy upstreams cause no traffic of their own. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "dns_forward.h"
#include "dns_peer.h"
#include "dns_probe.h"
#include "dns_stream.h"

#define FIRST_MS 1000 /* of nobody we know */
#define LEAST_MS 800  /* a cache miss over there takes its time */
#define MOST_MS 1500
#define ROUND_MOST_MS 2000
#define COMPLAIN_MS 10000

static struct dns_peer peers[DNS_UPSTREAMS];
static struct dns_peer *by_upstream[DNS_UPSTREAMS]; /* of the settings' upstreams */
static unsigned turns[DNS_GROUPS];

unsigned dns_peer_number(const struct dns_peer *p)
{
	return (unsigned)(p - peers);
}

/* ---- the settings ------------------------------------------------------------------------------
 */

static struct dns_peer *peer_of(const struct dns_upstream *up)
{
	for (unsigned i = 0; i < DNS_UPSTREAMS; i++)
		if (peers[i].listed && upstream_equal(&peers[i].up, up))
			return &peers[i];
	return NULL;
}

static struct dns_peer *peer_new(const struct dns_upstream *up, uint8_t number)
{
	struct dns_peer *p = peers;

	while (p->listed) /* there are as many places as upstreams */
		p++;
	*p = (struct dns_peer){ .up = *up, .number = number, .listed = true };
	dns_count_set(dns_upstream_counter(number, DNS_UPSTREAM_BROKEN), 0);
	dns_probe_meet(p);
	return p;
}

static bool still_listed(const struct dns_peer *p, const struct dns_groups *groups)
{
	for (unsigned i = 0; i < groups->n_upstreams; i++)
		if (upstream_equal(&p->up, &groups->upstream[i]))
			return true;
	return false;
}

static void peer_leave(struct dns_peer *p)
{
	p->listed = false;
	dns_count_set(dns_upstream_counter(p->number, DNS_UPSTREAM_BROKEN), 0);
	dns_probe_stop(p);
	dns_forward_leave(p);
	dns_stream_leave(p);
}

void dns_peers_changed(const struct dns_groups *groups)
{
	for (unsigned i = 0; i < DNS_UPSTREAMS; i++)
		if (peers[i].listed && !still_listed(&peers[i], groups))
			peer_leave(&peers[i]);
	memset(by_upstream, 0, sizeof(by_upstream));
	for (unsigned i = 0; i < groups->n_upstreams; i++) {
		by_upstream[i] = peer_of(&groups->upstream[i]);
		if (!by_upstream[i])
			by_upstream[i] = peer_new(&groups->upstream[i], groups->number[i]);
	}
}

struct dns_peer *dns_peer_at(const struct dns_group *group, unsigned place)
{
	return place < group->n ? by_upstream[group->first + place] : NULL;
}

unsigned dns_peer_first(const struct dns_groups *groups, const struct dns_group *group)
{
	uint32_t chance;

	switch ((enum conf_dns_policy)groups->policy) {
	case CONF_DNS_SEQUENTIAL:
		return 0;
	case CONF_DNS_RANDOM:
		if (group->n < 2 || getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
			return 0;
		return chance % group->n;
	case CONF_DNS_ROUND_ROBIN:
		return group->n ? turns[group - groups->group]++ % group->n : 0;
	}
	return 0;
}

socklen_t dns_peer_address(const struct dns_peer *p, union dns_sockaddr *at)
{
	const struct endpoint *ep = &p->up.at;

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

/* ---- how it is ---------------------------------------------------------------------------------
 */

void dns_peer_complain(struct dns_peer *p, const char *what)
{
	char text[UPSTREAM_TEXT];

	if (p->complained_ms && loop_now() - p->complained_ms < COMPLAIN_MS)
		return;
	p->complained_ms = loop_now();
	log_warn("dns: upstream %s: %s", upstream_text(&p->up, text), what);
}

/* Jacobson's estimate, as TCP has it (RFC 6298). */
static void measure(struct dns_peer *p, uint32_t ms)
{
	int32_t off;

	if (!p->srtt) {
		p->srtt = (ms ? ms : 1) * 8;
		p->var = ms * 2;
		return;
	}
	off = (int32_t)ms - (int32_t)(p->srtt / 8);
	p->srtt = (uint32_t)((int32_t)p->srtt + off);
	p->var = (uint32_t)((int32_t)p->var + (off < 0 ? -off : off) - (int32_t)(p->var / 4));
	p->srtt += !p->srtt;
}

void dns_peer_answered(struct dns_peer *p, int ms)
{
	if (ms >= 0) {
		measure(p, (uint32_t)ms);
		dns_count(dns_upstream_counter(p->number, DNS_UPSTREAM_ANSWERED));
		dns_count_add(dns_upstream_counter(p->number, DNS_UPSTREAM_TOOK), (uint64_t)ms);
	}
	if (p->broken)
		dns_peer_mend(p);
}

/* No descriptors, no memory, no place: not the upstream's fault. */
static bool is_ours(int error)
{
	return error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == ENOBUFS;
}

void dns_peer_failed(struct dns_peer *p, int error)
{
	if (is_ours(error))
		return;
	if (error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH)
		dns_peer_break(p);
	dns_probe_start(p);
}

void dns_peer_break(struct dns_peer *p)
{
	char text[UPSTREAM_TEXT];

	if (p->broken)
		return;
	p->broken = true;
	dns_count_set(dns_upstream_counter(p->number, DNS_UPSTREAM_BROKEN), 1);
	log_warn("dns: upstream %s does not answer: left alone until it does",
	         upstream_text(&p->up, text));
	dns_forward_leave(p);
}

void dns_peer_mend(struct dns_peer *p)
{
	char text[UPSTREAM_TEXT];

	if (!p->broken)
		return;
	p->broken = false;
	dns_count_set(dns_upstream_counter(p->number, DNS_UPSTREAM_BROKEN), 0);
	p->complained_ms = 0;
	log_info("dns: upstream %s answers again", upstream_text(&p->up, text));
}

unsigned dns_peer_timeout(const struct dns_peer *p, unsigned round)
{
	unsigned ms = p->srtt ? p->srtt / 8 + p->var : FIRST_MS;

	ms = ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS : ms;
	ms <<= round < 4 ? round : 4;
	if (p->up.tls && ms < FIRST_MS)
		ms = FIRST_MS; /* a handshake may come first */
	return ms < ROUND_MOST_MS ? ms : ROUND_MOST_MS;
}
