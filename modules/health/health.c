/* health.c - answers to those who send traffic to the node: is it any use here?
 *
 * For every Service of type LoadBalancer with externalTrafficPolicy Local a door at its
 * healthCheckNodePort, as kube-proxy has it: 200 while endpoints of the Service are on this node,
 * else 503; load balancers leave a node out whose door says so. And kube-proxy's own /healthz and
 * /livez at `[service] healthz`.
 *
 * Health ports are open where node ports are, and at localhost only when node ports are open
 * everywhere.
 *
 * What is told of the Service proxy is how its last sync went. A port that somebody else holds is
 * an Event of the Service and tried again; it is nobody else's trouble. */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/list.h>
#include <knetd/map.h>
#include <knetd/module.h>
#include <knetd/view.h>

#include "health_door.h"

#define PORTS_MAX 1024 /* each is an open file */
#define RETRY_MS 2000
#define PROXY "svcnat"
#define LEAVING "ToBeDeletedByClusterAutoscaler"

struct service {
	struct health_door door;
	struct list waiting; /* in `closed` while the door is to be opened, else alone */
	uint16_t port;
	bool open;
	unsigned local;
	const char *ns, *name; /* in key */
	char key[];
};

static struct map services; /* by "namespace/name" */
static struct list closed = LIST_INIT(closed);
static struct timer retry;
static struct health_door healthz[CONF_ADDRS];
static unsigned n_healthz;
static struct timespec well; /* when the proxy was last seen to be well */
enum path { HEALTHZ, LIVEZ, PATHS };
static uint64_t asked[PATHS][2]; /* how often; answered with 503, 200 */

/* ---- what is told --------------------------------------------------------------------------- */

static bool proxy_is_well(void)
{
	const char *name, *error;

	for (unsigned i = 0; modules_state(i, &name, &error); i++)
		if (!strcmp(name, PROXY) && *error)
			return false;
	clock_gettime(CLOCK_REALTIME, &well);
	return true;
}

static void service_answer(const struct health_door *door, struct span path,
                           struct health_answer *out)
{
	const struct service *s = container_of(door, struct service, door);
	bool good = proxy_is_well();

	(void)path;
	out->status = good && s->local ? 200 : 503;
	snprintf(out->headers, sizeof(out->headers), "X-Load-Balancing-Endpoint-Weight: %u\r\n",
	         s->local);
	snprintf(out->body, sizeof(out->body),
	         "{\n\t\"service\": {\n\t\t\"namespace\": \"%s\",\n\t\t\"name\": \"%s\"\n\t},\n"
	         "\t\"localEndpoints\": %u,\n\t\"serviceProxyHealthy\": %s\n}",
	         s->ns, s->name, s->local, good ? "true" : "false");
}

/* The node takes no new traffic once it is being deleted. */
static bool node_stays(void)
{
	const struct object *node = store_get(KIND_NODE, "", conf.node.name);
	auto_doc yyjson_doc *doc = node ? object_doc(node) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc), *taint;
	size_t i, n;

	if (!doc)
		return true;
	if (json_at(root, "metadata.deletionTimestamp"))
		return false;
	yyjson_arr_foreach (json_at(root, "spec.taints"), i, n, taint)
		if (yyjson_equals_str(yyjson_obj_get(taint, "key"), LEAVING))
			return false;
	return true;
}

/* As Go prints a time, which is how kube-proxy tells it. */
static const char *time_text(const struct timespec *ts, char out[static 64])
{
	struct tm tm;
	size_t n = strftime(out, 64, "%Y-%m-%d %H:%M:%S", gmtime_r(&ts->tv_sec, &tm));

	snprintf(out + n, 64 - n, ".%09ld +0000 UTC", ts->tv_nsec);
	return out;
}

static void healthz_answer(const struct health_door *door, struct span path,
                           struct health_answer *out)
{
	enum path which = span_is(path, "/livez") ? LIVEZ : HEALTHZ;
	char last[64], now[64], eligible[32] = "";
	struct timespec ts;
	bool stays, good;

	(void)door;
	if (which == HEALTHZ && !span_is(path, "/healthz")) {
		out->status = 404;
		return;
	}
	stays = node_stays();
	good = proxy_is_well() && (stays || which == LIVEZ);
	clock_gettime(CLOCK_REALTIME, &ts);
	if (which == HEALTHZ)
		snprintf(eligible, sizeof(eligible), ", \"nodeEligible\": %s",
		         stays ? "true" : "false");
	out->status = good ? 200 : 503;
	snprintf(out->body, sizeof(out->body),
	         "{\"lastUpdated\": \"%s\",\"currentTime\": \"%s\"%s}",
	         time_text(good ? &ts : &well, last), time_text(&ts, now), eligible);
	asked[which][good]++;
}

/* ---- doors of Services ---------------------------------------------------------------------- */

static void service_close(struct service *s)
{
	if (s->open)
		health_door_close(&s->door);
	s->open = false;
	list_del(&s->waiting);
}

static void service_drop(struct service *s)
{
	service_close(s);
	map_del(&services, s->key, strlen(s->key));
	free(s);
}

static struct service *service_new(const char *key)
{
	size_t len = strlen(key);
	struct service *s = xcalloc(1, sizeof(*s) + 2 * (len + 1));
	char *copy = s->key + len + 1, *slash;

	memcpy(s->key, key, len + 1);
	memcpy(copy, key, len + 1);
	slash = strchr(copy, '/');
	*slash = 0;
	s->ns = copy;
	s->name = slash + 1;
	s->door.answer = service_answer;
	s->door.open_at = view_node_ports_at;
	list_init(&s->waiting);
	map_put(&services, s->key, len, s);
	return s;
}

