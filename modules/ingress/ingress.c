/* ingress.c - Ingress objects into the snapshot that the workers route by. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/module.h>
#include <knetd/worker.h>

#include "backends.h"
#include "certs.h"
#include "gateway.h"
#include "ingress_plan.h"
#include "proxy_counters.h"
#include "proxy_log.h"

extern const struct worker_role ingress_role;
extern const struct module ingress_module;

static struct worker_pool *pool;
static struct worker_listen listens[INGRESS_PORTS_MAX]; /* the Ingress' own sockets */
static unsigned n_listens;
static struct plan plan;
static bool planned; /* nothing that came to its end was lost since */

/* An address may come later; one that is in use by others is told, and tried again. */
static struct worker_listen socket_for(const struct endpoint *at, bool udp)
{
	return (struct worker_listen){
		.at = *at, .stream = !udp, .optional = true, .transparent = at->ip.len != 0
	};
}

static void listen_at(const struct ip *ip, uint16_t port)
{
	struct endpoint at = { .port = port };

	if (!port || n_listens == INGRESS_PORTS_MAX)
		return;
	if (ip)
		at.ip = *ip;
	listens[n_listens++] = socket_for(&at, false);
}

static void listen_everywhere(uint16_t port)
{
	if (conf.ingress.any_address)
		listen_at(NULL, port);
	for (unsigned i = 0; i < conf.ingress.addresses.n; i++)
		listen_at(&conf.ingress.addresses.v[i].ip, port);
}

/* A socket that was not to be had is, or the other way round: listeners are told. */
static void ports_changed(void)
{
	module_resync(&ingress_module);
}

static int start_workers(struct err *e)
{
	pool = worker_pool_start(&ingress_role, listens, n_listens, e);
	if (!pool)
		return -e->code;
	worker_pool_watch(pool, ports_changed);
	ingress_log_begin(pool, conf.ingress.access_log);
	return 0;
}

/* Without ports of the Ingresses' own the workers are started for the first Gateway. */
static int ingress_init(struct err *e)
{
	plan_init(&plan);
	listen_everywhere(conf.ingress.http);
	listen_everywhere(conf.ingress.https);
	return n_listens ? start_workers(e) : 0;
}

/* ---- what changed --------------------------------------------------------------------------- */

static void endpoints_changed(const struct object *slice)
{
	const char *slash = slice ? strchr(slice->group, '/') : NULL;
	auto_free char *ns =
		slash ? xasprintf("%.*s", (int)(slash - slice->group), slice->group) : NULL;

	if (ns)
		backends_changed(ns, slash + 1);
}

/* True when routes have to be planned anew. */
static bool read_changes(struct changes *c)
{
	bool replan = c->full;
	struct change x;

	planned &= !c->full;
	if (c->full) {
		backends_changed(NULL, NULL);
		ingress_forget();
		gateway_look_all();
	}
	while (changes_next(c, &x)) {
		const struct object *o = x.new ? x.new : x.old;

		if (x.kind == KIND_ENDPOINTSLICE) {
			endpoints_changed(x.old);
			endpoints_changed(x.new);
		} else {
			if (x.kind == KIND_SERVICE)
				backends_changed(o->ns, o->name);
			replan |= certs_uses(x.kind, o->ns, o->name);
			replan |= ingress_changed(&x);
			replan |= gateway_look(&x);
		}
	}
	return replan;
}

/* ---- what the workers are told -------------------------------------------------------------- */

static int publish(enum table_slot slot, const struct buf *bytes, struct err *e)
{
	int fd = snapshot_seal(bytes, "ingress", e);

	if (fd < 0)
		return fd;
	worker_pool_publish(pool, slot, fd);
	return 0;
}

static void plan_ingresses(bool all)
{
	struct ingress_doors doors = { .n = n_listens };
	struct plan_listener *whose;
	struct table_listener row = { .name = { "ingress", 7 },
		                      .host = { "", 0 },
		                      .protocol = LISTEN_HTTP,
		                      .client_ca = TABLE_NONE };

	for (unsigned i = 0; all && i < n_listens; i++) {
		struct plan_port *port = plan_port(&plan, &listens[i].at, false);

		if (conf.ingress.proxy_protocol)
			plan_port_speaks_proxy(port);
		if (listens[i].at.port == conf.ingress.https)
			doors.https[i] = port;
		else if (!(doors.http[i] = plan_listener(&plan, port, &row, &whose))) {
			doors.http[i] = whose; /* a Gateway's that is here too */
			doors.shared[i] = true;
		}
	}
	ingress_plan(&plan, &doors, all);
}

