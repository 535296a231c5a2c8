/* gateway.c - Gateway API: what changed, the model and the routes brought up to it, rules handed to
 * the plan, statuses written. See gateway.h.
 *
 * Who is told what: the statuses are made of the same structs that the plan is made of, after the
 * workers have got it, so that Programmed is said of what is in force. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <knetd/auto.h>

#include "backends.h"
#include "certs.h"
#include "gateway.h"
#include "gateway_told.h"

static struct gateway_model model;
static uint64_t epoch;
static bool model_stale = true, told_stale = true;
static struct gateway_counts {
	unsigned gateways, listeners, programmed;
} counts;

/* ---- what changed --------------------------------------------------------------------------- */

static bool model_changed(void)
{
	model_stale = true;
	return true;
}

static bool cert_changed(const struct object *o)
{
	return certs_uses(o->kind, o->ns, o->name) && model_changed();
}

static bool labels_changed(const struct change *c)
{
	auto_doc yyjson_doc *old = c->old ? object_doc(c->old) : NULL,
			    *new = c->new ? object_doc(c->new) : NULL;

	return !yyjson_equals(json_at(yyjson_doc_get_root(old), "metadata.labels"),
	                      json_at(yyjson_doc_get_root(new), "metadata.labels"));
}

bool gateway_look(const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;

	if (GATEWAY_ROUTES & KIND_BIT(c->kind)) {
		if (gateway_status_own(c))
			return false;
		gateway_routes_change(c);
		return true;
	}
	if (c->kind == KIND_GATEWAY || c->kind == KIND_LISTENERSET || c->kind == KIND_GATEWAYCLASS)
		return !gateway_status_own(c) && model_changed();
	if (c->kind == KIND_SERVICE)
		return gateway_routes_seen(c->kind, o->ns, o->name);
	if (c->kind == KIND_REFERENCEGRANT || c->kind == KIND_BACKENDTLSPOLICY) {
		gateway_routes_seen(c->kind, o->ns, o->name);
		return model_changed();
	}
	if (c->kind == KIND_SECRET || c->kind == KIND_CONFIGMAP)
		return (int)gateway_routes_seen(c->kind, o->ns, o->name) | (int)cert_changed(o);
	if (c->kind == KIND_NAMESPACE)
		return labels_changed(c) && model_changed();
	if (c->kind == KIND_NODE || c->kind == KIND_ADDRESSPOOL)
		return store_count(KIND_GATEWAY) && model_changed();
	return false;
}

void gateway_look_all(void)
{
	model_stale = true;
	gateway_routes_all();
}

/* ---- what is served ------------------------------------------------------------------------- */

/* Connections to its ports begin with a PROXY header. */
static bool speaks_proxy(const struct gateway_parent *g)
{
	yyjson_val *notes = json_at(g->root, "metadata.annotations");

	return yyjson_equals_str(yyjson_obj_get(notes, "knetd.io/proxy-protocol"), "true");
}

static void plan_listener_at(struct plan *p, struct gateway_listener *l, unsigned i)
{
	const struct gateway_parent *g = l->parent->gateway;
	struct endpoint at = { g->at[i].ip, l->port };
	struct plan_port *port = plan_port(p, &at, l->protocol == LISTEN_UDP);
	struct table_listener row = {
		.name.p = arena_printf(&p->arena, "%s/%s", l->parent->key, l->name),
		.host = { l->host, strlen(l->host) },
		.protocol = l->protocol,
		.passthrough = l->tls.passthrough,
		.certs = l->tls.certs,
		.n_certs = l->tls.n_certs,
		.client_ca = l->tls.client_ca,
		.client_optional = l->tls.client_optional,
	};
	struct plan_listener *whose;

	if (speaks_proxy(g))
		plan_port_speaks_proxy(port);
	row.name.n = strlen(row.name.p);
	l->at[i] = plan_listener(p, port, &row, &whose);
}

static void plan_listeners(struct plan *p, struct gateway_parent *parent)
{
	for (unsigned k = 0; k < parent->n_listeners; k++) {
		struct gateway_listener *l = &parent->listeners[k];

		counts.listeners++;
		if (l->programmed.reason)
			continue;
		counts.programmed++;
		for (unsigned i = 0; i < parent->gateway->n_at; i++)
			plan_listener_at(p, l, i);
	}
}

static void plan_model(struct plan *p)
{
	counts = (struct gateway_counts){ .gateways = model.n };
	for (unsigned i = 0; i < model.n; i++)
		for (unsigned k = 0; k < model.v[i]->n_members; k++)
			plan_listeners(p, model.v[i]->members[k]);
}

static void plan_attachment(struct plan *p, struct gateway_route *r,
                            const struct gateway_attachment *t)
{
	struct span host = { t->host, strlen(t->host) };
	const struct gateway_compiled *c = t->compiled;

	for (unsigned i = 0; i < t->listener->parent->gateway->n_at; i++)
		for (unsigned k = 0; t->listener->at[i] && k < c->n_rules; k++)
			plan_rule(p, &r->share, t->listener->at[i], host, false, &c->rules[k].rule,
			          &c->rules[k].order);
}

static void plan_route(struct plan *p, struct gateway_route *r)
{
	const struct gateway_attachment *v = (const void *)r->attached.data;

	for (size_t i = 0; i < r->attached.len / sizeof(*v); i++)
		if (v[i].compiled)
			plan_attachment(p, r, &v[i]);
}

