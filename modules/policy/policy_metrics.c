/* policy_metrics.c - see policy_metrics.h */
#include <time.h>

#include <knetd/store.h>

#include "policy_counts.h"
#include "policy_log.h"
#include "policy_metrics.h"
#include "policy_plan.h"

struct policy_metrics policy_metrics;

uint64_t policy_metrics_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void metric(struct buf *out, const char *name, const char *type, uint64_t value)
{
	buf_printf(out, "# TYPE knetd_policy_%s %s\nknetd_policy_%s %llu\n", name, type, name,
	           (unsigned long long)value);
}

static void summary(struct buf *out, const char *name, uint64_t nanoseconds, uint64_t count)
{
	buf_printf(out,
	           "# TYPE knetd_policy_%s summary\nknetd_policy_%s_sum %.9f\n"
	           "knetd_policy_%s_count %llu\n",
	           name, name, (double)nanoseconds / 1e9, name, (unsigned long long)count);
}

static void each_way(struct buf *out, const char *name, const uint64_t n[2])
{
	buf_printf(out,
	           "# TYPE knetd_policy_%s gauge\nknetd_policy_%s{direction=\"ingress\"} %llu\n"
	           "knetd_policy_%s{direction=\"egress\"} %llu\n",
	           name, name, (unsigned long long)n[POLICY_IN], name,
	           (unsigned long long)n[POLICY_OUT]);
}

static void write_classes(struct buf *out)
{
	const struct policy_class *c;
	uint64_t n[2] = { 0 };

	for (size_t i = 0; (c = policy_plan_next_class(&i));)
		n[c->way]++;
	each_way(out, "classes", n);
}

static void write_pods(struct buf *out)
{
	const struct policy_pod *p;
	uint64_t here = 0, elsewhere = 0, isolated[2] = { 0 };

	for (size_t i = 0; (p = policy_plan_next_pod(&i));) {
		*(p->here ? &here : &elsewhere) += 1;
		isolated[POLICY_IN] += p->here && p->in;
		isolated[POLICY_OUT] += p->here && p->out;
	}
	metric(out, "addresses", "gauge", here);
	metric(out, "peer_addresses", "gauge", elsewhere);
	each_way(out, "isolated_addresses", isolated);
}

void policy_metrics_write(struct buf *out)
{
	const struct policy_metrics *m = &policy_metrics;

	metric(out, "policies", "gauge",
	       store_count(KIND_NETWORKPOLICY) + store_count(KIND_CLUSTERNETWORKPOLICY));
	write_pods(out);
	write_classes(out);
	summary(out, "sync_duration_seconds", m->nanoseconds, m->syncs);
	metric(out, "sync_last_timestamp_seconds", "gauge", m->last);
	metric(out, "sync_failures_total", "counter", m->failures);
	metric(out, "transactions_total", "counter", m->transactions);
	metric(out, "elements_sent_total", "counter", m->elements);
	summary(out, "cut_duration_seconds", m->walk_nanoseconds, m->walks);
	metric(out, "cut_connections_total", "counter", m->flows_cut);
	policy_counts_write(out);
	policy_log_metrics(out);
}
