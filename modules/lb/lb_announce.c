/* lb_announce.c - see lb_announce.h
 *
 * Every held address is put on its links (lb_lan.c says which), marked as ours, so that the kernel
 * answers for it, also when the daemon is away; how it gets there and is told to the neighbours is
 * lb_place.c's, and lb_arp.c keeps the other links silent. With `announce = none` it is put on lo:
 * local, and nothing is told.
 *
 * Whenever a link, the default route or an address of ours was changed by somebody, all is compared
 * with what the kernel says and mended: by a timer of our own, without troubling lb.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/map.h>

#include "lb_announce.h"
#include "lb_arp.h"
#include "lb_guard.h"
#include "lb_place.h"
#include "lb_test.h"

#define OWN_MAX 1024
#define AGAIN_MS 5000

static struct rt *rt;
static struct map addresses; /* struct lb_address by ip */
static unsigned n_ipv4;
static bool foreign_arp = true; /* table arp is to be made anew, or to go: nobody knows how it is */
static bool unseen = true;      /* links are not what they were when they were looked at */
static void on_look(struct timer *t);
static struct timer look = { .fn = on_look };

/* ---- the addresses -------------------------------------------------------------------------- */

static struct lb_address *find(const struct ip *ip)
{
	return map_get(&addresses, ip->b, ip->len);
}

struct lb_address *lb_address_next(size_t *i)
{
	return map_next(&addresses, i);
}

static void forget_words(struct lb_address *a)
{
	for (unsigned i = 0; i < a->n_on; i++)
		free(a->on[i]);
	free(a->on);
	free(a->service);
	free(a->doors);
	a->doors = NULL;
	a->n_doors = 0;
	a->on = NULL;
	a->service = NULL;
	a->n_on = 0;
}

static void copy_words(struct lb_address *a, const struct lb_held *h)
{
	forget_words(a);
	a->service = h->service ? xstrdup(h->service) : NULL;
	a->doors = h->n_doors ? xcalloc(h->n_doors, sizeof(*a->doors)) : NULL;
	a->n_doors = h->n_doors;
	if (h->n_doors)
		memcpy(a->doors, h->doors, h->n_doors * sizeof(*a->doors));
	a->on = h->n_on ? xcalloc(h->n_on, sizeof(*a->on)) : NULL;
	for (; a->n_on < h->n_on; a->n_on++)
		a->on[a->n_on] = xstrdup(h->on[a->n_on]);
}

static struct lb_address *address_new(const struct ip *ip)
{
	struct lb_address *a = xcalloc(1, sizeof(*a));

	a->ip = *ip;
	list_init(&a->places);
	map_put(&addresses, a->ip.b, a->ip.len, a);
	n_ipv4 += ip->len == 4;
	return a;
}

/* keep: what the kernel has stays. */
static void address_free(struct lb_address *a, bool keep)
{
	struct list *l, *next;

	list_each (l, next, &a->places) {
		struct lb_place *p = container_of(l, struct lb_place, in_address);

		if (keep)
			lb_place_free(p);
		else
			lb_place_drop(p);
	}
	lb_arp_forget(a);
	lb_guard_forget(a);
	map_del(&addresses, a->ip.b, a->ip.len);
	n_ipv4 -= a->ip.len == 4;
	foreign_arp |= !n_ipv4;
	forget_words(a);
	free(a);
}

/* ---- what others say ------------------------------------------------------------------------ */

static struct lb_place *place_at(const struct lb_address *a, const struct lb_lan *lan)
{
	for (const struct list *l = a->places.next; l != &a->places; l = l->next) {
		struct lb_place *p = container_of(l, struct lb_place, in_address);

		if (p->lan == lan)
			return p;
	}
	return NULL;
}

static void on_claim(const struct wire_claim *c, void *arg)
{
	const struct lb_address *a = find(&c->ip);
	const struct lb_lan *lan = lb_lan_by_index(c->ifindex);
	struct lb_place *p = a && lan ? place_at(a, lan) : NULL;

	(void)arg;
	lb_test_claim(c);
	if (p && !lb_lan_is_ours(c->mac))
		lb_place_claimed(p, c->mac);
}

/* ---- what the kernel has -------------------------------------------------------------------- */

struct found { /* an address of ours on a link */
	struct ip ip;
	unsigned ifindex;
	bool wanted;
};
struct seen {
	struct found *v; /* in order, when all are there */
	size_t n, cap;
};

static struct ip own[OWN_MAX]; /* what the node has without us, but link-local ones */
static unsigned n_own;

