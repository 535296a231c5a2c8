/* dns_metrics.c - the workers' counters under the names and labels that CoreDNS gives them, so that
 * its dashboards and alerts go on working.
 *
 * There is one server and one plugin chain: server, zone and view are what CoreDNS says of the
 * Corefile that Kubernetes installers write (".:53 { ... }"). Series whose labels come from what
 * clients send appear with their first count, as they do there; there are never more than the page
 * has words. */
#include <knetd/auto.h>

#include "dns_count.h"
#include "dns_metrics.h"

#define SERVER "server=\"dns://:53\",zone=\".\",view=\"\""
#define CACHE "server=\"dns://:53\",zones=\".\",view=\"\""
#define GOOD "server=\"dns://:53\",type=\"success\",zones=\".\",view=\"\""
#define DENIALS "server=\"dns://:53\",type=\"denial\",zones=\".\",view=\"\""

static const char *const plugin[DNS_SOURCES] = {
	[DNS_BY_ZONE] = "kubernetes", [DNS_BY_CACHE] = "cache", [DNS_BY_FORWARD] = "forward",
	[DNS_BY_HOSTS] = "hosts",     [DNS_BY_FILE] = "file",   [DNS_BY_AUTOPATH] = "autopath",
};

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t count(const struct worker_pool *pool, unsigned counter)
{
	return worker_pool_counter(pool, counter);
}

/* ---- requests and responses --------------------------------------------------------------------
 */

static void requests(const struct worker_pool *pool, struct buf *out)
{
	head(out, "coredns_dns_requests_total", "counter",
	     "Counter of DNS requests made per zone, protocol and family.");
	for (unsigned i = 0; i < 4 * DNS_COUNT_TYPES; i++) {
		unsigned type = i % DNS_COUNT_TYPES, way = i / DNS_COUNT_TYPES;
		uint64_t n = count(pool, DNS_COUNT_REQUESTS + i);

		if (n)
			buf_printf(out,
			           "coredns_dns_requests_total{" SERVER
			           ",proto=\"%s\",family=\"%u\",type=\"%s\"} %llu\n",
			           way & 2 ? "tcp" : "udp", 1 + (way & 1),
			           type < DNS_TYPES_COUNTED ? dns_type_names[type].name : "other",
			           (unsigned long long)n);
	}
}

static const char *rcode_name(unsigned index)
{
	return index <= DNS_REFUSED       ? dns_rcode_text(index)
	       : index == DNS_REFUSED + 1 ? "BADVERS"
	                                  : "other";
}

static void responses(const struct worker_pool *pool, struct buf *out)
{
	head(out, "coredns_dns_responses_total", "counter", "Counter of response status codes.");
	for (unsigned i = 0; i < DNS_SOURCES * DNS_COUNT_RCODES; i++) {
		uint64_t n = count(pool, DNS_COUNT_RESPONSES + i);

		if (n)
			buf_printf(out,
			           "coredns_dns_responses_total{" SERVER
			           ",rcode=\"%s\",plugin=\"%s\"} %llu\n",
			           rcode_name(i % DNS_COUNT_RCODES), plugin[i / DNS_COUNT_RCODES],
			           (unsigned long long)n);
	}
}

/* ---- histograms --------------------------------------------------------------------------------
 */

struct histogram {
	const char *name, *labels;
	unsigned base, n; /* the first word; bounds */
	double unit;      /* of the sum's */
	double (*bound)(unsigned i);
};

static double time_bound(unsigned i)
{
	return DNS_TIME_FIRST * 1e-9 * (double)(1u << i);
}

static double size_bound(unsigned i)
{
	return dns_size_bounds[i];
}

static void histogram(const struct worker_pool *pool, const struct histogram *h, struct buf *out)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < h->n; i++) {
		sum += count(pool, h->base + i);
		buf_printf(out, "%s_bucket{%s,le=\"%g\"} %llu\n", h->name, h->labels, h->bound(i),
		           (unsigned long long)sum);
	}
	sum += count(pool, h->base + h->n);
	buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.9g\n%s_count{%s} %llu\n",
	           h->name, h->labels, (unsigned long long)sum, h->name, h->labels,
	           (double)count(pool, h->base + h->n + 1) * h->unit, h->name, h->labels,
	           (unsigned long long)sum);
}