/* Addresses of this node that take connections, of the family that has more: one of two families is
 * the same Pods again. */
static unsigned count_local(const struct service_view *v, struct arena *a)
{
	static const uint8_t families[] = { 4, 16 };
	unsigned most = 0;

	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		struct endpoint_set set;
		unsigned n = 0;

		view_endpoints(v->ns, v->name, NULL, families[f], true, a, &set);
		for (unsigned i = 0; i < set.n; i++)
			n += set.v[i].local;
		most = n > most ? n : most;
	}
	return most;
}

/* The port that the Service's door is at; 0: it has none. */
static uint16_t wanted_port(const struct service_view *v)
{
	bool asks = view_service_proxied(v) && !strcmp(v->type, "LoadBalancer");

	return asks && v->external_local ? v->health_port : 0;
}

/* Most Services have no such port: their text is not parsed. */
static void visit(const char *key, const struct object *o)
{
	auto_arena struct arena a = { 0 };
	struct service *s = map_get(&services, key, strlen(key));
	bool asks = o && strstr(o->json, "\"healthCheckNodePort\"");
	struct service_view v = { 0 };
	uint16_t port = asks && view_service(o, &a, &v) ? wanted_port(&v) : 0;

	if (port && !s)
		s = service_new(key);
	if (!port && s) {
		service_drop(s);
	} else if (port) {
		if (port != s->port) {
			service_close(s);
			list_add_tail(&closed, &s->waiting);
		}
		s->port = port;
		s->local = count_local(&v, &a);
	}
	yyjson_doc_free(v.doc);
}

static int open_one(struct service *s, struct err *e)
{
	if (services.len > PORTS_MAX)
		return err_set(e, ENFILE, "more than %d Services have one", PORTS_MAX);
	return health_door_open(&s->door, &(struct endpoint){ .port = s->port }, e);
}

/* After all that shall be closed is closed: a port may pass from one Service to another. */
static void open_closed(void)
{
	struct list *l, *next;
	struct err e;

	list_each (l, next, &closed) {
		struct service *s = container_of(l, struct service, waiting);

		if (open_one(s, &e)) {
			event_emit(KIND_SERVICE, s->ns, s->name, EVENT_WARNING,
			           "FailedToStartServiceHealthcheck",
			           "node %s failed to start healthcheck \"%s\" on port %u: %s",
			           conf.node.name, s->key, s->port, e.text);
			continue;
		}
		s->open = true;
		list_del(&s->waiting);
	}
	if (!list_empty(&closed))
		timer_set(&retry, RETRY_MS);
}

static void on_retry(struct timer *t)
{
	(void)t;
	open_closed();
}

/* ---- the module ----------------------------------------------------------------------------- */

static void visit_all(void)
{
	struct service *s;
	const struct object *o;

	for (size_t i = 0; (s = map_next(&services, &i));)
		visit(s->key, store_get_key(KIND_SERVICE, s->key));
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));)
		if (!map_get(&services, o->key, strlen(o->key)))
			visit(o->key, o);
}

static void visit_group(const struct object *slice)
{
	struct service *s = slice ? map_get(&services, slice->group, strlen(slice->group)) : NULL;

	if (s)
		visit(s->key, store_get_key(KIND_SERVICE, s->key));
}

static int health_sync(struct changes *c, struct err *e)
{
	struct change change;

	(void)e;
	if (c->full)
		visit_all();
	while (changes_next(c, &change)) {
		const struct object *o = change.new ? change.new : change.old;

		if (change.kind == KIND_SERVICE) {
			visit(o->key, store_get_key(KIND_SERVICE, o->key));
		} else {
			visit_group(change.old);
			visit_group(change.new);
		}
	}
	open_closed();
	proxy_is_well();
	return 0;
}

static int health_init(struct err *e)
{
	retry.fn = on_retry;
	health_doors_start();
	clock_gettime(CLOCK_REALTIME, &well);
	for (unsigned i = 0; i < conf.service.healthz.n; i++) {
		healthz[i].answer = healthz_answer;
		if (health_door_open(&healthz[i], &conf.service.healthz.v[i], e))
			return err_wrap(e, "[service] healthz");
		n_healthz++;
	}
	return 0;
}

static void health_metrics(struct buf *out)
{
	static const char *const names[PATHS] = { "healthz", "livez" };

	for (unsigned i = 0; n_healthz && i < PATHS; i++)
		buf_printf(out,
		           "# TYPE kubeproxy_proxy_%s_total counter\n"
		           "kubeproxy_proxy_%s_total{code=\"200\"} %llu\n"
		           "kubeproxy_proxy_%s_total{code=\"503\"} %llu\n",
		           names[i], names[i], (unsigned long long)asked[i][1], names[i],
		           (unsigned long long)asked[i][0]);
}

static void health_exit(bool remove)
{
	struct service *s;

	(void)remove;
	timer_del(&retry);
	for (size_t i = 0; (s = map_next(&services, &i));)
		service_drop(s);
	map_free(&services);
	while (n_healthz > 0)
		health_door_close(&healthz[--n_healthz]);
}

const struct module health_module = {
	.name = "health",
	.watches = KIND_BIT(KIND_SERVICE) | KIND_BIT(KIND_ENDPOINTSLICE),
	.init = health_init,
	.sync = health_sync,
	.metrics = health_metrics,
	.exit = health_exit,
};