/* Policies for the backends of a Gateway's routes say so in their status. */
static void see_policies(const struct gateway_parent_ref *ref)
{
	const struct gateway_seen *v = (const void *)ref->compiled->seen.data;
	const struct gateway_parent *g = ref->parent->gateway;

	for (size_t i = 0; i < ref->compiled->seen.len / sizeof(*v); i++) {
		const char *slash = strchr(v[i].key, '/');
		char ns[64];

		if (v[i].kind != KIND_SERVICE || slash - v[i].key >= (ptrdiff_t)sizeof(ns))
			continue;
		memcpy(ns, v[i].key, slash - v[i].key);
		ns[slash - v[i].key] = 0;
		gateway_backend_tls_seen(ns, slash + 1, g->ns, g->name);
	}
}

static void see_routes(void)
{
	struct gateway_route *r;

	gateway_backend_tls_unsee();
	for (size_t k = 0; (r = gateway_routes_next(&k));)
		for (unsigned i = 0; i < r->n_refs; i++)
			if (r->refs[i].parent && !r->refs[i].accepted.reason)
				see_policies(&r->refs[i]);
}

bool gateway_is_stale(void)
{
	return model_stale;
}

void gateway_plan(struct plan *p, bool all)
{
	struct gateway_route *r;

	if (all) {
		if (gateway_backend_tls_read())
			gateway_routes_recompile();
		gateway_model_read(&model);
		epoch++;
		model_stale = false;
		plan_model(p);
	}
	gateway_routes_sync(&model, epoch, p);
	while ((r = gateway_routes_fresh()))
		plan_route(p, r);
	if (store_count(KIND_BACKENDTLSPOLICY))
		see_routes();
	told_stale = true;
}

static void keep_listener(const struct gateway_listener *l)
{
	for (uint32_t i = 0; i < l->tls.n_certs; i++)
		certs_keep(l->tls.certs[i]);
	certs_keep(l->tls.client_ca);
}

void gateway_keep_certs(void)
{
	gateway_backend_tls_keep();
	for (unsigned i = 0; i < model.n; i++) {
		certs_keep(model.v[i]->terms.client_cert);
		for (unsigned k = 0; k < model.v[i]->n_members; k++) {
			const struct gateway_parent *p = model.v[i]->members[k];

			for (unsigned j = 0; j < p->n_listeners; j++)
				keep_listener(&p->listeners[j]);
		}
	}
}

static const char *trouble_of(const struct gateway_listener *l,
                              int (*trouble)(const struct endpoint *at, bool stream))
{
	const struct gateway_parent *g = l->parent->gateway;

	for (unsigned i = 0; !l->programmed.reason && i < g->n_at; i++) {
		struct endpoint at = { g->at[i].ip, l->port };
		int code = trouble(&at, l->protocol != LISTEN_UDP);

		if (code == -ENOENT)
			return "there are no more sockets to listen with";
		if (code == -EADDRINUSE)
			return "another program listens there";
		if (code)
			return strerror(-code);
	}
	return NULL;
}

void gateway_ports(int (*trouble)(const struct endpoint *at, bool stream))
{
	for (unsigned i = 0; i < model.n; i++)
		for (unsigned k = 0; k < model.v[i]->n_members; k++) {
			struct gateway_parent *p = model.v[i]->members[k];

			for (unsigned j = 0; j < p->n_listeners; j++)
				p->listeners[j].trouble = trouble_of(&p->listeners[j], trouble);
		}
}

/* ---- what is said of it --------------------------------------------------------------------- */

static int tell(struct err *e)
{
	struct gateway_route *r;
	int ret = gateway_class_make(e);

	ret = ret ? ret : gateway_class_tell(e);
	for (unsigned i = 0; !ret && i < model.n; i++)
		ret = gateway_tell_parent(model.v[i], e);
	for (unsigned i = 0; !ret && i < model.n_sets; i++)
		ret = gateway_tell_parent(model.sets[i], e);
	while (!ret && (r = gateway_routes_untold())) {
		ret = gateway_tell_route(r, e);
		gateway_routes_told(r);
	}
	return ret;
}

int gateway_status(struct err *e)
{
	int ret;

	if (!told_stale)
		return 0;
	store_begin();
	ret = tell(e);
	if (ret)
		store_abort();
	else
		ret = store_commit(e);
	if (ret) {
		gateway_routes_tell_all();
		gateway_status_free();
		return ret;
	}
	gateway_backend_tls_status();
	told_stale = false;
	return 0;
}

void gateway_metrics(struct buf *out)
{
	buf_printf(out,
	           "# TYPE knetd_gateway_gateways gauge\nknetd_gateway_gateways %u\n"
	           "# TYPE knetd_gateway_listeners gauge\n"
	           "knetd_gateway_listeners{programmed=\"true\"} %u\n"
	           "knetd_gateway_listeners{programmed=\"false\"} %u\n"
	           "# TYPE knetd_gateway_attached_routes gauge\n",
	           counts.gateways, counts.programmed, counts.listeners - counts.programmed);
	for (unsigned k = 0; k < KIND_COUNT; k++)
		if (GATEWAY_ROUTES & KIND_BIT(k))
			buf_printf(out, "knetd_gateway_attached_routes{kind=\"%s\"} %u\n",
			           kind_info[k].kind, gateway_routes_attached(k));
}

void gateway_free(void)
{
	gateway_routes_free();
	gateway_model_free(&model);
	gateway_status_free();
	model_stale = told_stale = true;
}