static void durations(const struct worker_pool *pool, struct buf *out)
{
	static const struct histogram h = { .name = "coredns_dns_request_duration_seconds",
		                            .labels = SERVER,
		                            .base = DNS_COUNT_DURATION,
		                            .n = DNS_TIME_BOUNDS,
		                            .unit = 1e-9,
		                            .bound = time_bound };

	head(out, h.name, "histogram",
	     "Histogram of the time (in seconds) each request took per zone.");
	histogram(pool, &h, out);
}

static void sizes(const struct worker_pool *pool, const char *name, const char *help, unsigned base,
                  struct buf *out)
{
	struct histogram h = {
		.name = name, .n = DNS_SIZE_BOUNDS, .unit = 1, .bound = size_bound, .base = base
	};

	head(out, name, "histogram", help);
	h.labels = SERVER ",proto=\"udp\"";
	histogram(pool, &h, out);
	h.labels = SERVER ",proto=\"tcp\"";
	h.base += DNS_SIZE_BOUNDS + 2;
	histogram(pool, &h, out);
}

/* ---- plain counters ----------------------------------------------------------------------------
 */

static const struct {
	unsigned counter;
	const char *name, *labels, *help; /* help NULL: a further series of the name before */
} series[] = {
	{ DNS_COUNT_DO, "coredns_dns_do_requests_total", SERVER,
	  "Counter of DNS requests with DO bit set per zone." },
	{ DNS_COUNT_CACHE_HIT, "coredns_cache_hits_total", GOOD, "The count of cache hits." },
	{ DNS_COUNT_CACHE_HIT_DENIAL, "coredns_cache_hits_total", DENIALS, NULL },
	{ DNS_COUNT_CACHE_MISS, "coredns_cache_misses_total", CACHE, "The count of cache misses." },
	{ DNS_COUNT_CACHE_STALE, "coredns_cache_served_stale_total", CACHE,
	  "Expired answers given, no upstream answering." },
	{ DNS_COUNT_CACHE_PREFETCH, "coredns_cache_prefetch_total", CACHE,
	  "Answers asked for again before they expired." },
	{ DNS_COUNT_CACHE_EVICTED, "coredns_cache_evictions_total", GOOD,
	  "Entries that made room before they expired." },
	{ DNS_COUNT_CACHE_EVICTED_DENIALS, "coredns_cache_evictions_total", DENIALS, NULL },
	{ DNS_COUNT_FORWARD_FAILED, "knetd_dns_forward_failures_total", "",
	  "Questions no upstream answered." },
	{ DNS_COUNT_FORWARD_REFUSED, "coredns_forward_max_concurrent_rejects_total", "",
	  "Questions not sent: no upstream answers, or a share of the room is used up." },
	{ DNS_COUNT_ALL_BROKEN, "coredns_forward_healthcheck_broken_total", "",
	  "Questions whose upstreams are all known not to answer." },
	{ DNS_COUNT_PROBE_FAILED, "coredns_proxy_healthcheck_failures_total", "",
	  "Probes that an upstream did not answer." },
	{ DNS_COUNT_DROPPED, "knetd_dns_dropped_total", "", "Messages that were no queries." },
	{ DNS_COUNT_LIMITED, "knetd_dns_rate_limited_total", "",
	  "Queries beyond the rate_limit of their network." },
	{ DNS_COUNT_PROHIBITED, "knetd_dns_prohibited_total", "",
	  "Queries and connections of clients that are not in allow." },
	{ DNS_COUNT_TCP_REFUSED, "knetd_dns_tcp_evicted_total", "",
	  "Connections closed to make room for others." },
};

static void counters(const struct worker_pool *pool, struct buf *out)
{
	for (unsigned i = 0; i < ARRAY_LEN(series); i++) {
		bool labels = *series[i].labels;

		if (series[i].help)
			head(out, series[i].name, "counter", series[i].help);
		buf_printf(out, "%s%s%s%s %llu\n", series[i].name, labels ? "{" : "",
		           series[i].labels, labels ? "}" : "",
		           (unsigned long long)count(pool, series[i].counter));
	}
}

/* The place of the first upstream with a number; -1: none is asked that has it. */
static int place_of(const struct dns_groups *upstreams, unsigned number)
{
	for (unsigned i = 0; i < upstreams->n_upstreams; i++)
		if (upstreams->number[i] == number)
			return (int)i;
	return -1;
}

