/* podnet_metrics.c - see podnet_metrics.h. The number of series is bounded: by verbs, the
 * specification's codes, and the ranges of the configuration. */
#include <time.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "podnet.h"
#include "podnet_metrics.h"

static const char *const verb_names[CNI_VERBS] = {
	[CNI_ADD] = "add", [CNI_DEL] = "del",       [CNI_CHECK] = "check",
	[CNI_GC] = "gc",   [CNI_STATUS] = "status",
};

static const uint32_t bounds_us[] = { 500,   1000,   2500,   5000,   10000,  25000,
	                              50000, 100000, 250000, 500000, 1000000 };
enum { BOUNDS = ARRAY_LEN(bounds_us) };
#define CODES (CNI_CHECK_FAILED + 1)

static struct {
	uint64_t calls, us;
	uint64_t within[BOUNDS]; /* each counts what no smaller one has */
	uint64_t failed[CODES];
} verbs[CNI_VERBS];
static uint64_t gc_removed;

/* Calls whose writes go to the disk at the end of the turn: a call's time ends there. One too many
 * for the table ends early. */
static struct {
	enum cni_verb verb;
	uint64_t began;
} waiting[64];
static unsigned n_waiting;

uint64_t metrics_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void observe(enum cni_verb verb, uint64_t us)
{
	unsigned i = 0;

	while (i < BOUNDS && us > bounds_us[i])
		i++;
	if (i < BOUNDS)
		verbs[verb].within[i]++;
	verbs[verb].calls++;
	verbs[verb].us += us;
}

void metrics_called(enum cni_verb verb, enum cni_code code, uint64_t began)
{
	if (code)
		verbs[verb].failed[code < CODES ? code : CODES - 1]++;
	if (!store_pending() || n_waiting == ARRAY_LEN(waiting)) {
		observe(verb, metrics_now() - began);
		return;
	}
	waiting[n_waiting].verb = verb;
	waiting[n_waiting++].began = began;
}

void metrics_settled(void)
{
	uint64_t now = n_waiting ? metrics_now() : 0;

	while (n_waiting) {
		n_waiting--;
		observe(waiting[n_waiting].verb, now - waiting[n_waiting].began);
	}
}

void metrics_removed(unsigned count)
{
	gc_removed += count;
}

/* ---- the text ------------------------------------------------------------------------------- */

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_calls(struct buf *out)
{
	put_head(out, "knetd_cni_calls_total", "counter", "CNI calls that were answered.");
	for (unsigned i = 0; i < CNI_VERBS; i++)
		buf_printf(out, "knetd_cni_calls_total{verb=\"%s\"} %llu\n", verb_names[i],
		           (unsigned long long)verbs[i].calls);
	put_head(out, "knetd_cni_errors_total", "counter", "Of these, failures by CNI error code.");
	for (unsigned i = 0; i < CNI_VERBS; i++)
		for (unsigned code = 0; code < CODES; code++)
			if (verbs[i].failed[code])
				buf_printf(out,
				           "knetd_cni_errors_total{verb=\"%s\",code=\"%u\"} %llu\n",
				           verb_names[i], code,
				           (unsigned long long)verbs[i].failed[code]);
}

static void put_durations(struct buf *out)
{
	static const char name[] = "knetd_cni_duration_seconds";

	put_head(out, name, "histogram", "From a call's arrival until its changes are durable.");
	for (unsigned i = 0; i < CNI_VERBS; i++) {
		uint64_t sum = 0;

		for (unsigned k = 0; k < BOUNDS; k++)
			buf_printf(out, "%s_bucket{verb=\"%s\",le=\"%g\"} %llu\n", name,
			           verb_names[i], bounds_us[k] / 1e6,
			           (unsigned long long)(sum += verbs[i].within[k]));
		buf_printf(out, "%s_bucket{verb=\"%s\",le=\"+Inf\"} %llu\n", name, verb_names[i],
		           (unsigned long long)verbs[i].calls);
		buf_printf(out, "%s_sum{verb=\"%s\"} %.6f\n", name, verb_names[i],
		           verbs[i].us / 1e6);
		buf_printf(out, "%s_count{verb=\"%s\"} %llu\n", name, verb_names[i],
		           (unsigned long long)verbs[i].calls);
	}
}

static void put_ranges(struct buf *out, const char *name, const char *help, bool used)
{
	char text[CIDR_TEXT];

	put_head(out, name, "gauge", help);
	for (unsigned i = 0; i < podnet.ipam.n; i++) {
		const struct ipam_range *r = &podnet.ipam.ranges[i];

		buf_printf(out, "%s{range=\"%s\",family=\"IPv%c\"} %llu\n", name,
		           cidr_text(&r->cidr, text), r->cidr.ip.len == 4 ? '4' : '6',
		           (unsigned long long)(used                 ? r->taken
		                                : r->room > r->taken ? r->room - r->taken
		                                                     : 0));
	}
}

void podnet_metrics(struct buf *out)
{
	put_calls(out);
	put_durations(out);
	put_head(out, "knetd_cni_gc_removed_total", "counter",
	         "Attachments that GC found left over.");
	buf_printf(out, "knetd_cni_gc_removed_total %llu\n", (unsigned long long)gc_removed);
	put_head(out, "knetd_podnet_attachments", "gauge", "Interfaces in pods.");
	buf_printf(out, "knetd_podnet_attachments %zu\n", attachments_count());
	put_ranges(out, "knetd_podnet_addresses_used",
	           "Pod addresses in use, those of links that are "
	           "being deleted included.",
	           true);
	put_ranges(out, "knetd_podnet_addresses_free", "Pod addresses that are left.", false);
}
