/* dns_programmed.c - see dns_programmed.h. The buckets are CoreDNS'. */
#include <time.h>

#include "dns_programmed.h"

#define BOUNDS 20
#define FIRST_NS 1000000u /* the first bound; each one is twice the one before */

static struct {
	uint64_t n[BOUNDS + 1], sum; /* ns */
} seen[DNS_PROGRAMMED_KINDS];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void dns_programmed(const unsigned n[static DNS_PROGRAMMED_KINDS], uint64_t since)
{
	uint64_t took = now_ns() - since, bound = FIRST_NS;
	unsigned i = 0;

	for (; i < BOUNDS && took > bound; i++)
		bound *= 2;
	for (unsigned kind = 0; kind < DNS_PROGRAMMED_KINDS; kind++) {
		seen[kind].n[i] += n[kind];
		seen[kind].sum += n[kind] * took;
	}
}

void dns_programmed_metrics(struct buf *out)
{
	static const char name[] = "coredns_kubernetes_dns_programming_duration_seconds";
	static const char *const kinds[] = {
		[DNS_CLUSTER_IP] = "cluster_ip",
		[DNS_HEADLESS] = "headless_with_selector",
		[DNS_HEADLESS_BY_HAND] = "headless_without_selector",
	};

	buf_printf(out,
	           "# HELP %s Histogram of the time (in seconds) it took to program a dns "
	           "instance.\n# TYPE %s histogram\n",
	           name, name);
	for (unsigned kind = 0; kind < DNS_PROGRAMMED_KINDS; kind++) {
		uint64_t sum = 0;

		for (unsigned i = 0; i < BOUNDS; i++) {
			sum += seen[kind].n[i];
			buf_printf(out, "%s_bucket{service_kind=\"%s\",le=\"%g\"} %llu\n", name,
			           kinds[kind], FIRST_NS * 1e-9 * (double)(1u << i),
			           (unsigned long long)sum);
		}
		sum += seen[kind].n[BOUNDS];
		buf_printf(out,
		           "%s_bucket{service_kind=\"%s\",le=\"+Inf\"} %llu\n"
		           "%s_sum{service_kind=\"%s\"} %.9g\n%s_count{service_kind=\"%s\"} %llu\n",
		           name, kinds[kind], (unsigned long long)sum, name, kinds[kind],
		           (double)seen[kind].sum * 1e-9, name, kinds[kind],
		           (unsigned long long)sum);
	}
}
