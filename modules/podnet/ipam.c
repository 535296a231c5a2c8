/* ipam.c - see ipam.h */
#include <errno.h>
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

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
	r->left = r->room = r->size;
}

static uint64_t place_of(const struct ipam_range *r, const struct ip *ip)
{
	return cidr_offset(&r->cidr, ip) - r->first;
}

/* The part of `all` that can be a pod's in r; false: none. */
static bool clamp(const struct ipam_range *r, const struct ip_range *all, struct ipam_span *out)
{
	struct ip lo, hi;

	if (!r->size || all->first.len != r->cidr.ip.len || !cidr_nth(&r->cidr, r->first, &lo) ||
	    !cidr_nth(&r->cidr, r->first + r->size - 1, &hi) || ip_order(&all->first, &hi) > 0 ||
	    ip_order(&all->last, &lo) < 0)
		return false;
	out->from = ip_order(&all->first, &lo) > 0 ? place_of(r, &all->first) : 0;
	out->to = ip_order(&all->last, &hi) < 0 ? place_of(r, &all->last) : r->size - 1;
	return true;
}

/* Keeps the spans in order and melts those that overlap. */
static void range_reserve(struct ipam_range *r, struct ipam_span s)
{
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < r->n_reserved; i++) {
		struct ipam_span *old = &r->reserved[i];

		if (old->to < s.from || old->from > s.to) {
			at += old->to < s.from;
			r->reserved[n++] = *old;
			continue;
		}
		s.from = old->from < s.from ? old->from : s.from;
		s.to = old->to > s.to ? old->to : s.to;
	}
	for (unsigned i = n; i > at; i--)
		r->reserved[i] = r->reserved[i - 1];
	r->reserved[at] = s;
	r->n_reserved = n + 1;
}

static void range_reserve_all(struct ipam_range *r, const struct conf_ranges *reserved)
{
	struct ipam_span s;

	for (unsigned i = 0; i < reserved->n; i++)
		if (clamp(r, &reserved->v[i], &s))
			range_reserve(r, s);
	for (unsigned i = 0; i < r->n_reserved; i++)
		r->room -= r->reserved[i].to - r->reserved[i].from + 1;
}

/* The reserved span that holds this place, or NULL. */
static const struct ipam_span *span_of(const struct ipam_range *r, uint64_t place)
{
	for (unsigned i = 0; i < r->n_reserved; i++)
		if (place >= r->reserved[i].from && place <= r->reserved[i].to)
			return &r->reserved[i];
	return NULL;
}

static bool ranges_overlap(const struct cidr *a, const struct cidr *b)
{
	return cidr_has(a, &b->ip) || cidr_has(b, &a->ip);
}

int ipam_init(struct ipam *m, const struct conf_cidrs *cidrs, const struct conf_ranges *reserved,
              struct err *e)
{
	char a[CIDR_TEXT], b[CIDR_TEXT];

	*m = (struct ipam){ .n = cidrs->n, .reserved = reserved };
	for (unsigned i = 0; i < cidrs->n; i++) {
		for (unsigned j = 0; j < i; j++)
			if (ranges_overlap(&cidrs->v[i], &cidrs->v[j]))
				return err_set(e, EINVAL, "[podnet] cidrs: %s and %s overlap",
				               cidr_text(&cidrs->v[j], a),
				               cidr_text(&cidrs->v[i], b));
		range_init(&m->ranges[i], &cidrs->v[i]);
		range_reserve_all(&m->ranges[i], reserved);
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
		    __builtin_add_overflow(room, m->ranges[i].room - m->ranges[i].taken, &room))
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
		const struct ipam_span *reserved = span_of(r, r->next);
		uint64_t step = reserved ? reserved->to - r->next + 1 : 1;
		bool there = !reserved && cidr_nth(&r->cidr, r->first + r->next, out);

