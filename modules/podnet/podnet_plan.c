/* podnet_plan.c - see podnet_plan.h */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "podnet_plan.h"

/* ---- names ---------------------------------------------------------------------------------- */

void plan_link_name(char out[static 16], const char *container, const char *ifname, unsigned salt)
{
	char key[CNI_CONTAINER_MAX + 17];
	uint64_t hash;

	attachment_key(key, container, ifname);
	hash = hash_bytes(key, strlen(key), salt);
	snprintf(out, 16, LINK_PREFIX "%011llx", (unsigned long long)(hash >> 20));
}

#define ALIAS_PREFIX "knetd "

void plan_link_alias(char out[static LINK_ALIAS_SIZE], const char *container, const char *ifname)
{
	snprintf(out, LINK_ALIAS_SIZE, ALIAS_PREFIX "%s %s", container, ifname);
}

bool plan_link_is_ours(const struct rt_link *l)
{
	return !strncmp(l->name, LINK_PREFIX, strlen(LINK_PREFIX)) &&
	       !strncmp(l->alias, ALIAS_PREFIX, strlen(ALIAS_PREFIX));
}

void plan_object_name(char out[static 254], const char *pod_name, const char *container,
                      const char *link)
{
	int n = *pod_name ? snprintf(out, 254, "%.200s", pod_name)
	                  : snprintf(out, 254, "%.12s", container);

	for (int i = 0; i < n; i++) {
		char c = tolower((unsigned char)out[i]);

		out[i] = islower((unsigned char)c) || isdigit((unsigned char)c) ||
		                         (c == '.' && *pod_name)
		                 ? c
		                 : '-';
	}
	while (n > 0 && (out[n - 1] == '.' || out[n - 1] == '-'))
		n--;
	snprintf(out + n, 254 - n, "-%s", link + strlen(LINK_PREFIX));
}

/* ---- labels --------------------------------------------------------------------------------- */

