/* svcnat_metrics.c - see svcnat_metrics.h. What kube-proxy tells too has kube-proxy's name, so that
 * its dashboards and alerts show ours. */
#include <time.h>

#include "svcnat_counts.h"
#include "svcnat_metrics.h"
#include "svcnat_plan.h"

struct svcnat_metrics svcnat_metrics;

uint64_t svcnat_metrics_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void metric(struct buf *out, const char *name, const char *type, uint64_t value)
{
	buf_printf(out, "# TYPE %s %s\n%s %llu\n", name, type, name, (unsigned long long)value);
}

static void summary(struct buf *out, const char *name, uint64_t nanoseconds, uint64_t count)
{
	buf_printf(out, "# TYPE %s summary\n%s_sum %.9f\n%s_count %llu\n", name, name,
	           (double)nanoseconds / 1e9, name, (unsigned long long)count);
}

/* ---- one Service ---------------------------------------------------------------------------- */

static bool hides(const struct svcnat_way *way)
{
	return way->list && way->list->scope == SVCNAT_LOCAL && !way->list->n &&
	       way->empty == SVCNAT_DROP;
}

void svcnat_metrics_service(const struct svcnat_kept *k, int sign)
{
	bool in = false, out = false;

	for (unsigned i = 0; i < k->s.n_lists; i++)
		svcnat_metrics.endpoints += sign * (int)k->s.lists[i].n;
	for (unsigned i = 0; i < k->s.n_fronts; i++) {
		const struct svcnat_front *f = &k->s.fronts[i];

		in |= hides(&f->inner);
		out |= f->two_ways && hides(&f->outer);
	}
	svcnat_metrics.hidden_internal += sign * in;
	svcnat_metrics.hidden_external += sign * out;
}

#define NO_LOCAL "kubeproxy_sync_proxy_rules_no_local_endpoints_total"

static void write_hidden(struct buf *out)
{
	buf_printf(out,
	           "# TYPE " NO_LOCAL " gauge\n" NO_LOCAL
	           "{traffic_policy=\"internal\"} %zu\n" NO_LOCAL
	           "{traffic_policy=\"external\"} %zu\n",
	           svcnat_metrics.hidden_internal, svcnat_metrics.hidden_external);
}

/* ---- all of it ------------------------------------------------------------------------------ */

#define SYNC "kubeproxy_sync_proxy_rules_"
#define FLOWS "kubeproxy_conntrack_reconciler_"

void svcnat_metrics_write(struct buf *out, size_t services)
{
	const struct svcnat_metrics *m = &svcnat_metrics;

	summary(out, SYNC "duration_seconds", m->nanoseconds, m->syncs);
	metric(out, SYNC "last_timestamp_seconds", "gauge", m->last);
	metric(out, SYNC "nftables_sync_failures_total", "counter", m->failures);
	metric(out, SYNC "service_changes_total", "counter", m->service_changes);
	metric(out, SYNC "endpoint_changes_total", "counter", m->endpoint_changes);
	write_hidden(out);
	summary(out, FLOWS "sync_duration_seconds", m->walk_nanoseconds, m->walks);
	metric(out, FLOWS "deleted_entries_total", "counter", m->flows_deleted);
	metric(out, "knetd_svcnat_services", "gauge", services);
	metric(out, "knetd_svcnat_endpoints", "gauge", m->endpoints);
	metric(out, "knetd_svcnat_transactions_total", "counter", m->transactions);
	metric(out, "knetd_svcnat_elements_sent_total", "counter", m->elements);
	svcnat_counts_write(out, services);
}
