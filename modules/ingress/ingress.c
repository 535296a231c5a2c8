/* ingress.c - Ingress objects into the snapshot that the workers route by. */
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/module.h>
#include <knetd/worker.h>

#include "ingress_counters.h"
#include "ingress_plan.h"

extern const struct worker_role ingress_role;

static struct worker_pool *pool;
static unsigned routes;

static int ingress_init(struct err *e)
{
	struct worker_listen listen[CONF_CIDRS + 1];
	unsigned n = 0;

	if (!conf.ingress.http)
		return 0;
	if (conf.ingress.any_address)
		listen[n++] = (struct worker_listen){ .at = { .port = conf.ingress.http },
			                              .stream = true,
			                              .optional = true };
	for (unsigned i = 0; i < conf.ingress.addresses.n; i++)
		listen[n++] = (struct worker_listen){ .at = { conf.ingress.addresses.v[i].ip,
			                                      conf.ingress.http },
			                              .stream = true,
			                              .optional = true };
	if (!n)
		return 0;
	pool = worker_pool_start(&ingress_role, listen, n, e);
	return pool ? 0 : -e->code;
}

static int ingress_sync(struct changes *c, struct err *e)
{
	auto_buf struct buf table = { 0 };
	struct change change;
	int fd;

	while (changes_next(c, &change))
		; /* the table is built whole, from the store as it stands */
	if (!pool || (!c->full && !store_count(KIND_INGRESS) && !routes))
		return 0;
	ingress_plan(&table, &routes);
	fd = snapshot_seal(&table, "ingress", e);
	if (fd < 0)
		return fd;
	worker_pool_publish(pool, 0, fd);
	worker_pool_flush(pool);
	return 0;
}

static unsigned long long count(enum ingress_counter which)
{
	return pool ? worker_pool_counter(pool, which) : 0;
}

static void ingress_metrics(struct buf *out)
{
	buf_printf(out, "# TYPE knetd_ingress_routes gauge\nknetd_ingress_routes %u\n", routes);
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
	           "# TYPE knetd_ingress_upstream_connects_total "
	           "counter\nknetd_ingress_upstream_connects_total %llu\n",
	           count(COUNT_UPSTREAM_CONNECTS));
	buf_printf(out,
	           "# TYPE knetd_ingress_upstream_errors_total "
	           "counter\nknetd_ingress_upstream_errors_total{reason=\"connection\"} %llu\n"
	           "knetd_ingress_upstream_errors_total{reason=\"timeout\"} %llu\n",
	           count(COUNT_UPSTREAM_ERRORS), count(COUNT_UPSTREAM_TIMEOUTS));
}

static void ingress_exit(bool remove)
{
	if (pool)
		worker_pool_free(pool, remove);
	pool = NULL;
}

const struct module ingress_module = {
	.name = "ingress",
	.watches = KIND_BIT(KIND_INGRESS) | KIND_BIT(KIND_INGRESSCLASS) | KIND_BIT(KIND_SERVICE) |
	           KIND_BIT(KIND_ENDPOINTSLICE),
	.init = ingress_init,
	.sync = ingress_sync,
	.metrics = ingress_metrics,
	.exit = ingress_exit,
};
