/* ingress_routes_told.c - what the workers counted of each route (proxy_log.h), as metrics. Whoever
 * wrote those pages has read strangers' bytes: names are not believed to be any. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "proxy_log.h"

struct sums {
	size_t n;
	char name[ROUTE_NAME_MAX];
	uint64_t codes[6], took[ROUTE_BOUNDS + 1], took_us;
};

static bool is_name(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x21 || p[i] == 0x7f || p[i] == '"' || p[i] == '\\')
			return false;
	return n > 0;
}

/* The place of that name, made if need be; NULL: there are as many as are told. */
static struct sums *place(struct map *m, struct sums *all, unsigned *used, const char *name,
                          size_t n)
{
	struct sums *s = map_get(m, name, n);

	if (s || *used > ROUTES_COUNTED)
		return s;
	s = &all[(*used)++];
	s->n = n;
	memcpy(s->name, name, n);
	map_put(m, s->name, n, s);
	return s;
}

static void take(struct map *m, struct sums *all, unsigned *used, const struct route_count *c,
                 bool other)
{
	char name[ROUTE_NAME_MAX];
	size_t n = atomic_load_explicit(&c->name_n, memory_order_acquire);
	struct sums *s;

	if (other)
		memcpy(name, "other", n = 5);
	else if (n && n <= sizeof(name))
		memcpy(name, c->name, n);
	else
		return;
	s = is_name(name, n) ? place(m, all, used, name, n) : NULL;
	if (!s)
		return;
	for (unsigned i = 0; i < 6; i++)
		s->codes[i] += c->codes[i];
	for (unsigned i = 0; i <= ROUTE_BOUNDS; i++)
		s->took[i] += c->took[i];
	s->took_us += c->took_us;
}

static void tell_requests(const struct sums *s, struct buf *out)
{
	for (unsigned i = 0; i < 6; i++)
		if (s->codes[i])
			buf_printf(out,
			           "knetd_ingress_route_requests_total{route=\"%.*s\",code=\"%s\"} "
			           "%llu\n",
			           (int)s->n, s->name,
			           i ? (char[]){ (char)('0' + i), 'x', 'x', 0 } : "none",
			           (unsigned long long)s->codes[i]);
}

static void tell_duration(const struct sums *s, struct buf *out)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= ROUTE_BOUNDS; i++) {
		char le[16] = "+Inf";

		sum += s->took[i];
		if (i < ROUTE_BOUNDS)
			snprintf(le, sizeof(le), "%g", route_bounds_us[i] / 1e6);
		buf_printf(out,
		           "knetd_ingress_route_duration_seconds_bucket{route=\"%.*s\",le=\"%s\"} "
		           "%llu\n",
		           (int)s->n, s->name, le, (unsigned long long)sum);
	}
	buf_printf(out,
	           "knetd_ingress_route_duration_seconds_sum{route=\"%.*s\"} %llu.%06u\n"
	           "knetd_ingress_route_duration_seconds_count{route=\"%.*s\"} %llu\n",
	           (int)s->n, s->name, (unsigned long long)(s->took_us / 1000000),
	           (unsigned)(s->took_us % 1000000), (int)s->n, s->name, (unsigned long long)sum);
}

static bool was_asked(const struct sums *s)
{
	for (unsigned i = 0; i <= ROUTE_BOUNDS; i++)
		if (s->took[i])
			return true;
	return false;
}

void ingress_route_metrics(const struct worker_pool *pool, struct buf *out)
{
	auto_free struct sums *all = xcalloc(ROUTES_COUNTED + 1, sizeof(*all));
	struct map m = { 0 };
	unsigned used = 0;

	for (unsigned i = 0; pool && i < worker_pool_seats(pool); i++) {
		const struct proxy_shared *s = worker_pool_shared(pool, i);

		for (unsigned k = 0; s && k <= ROUTES_COUNTED; k++)
			take(&m, all, &used, &s->routes[k], k == ROUTES_COUNTED);
	}
	buf_str(out, "# HELP knetd_ingress_route_requests_total Requests by route and class of the "
	             "answer's code.\n# TYPE knetd_ingress_route_requests_total counter\n");
	for (unsigned i = 0; i < used; i++)
		tell_requests(&all[i], out);
	buf_str(out, "# HELP knetd_ingress_route_duration_seconds From a request's head to the end "
	             "of its answer.\n# TYPE knetd_ingress_route_duration_seconds histogram\n");
	for (unsigned i = 0; i < used; i++)
		if (was_asked(&all[i]))
			tell_duration(&all[i], out);
	map_free(&m);
}