/* A kernel before 5.18 does not keep the mark, but what we have put there ourselves we know. */
static bool is_ours(const struct rt_addr *a)
{
	const struct lb_address *known = a->bits == a->ip.len * 8 ? find(&a->ip) : NULL;
	const struct lb_lan *lan = known ? lb_lan_by_index(a->ifindex) : NULL;
	const struct lb_place *p = lan ? place_at(known, lan) : NULL;

	return a->proto == RT_ADDR_SERVED || (p && p->state == LB_HERE);
}

static void saw_addr(const struct rt_addr *a, void *arg)
{
	struct seen *s = arg;

	if (!is_ours(a)) {
		if (n_own < OWN_MAX && !ip_is_link_local(&a->ip))
			own[n_own++] = a->ip;
		return;
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = (struct found){ .ip = a->ip, .ifindex = a->ifindex };
}

static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int d = ip_order(&x->ip, &y->ip);

	return d ? d : (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static int read_kernel(struct seen *s, struct err *e)
{
	int ret = lb_lan_read(rt, on_claim, e);

	n_own = 0;
	if (!ret)
		ret = rt_addr_each(rt, saw_addr, s, e);
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_place);
	for (size_t i = 0; i < s->n; i++)
		lb_lan_found(s->v[i].ifindex, s->v[i].ip.len);
	return ret;
}

static bool take_found(struct seen *s, unsigned ifindex, const struct ip *ip)
{
	struct found key = { .ip = *ip, .ifindex = ifindex }, *f;

	f = s->n ? bsearch(&key, s->v, s->n, sizeof(*s->v), by_place) : NULL;
	if (f)
		f->wanted = true;
	return f;
}

static void remove_unwanted(const struct seen *s)
{
	struct err e;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].wanted)
			continue;
		rt_addr_del(rt, s->v[i].ifindex, &s->v[i].ip, s->v[i].ip.len * 8u);
		rt_flush(rt, &e); /* gone already is as good */
	}
}

/* ---- one address ---------------------------------------------------------------------------- */

static void drop_unwanted(struct lb_address *a)
{
	struct list *l, *next;

	list_each (l, next, &a->places) {
		struct lb_place *p = container_of(l, struct lb_place, in_address);

		if (!p->wanted)
			lb_place_drop(p);
		else
			p->wanted = false;
	}
}

/* s: what the kernel has; NULL: as it was. */
static void settle(struct lb_address *a, struct seen *s)
{
	struct lb_lan *lans[LB_LANS];
	unsigned n = 0;

	a->own = ip_is_in(&a->ip, own, n_own);
	if (!a->own)
		n = lb_lan_choose((const char *const *)a->on, a->n_on, a->ip.len, lans);
	for (unsigned i = 0; i < n; i++) {
		struct lb_place *p = place_at(a, lans[i]);
		bool there =
			s ? take_found(s, lans[i]->link.ifindex, &a->ip) : p && p->state == LB_HERE;

		if (p)
			lb_place_look(p, there);
		else
			p = lb_place_new(a, lans[i], there);
		p->wanted = true;
	}
	drop_unwanted(a);
	lb_arp_address(a);
	lb_guard_address(a);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static void begin_arp(void)
{
	if (n_ipv4)
		lb_arp_begin(foreign_arp);
	else if (foreign_arp)
		lb_arp_remove();
	foreign_arp = false;
}

static int end_tables(struct err *e)
{
	int ret = lb_arp_end(e);

	if (!n_ipv4 && foreign_arp) { /* the last one has gone */
		lb_arp_remove();
		foreign_arp = false;
	}
	return ret ? ret : lb_guard_commit(e);
}

static int settle_all(struct err *e)
{
	struct seen s = { 0 };
	struct lb_address *a;
	int ret = read_kernel(&s, e);

	unseen = ret != 0;
	if (!ret)
		begin_arp();
	for (size_t i = 0; !ret && (a = map_next(&addresses, &i));)
		settle(a, &s);
	if (!ret) {
		remove_unwanted(&s);
		lb_lan_sweep();
		ret = end_tables(e);
	}
	free(s.v);
	return ret;
}

static void on_look(struct timer *t)
{
	struct err e;

	if (settle_all(&e)) {
		log_warn("lb: %s", e.text);
		timer_set(t, AGAIN_MS);
	}
}

/* Without an address it is put off until there is one. */
static void look_soon(void)
{
	unseen = !addresses.len;
	if (!unseen)
		timer_set(&look, 0);
}

static void on_lan(const struct rt_link *l, const struct rt_addr *gone)
{
	const struct lb_address *a = gone ? find(&gone->ip) : NULL;
	const struct lb_lan *lan = a ? lb_lan_by_index(gone->ifindex) : NULL;

	if (l ? lb_lan_saw(l) : !gone || (lan && place_at(a, lan))) /* else: by ourselves */
		look_soon();
}

static void on_foreign_arp(const char *table)
{
	if (table && strcmp(table, LB_TABLE) != 0)
		return;
	foreign_arp = true;
	lb_guard_lost();
	look_soon();
}

/* ---- the door ------------------------------------------------------------------------------- */

static struct lb_address *hold(const struct lb_held *h)
{
	struct lb_address *a = find(&h->ip);

	if (!a)
		a = address_new(&h->ip);
	copy_words(a, h);
	return a;
}

static int set_all(const struct lb_held *v, size_t n, struct err *e)
{
	struct lb_address *a;

	for (size_t i = 0; (a = map_next(&addresses, &i));)
		a->listed = false;
	for (size_t i = 0; i < n; i++)
		if (v[i].held)
			hold(&v[i])->listed = true;
	for (size_t i = 0; (a = map_next(&addresses, &i));)
		if (!a->listed)
			address_free(a, false);
	return settle_all(e);
}

static int set_unseen(const struct lb_held *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct lb_address *a = find(&v[i].ip);

		if (a && !v[i].held)
			address_free(a, false);
	}
	return settle_all(e);
}

