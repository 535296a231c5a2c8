/* dns_groups.c - see dns_groups.h */
#include <stdlib.h>
#include <string.h>

#include "dns_groups.h"

static void add_upstreams(struct dns_groups *out, struct dns_group *group,
                          const struct dns_upstream *list, unsigned n,
                          bool (*own)(const struct endpoint *ep))
{
	group->first = out->n_upstreams;
	for (unsigned i = 0; i < n && out->n_upstreams < DNS_UPSTREAMS; i++)
		if (!own(&list[i].at)) {
			out->upstream[out->n_upstreams++] = list[i];
			group->n++;
		}
}

static int longest_first(const void *a, const void *b)
{
	const struct dns_group *x = a, *y = b;

	return y->suffix_len - x->suffix_len;
}

void dns_groups_build(struct dns_groups *out, const struct dns_upstreams *list,
                      const struct stub_domains *stubs, enum conf_dns_policy policy,
                      bool (*own)(const struct endpoint *ep))
{
	memset(out, 0, sizeof(*out)); /* settings are compared as bytes */
	out->policy = (uint8_t)policy;
	out->n = 1;
	out->group[0].suffix_len = 1; /* the root */
	add_upstreams(out, &out->group[0], list->v, list->n, own);
	for (unsigned i = 0; i < stubs->n && out->n < DNS_GROUPS; i++) {
		const struct stub_domain *d = &stubs->v[i];
		struct dns_group *group = &out->group[out->n];

		group->suffix_len = (uint8_t)dns_name_from_text(group->suffix, d->domain);
		if (!group->suffix_len)
			continue;
		out->n++;
		add_upstreams(out, group, stubs->upstreams + d->first, d->n, own);
	}
	qsort(out->group + 1, out->n - 1u, sizeof(out->group[0]), longest_first);
}

static bool same_group(const struct dns_group *a, const struct dns_group *b)
{
	return a->first == b->first && a->n == b->n && a->suffix_len == b->suffix_len &&
	       !memcmp(a->suffix, b->suffix, a->suffix_len);
}

bool dns_groups_equal(const struct dns_groups *a, const struct dns_groups *b)
{
	if (a->n != b->n || a->n_upstreams != b->n_upstreams || a->policy != b->policy ||
	    memcmp(a->loop, b->loop, sizeof(a->loop)) != 0)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!same_group(&a->group[i], &b->group[i]))
			return false;
	for (unsigned i = 0; i < a->n_upstreams; i++)
		if (!upstream_equal(&a->upstream[i], &b->upstream[i]))
			return false;
	return true;
}

static int number_of(const struct dns_numbers *known, const struct dns_upstream *up)
{
	for (unsigned i = 0; i < known->n; i++)
		if (upstream_equal(&known->v[i], up))
			return (int)i;
	return -1;
}

static bool is_asked(const struct dns_groups *g, const struct dns_upstream *up)
{
	for (unsigned i = 0; i < g->n_upstreams; i++)
		if (upstream_equal(&g->upstream[i], up))
			return true;
	return false;
}

/* There is one: as many as upstreams. */
static unsigned free_number(const struct dns_groups *g, struct dns_numbers *known)
{
	unsigned i = 0;

	if (known->n < DNS_UPSTREAMS)
		return known->n++;
	while (i < DNS_UPSTREAMS - 1 && is_asked(g, &known->v[i]))
		i++;
	return i;
}

void dns_groups_number(struct dns_groups *g, struct dns_numbers *known)
{
	for (unsigned i = 0; i < g->n_upstreams; i++) {
		int number = number_of(known, &g->upstream[i]);

		if (number < 0) {
			number = (int)free_number(g, known);
			known->v[number] = g->upstream[i];
		}
		g->number[i] = (uint8_t)number;
	}
}

bool dns_groups_sound(const struct dns_groups *g)
{
	if (!g->n || g->n > DNS_GROUPS || g->n_upstreams > DNS_UPSTREAMS)
		return false;
	for (unsigned i = 0; i < g->n; i++)
		if (!g->group[i].suffix_len || g->group[i].first + g->group[i].n > g->n_upstreams)
			return false;
	for (unsigned i = 0; i < g->n_upstreams; i++)
		if (g->number[i] >= DNS_UPSTREAMS)
			return false;
	return true;
}

const struct dns_group *dns_groups_find(const struct dns_groups *g, const uint8_t *name, size_t len)
{
	for (unsigned i = 1; i < g->n; i++) {
		const struct dns_group *group = &g->group[i];

		if (dns_name_under(name, len, group->suffix, group->suffix_len))
			return group;
	}
	return &g->group[0];
}
