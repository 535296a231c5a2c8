/* policy_judge.c - the plan asked about one connection: what the kernel will say of its first
 * packet, found the same way. */
#include "policy_plan.h"

static bool ports_have(const struct policy_ports *p, uint8_t proto, uint16_t port)
{
	return proto >= p->proto_first && proto <= p->proto_last && port >= p->first &&
	       port <= p->last;
}

/* Pieces of one range lie behind each other, and no ranges overlap: the last that begins at or
 * before the place, and those before it that begin where it does. */
static bool peers_have(const struct policy_stage *s, uint32_t peer, uint8_t proto, uint16_t port)
{
	unsigned low = 0, high = s->n_peers;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (s->peers[middle].first <= peer)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = low; i-- > 0 && s->peers[i].first == s->peers[low - 1].first;)
		if (s->peers[i].last >= peer && ports_have(&s->peers[i].ports, proto, port))
			return true;
	return false;
}

static bool nets_have(const struct policy_stage *s, const struct ip *ip, uint8_t proto,
                      uint16_t port)
{
	const struct policy_net_piece *v = ip->len == 4 ? s->nets4 : s->nets6;
	unsigned low = 0, high = ip->len == 4 ? s->n_nets4 : s->n_nets6;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (ip_order(&v[middle].first, ip) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned i = low; i-- > 0 && ip_equal(&v[i].first, &v[low - 1].first);)
		if (ip_order(&v[i].last, ip) >= 0 && ports_have(&v[i].ports, proto, port))
			return true;
	return false;
}

static bool class_allows(const struct policy_class *c, const struct ip *other, uint8_t proto,
                         uint16_t port)
{
	const struct policy_pod *pod = policy_plan_pod_at(other);
	uint32_t peer = pod ? pod->peer : 0;
	bool passed = false;

	for (unsigned i = 0; i < c->n_stages; i++) {
		const struct policy_stage *s = &c->stages[i];

		if ((passed && s->admin) ||
		    (!peers_have(s, peer, proto, port) && !nets_have(s, other, proto, port)))
			continue;
		if (s->action != POLICY_PASS)
			return s->action == POLICY_ACCEPT;
		passed = true;
	}
	return c->rest == POLICY_ACCEPT;
}

static bool way_allows(enum policy_way way, const struct ip *pod_ip, const struct ip *other,
                       uint8_t proto, uint16_t port, const struct policy_class **why)
{
	const struct policy_pod *pod = policy_plan_pod_at(pod_ip);
	const struct policy_class *c =
		pod ? policy_plan_class(way, way == POLICY_IN ? pod->in : pod->out) : NULL;

	if (!c || class_allows(c, other, proto, port))
		return true;
	if (why)
		*why = c;
	return false;
}

bool policy_plan_allows(const struct ip *from, const struct ip *to, uint8_t proto, uint16_t port,
                        const struct policy_class **why)
{
	if (why)
		*why = NULL;
	if (ip_equal(from, to))
		return true;
	return way_allows(POLICY_OUT, from, to, proto, port, why) &&
	       way_allows(POLICY_IN, to, from, proto, port, why);
}
