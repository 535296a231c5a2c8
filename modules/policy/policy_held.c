/* policy_held.c - see policy_held.h
 *
 * Gateways say in their status where they are. What of it the node has anyway is the node's own; an
 * address that is there because a Gateway asked for it is marked (rt_addr_serve). */
#include <string.h>

#include <knetd/log.h>
#include <knetd/object.h>
#include <knetd/store.h>

#include "policy_held.h"

static struct ip held[POLICY_HELD_MAX];
static unsigned n_held;
static bool stale = true; /* a Gateway has changed since */

static void add(struct ip *list, unsigned *n, yyjson_val *address)
{
	const char *type = json_str(address, "type"), *value = json_str(address, "value");
	struct ip ip;

	if (*n < POLICY_HELD_MAX && value && (!type || !strcmp(type, "IPAddress")) &&
	    ip_parse(&ip, value) && !ip_is_in(&ip, list, *n))
		list[(*n)++] = ip;
}

static unsigned read_gateways(struct ip *list)
{
	const struct object *o;
	unsigned n = 0;

	for (size_t at = 0; (o = store_next_object(KIND_GATEWAY, &at));) {
		auto_doc yyjson_doc *doc = object_doc(o);
		yyjson_val *list_val = json_at(yyjson_doc_get_root(doc), "status.addresses"), *v;
		size_t i, max;

		yyjson_arr_foreach (list_val, i, max, v)
			add(list, &n, v);
	}
	return n;
}

struct list_of {
	struct ip *v;
	unsigned n;
};

static void take_own(const struct rt_addr *a, void *arg)
{
	struct list_of *l = arg;
	unsigned kept = 0;

	for (unsigned i = 0; i < l->n; i++)
		if (a->proto == RT_ADDR_SERVED || !ip_equal(&a->ip, &l->v[i]))
			l->v[kept++] = l->v[i];
	l->n = kept;
}

static void leave_out_own(struct list_of *l)
{
	struct err e;
	struct rt *rt = rt_open(-1, &e);

	if (!rt || rt_addr_each(rt, take_own, l, &e))
		log_warn("policy: %s", e.text);
	if (rt)
		rt_close(rt);
}

void policy_held_note(const struct changes *c)
{
	struct cursor ahead = *c->cursor;
	struct changes mine = { c->full, KIND_BIT(KIND_GATEWAY), &ahead };
	struct change change;

	stale |= c->full || changes_next(&mine, &change);
}

bool policy_held_update(void)
{
	static struct ip v[POLICY_HELD_MAX];
	struct list_of now = { v, 0 };
	bool same;

	if (!stale)
		return false;
	stale = false;
	now.n = read_gateways(v);
	if (now.n)
		leave_out_own(&now);
	same = now.n == n_held;
	for (unsigned i = 0; same && i < now.n; i++)
		same = ip_equal(&v[i], &held[i]);
	memcpy(held, v, now.n * sizeof(*v));
	n_held = now.n;
	return !same;
}

const struct ip *policy_held(unsigned *n)
{
	*n = n_held;
	return held;
}

bool policy_held_has(const struct ip *ip)
{
	return ip_is_in(ip, held, n_held);
}
