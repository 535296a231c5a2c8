/* ipam.c - see ipam.h */
#include <errno.h>
#include <stdlib.h>

#include <knetd/auto.h>

#include "ipam.h"

struct lease {
	struct list node; /* in range->released, or alone while taken */
	struct ipam_range *range;
	struct ip ip;
	bool taken;
};

/* Network and broadcast address of an IPv4 range and the routers' anycast address of an IPv6 range
 * (RFC 4291 2.6.1) are nobody's; ranges of one or two addresses have none (RFC 3021, RFC 6164). */
static void range_init(struct ipam_range *r, const struct cidr *cidr)
{
	uint64_t all = cidr_size(cidr);

	*r = (struct ipam_range){ .cidr = *cidr, .size = all };
	list_init(&r->released);
	if (all > 2) {
		r->first = 1;
		r->size = cidr->ip.len == 4 ? all - 2 : all - 1;
	}
	r->left = r->size;
}

static bool ranges_overlap(const struct cidr *a, const struct cidr *b)
{
	return cidr_has(a, &b->ip) || cidr_has(b, &a->ip);
}

int ipam_init(struct ipam *m, const struct conf_cidrs *cidrs, struct err *e)
{
	char a[CIDR_TEXT], b[CIDR_TEXT];

	*m = (struct ipam){ .n = cidrs->n };
	for (unsigned i = 0; i < cidrs->n; i++) {
		for (unsigned j = 0; j < i; j++)
			if (ranges_overlap(&cidrs->v[i], &cidrs->v[j]))
				return err_set(e, EINVAL, "[podnet] cidrs: %s and %s overlap",
				               cidr_text(&cidrs->v[j], a),
				               cidr_text(&cidrs->v[i], b));
		range_init(&m->ranges[i], &cidrs->v[i]);
	}
	return 0;
}

void ipam_free(struct ipam *m)
{
	struct lease *l;

	for (size_t i = 0; (l = map_next(&m->leases, &i));)
		free(map_del(&m->leases, l->ip.b, l->ip.len));
	map_free(&m->leases);
	*m = (struct ipam){ 0 };
}

static struct ipam_range *range_of(struct ipam *m, const struct ip *ip)
{
	for (unsigned i = 0; i < m->n; i++)
		if (cidr_has(&m->ranges[i].cidr, ip))
			return &m->ranges[i];
	return NULL;
}

bool ipam_has_family(const struct ipam *m, uint8_t family)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->ranges[i].cidr.ip.len == family)
			return true;
	return false;
}

uint64_t ipam_room(const struct ipam *m, uint8_t family)
{
	uint64_t room = 0;

	for (unsigned i = 0; i < m->n; i++)
		if (m->ranges[i].cidr.ip.len == family &&
		    __builtin_add_overflow(room, m->ranges[i].size - m->ranges[i].taken, &room))
			return UINT64_MAX;
	return room;
}

static struct lease *lease_get(const struct ipam *m, const struct ip *ip)
{
	return map_get(&m->leases, ip->b, ip->len);
}

/* l is NULL for an address that was never seen. */
static void lease_take(struct ipam *m, struct ipam_range *r, struct lease *l, const struct ip *ip)
{
	if (!l) {
		l = xmalloc(sizeof(*l));
		*l = (struct lease){ .range = r, .ip = *ip };
		list_init(&l->node);
		map_put(&m->leases, l->ip.b, l->ip.len, l);
	} else {
		list_del(&l->node);
		r->n_released--;
	}
	l->taken = true;
	r->taken++;
}

/* The next address on the walk that nobody has and nobody had since the walk began. */
static bool walk_on(const struct ipam *m, struct ipam_range *r, struct ip *out)
{
	while (r->left) {
		bool there = cidr_nth(&r->cidr, r->first + r->next, out);

		r->left--;
		r->next = r->next + 1 < r->size ? r->next + 1 : 0;
		if (there && !lease_get(m, out))
			return true;
	}
	return false;
}

static bool range_take(struct ipam *m, struct ipam_range *r, struct ip *out)
{
	struct lease *oldest;

	if (r->n_released < IPAM_RELEASED_MAX && walk_on(m, r, out)) {
		lease_take(m, r, NULL, out);
		return true;
	}
	if (list_empty(&r->released))
		return false;
	oldest = container_of(r->released.next, struct lease, node);
	*out = oldest->ip;
	lease_take(m, r, oldest, out);
	return true;
}

int ipam_take(struct ipam *m, uint8_t family, struct ip *out, struct err *e)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->ranges[i].cidr.ip.len == family && range_take(m, &m->ranges[i], out))
			return 0;
	return err_set(e, ENOSPC, "no IPv%c address is left in the pod ranges",
	               family == 4 ? '4' : '6');
}

int ipam_take_this(struct ipam *m, const struct ip *ip, struct err *e)
{
	struct ipam_range *r = range_of(m, ip);
	struct lease *l = lease_get(m, ip);
	char text[IP_TEXT];

	if (!r)
		return err_set(e, ERANGE, "address %s lies outside the pod ranges",
		               ip_text(ip, text));
	/* an offset below first wraps around and is as large as one behind the end */
	if (cidr_offset(&r->cidr, ip) - r->first >= r->size)
		return err_set(e, ERANGE, "address %s cannot be a pod's", ip_text(ip, text));
	if (l && l->taken)
		return err_set(e, EADDRINUSE, "address %s is in use", ip_text(ip, text));
	lease_take(m, r, l, ip);
	return 0;
}

void ipam_resume_behind(struct ipam *m, const struct ip *ip)
{
	struct ipam_range *r = range_of(m, ip);
	uint64_t place = r ? cidr_offset(&r->cidr, ip) - r->first : UINT64_MAX;

	if (r && place < r->size)
		r->next = place + 1 < r->size ? place + 1 : 0;
}

void ipam_release(struct ipam *m, const struct ip *ip)
{
	struct lease *l = lease_get(m, ip);

	if (!l || !l->taken)
		return;
	l->taken = false;
	l->range->taken--;
	l->range->n_released++;
	list_add_tail(&l->range->released, &l->node);
}