static int listen_on(struct err *e)
{
	static struct worker_listen v[WORKER_SOCKETS];
	uint32_t n;
	const struct table_port *ports = plan_ports(&plan, &n);

	if (n > WORKER_SOCKETS) {
		log_warn("ingress: %u listening sockets are wanted, %u are opened", n,
		         WORKER_SOCKETS);
		n = WORKER_SOCKETS;
	}
	for (uint32_t i = 0; i < n; i++)
		v[i] = socket_for(&ports[i].at, ports[i].udp);
	return worker_pool_listen(pool, v, n, e);
}

static int trouble(const struct endpoint *at, bool stream)
{
	return worker_pool_trouble(pool, at, stream);
}

/* What changed comes and goes; everything is planned anew when listeners may be others. */
static void make_plan(void)
{
	bool all;

	ingress_refresh();
	all = !planned || gateway_is_stale() || ingress_is_stale();
	if (all) {
		plan_clear(&plan);
		plan.table.answer_ms = conf.ingress.timeout * 1000u;
		plan.table.trusted = conf.ingress.trusted.v;
		plan.table.n_trusted = conf.ingress.trusted.n;
	}
	gateway_plan(&plan, all);
	plan_ingresses(all);
	if (ingress_lets_certs_go() || all) {
		certs_begin();
		gateway_keep_certs();
		ingress_keep_certs();
		certs_sweep();
	}
	backends_sweep();
	planned = true;
}

static int publish_listeners(struct err *e)
{
	auto_buf struct buf bytes = { 0 };
	int ret;

	plan_routes(&plan, &bytes);
	ret = listen_on(e);
	gateway_ports(trouble);
	return ret ? ret : publish(TABLE_ROUTES, &bytes, e);
}

static int publish_shard(unsigned i, struct err *e)
{
	auto_buf struct buf bytes = { 0 };

	if (!plan_shard(&plan, i, &bytes))
		return 0;
	if (bytes.len || bytes.failed)
		return publish(TABLE_RULES + i, &bytes, e);
	worker_pool_publish(pool, TABLE_RULES + i, -1);
	return 0;
}

static int publish_routes(struct err *e)
{
	int ret = 0;

	make_plan();
	if (plan.changed)
		ret = publish_listeners(e);
	for (unsigned i = 0; i < TABLE_SHARDS && !ret; i++)
		ret = publish_shard(i, e);
	return ret;
}

static int publish_backends(struct err *e)
{
	auto_buf struct buf bytes = { 0 };
	int ret = 0;

	for (unsigned i = 0; i < BACKEND_SHARDS && !ret; i++) {
		buf_reset(&bytes);
		if (backends_write(i, &bytes))
			ret = publish(TABLE_BACKENDS + i, &bytes, e);
	}
	return ret;
}

static int publish_certs(struct err *e)
{
	auto_buf struct buf bytes = { 0 };

	return certs_write(&bytes) ? publish(TABLE_CERTS, &bytes, e) : 0;
}

static int ingress_sync(struct changes *c, struct err *e)
{
	bool replan = read_changes(c);
	int ret = 0;

	if (!pool && store_count(KIND_GATEWAY)) {
		replan = true;
		ret = start_workers(e);
	}
	if (!pool)
		return ret ? ret : gateway_status(e);
	if (replan)
		ret = publish_routes(e);
	if (!ret)
		ret = publish_backends(e);
	if (!ret)
		ret = publish_certs(e);
	if (!ret)
		worker_pool_flush(pool);
	ret = ret ? ret : ingress_status_write(e);
	return ret ? ret : gateway_status(e);
}

static unsigned long long count(enum proxy_counter which)
{
	return pool ? worker_pool_counter(pool, which) : 0;
}