		r->left -= step < r->left ? step : r->left;
		r->next = r->next + step < r->size ? r->next + step : 0;
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

/* Says how large the ranges are: a /28 by mistake is the usual reason. */
static int none_left(const struct ipam *m, uint8_t family, struct err *e)
{
	auto_buf struct buf sizes = { .max = 160 };
	char text[CIDR_TEXT];

	for (unsigned i = 0; i < m->n; i++)
		if (m->ranges[i].cidr.ip.len == family)
			buf_printf(&sizes, "%s%s: %llu", sizes.len ? ", " : "",
			           cidr_text(&m->ranges[i].cidr, text),
			           (unsigned long long)m->ranges[i].room);
	return err_set(e, ENOSPC, "no IPv%c address is left in the pod ranges (%.*s)",
	               family == 4 ? '4' : '6', (int)sizes.len, sizes.len ? sizes.data : "");
}

int ipam_take(struct ipam *m, uint8_t family, struct ip *out, struct err *e)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->ranges[i].cidr.ip.len == family && range_take(m, &m->ranges[i], out))
			return 0;
	return none_left(m, family, e);
}

/* ---- a part of a range ---------------------------------------------------------------------- */

static struct ipam_range *range_around(struct ipam *m, const struct ip_range *part)
{
	for (unsigned i = 0; i < m->n; i++)
		if (cidr_has(&m->ranges[i].cidr, &part->first) &&
		    cidr_has(&m->ranges[i].cidr, &part->last))
			return &m->ranges[i];
	return NULL;
}

bool ipam_covers(struct ipam *m, const struct ip_range *part)
{
	return range_around(m, part);
}

static bool fresh_within(const struct ipam *m, const struct ipam_range *r, struct ipam_span s,
                         struct ip *out)
{
	unsigned looks = 0;

	for (uint64_t at = s.from; at <= s.to && looks++ < IPAM_WITHIN_MAX; at++) {
		const struct ipam_span *reserved = span_of(r, at);

		if (reserved)
			at = reserved->to;
		else if (cidr_nth(&r->cidr, r->first + at, out) && !lease_get(m, out))
			return true;
	}
	return false;
}

static struct lease *oldest_within(struct ipam_range *r, struct ipam_span s)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &r->released) {
		struct lease *l = container_of(pos, struct lease, node);
		uint64_t place = place_of(r, &l->ip);

		if (place >= s.from && place <= s.to)
			return l;
	}
	return NULL;
}

/* The order of range_take. */
static bool span_take(struct ipam *m, struct ipam_range *r, struct ipam_span s, struct ip *out)
{
	bool many = r->n_released >= IPAM_RELEASED_MAX;
	struct lease *l = many ? oldest_within(r, s) : NULL;

	if (!l && !fresh_within(m, r, s, out)) {
		l = oldest_within(r, s);
		if (!l)
			return false;
	}
	if (l)
		*out = l->ip;
	lease_take(m, r, l, out);
	return true;
}

int ipam_take_within(struct ipam *m, const struct ip_range *part, struct ip *out, struct err *e)
{
	struct ipam_range *r = range_around(m, part);
	char first[IP_TEXT], last[IP_TEXT];
	struct ipam_span s;

	ip_text(&part->first, first);
	ip_text(&part->last, last);
	if (!r)
		return err_set(e, ERANGE, "%s-%s lies outside the pod ranges", first, last);
	if (clamp(r, part, &s) && span_take(m, r, s, out))
		return 0;
	return err_set(e, ENOSPC, "no address is left in %s-%s", first, last);
}

/* ---- one address ---------------------------------------------------------------------------- */

static bool is_reserved(const struct ipam *m, const struct ip *ip)
{
	for (unsigned i = 0; i < m->reserved->n; i++)
		if (range_has(&m->reserved->v[i], ip))
			return true;
	return false;
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
	if (place_of(r, ip) >= r->size)
		return err_set(e, ERANGE, "address %s cannot be a pod's", ip_text(ip, text));
	if (is_reserved(m, ip))
		return err_set(e, ERANGE, "address %s is reserved ([podnet] reserved)",
		               ip_text(ip, text));
	if (l && l->taken)
		return err_set(e, EADDRINUSE, "address %s is in use", ip_text(ip, text));
	lease_take(m, r, l, ip);
	return 0;
}

void ipam_resume_behind(struct ipam *m, const struct ip *ip)
{
	struct ipam_range *r = range_of(m, ip);
	uint64_t place = r ? place_of(r, ip) : UINT64_MAX;

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
