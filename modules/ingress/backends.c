/* backends.c - see backends.h
 *
 * Endpoints are read again only of Services that changed; the rows of their shards are then written
 * anew. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/map.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "backends.h"

struct backend {
	char *key; /* "namespace/service:port ..." */
	char *service, *port_name;
	struct backend *next; /* of the same Service */
	uint32_t number;
	unsigned holders;
	struct list link; /* of idle, when there are none */
	uint16_t port;
	bool udp, cluster_ip, stale;
	struct arena arena; /* of row's tls */
	struct table_backend row;
	struct table_endpoint *endpoints;
};

static struct map by_key;
static struct map by_service; /* the first one of each, by "namespace/service" */
static struct backend **rows; /* by number, NULL: free */
static uint32_t n_rows, cap_rows;
static uint32_t taken_below; /* no number below this one is free */
static struct list idle = LIST_INIT(idle);
static uint64_t last_uid;
static bool changed[BACKEND_SHARDS]; /* since they were written */

/* ---- identity ------------------------------------------------------------------------------- */

static void put_tls(struct buf *key, const struct table_backend_tls *tls)
{
	buf_printf(key, " tls %.*s %u %u", (int)tls->name.n, tls->name.p, tls->ca, tls->cert);
	for (uint32_t i = 0; i < tls->n_names; i++)
		buf_printf(key, " %.*s", (int)tls->names[i].text.n, tls->names[i].text.p);
}

static char *key_of(const struct backend_ask *a)
{
	struct buf key = { 0 };

	buf_printf(&key, "%s/%s:%s%u %u%d%d", a->ns, a->service, a->port_name ? a->port_name : "",
	           a->port, a->protocol, a->cluster_ip, a->udp);
	if (a->tls)
		put_tls(&key, a->tls);
	buf_add(&key, "", 1);
	return key.data;
}

static struct span keep(struct arena *a, struct span s)
{
	return (struct span){ s.n ? arena_strndup(a, s.p, s.n) : "", s.n };
}

static const struct table_backend_tls *keep_tls(struct arena *a,
                                                const struct table_backend_tls *tls)
{
	struct table_backend_tls *copy = arena_alloc(a, sizeof(*copy));
	struct table_text *names = arena_alloc(a, (tls->n_names + 1) * sizeof(*names));

	*copy = *tls;
	copy->name = keep(a, tls->name);
	for (uint32_t i = 0; i < tls->n_names; i++)
		names[i].text = keep(a, tls->names[i].text);
	copy->names = names;
	return copy;
}

static uint32_t free_number(void)
{
	while (taken_below < n_rows && rows[taken_below])
		taken_below++;
	if (taken_below < n_rows)
		return taken_below;
	if (n_rows == BACKENDS_MAX)
		return TABLE_NONE;
	if (n_rows == cap_rows) {
		cap_rows = cap_rows ? cap_rows * 2 : 64;
		rows = xrealloc(rows, cap_rows * sizeof(*rows));
	}
	rows[n_rows] = NULL;
	return n_rows++;
}

/* "namespace/service" is what a key begins with. */
static size_t service_n(const struct backend *b)
{
	return strcspn(b->key, ":");
}

static void leave_service(struct backend *b)
{
	struct backend *first = map_get(&by_service, b->key, service_n(b));

	if (first == b && b->next)
		map_put(&by_service, b->next->key, service_n(b), b->next);
	else if (first == b)
		map_del(&by_service, b->key, service_n(b));
	for (struct backend *x = first; x != b; x = x->next)
		if (x->next == b) {
			x->next = b->next;
			break;
		}
}

static void note_change(const struct backend *b)
{
	changed[b->number % BACKEND_SHARDS] = true;
}

static void backend_new(const struct backend_ask *a, char *key, uint32_t number)
{
	struct backend *b = xcalloc(1, sizeof(*b));

	b->key = key;
	b->number = number;
	b->service = xstrdup(a->service);
	b->port_name = a->port_name ? xstrdup(a->port_name) : NULL;
	b->port = a->port;
	b->udp = a->udp;
	b->cluster_ip = a->cluster_ip;
	b->stale = true;
	b->row = (struct table_backend){ .uid = ++last_uid, .protocol = a->protocol };
	b->row.name = (struct span){ key, strcspn(key, " ") };
	if (a->tls)
		b->row.tls = keep_tls(&b->arena, a->tls);
	rows[number] = b;
	list_add_tail(&idle, &b->link);
	map_put(&by_key, key, strlen(key), b);
	b->next = map_put(&by_service, key, service_n(b), b);
	note_change(b);
}

static void backend_free(struct backend *b)
{
	note_change(b);
	map_del(&by_key, b->key, strlen(b->key));
	leave_service(b);
	list_del(&b->link);
	rows[b->number] = NULL;
	if (b->number < taken_below)
		taken_below = b->number;
	arena_free(&b->arena);
	free(b->endpoints);
	free(b->service);
	free(b->port_name);
	free(b->key);
	free(b);
}