static void http2_metrics(struct buf *out)
{
	buf_printf(out,
	           "# TYPE knetd_ingress_http2_connections_total counter\n"
	           "knetd_ingress_http2_connections_total %llu\n"
	           "# TYPE knetd_ingress_http2_streams_refused_total counter\n"
	           "knetd_ingress_http2_streams_refused_total %llu\n",
	           count(COUNT_H2_CONNECTIONS), count(COUNT_H2_STREAMS_REFUSED));
	buf_printf(out,
	           "# TYPE knetd_ingress_http2_connections_ended_total counter\n"
	           "knetd_ingress_http2_connections_ended_total{reason=\"frames\"} %llu\n"
	           "knetd_ingress_http2_connections_ended_total{reason=\"resets\"} %llu\n"
	           "knetd_ingress_http2_connections_ended_total{reason=\"heads\"} %llu\n"
	           "knetd_ingress_http2_connections_ended_total{reason=\"protocol\"} %llu\n",
	           count(COUNT_H2_ENDED_FRAMES), count(COUNT_H2_ENDED_RESETS),
	           count(COUNT_H2_ENDED_HEADS), count(COUNT_H2_ENDED_PROTOCOL));
}

static void ingress_metrics(struct buf *out)
{
	gateway_metrics(out);
	buf_printf(out, "# TYPE knetd_ingress_routes gauge\nknetd_ingress_routes %u\n",
	           plan.n_rules);
	buf_str(out, "# TYPE knetd_ingress_requests_total counter\n");
	for (unsigned i = 1; i <= 5; i++)
		buf_printf(out, "knetd_ingress_requests_total{code=\"%uxx\"} %llu\n", i,
		           count(COUNT_STATUS_0 + i));
	buf_printf(out,
	           "# TYPE knetd_ingress_connections_total "
	           "counter\nknetd_ingress_connections_total %llu\n",
	           count(COUNT_CONNECTIONS));
	buf_printf(
		out,
		"# TYPE knetd_ingress_no_route_total counter\nknetd_ingress_no_route_total %llu\n",
		count(COUNT_NO_ROUTE));
	buf_printf(out,
	           "# TYPE knetd_ingress_malformed_total counter\nknetd_ingress_malformed_total "
	           "%llu\n",
	           count(COUNT_REFUSED));
	buf_printf(out,
	           "# TYPE knetd_ingress_tls_handshakes_total counter\n"
	           "knetd_ingress_tls_handshakes_total{result=\"full\"} %llu\n"
	           "knetd_ingress_tls_handshakes_total{result=\"resumed\"} %llu\n"
	           "knetd_ingress_tls_handshakes_total{result=\"failed\"} %llu\n",
	           count(COUNT_TLS_FULL), count(COUNT_TLS_RESUMED), count(COUNT_TLS_FAILED));
	buf_printf(out,
	           "# TYPE knetd_ingress_upstream_connects_total "
	           "counter\nknetd_ingress_upstream_connects_total %llu\n",
	           count(COUNT_UPSTREAM_CONNECTS));
	buf_printf(out,
	           "# TYPE knetd_ingress_upstream_errors_total "
	           "counter\nknetd_ingress_upstream_errors_total{reason=\"connection\"} %llu\n"
	           "knetd_ingress_upstream_errors_total{reason=\"timeout\"} %llu\n",
	           count(COUNT_UPSTREAM_ERRORS), count(COUNT_UPSTREAM_TIMEOUTS));
	buf_printf(out,
	           "# TYPE knetd_ingress_connections_closed_total "
	           "counter\nknetd_ingress_connections_closed_total{reason=\"idle\"} %llu\n"
	           "knetd_ingress_connections_closed_total{reason=\"refused\"} %llu\n",
	           count(COUNT_EVICTED), count(COUNT_TURNED_AWAY));
	http2_metrics(out);
	ingress_route_metrics(pool, out);
	ingress_log_metrics(out);
}

static void ingress_reload(void)
{
	ingress_log_set(conf.ingress.access_log);
}

static void ingress_exit(bool remove)
{
	ingress_log_end();
	if (pool)
		worker_pool_free(pool, remove);
	pool = NULL;
	plan_free(&plan);
	gateway_free();
	backends_free();
	certs_free();
}

const struct module ingress_module = {
	.name = "ingress",
	.watches = KIND_BIT(KIND_INGRESS) | KIND_BIT(KIND_INGRESSCLASS) | KIND_BIT(KIND_SERVICE) |
	           KIND_BIT(KIND_ENDPOINTSLICE) | KIND_BIT(KIND_SECRET) | KIND_BIT(KIND_CONFIGMAP) |
	           KIND_BIT(KIND_NODE) | GATEWAY_KINDS,
	.init = ingress_init,
	.sync = ingress_sync,
	.metrics = ingress_metrics,
	.reload = ingress_reload,
	.exit = ingress_exit,
};
