/* gateway_mixed.c - HTTPRoutes and GRPCRoutes of one listener: no host is both kinds'. Of two
 * routes with hosts in common the older one is attached. See GRPCRouteSpec.hostnames. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "gateway_routes.h"

struct claim { /* one attachment of an HTTPRoute or a GRPCRoute */
	struct gateway_route *r;
	struct gateway_parent_ref *ref;
	struct gateway_attachment *t; /* its compiled is NULL once it has lost */
};

static int by_age(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int d = strcmp(x->r->born, y->r->born);

	if (!d)
		d = strcmp(x->r->ns, y->r->ns);
	if (!d)
		d = strcmp(x->r->name, y->r->name);
	if (!d)
		d = (int)x->r->kind - (int)y->r->kind;
	return d ? d : (x->t > y->t) - (x->t < y->t); /* qsort keeps no order of its own */
}

/* Whom it meets among those of the other kind that are older. */
static const struct claim *meets(const struct claim *x, const struct buf *others)
{
	const struct claim *const *v = (const void *)others->data;

	for (size_t i = 0; i < others->len / sizeof(*v); i++)
		if (v[i]->t->compiled && v[i]->t->listener == x->t->listener &&
		    gateway_host_meet(x->t->host, v[i]->t->host))
			return v[i];
	return NULL;
}

static void gather(struct buf *out, struct gateway_route *r)
{
	struct gateway_attachment *v = (void *)r->attached.data;

	if (r->kind != KIND_HTTPROUTE && r->kind != KIND_GRPCROUTE)
		return;
	for (unsigned i = 0; i < r->n_refs; i++)
		for (unsigned k = 0; k < r->refs[i].n; k++) {
			struct claim c = { r, &r->refs[i], &v[r->refs[i].first + k] };

			if (c.t->listener->kinds_attached ==
			    (KIND_BIT(KIND_HTTPROUTE) | KIND_BIT(KIND_GRPCROUTE)))
				buf_add(out, &c, sizeof(c));
		}
}

/* What a route loses of a listener it loses whole: it is accepted there or not. */
static void lose(const struct claim *c, const struct claim *by)
{
	struct gateway_attachment *v = (void *)c->r->attached.data;
	unsigned left = 0;

	gateway_routes_again(c->r);
	for (unsigned i = c->ref->first; i < c->ref->first + c->ref->n; i++) {
		if (v[i].listener == c->t->listener)
			v[i].compiled = NULL;
		left += v[i].compiled != NULL;
	}
	if (!left)
		gateway_say(&c->ref->accepted, &c->r->attached_arena, "HostnameConflict",
		            "%s %s/%s, which is older, has hosts of this route at listener "
		            "\"%.128s\"",
		            kind_info[by->r->kind].kind, by->r->ns, by->r->name,
		            c->t->listener->name);
}

bool gateway_unmix(void)
{
	auto_buf struct buf claims = { 0 }, http = { 0 }, grpc = { 0 };
	struct gateway_route *r;
	struct claim *v;
	size_t n;

	for (size_t i = 0; (r = gateway_routes_next(&i));)
		gather(&claims, r);
	v = (void *)claims.data;
	n = claims.len / sizeof(*v);
	if (n > 1)
		qsort(v, n, sizeof(*v), by_age);
	for (size_t i = 0; i < n; i++) {
		bool is_grpc = v[i].r->kind == KIND_GRPCROUTE;
		const struct claim *c = &v[i], *by;

		if (!c->t->compiled)
			continue;
		by = meets(c, is_grpc ? &http : &grpc);
		if (by)
			lose(c, by);
		else
			buf_add(is_grpc ? &grpc : &http, &c, sizeof(c));
	}
	return n > 0;
}
