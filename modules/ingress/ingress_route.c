/* ingress_route.c - see ingress_snapshot.h. Pure. */
#include <string.h>
#include <strings.h>

#include "ingress_snapshot.h"

static bool fits(size_t n, uint32_t at, uint32_t count, size_t size)
{
	return at % 4 == 0 && at <= n && count <= (n - at) / size;
}

static bool text_fits(const struct route_header *h, uint32_t at, uint32_t n)
{
	return at <= h->text_n && n <= h->text_n - at;
}

static bool rows_good(const struct route_table *t)
{
	const struct route_header *h = t->header;

	for (uint32_t i = 0; i < h->n_hosts; i++) {
		const struct route_host *x = &t->hosts[i];

		if (!text_fits(h, x->name, x->name_n) || x->first_rule > h->n_rules ||
		    x->n_rules > h->n_rules - x->first_rule)
			return false;
	}
	for (uint32_t i = 0; i < h->n_rules; i++)
		if (!text_fits(h, t->rules[i].path, t->rules[i].path_n) ||
		    t->rules[i].backend >= h->n_backends)
			return false;
	for (uint32_t i = 0; i < h->n_backends; i++)
		if (t->backends[i].first > h->n_endpoints ||
		    t->backends[i].n > h->n_endpoints - t->backends[i].first)
			return false;
	for (uint32_t i = 0; i < h->n_endpoints; i++)
		if (t->endpoints[i].ip.len != 4 && t->endpoints[i].ip.len != 16)
			return false;
	return h->default_backend == ROUTE_NO_BACKEND || h->default_backend < h->n_backends;
}

bool route_table_open(struct route_table *t, const void *data, size_t n)
{
	const struct route_header *h = data;
	const char *p = data;

	*t = (struct route_table){ 0 };
	if (n < sizeof(*h) || h->magic != ROUTE_MAGIC ||
	    !fits(n, h->hosts, h->n_hosts, sizeof(*t->hosts)) ||
	    !fits(n, h->rules, h->n_rules, sizeof(*t->rules)) ||
	    !fits(n, h->backends, h->n_backends, sizeof(*t->backends)) ||
	    !fits(n, h->endpoints, h->n_endpoints, sizeof(*t->endpoints)) || h->text > n ||
	    h->text_n > n - h->text)
		return false;
	*t = (struct route_table){
		.header = h,
		.hosts = (const void *)(p + h->hosts),
		.rules = (const void *)(p + h->rules),
		.backends = (const void *)(p + h->backends),
		.endpoints = (const void *)(p + h->endpoints),
		.text = p + h->text,
	};
	if (rows_good(t))
		return true;
	*t = (struct route_table){ 0 };
	return false;
}

static int compare(struct span a, const char *p, size_t n)
{
	int d = memcmp(a.p, p, a.n < n ? a.n : n);

	return d ? d : a.n < n ? -1 : a.n > n;
}

static const struct route_host *find_host(const struct route_table *t, struct span name)
{
	uint32_t lo = 0, hi = t->header->n_hosts;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct route_host *h = &t->hosts[mid];
		int d = compare(name, t->text + h->name, h->name_n);

		if (!d)
			return h;
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static bool rule_matches(const struct route_table *t, const struct route_rule *r, struct span path)
{
	const char *p = t->text + r->path;

	if (path.n < r->path_n || memcmp(path.p, p, r->path_n) != 0)
		return false;
	return r->exact ? path.n == r->path_n : path.n == r->path_n || path.p[r->path_n] == '/';
}

static bool find_rule(const struct route_table *t, const struct route_host *h, struct span path,
                      uint32_t *backend)
{
	for (uint32_t i = 0; h && i < h->n_rules; i++) {
		const struct route_rule *r = &t->rules[h->first_rule + i];

		if (rule_matches(t, r, path)) {
			*backend = r->backend;
			return true;
		}
	}
	return false;
}

/* "*.x" for "a.x": the wildcard stands for exactly one label. */
static const struct route_host *find_wildcard(const struct route_table *t, struct span host)
{
	const char *dot = memchr(host.p, '.', host.n);
	char name[256] = "*";
	size_t n = dot ? host.n - (dot - host.p) : 0;

	if (!dot || dot == host.p || n + 1 > sizeof(name))
		return NULL;
	memcpy(name + 1, dot, n);
	return find_host(t, (struct span){ name, n + 1 });
}

enum route_result route_find(const struct route_table *t, struct span host, struct span path,
                             uint32_t *backend)
{
	if (!t->header)
		return ROUTE_NONE;
	if (find_rule(t, find_host(t, host), path, backend) ||
	    find_rule(t, find_wildcard(t, host), path, backend) ||
	    (host.n && find_rule(t, find_host(t, (struct span){ "", 0 }), path, backend)))
		return ROUTE_FOUND;
	*backend = t->header->default_backend;
	return *backend == ROUTE_NO_BACKEND ? ROUTE_NONE : ROUTE_FOUND;
}

static bool dot_segment(const char *p, size_t n)
{
	return (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
}

/* "%2f" and "%5c": a separator for one server, a character for another. */
static bool hides_separator(struct span raw)
{
	for (size_t i = 0; i + 2 < raw.n; i++)
		if (raw.p[i] == '%' &&
		    (!strncasecmp(raw.p + i + 1, "2f", 2) || !strncasecmp(raw.p + i + 1, "5c", 2)))
			return true;
	return false;
}

bool route_path(struct span raw, char *out, size_t size, size_t *n)
{
	size_t start = 1;

	if (hides_separator(raw) || !http_decode(raw.p, raw.n, false, out, size) || out[0] != '/')
		return false;
	*n = strlen(out);
	for (size_t i = 1; i <= *n; i++) {
		if (i < *n && out[i] != '/')
			continue;
		if (dot_segment(out + start, i - start) || (i == start && i < *n))
			return false;
		start = i + 1;
	}
	return true;
}
