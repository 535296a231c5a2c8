/* policy.c - NetworkPolicies in force: the store through policy_plan.c to the table inet
 * knetd_policy (policy_rules.c), which is there as long as there is a policy.
 *
 * A sync is the plan brought up to date, the difference sent, and, when something was tightened,
 * one walk over the kernel's connections. CNI ADD is answered behind it: see policy_rules.c for
 * what a pod may do before. */
#include <string.h>
#include <time.h>

#include <knetd/conf.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/module.h>

#include "policy_apply.h"
#include "policy_counts.h"
#include "policy_cut.h"
#include "policy_events.h"
#include "policy_held.h"
#include "policy_log.h"
#include "policy_metrics.h"
#include "policy_mirror.h"
#include "policy_plan.h"
#include "policy_rules.h"
#include "policy_status.h"

extern const struct module policy_module;

static bool to_cut; /* something was tightened, and connections were not looked at since */

/* The table as the plan says, and connections too. */
static int bring(bool full, struct err *e)
{
	struct policy_applied applied = { 0 };
	int ret = policy_apply(full, &applied, e);

	policy_metrics.transactions += applied.transactions;
	policy_metrics.elements += ret ? 0 : applied.elements;
	if (!ret && applied.classes)
		policy_counts_follow();
	to_cut |= applied.tightened;
	if (!ret && to_cut)
		ret = policy_cut(e);
	to_cut &= ret != 0;
	return ret;
}

static int sync(struct changes *c, struct err *e)
{
	bool full = c->full, changed = full;
	int ret = 0;

	policy_events_note(c);
	policy_held_note(c);
	changed |= policy_plan_update(c);
	changed |= policy_plan_any() && policy_held_update();
	if (changed)
		ret = bring(full, e);
	if (!ret && policy_plan_cluster_changed())
		policy_status_write();
	return ret;
}

static int policy_sync(struct changes *c, struct err *e)
{
	uint64_t began = policy_metrics_now();
	int ret;

	if (!conf.policy.enabled)
		return c->full ? policy_apply_remove(e) : 0;
	ret = sync(c, e);
	policy_metrics.syncs++;
	policy_metrics.nanoseconds += policy_metrics_now() - began;
	if (ret)
		policy_metrics.failures++;
	else
		policy_metrics.last = (uint64_t)time(NULL);
	return ret;
}

static void on_foreign_change(const char *table)
{
	static struct log_rate rate;

	if (table && strcmp(table, POLICY_TABLE) != 0)
		return;
	if (table && log_may(&rate))
		log_warn("policy: table " POLICY_TABLE
		         " was changed by somebody else; putting it right");
	module_resync(&policy_module);
}

static int policy_init(struct err *e)
{
	if (!conf.policy.enabled)
		return 0;
	policy_log_begin();
	policy_plan_number_above(policy_mirror_has_low());
	return nft_watch(POLICY_TABLE, on_foreign_change, e);
}

static void write_metrics(struct buf *out)
{
	if (conf.policy.enabled)
		policy_metrics_write(out);
}

static void policy_exit(bool remove)
{
	struct err e;

	if (remove && policy_apply_remove(&e))
		log_warn("policy: %s", e.text);
	policy_log_end();
	policy_events_forget();
	policy_counts_forget();
	policy_apply_forget();
	policy_plan_forget();
}

const struct module policy_module = {
	.name = "policy",
	.watches = POLICY_WATCHES | KIND_BIT(KIND_GATEWAY),
	.shields = true,
	.init = policy_init,
	.sync = policy_sync,
	.metrics = write_metrics,
	.exit = policy_exit,
};
