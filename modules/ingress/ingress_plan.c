/* ingress_plan.c - see ingress_plan.h. The Ingress v1 specification: exact hosts before one-label
 * wildcards, the longest path first, Exact before Prefix; where two Ingresses say the same, the
 * older object wins. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/map.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "ingress_plan.h"
#include "ingress_snapshot.h"

struct rule { /* one path of one Ingress, on its way into the table */
	const char *host, *path;
	bool exact;
	uint32_t backend;
	const char *born, *key; /* of the Ingress: who is older */
};

struct backend_key {
	const char *key;
	uint32_t index;
};

struct plan {
	struct arena arena;
	struct map backends;                           /* "ns/service:port" -> struct backend_key */
	struct buf rules, backend_rows, endpoint_rows; /* arrays of struct rule and rows */
	uint32_t n_backends, n_endpoints, default_backend;
	const char *default_born;
};

/* ---- which Ingresses are ours --------------------------------------------------------------- */

static bool class_ours(const char *name, bool *is_default)
{
	const struct object *o = store_get(KIND_INGRESSCLASS, "", name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *controller = json_str(root, "spec.controller");

	if (is_default)
		*is_default = yyjson_equals_str(
			yyjson_obj_get(json_at(root, "metadata.annotations"),
		                       "ingressclass.kubernetes.io/is-default-class"),
			"true");
	return o ? controller && !strcmp(controller, INGRESS_CONTROLLER)
	         : !strcmp(name, INGRESS_CLASS);
}

/* Without a class: ours, unless somebody else's class is the default one. */
static bool default_is_ours(void)
{
	const struct object *o;
	bool is_default;

	for (size_t i = 0; (o = store_next_object(KIND_INGRESSCLASS, &i));)
		if (!class_ours(o->name, &is_default) && is_default)
			return false;
	return true;
}

static bool ingress_ours(yyjson_val *root)
{
	const char *name = json_str(root, "spec.ingressClassName");
	const char *old = yyjson_get_str(yyjson_obj_get(json_at(root, "metadata.annotations"),
	                                                "kubernetes.io/ingress.class"));

	if (name || old)
		return class_ours(name ? name : old, NULL);
	return default_is_ours();
}

/* ---- backends ------------------------------------------------------------------------------- */

static void add_endpoints(struct plan *p, const char *ns, const char *service,
                          const struct service_port *port, struct route_backend *row)
{
	struct endpoint_set set;

	view_endpoints(ns, service, port, 0, true, &p->arena, &set);
	for (unsigned i = 0; i < set.n; i++) {
		struct route_endpoint e = { .ip = set.v[i].ip, .port = set.v[i].port };

		buf_add(&p->endpoint_rows, &e, sizeof(e));
		p->n_endpoints++;
		row->n++;
	}
}

/* A Service or port that is not there is a backend without endpoints: 503. */
static struct route_backend resolve(struct plan *p, const char *ns, const char *name,
                                    const char *port_name, int64_t port)
{
	const struct object *o = store_get(KIND_SERVICE, ns, name);
	struct route_backend row = { .first = p->n_endpoints };
	struct service_view view;

	if (!o || !view_service(o, &p->arena, &view))
		return row;
	for (unsigned i = 0; i < view.n_ports; i++) {
		const struct service_port *x = &view.ports[i];

		if (port_name ? !strcmp(x->name, port_name) : x->port == port) {
			add_endpoints(p, ns, name, x, &row);
			break;
		}
	}
	yyjson_doc_free(view.doc);
	return row;
}

static uint32_t backend(struct plan *p, const char *ns, yyjson_val *v)
{
	const char *name = json_str(v, "service.name"),
		   *port_name = json_str(v, "service.port.name");
	int64_t port = json_int(v, "service.port.number", 0);
	const char *key;
	struct backend_key *k;
	struct route_backend row;

	port_name = port_name && *port_name ? port_name : NULL;
	key = arena_printf(&p->arena, "%s/%s:%s%lld", ns, name ? name : "",
	                   port_name ? port_name : "", (long long)port);
	k = map_get(&p->backends, key, strlen(key));
	if (k)
		return k->index;
	row = resolve(p, ns, name ? name : "", port_name, port);
	buf_add(&p->backend_rows, &row, sizeof(row));
	k = arena_alloc(&p->arena, sizeof(*k));
	*k = (struct backend_key){ key, p->n_backends++ };
	map_put(&p->backends, k->key, strlen(k->key), k);
	return k->index;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static const char *lower(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);

	for (char *c = copy; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 32;
	return copy;
}

/* "/foo/" and "/foo" are one prefix; "/" is the empty one. */
static const char *without_slash(struct arena *a, const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return arena_strndup(a, path, n);
}

static void add_path(struct plan *p, const struct object *o, const char *born, const char *host,
                     yyjson_val *v)
{
	const char *path = json_str(v, "path"), *type = json_str(v, "pathType");
	struct rule r = {
		.host = host,
		.exact = type && !strcmp(type, "Exact"),
		.backend = backend(p, o->ns, yyjson_obj_get(v, "backend")),
		.born = born,
		.key = o->key,
	};

	path = path && *path ? path : "/";
	r.path = r.exact ? arena_strdup(&p->arena, path) : without_slash(&p->arena, path);
	buf_add(&p->rules, &r, sizeof(r));
}

static void add_ingress(struct plan *p, const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc),
		   *fallback = json_at(root, "spec.defaultBackend"), *rule, *path;
	const char *born = arena_strdup(&p->arena, json_str(root, "metadata.creationTimestamp"));
	size_t i, n, k, m;

	if (!ingress_ours(root))
		return;
	if (fallback && (!p->default_born || strcmp(born, p->default_born) < 0)) {
		p->default_backend = backend(p, o->ns, fallback);
		p->default_born = born;
	}
	yyjson_arr_foreach (json_at(root, "spec.rules"), i, n, rule) {
		const char *host = json_str(rule, "host");

		host = lower(&p->arena, host ? host : "");
		yyjson_arr_foreach (json_at(rule, "http.paths"), k, m, path)
			add_path(p, o, born, host, path);
	}
}

static int by_precedence(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	size_t nx = strlen(x->path), ny = strlen(y->path);
	int d = strcmp(x->host, y->host);

	if (!d)
		d = nx > ny ? -1 : nx < ny;
	if (!d)
		d = (int)y->exact - (int)x->exact;
	if (!d)
		d = strcmp(x->path, y->path);
	if (!d)
		d = strcmp(x->born, y->born);
	return d ? d : strcmp(x->key, y->key);
}

/* ---- the table ------------------------------------------------------------------------------ */

static uint32_t put_text(struct buf *text, const char *s, uint32_t *n)
{
	uint32_t at = text->len;

	*n = strlen(s);
	buf_add(text, s, *n);
	return at;
}

static uint32_t put_table(struct buf *out, size_t start, const struct buf *rows)
{
	uint32_t at;

	while ((out->len - start) % 4)
		buf_add(out, "", 1);
	at = out->len - start;
	buf_add(out, rows->data, rows->len);
	return at;
}

static void write_table(struct plan *p, struct buf *out)
{
	struct route_header h = { .magic = ROUTE_MAGIC,
		                  .answer_ms = conf.ingress.timeout * 1000u,
		                  .n_backends = p->n_backends,
		                  .n_endpoints = p->n_endpoints,
		                  .default_backend = p->default_backend };
	struct buf hosts = { 0 }, rules = { 0 }, text = { 0 };
	const struct rule *r = (const void *)p->rules.data;
	struct route_host host = { 0 };
	size_t start = out->len;

	h.n_rules = p->rules.len / sizeof(*r);
	for (uint32_t i = 0; i < h.n_rules; i++) {
		struct route_rule row = { .exact = r[i].exact, .backend = r[i].backend };

		row.path = put_text(&text, r[i].path, &row.path_n);
		buf_add(&rules, &row, sizeof(row));
		if (!i || strcmp(r[i].host, r[i - 1].host) != 0) {
			host = (struct route_host){ .first_rule = i };
			host.name = put_text(&text, r[i].host, &host.name_n);
		}
		host.n_rules++;
		if (i + 1 == h.n_rules || strcmp(r[i].host, r[i + 1].host) != 0) {
			buf_add(&hosts, &host, sizeof(host));
			h.n_hosts++;
		}
	}
	buf_add(out, &h, sizeof(h));
	h.hosts = put_table(out, start, &hosts);
	h.rules = put_table(out, start, &rules);
	h.backends = put_table(out, start, &p->backend_rows);
	h.endpoints = put_table(out, start, &p->endpoint_rows);
	h.text_n = text.len;
	h.text = put_table(out, start, &text);
	memcpy(out->data + start, &h, sizeof(h));
	buf_free(&hosts);
	buf_free(&rules);
	buf_free(&text);
}

void ingress_plan(struct buf *out, unsigned *routes)
{
	struct plan p = { .default_backend = ROUTE_NO_BACKEND };
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_INGRESS, &i));)
		add_ingress(&p, o);
	*routes = p.rules.len / sizeof(struct rule);
	if (*routes > 1)
		qsort(p.rules.data, *routes, sizeof(struct rule), by_precedence);
	write_table(&p, out);
	map_free(&p.backends);
	buf_free(&p.rules);
	buf_free(&p.backend_rows);
	buf_free(&p.endpoint_rows);
	arena_free(&p.arena);
}