/* The table may not stand any more: then all that is in it is to be said. */
static int set_some(const struct lb_held *v, size_t n, struct err *e)
{
	struct lb_address *a;
	bool all = false;

	for (size_t i = 0; i < n; i++) {
		if (v[i].held)
			hold(&v[i])->listed = true;
	}
	if (unseen && addresses.len)
		return set_unseen(v, n, e);
	if (n_ipv4)
		all = lb_arp_begin(foreign_arp);
	for (size_t i = 0; i < n; i++) {
		a = find(&v[i].ip);
		if (a && !v[i].held)
			address_free(a, false);
		else if (a && !all)
			settle(a, NULL);
	}
	for (size_t i = 0; all && (a = map_next(&addresses, &i));)
		settle(a, NULL);
	foreign_arp &= !all;
	return end_tables(e);
}

int lb_announce_set(const struct lb_held *v, size_t n, bool full, struct err *e)
{
	return full ? set_all(v, n, e) : set_some(v, n, e);
}

/* A place that is asked for again after a conflict still has it. */
static enum lb_state state_of(const struct lb_place *p)
{
	return p->refusals ? LB_CONFLICT : p->state;
}

static const char *state_text(const struct lb_address *a)
{
	enum lb_state worst = LB_WAITS;

	if (a->own)
		return "the node's own";
	for (const struct list *l = a->places.next; l != &a->places; l = l->next) {
		enum lb_state s = state_of(container_of(l, struct lb_place, in_address));

		if (s > worst)
			worst = s;
	}
	if (list_empty(&a->places))
		return "no link";
	return worst == LB_HERE && conf.lb.announce.none && !a->n_on ? "local"
	                                                             : lb_state_name(worst);
}

void lb_announce_show(const struct ip *ip, struct buf *out)
{
	const struct lb_address *a = find(ip);
	const char *comma = "", *state = a ? state_text(a) : "no link";
	char mac[18];

	buf_str(out, "\"announcedOn\":[");
	for (const struct list *l = a ? a->places.next : NULL; l && l != &a->places; l = l->next) {
		const struct lb_place *p = container_of(l, struct lb_place, in_address);

		if (p->state != LB_HERE || !p->lan->wire)
			continue;
		buf_printf(out, "%s\"%s\"", comma, p->lan->link.name);
		comma = ",";
	}
	buf_printf(out, "],\"state\":\"%s\"", state);
	for (const struct list *l = a ? a->places.next : NULL; l && l != &a->places; l = l->next) {
		const struct lb_place *p = container_of(l, struct lb_place, in_address);

		if (state_of(p) != LB_CONFLICT)
			continue;
		buf_printf(out, ",\"conflictWith\":\"%s\"", mac_text(p->theirs, mac));
		return;
	}
}

void lb_announce_metrics(struct buf *out)
{
	lb_place_metrics(out);
}

int lb_announce_init(struct err *e)
{
	int ret;

	rt = rt_open(-1, e);
	if (!rt)
		return -e->code;
	lb_place_init(rt);
	lb_test_init(rt);
	ret = lan_watch(on_lan, e);
	return ret ? ret : nft_watch(LB_TABLE, on_foreign_arp, e);
}

static void remove_all(void)
{
	struct seen s = { 0 };
	struct err e;

	if (read_kernel(&s, &e))
		log_warn("lb: %s", e.text);
	remove_unwanted(&s);
	free(s.v);
	lb_arp_remove();
	lb_guard_remove();
}

void lb_announce_exit(bool remove)
{
	struct lb_address *a;

	timer_del(&look);
	lb_test_exit();
	if (remove && rt)
		remove_all();
	for (size_t i = 0; (a = map_next(&addresses, &i));)
		address_free(a, true);
	map_free(&addresses);
	lb_lan_free();
	rt_close(rt);
	rt = NULL;
}