uint32_t backends_want(const struct backend_ask *ask)
{
	auto_free char *key = key_of(ask);
	struct backend *b = map_get(&by_key, key, strlen(key));
	uint32_t number = b ? b->number : free_number();

	if (!b && number != TABLE_NONE)
		backend_new(ask, TAKE(key), number);
	return number;
}

static struct backend *row(uint32_t number)
{
	return number < n_rows ? rows[number] : NULL;
}

void backends_hold(uint32_t number)
{
	struct backend *b = row(number);

	if (b && !b->holders++)
		list_del(&b->link);
}

void backends_drop(uint32_t number)
{
	struct backend *b = row(number);

	if (b && !--b->holders)
		list_add_tail(&idle, &b->link);
}

void backends_sweep(void)
{
	while (!list_empty(&idle))
		backend_free(container_of(idle.next, struct backend, link));
	while (n_rows && !rows[n_rows - 1])
		n_rows--;
}

/* ---- endpoints ------------------------------------------------------------------------------ */

static void make_stale(struct backend *b)
{
	b->stale = true;
	note_change(b);
}

void backends_changed(const char *ns, const char *service)
{
	auto_free char *key = ns ? xasprintf("%s/%s", ns, service) : NULL;
	struct backend *b = key ? map_get(&by_service, key, strlen(key)) : NULL;

	for (; b; b = b->next)
		make_stale(b);
	for (uint32_t i = 0; !ns && i < n_rows; i++)
		if (rows[i])
			make_stale(rows[i]);
	for (unsigned i = 0; !ns && i < BACKEND_SHARDS; i++)
		changed[i] = true;
}

static void add(struct backend *b, const struct ip *ip, uint16_t port, bool draining)
{
	uint32_t n = b->row.n_endpoints++;

	b->endpoints = xrealloc(b->endpoints, (n + 1) * sizeof(*b->endpoints));
	b->endpoints[n] = (struct table_endpoint){ .at = { *ip, port }, .draining = draining };
}

static const struct service_port *port_of(const struct backend *b, const struct service_view *v)
{
	uint8_t proto = b->udp ? IPPROTO_UDP : IPPROTO_TCP;

	for (unsigned i = 0; i < v->n_ports; i++) {
		const struct service_port *x = &v->ports[i];

		if (x->proto == proto &&
		    (b->port_name ? !strcmp(x->name, b->port_name) : x->port == b->port))
			return x;
	}
	return NULL;
}

/* Annotation of a Service: "v1", "v2". */
static uint8_t told_by(yyjson_doc *service)
{
	yyjson_val *notes = json_at(yyjson_doc_get_root(service), "metadata.annotations"),
		   *v = yyjson_obj_get(notes, "knetd.io/proxy-protocol");

	return yyjson_equals_str(v, "v1") ? 1 : yyjson_equals_str(v, "v2") ? 2 : 0;
}

/* Those that end are kept for what they have already; they serve when there is no other. */
static void read_endpoints(struct backend *b, const char *ns, struct arena *a)
{
	const struct object *o = store_get(KIND_SERVICE, ns, b->service);
	const struct service_port *port;
	struct service_view view;
	struct endpoint_set set;

	if (!o || !view_service(o, a, &view))
		return;
	b->row.proxy_protocol = told_by(view.doc);
	port = port_of(b, &view);
	if (port && b->cluster_ip)
		for (unsigned i = 0; i < view.n_ips; i++)
			add(b, &view.ips[i], port->port, false);
	else if (port) {
		view_endpoints(ns, b->service, port, 0, false, a, &set);
		for (unsigned i = 0; i < set.n; i++)
			if (set.v[i].port && (set.v[i].ready || set.v[i].serving))
				add(b, &set.v[i].ip, set.v[i].port, !set.v[i].ready);
	}
	yyjson_doc_free(view.doc);
}

static void refresh(struct backend *b)
{
	auto_arena struct arena a = { 0 };
	const char *ns = arena_strndup(&a, b->key, strcspn(b->key, "/"));

	b->row.n_endpoints = 0;
	read_endpoints(b, ns, &a);
	b->row.endpoints = b->endpoints;
	b->stale = false;
}

bool backends_write(unsigned shard, struct buf *out)
{
	auto_free struct table_backend *v = NULL;
	uint32_t n = 0;

	if (!changed[shard])
		return false;
	v = xcalloc(n_rows / BACKEND_SHARDS + 1, sizeof(*v));
	for (uint32_t i = shard; i < n_rows; i += BACKEND_SHARDS, n++) {
		if (rows[i] && rows[i]->stale)
			refresh(rows[i]);
		if (rows[i])
			v[n] = rows[i]->row;
	}
	pack_write(out, &(struct table_backends){ v, n }, &table_backends_shape);
	changed[shard] = false;
	return true;
}

void backends_free(void)
{
	for (uint32_t i = 0; i < n_rows; i++)
		if (rows[i])
			backend_free(rows[i]);
	free(rows);
	map_free(&by_key);
	map_free(&by_service);
	rows = NULL;
	n_rows = cap_rows = taken_below = 0;
}
