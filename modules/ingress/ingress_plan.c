/* ingress_plan.c - see ingress_plan.h. Every rule stands at one listener of ours, whose hosts all
 * others have too; at those that are a Gateway's it stands beside the Gateway's own; a host that
 * asks clients for certificates has listeners of its own for HTTPS.
 *
 * What is made for all of them together (listeners, canaries) stays until it is another; then all
 * of them are planned anew. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "certs.h"
#include "ingress_cache.h"
#include "ingress_canary.h"
#include "ingress_plan.h"

struct own { /* a host's own listeners */
	struct span host;
	struct plan_listener *at[INGRESS_PORTS_MAX];
};
static struct planning {
	struct plan *plan;
	struct ingress_doors doors;
	struct plan_listener *https[INGRESS_PORTS_MAX];
	struct plan_listener *at[INGRESS_PORTS_MAX]; /* where rules stand */
	unsigned n_at;
	struct buf made;  /* struct plan_listener *: those for HTTPS that are our own */
	struct buf certs; /* numbers: theirs */
	struct map owns;  /* struct own by host */
	struct canaries canaries;
} g;

/* ---- listeners for HTTPS
 * -------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The default first, then each once. */
static void gather_certs(void)
{
	uint32_t first = certs_default(), *v, n, kept = 0;
	struct compiled *c;

	buf_reset(&g.certs);
	if (first != TABLE_NONE)
		buf_add(&g.certs, &first, sizeof(first));
	for (size_t i = 0; (c = ingress_next(&i));)
		if (c->ours && c->n_certs)
			buf_add(&g.certs, c->certs, c->n_certs * sizeof(*c->certs));
	n = g.certs.len / sizeof(*v);
	v = (uint32_t *)g.certs.data;
	if (n > 2)
		qsort(v + 1, n - 1, sizeof(*v), by_number);
	for (uint32_t i = 0; i < n; i++)
		if (!i || (v[i] != v[kept - 1] && v[i] != first))
			v[kept++] = v[i];
	g.certs.len = kept * sizeof(*v);
}

static uint32_t n_certs(void)
{
	return (uint32_t)(g.certs.len / sizeof(uint32_t));
}

/* Of the listeners that are there. */
static void renew_certs(void)
{
	struct plan_listener *const *v = (void *)g.made.data;

	gather_certs();
	for (size_t i = 0; i < g.made.len / sizeof(*v); i++)
		plan_listener_certs(g.plan, v[i], (const uint32_t *)g.certs.data, n_certs());
}

static void add_listeners(struct span host, uint32_t client_ca, struct plan_listener **out)
{
	struct table_listener row = { .name = { "ingress", 7 },
		                      .host = host,
		                      .protocol = LISTEN_HTTPS,
		                      .certs = (const uint32_t *)g.certs.data,
		                      .n_certs = n_certs(),
		                      .client_ca = client_ca,
		                      .client_optional = true };
	struct plan_listener *whose;

	for (unsigned i = 0; i < g.doors.n; i++) {
		out[i] = g.doors.https[i] ? plan_listener(g.plan, g.doors.https[i], &row, &whose)
		                          : NULL;
		if (out[i])
			buf_add(&g.made, &out[i], sizeof(out[i]));
		/* A Gateway has it: its certificates. Who asks for clients' is not served there. */
		if (!out[i] && g.doors.https[i] && client_ca == TABLE_NONE)
			out[i] = whose;
	}
}

/* Of two Ingresses that ask for one host the older one says whose certificates. */
static void add_owns(const struct compiled *c)
{
	for (uint32_t i = 0; i < c->n_client_tls; i++) {
		const struct compiled_tls *t = &c->client_tls[i];
		struct own *o;

		if (map_get(&g.owns, t->host.p, t->host.n))
			continue;
		o = arena_alloc(&g.plan->arena, sizeof(*o));
		o->host = t->host;
		add_listeners(t->host, t->client_ca, o->at);
		map_put(&g.owns, o->host.p, o->host.n, o);
	}
}