/* Letters, digits, '-', '_', '.'; a letter or digit at both ends (validation.IsQualifiedName). */
static bool is_label_text(const char *s, size_t n, size_t max)
{
	if (n > max || (n && (!isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

static bool is_label_key(const char *s, size_t n)
{
	const char *slash = memchr(s, '/', n);
	size_t prefix = slash ? (size_t)(slash - s) : 0;

	if (slash && (prefix == 0 || !is_label_text(s, prefix, 253)))
		return false;
	if (slash) {
		s += prefix + 1;
		n -= prefix + 1;
	}
	return n > 0 && is_label_text(s, n, 63);
}

int plan_label_next(const char **at, struct arena *a, const char **key, const char **value)
{
	const char *s = *at + strspn(*at, ", \t\n"), *end = s + strcspn(s, ",");
	const char *eq = memchr(s, '=', end - s);

	*at = end;
	if (s == end)
		return 0;
	while (end > s && isspace((unsigned char)end[-1]))
		end--;
	if (!eq || !is_label_key(s, eq - s) || !is_label_text(eq + 1, end - eq - 1, 63))
		return -1;
	*key = arena_strndup(a, s, eq - s);
	*value = arena_strndup(a, eq + 1, end - eq - 1);
	return 1;
}

/* ---- what the kernel has -------------------------------------------------------------------- */

/* Room for one more of these; the arrays double. */
static void *grow(void *list, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return list;
	*cap = *cap ? *cap * 2 : 64;
	return xrealloc(list, *cap * size);
}

void plan_saw_link(const struct rt_link *l, void *seen)
{
	struct plan_seen *s = seen;

	s->links = grow(s->links, s->n_links, &s->links_cap, sizeof(*l));
	s->links[s->n_links++] = *l;
}

void plan_saw_addr(const struct rt_addr *a, void *seen)
{
	struct plan_seen *s = seen;

	s->addrs = grow(s->addrs, s->n_addrs, &s->addrs_cap, sizeof(*a));
	s->addrs[s->n_addrs++] = *a;
}

/* Only host routes on links matter here; the rest of the table (a full feed perhaps) is let go. */
void plan_saw_route(const struct rt_route *r, void *seen)
{
	struct plan_seen *s = seen;

	if (r->local || r->via.len || r->dst.bits != r->dst.ip.len * 8)
		return;
	s->routes = grow(s->routes, s->n_routes, &s->routes_cap, sizeof(*r));
	s->routes[s->n_routes++] = *r;
}

void plan_saw_bucket(unsigned ifindex, const struct rt_tbf *t, void *seen)
{
	struct plan_seen *s = seen;

	s->buckets = grow(s->buckets, s->n_buckets, &s->buckets_cap, sizeof(*s->buckets));
	s->buckets[s->n_buckets++] = (struct plan_bucket){ .ifindex = ifindex, .tbf = *t };
}

static int link_order(const void *a, const void *b)
{
	return strcmp(((const struct rt_link *)a)->name, ((const struct rt_link *)b)->name);
}

static int addr_order(const void *a, const void *b)
{
	const struct rt_addr *x = a, *y = b;

	return x->ifindex != y->ifindex ? (x->ifindex < y->ifindex ? -1 : 1)
	                                : ip_order(&x->ip, &y->ip);
}

static int route_order(const void *a, const void *b)
{
	const struct rt_route *x = a, *y = b;

	return x->ifindex != y->ifindex ? (x->ifindex < y->ifindex ? -1 : 1)
	                                : ip_order(&x->dst.ip, &y->dst.ip);
}

static int bucket_order(const void *a, const void *b)
{
	const struct plan_bucket *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

void plan_sort(struct plan_seen *s)
{
	if (s->n_links)
		qsort(s->links, s->n_links, sizeof(*s->links), link_order);
	if (s->n_addrs)
		qsort(s->addrs, s->n_addrs, sizeof(*s->addrs), addr_order);
	if (s->n_routes)
		qsort(s->routes, s->n_routes, sizeof(*s->routes), route_order);
	if (s->n_buckets)
		qsort(s->buckets, s->n_buckets, sizeof(*s->buckets), bucket_order);
}

void plan_seen_free(struct plan_seen *s)
{
	free(s->links);
	free(s->addrs);
	free(s->routes);
	free(s->buckets);
	*s = (struct plan_seen){ 0 };
}

const struct rt_link *plan_link(const struct plan_seen *s, const char *name)
{
	struct rt_link key = { 0 };

	snprintf(key.name, sizeof(key.name), "%s", name);
	return s->n_links ? bsearch(&key, s->links, s->n_links, sizeof(key), link_order) : NULL;
}

bool plan_has_addr(const struct plan_seen *s, unsigned ifindex, const struct ip *ip)
{
	struct rt_addr key = { .ifindex = ifindex, .ip = *ip };

	return s->n_addrs && bsearch(&key, s->addrs, s->n_addrs, sizeof(key), addr_order);
}

bool plan_has_host_route(const struct plan_seen *s, unsigned ifindex, const struct ip *ip)
{
	struct rt_route key = { .ifindex = ifindex, .dst = { .ip = *ip } };

	return s->n_routes && bsearch(&key, s->routes, s->n_routes, sizeof(key), route_order);
}

const struct rt_tbf *plan_bucket(const struct plan_seen *s, unsigned ifindex)
{
	struct plan_bucket key = { .ifindex = ifindex }, *found = NULL;

	if (s->n_buckets)
		found = bsearch(&key, s->buckets, s->n_buckets, sizeof(key), bucket_order);
	return found ? &found->tbf : NULL;
}

unsigned plan_routed_ips(const struct plan_seen *s, unsigned ifindex, struct ip *out, unsigned max)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n_routes && n < max; i++)
		if (s->routes[i].ifindex == ifindex)
			out[n++] = s->routes[i].dst.ip;
	return n;
}
