/* dns_metrics.c - the workers' counters under the names that CoreDNS gives them, for /metrics. */
#include <knetd/auto.h>

#include "dns_metrics.h"
#include "dns_worker.h"

static const struct {
	unsigned counter;
	const char *name, *labels, *help; /* help: of the first of a name */
} series[] = {
	{ DNS_COUNT_UDP, "coredns_dns_requests_total", "proto=\"udp\"", "DNS requests." },
	{ DNS_COUNT_TCP, "coredns_dns_requests_total", "proto=\"tcp\"", NULL },
	{ DNS_COUNT_RCODE + DNS_NOERROR, "coredns_dns_responses_total", "rcode=\"NOERROR\"",
	  "DNS responses." },
	{ DNS_COUNT_RCODE + DNS_FORMERR, "coredns_dns_responses_total", "rcode=\"FORMERR\"", NULL },
	{ DNS_COUNT_RCODE + DNS_SERVFAIL, "coredns_dns_responses_total", "rcode=\"SERVFAIL\"",
	  NULL },
	{ DNS_COUNT_RCODE + DNS_NXDOMAIN, "coredns_dns_responses_total", "rcode=\"NXDOMAIN\"",
	  NULL },
	{ DNS_COUNT_RCODE + DNS_NOTIMP, "coredns_dns_responses_total", "rcode=\"NOTIMP\"", NULL },
	{ DNS_COUNT_RCODE + DNS_REFUSED, "coredns_dns_responses_total", "rcode=\"REFUSED\"", NULL },
	{ DNS_COUNT_RCODE + DNS_REFUSED + 1, "coredns_dns_responses_total", "rcode=\"other\"",
	  NULL },
	{ DNS_COUNT_CACHE_HIT, "coredns_cache_hits_total", "", "Answers from the cache." },
	{ DNS_COUNT_CACHE_MISS, "coredns_cache_misses_total", "",
	  "Questions that were not in the cache." },
	{ DNS_COUNT_CACHE_STALE, "coredns_cache_served_stale_total", "",
	  "Expired answers given, no upstream answering." },
	{ DNS_COUNT_FORWARD, "coredns_forward_requests_total", "", "Questions sent to upstreams." },
	{ DNS_COUNT_FORWARD_FAILED, "knetd_dns_forward_failures_total", "",
	  "Questions no upstream answered." },
	{ DNS_COUNT_DROPPED, "knetd_dns_dropped_total", "", "Messages that were no queries." },
	{ DNS_COUNT_TCP_REFUSED, "knetd_dns_tcp_evicted_total", "",
	  "Connections closed to make room for others." },
};

static void upstream_metrics(const struct dns_groups *upstreams, struct buf *out)
{
	char text[UPSTREAM_TEXT], domain[DNS_NAME_MAX + 1];

	buf_str(out, "# HELP knetd_dns_upstream_info Where names outside the cluster are asked.\n"
	             "# TYPE knetd_dns_upstream_info gauge\n");
	for (unsigned i = 0; i < upstreams->n; i++) {
		const struct dns_group *group = &upstreams->group[i];

		dns_name_to_text(domain, group->suffix, group->suffix_len);
		for (unsigned k = group->first; k < group->first + group->n; k++)
			buf_printf(out, "knetd_dns_upstream_info{domain=\"%s\",address=\"%s\"} 1\n",
			           domain, upstream_text(&upstreams->upstream[k], text));
	}
}

void dns_metrics(const struct worker_pool *pool, const struct dns_groups *upstreams,
                 struct buf *out)
{
	for (unsigned i = 0; i < ARRAY_LEN(series); i++) {
		bool labels = *series[i].labels;

		if (series[i].help)
			buf_printf(out, "# HELP %s %s\n# TYPE %s counter\n", series[i].name,
			           series[i].help, series[i].name);
		buf_printf(out, "%s%s%s%s %llu\n", series[i].name, labels ? "{" : "",
		           series[i].labels, labels ? "}" : "",
		           (unsigned long long)worker_pool_counter(pool, series[i].counter));
	}
	buf_printf(
		out,
		"# HELP knetd_dns_workers DNS worker processes.\n# TYPE knetd_dns_workers gauge\n"
		"knetd_dns_workers %u\n",
		worker_pool_alive(pool));
	upstream_metrics(upstreams, out);
}
