/* svcnat_plan.c - see svcnat_plan.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "svcnat_plan.h"

/* ---- one Service ---------------------------------------------------------------------------- */

static int order_ip(const struct ip *a, const struct ip *b)
{
	return a->len != b->len ? a->len - b->len : memcmp(a->b, b->b, a->len);
}

int svcnat_port_order(const struct svcnat_port *a, const struct svcnat_port *b)
{
	int d = order_ip(&a->vip, &b->vip);

	if (!d)
		d = a->proto - b->proto;
	return d ? d : a->port - b->port;
}

/* The labels by which users take a Service away from the node's proxy. */
static bool of_another_proxy(const struct service_view *v)
{
	yyjson_val *labels = json_at(yyjson_doc_get_root(v->doc), "metadata.labels");

	return yyjson_obj_get(labels, "service.kubernetes.io/service-proxy-name") ||
	       yyjson_obj_get(labels, "service.kubernetes.io/headless");
}

static bool ours(const struct service_view *v)
{
	return !v->headless && strcmp(v->type, "ExternalName") != 0 && !of_another_proxy(v);
}

static void plan_port(const struct service_view *v, const struct service_port *port,
                      const struct ip *vip, struct arena *arena, struct svcnat_service *out)
{
	struct svcnat_port *p;
	struct endpoint_set set;

	if (!port->proto || !port->port)
		return;
	if (out->n_ports == SVCNAT_PORTS_MAX) {
		out->cut = true;
		return;
	}
	p = &out->ports[out->n_ports++];
	*p = (struct svcnat_port){ .vip = *vip, .proto = port->proto, .port = port->port };
	view_endpoints(v->ns, v->name, port, vip->len, true, arena, &set);
	p->eps = arena_alloc(arena, set.n * sizeof(*p->eps));
	for (unsigned i = 0; i < set.n; i++) {
		if (!set.v[i].port)
			continue;
		if (p->n == SVCNAT_ENDPOINTS_MAX) {
			out->cut = true;
			break;
		}
		p->eps[p->n++] = (struct endpoint){ set.v[i].ip, set.v[i].port };
	}
}

static int order_ports(const void *a, const void *b)
{
	return svcnat_port_order(a, b);
}

static void sort_ports(struct svcnat_service *s)
{
	unsigned kept = 0;

	if (!s->n_ports)
		return;
	qsort(s->ports, s->n_ports, sizeof(*s->ports), order_ports);
	for (unsigned i = 0; i < s->n_ports; i++)
		if (!kept || svcnat_port_order(&s->ports[kept - 1], &s->ports[i]) != 0)
			s->ports[kept++] = s->ports[i];
	s->n_ports = kept;
}

static void plan_view(const struct service_view *v, struct arena *arena, struct svcnat_service *out)
{
	size_t most = (size_t)v->n_ports * v->n_ips;

	if (most > SVCNAT_PORTS_MAX)
		most = SVCNAT_PORTS_MAX;
	out->ports = arena_alloc(arena, most * sizeof(*out->ports));
	for (unsigned i = 0; i < v->n_ips; i++) {
		if (i > 0 && ip_equal(&v->ips[i], &v->ips[0]))
			continue;
		out->vips[out->n_vips++] = v->ips[i];
		for (unsigned k = 0; k < v->n_ports; k++)
			plan_port(v, &v->ports[k], &v->ips[i], arena, out);
	}
	sort_ports(out);
}

void svcnat_plan_service(const char *ns, const char *name, struct arena *arena,
                         struct svcnat_service *out)
{
	const struct object *o = store_get(KIND_SERVICE, ns, name);
	struct service_view view;

	*out = (struct svcnat_service){ 0 };
	if (!o)
		return;
	if (view_service(o, arena, &view) && ours(&view))
		plan_view(&view, arena, out);
	yyjson_doc_free(view.doc);
}

void svcnat_plan_drop_vip(struct svcnat_service *s, const struct ip *vip)
{
	unsigned vips = 0, ports = 0;

	for (unsigned i = 0; i < s->n_vips; i++)
		if (!ip_equal(&s->vips[i], vip))
			s->vips[vips++] = s->vips[i];
	for (unsigned i = 0; i < s->n_ports; i++)
		if (!ip_equal(&s->ports[i].vip, vip))
			s->ports[ports++] = s->ports[i];
	s->n_vips = vips;
	s->n_ports = ports;
}

/* ---- places --------------------------------------------------------------------------------- */

static int order_endpoints(const void *a, const void *b)
{
	const struct endpoint *x = a, *y = b;
	int d = order_ip(&x->ip, &y->ip);

	return d ? d : x->port - y->port;
}

/* Puts survivors where they were and says in `stays` which of the new ones those are; the rest of
 * `out` is holes (ip.len 0). */
static void keep_survivors(const struct svcnat_port *old, const struct svcnat_port *new,
                           struct endpoint *out, bool *stays)
{
	for (unsigned i = 0; i < old->n; i++) {
		struct endpoint *at = new->n ? bsearch(&old->eps[i], new->eps, new->n, sizeof(*at),
		                                       order_endpoints)
		                             : NULL;

		if (at) {
			out[i] = *at;
			stays[at - new->eps] = true;
		}
	}
}

void svcnat_plan_place(const struct svcnat_port *old, struct svcnat_port *new, struct arena *arena)
{
	unsigned most = old->n + new->n, next = 0, end = most;
	struct endpoint *out = arena_alloc(arena, most * sizeof(*out));
	bool *stays = arena_alloc(arena, new->n);

	if (new->n)
		qsort(new->eps, new->n, sizeof(*new->eps), order_endpoints);
	keep_survivors(old, new, out, stays);
	for (unsigned i = 0; i < new->n; i++) {
		if (stays[i])
			continue;
		while (out[next].ip.len)
			next++;
		out[next] = new->eps[i];
	}
	for (next = 0; next < new->n; next++) { /* move the last ones into holes below n */
		if (out[next].ip.len)
			continue;
		while (!out[--end].ip.len)
			;
		out[next] = out[end];
	}
	new->eps = out;
}

/* ---- keeping -------------------------------------------------------------------------------- */

struct svcnat_kept *svcnat_plan_keep(const struct svcnat_service *s, const char *key)
{
	size_t n_eps = 0, key_size = strlen(key) + 1;
	struct svcnat_kept *k;
	struct endpoint *eps;

	for (unsigned i = 0; i < s->n_ports; i++)
		n_eps += s->ports[i].n;
	k = xmalloc(sizeof(*k) + s->n_ports * sizeof(*s->ports) + n_eps * sizeof(*eps) + key_size);
	k->s = *s;
	k->s.ports = (struct svcnat_port *)(k + 1);
	eps = (struct endpoint *)(k->s.ports + s->n_ports);
	for (unsigned i = 0; i < s->n_ports; i++) {
		k->s.ports[i] = s->ports[i];
		k->s.ports[i].eps = eps;
		for (unsigned j = 0; j < s->ports[i].n; j++)
			*eps++ = s->ports[i].eps[j];
	}
	k->key = memcpy(eps, key, key_size);
	return k;
}