static int by_age(const void *a, const void *b)
{
	const struct compiled *x = *(struct compiled *const *)a, *y = *(struct compiled *const *)b;
	int d = strcmp(x->born, y->born);

	return d ? d : strcmp(x->key, y->key);
}

static void gather_owns(void)
{
	auto_buf struct buf list = { 0 };
	struct compiled *c, **v;
	size_t n;

	for (size_t i = 0; (c = ingress_next(&i));)
		if (c->ours && c->n_client_tls)
			buf_add(&list, &c, sizeof(c));
	v = (struct compiled **)list.data;
	n = list.len / sizeof(c);
	if (n > 1)
		qsort(v, n, sizeof(c), by_age);
	for (size_t i = 0; i < n; i++)
		add_owns(v[i]);
}

/* ---- rules
 * ---------------------------------------------------------------------------------------- */

static void add_rule(struct compiled *c, const struct compiled_rule *r)
{
	const struct own *own = g.owns.len ? map_get(&g.owns, r->host.p, r->host.n) : NULL;
	const struct table_action *action = canaries_join(&g.canaries, r, &c->arena);
	const struct table_rule *row = &r->rule;
	struct table_rule *joined;

	if (action != row->action) {
		row = joined = arena_alloc(&c->arena, sizeof(*joined));
		*joined = r->rule;
		joined->action = action;
	}
	for (unsigned i = 0; i < g.n_at; i++)
		plan_rule(g.plan, &c->share, g.at[i], r->host, r->one_label, row, &r->order);
	for (unsigned i = 0; own && i < g.doors.n; i++)
		if (own->at[i])
			plan_rule(g.plan, &c->share, own->at[i], r->host, r->one_label, row,
			          &r->order);
}

static void add_otherwise(const struct compiled *c)
{
	for (unsigned i = 0; i < g.doors.n; i++) {
		if (g.doors.http[i])
			plan_otherwise(g.doors.http[i], c->otherwise, &c->otherwise_order);
		if (g.https[i])
			plan_otherwise(g.https[i], c->otherwise, &c->otherwise_order);
	}
}

static void add(struct compiled *c)
{
	plan_take_back(g.plan, &c->share);
	if (!c->ours || c->canary)
		return;
	for (uint32_t k = 0; k < c->n_rules; k++)
		add_rule(c, &c->rules[k]);
	if (c->otherwise)
		add_otherwise(c);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------ */

static bool is_made(const struct plan_listener *l)
{
	struct plan_listener *const *v = (void *)g.made.data;

	for (size_t i = 0; i < g.made.len / sizeof(*v); i++)
		if (v[i] == l)
			return true;
	return false;
}

/* One of our own listeners gets the rules; and each that is a Gateway's, which has its own too. */
static void choose_listeners(void)
{
	const struct plan_listener *main = NULL;

	g.n_at = 0;
	for (unsigned i = 0; i < g.doors.n; i++) {
		struct plan_listener *l = g.doors.http[i] ? g.doors.http[i] : g.https[i];
		bool own = l && (g.doors.http[i] ? !g.doors.shared[i] : is_made(l));

		if (own && main)
			plan_listener_like(l, main);
		else if (l)
			g.at[g.n_at++] = l;
		if (own && !main)
			main = l;
	}
}

static void begin_anew(struct plan *p, const struct ingress_doors *doors)
{
	g.plan = p;
	g.doors = *doors;
	buf_reset(&g.made);
	map_free(&g.owns);
	canaries_free(&g.canaries);
	canaries_gather(&g.canaries);
	gather_certs();
	add_listeners((struct span){ "", 0 }, TABLE_NONE, g.https);
	choose_listeners();
	gather_owns();
}

void ingress_plan(struct plan *p, const struct ingress_doors *doors, bool all)
{
	bool certs = ingress_certs_changed();
	struct compiled *c;

	ingress_bury(p);
	if (all)
		begin_anew(p, doors);
	else if (certs)
		renew_certs();
	for (size_t i = 0; all && (c = ingress_next(&i));)
		add(c);
	while ((c = ingress_fresh()))
		if (!all)
			add(c);
}