/* One series for each that is asked by now; labels ends where the upstream stands. */
static void each_upstream(const struct worker_pool *pool, const struct dns_groups *upstreams,
                          const char *series, const char *labels, enum dns_upstream_counter c,
                          struct buf *out)
{
	char text[UPSTREAM_TEXT];

	for (unsigned number = 0; number < DNS_UPSTREAMS; number++) {
		int place = place_of(upstreams, number);
		unsigned word = dns_upstream_counter(number, c);
		uint64_t n;

		if (place < 0)
			continue;
		upstream_text(&upstreams->upstream[place], text);
		n = c == DNS_UPSTREAM_BROKEN ? worker_pool_gauge(pool, word) : count(pool, word);
		buf_printf(out, "%s{%sto=\"%s\"} ", series, labels, text);
		if (c == DNS_UPSTREAM_TOOK)
			buf_printf(out, "%llu.%03u\n", (unsigned long long)(n / 1000),
			           (unsigned)(n % 1000));
		else
			buf_printf(out, "%llu\n", (unsigned long long)n);
	}
}

/* CoreDNS has buckets for the duration, and rcodes: its sum and count do for an average. */
static void upstream_counters(const struct worker_pool *pool, const struct dns_groups *upstreams,
                              struct buf *out)
{
	static const char proxy[] = "proxy_name=\"forward\",";
	static const char took[] = "coredns_proxy_request_duration_seconds";

	head(out, "coredns_forward_requests_total", "counter", "Questions sent to each upstream.");
	each_upstream(pool, upstreams, "coredns_forward_requests_total", "", DNS_UPSTREAM_ASKED,
	              out);
	head(out, took, "summary", "Time each upstream took.");
	each_upstream(pool, upstreams, "coredns_proxy_request_duration_seconds_sum", proxy,
	              DNS_UPSTREAM_TOOK, out);
	each_upstream(pool, upstreams, "coredns_proxy_request_duration_seconds_count", proxy,
	              DNS_UPSTREAM_ANSWERED, out);
	head(out, "knetd_dns_upstream_broken", "gauge",
	     "Workers that leave an upstream alone until it answers.");
	each_upstream(pool, upstreams, "knetd_dns_upstream_broken", "", DNS_UPSTREAM_BROKEN, out);
}

static void upstream_metrics(const struct dns_groups *upstreams, struct buf *out)
{
	char text[UPSTREAM_TEXT], domain[DNS_NAME_MAX + 1];

	head(out, "knetd_dns_upstream_info", "gauge", "Where names outside the cluster are asked.");
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
	requests(pool, out);
	responses(pool, out);
	durations(pool, out);
	sizes(pool, "coredns_dns_request_size_bytes", "Size of the request in bytes.",
	      DNS_COUNT_REQUEST_SIZE, out);
	sizes(pool, "coredns_dns_response_size_bytes", "Size of the returned response in bytes.",
	      DNS_COUNT_RESPONSE_SIZE, out);
	counters(pool, out);
	head(out, "coredns_cache_entries", "gauge", "The number of elements in the cache.");
	buf_printf(out, "coredns_cache_entries{" GOOD "} %llu\n",
	           (unsigned long long)worker_pool_gauge(pool, DNS_COUNT_CACHE_GOOD));
	buf_printf(out, "coredns_cache_entries{" DENIALS "} %llu\n",
	           (unsigned long long)worker_pool_gauge(pool, DNS_COUNT_CACHE_DENIALS));
	head(out, "coredns_panics_total", "counter", "Worker processes that died.");
	buf_printf(out, "coredns_panics_total %llu\n",
	           (unsigned long long)worker_pool_deaths(pool));
	head(out, "coredns_build_info", "gauge", "Who answers to CoreDNS' names.");
	buf_str(out, "coredns_build_info{version=\"knetd-" KNETD_VERSION
	             "\",revision=\"\",goversion=\"\"} 1\n");
	head(out, "knetd_dns_workers", "gauge", "DNS worker processes.");
	buf_printf(out, "knetd_dns_workers %u\n", worker_pool_alive(pool));
	head(out, "knetd_dns_receive_dropped_total", "counter",
	     "Datagrams that found the sockets' buffers full.");
	buf_printf(out, "knetd_dns_receive_dropped_total %llu\n",
	           (unsigned long long)worker_pool_dropped(pool));
	upstream_metrics(upstreams, out);
	upstream_counters(pool, upstreams, out);
}
