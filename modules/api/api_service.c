/* api_service.c - Service addresses and node ports: unique, from the configured ranges, kept while
 * the Service lives. Who holds what is read from the store's Services and followed through its
 * ring. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/ip.h>
#include <knetd/map.h>

#include "api.h"

struct holding {        /* an address or a node port */
	uint8_t id[17]; /* struct ip's bytes, or { 0, port } */
	char owner[];   /* "namespace/name" */
};

static struct map held;
static struct cursor seen;
static bool current;
static uint64_t next_offset[2]; /* per Service range: where the search goes on */
static unsigned next_port;

static void ip_id(const struct ip *ip, uint8_t id[17])
{
	memset(id, 0, 17);
	id[0] = ip->len;
	memcpy(id + 1, ip->b, ip->len);
}

static void port_id(unsigned port, uint8_t id[17])
{
	memset(id, 0, 17);
	id[1] = port >> 8;
	id[2] = port;
}

static const char *holder(const uint8_t id[17])
{
	struct holding *h = map_get(&held, id, 17);

	return h ? h->owner : NULL;
}

static void hold(const uint8_t id[17], const char *owner)
{
	struct holding *h = xmalloc(sizeof(*h) + strlen(owner) + 1);

	memcpy(h->id, id, 17);
	strcpy(h->owner, owner);
	free(map_put(&held, h->id, 17, h));
}

static void release(const uint8_t id[17], const char *owner)
{
	const char *now = holder(id);

	if (now && !strcmp(now, owner))
		free(map_del(&held, id, 17));
}

static void each_holding(const struct object *o,
                         void (*fn)(const uint8_t id[17], const char *owner))
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec"), *v;
	uint8_t id[17];
	struct ip ip;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(spec, "clusterIPs"), i, n, v)
		if (yyjson_get_str(v) && ip_parse(&ip, yyjson_get_str(v))) {
			ip_id(&ip, id);
			fn(id, o->key);
		}
	yyjson_arr_foreach (yyjson_obj_get(spec, "ports"), i, n, v)
		if (json_int(v, "nodePort", 0)) {
			port_id(json_int(v, "nodePort", 0), id);
			fn(id, o->key);
		}
}

static void read_all(void)
{
	const struct object *o;
	struct holding *h;

	for (size_t i = 0; (h = map_next(&held, &i));)
		free(h);
	map_free(&held);
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));)
		each_holding(o, hold);
	cursor_now(&seen);
	current = true;
}

void service_addresses_reload(void)
{
	current = false;
}

static void catch_up(void)
{
	struct change c;
	enum cursor_result r = CURSOR_END;

	while (current && (r = cursor_next(&seen, &c)) == CURSOR_CHANGE) {
		if (c.kind != KIND_SERVICE)
			continue;
		if (c.old)
			each_holding(c.old, release);
		if (c.new)
			each_holding(c.new, hold);
	}
	if (!current || r == CURSOR_LOST)
		read_all();
}

/* ---- addresses ------------------------------------------------------------------------------ */

static bool reserved(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.dns.address.n; i++)
		if (ip_equal(ip, &conf.dns.address.v[i].ip))
			return true;
	return false;
}

static int range_of(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_has(&conf.service.cidrs.v[i], ip))
			return i;
	return -1;
}

static bool take(const struct ip *ip, const char *key)
{
	uint8_t id[17];

	ip_id(ip, id);
	if (holder(id))
		return false;
	hold(id, key);
	return true;
}

/* The lower part of a range is for addresses people choose (KEP-3070); the search starts above it.
 */
static uint64_t first_offset(uint64_t size)
{
	uint64_t low = size / 16;

	return low < 16 ? 16 % size : low > 256 ? 256 : low;
}

static bool allocate(unsigned range, const char *key, struct ip *out)
{
	const struct cidr *c = &conf.service.cidrs.v[range];
	uint64_t size = cidr_size(c), tries = size > 131072 ? 131072 : size;

	if (!next_offset[range])
		next_offset[range] = first_offset(size);
	for (; tries; tries--) {
		uint64_t at = next_offset[range]++;

		if (next_offset[range] >= size)
			next_offset[range] =
				2; /* 0 is the range's own, 1 the API server's in a cluster */
		if (at < 2 || (c->ip.len == 4 && at == size - 1) || !cidr_nth(c, at, out) ||
		    reserved(out))
			continue;
		if (take(out, key))
			return true;
	}
	return false;
}

static void check_wish(const char *text, const char *field, const char *key, struct causes *c)
{
	uint8_t id[17];
	struct ip ip;

	if (!ip_parse(&ip, text))
		return; /* told by the validation */
	ip_id(&ip, id);
	if (range_of(&ip) < 0)
		cause_invalid(c, field, text,
		              "failed to allocate IP %s: the provided network does not match the "
		              "current range",
		              text);
	else if (reserved(&ip))
		cause_invalid(c, field, text,
		              "failed to allocate IP %s: provided IP is already allocated (to the "
		              "cluster's DNS)",
		              text);
	else if (holder(id) && strcmp(holder(id), key) != 0)
		cause_invalid(c, field, text,
		              "failed to allocate IP %s: provided IP is already allocated (to %s)",
		              text, holder(id));
	else
		hold(id, key);
}

/* ---- families ------------------------------------------------------------------------------- */

static int range_of_family(const char *family)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if ((conf.service.cidrs.v[i].ip.len == 4) == !strcmp(family, "IPv4"))
			return i;
	return -1;
}

static const char *family_name(unsigned range)
{
	return conf.service.cidrs.v[range].ip.len == 4 ? "IPv4" : "IPv6";
}

static void add_range(unsigned *ranges, unsigned *n, int range)
{
	for (unsigned i = 0; i < *n; i++)
		if ((int)ranges[i] == range)
			return;
	if (*n < 2 && range >= 0)
		ranges[(*n)++] = range;
}

/* Which ranges the Service has addresses of, in order; by ipFamilies, given addresses and the
 * policy. */
static unsigned choose_ranges(yyjson_mut_val *spec, const char *policy, unsigned ranges[2],
                              struct causes *c)
{
	yyjson_mut_val *families = yyjson_mut_obj_get(spec, "ipFamilies"), *f;
	const char *ip = mut_str(spec, "clusterIP");
	unsigned n = 0, want = strcmp(policy, "SingleStack") ? 2 : 1;
	struct ip parsed;
	size_t i, max;

	yyjson_mut_arr_foreach (families, i, max, f) {
		const char *name = yyjson_mut_get_str(f);

		if (!name || (strcmp(name, "IPv4") != 0 && strcmp(name, "IPv6") != 0))
			cause_not_supported(c, arena_printf(c->arena, "spec.ipFamilies[%zu]", i),
			                    name ? name : "", "\"IPv4\", \"IPv6\"");
		else if (range_of_family(name) < 0)
			cause_invalid(c, arena_printf(c->arena, "spec.ipFamilies[%zu]", i), name,
			              "not configured on this node");
		else
			add_range(ranges, &n, range_of_family(name));
	}
	if (!n && ip && ip_parse(&parsed, ip))
		add_range(ranges, &n, range_of(&parsed));
	for (unsigned r = 0; r < conf.service.cidrs.n && n < want; r++)
		add_range(ranges, &n, r);
	if (!strcmp(policy, "RequireDualStack") && n < 2)
		cause_invalid(c, "spec.ipFamilyPolicy", policy,
		              "this node is not configured for dual-stack services");
	return n;
}

/* Back to one address: the second is given up, unless the manifest itself names it
 * (ValidateServiceClusterIPs). */
static unsigned trim(yyjson_mut_val *spec, yyjson_val *old, const char *policy, unsigned n,
                     struct causes *c)
{
	yyjson_mut_val *ips = yyjson_mut_obj_get(spec, "clusterIPs");

	if (n < 2 || strcmp(policy, "SingleStack") != 0)
		return n;
	if (yyjson_arr_size(json_at(old, "spec.ipFamilies")) < 2)
		cause_invalid(c, "spec.ipFamilyPolicy", policy,
		              "must be RequireDualStack or PreferDualStack when multiple "
		              "'ipFamilies' are specified");
	if (yyjson_mut_arr_size(ips) > 1)
		yyjson_mut_arr_remove_last(ips);
	return 1;
}

static const char *default_policy(yyjson_mut_val *spec)
{
	bool two = yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "ipFamilies")) > 1 ||
	           yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "clusterIPs")) > 1;

	return two ? "RequireDualStack" : "SingleStack";
}

static void write_families(yyjson_mut_doc *doc, yyjson_mut_val *spec, const unsigned *ranges,
                           unsigned n)
{
	yyjson_mut_val *families = yyjson_mut_arr(doc);

	for (unsigned i = 0; i < n; i++)
		yyjson_mut_arr_add_str(doc, families, family_name(ranges[i]));
	mut_set(doc, spec, "ipFamilies", families);
}

/* ---- the Service ---------------------------------------------------------------------------- */

static const char *given_ip(yyjson_mut_val *spec, unsigned range)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs"), *v;
	const char *one = mut_str(spec, "clusterIP");
	struct ip ip;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (yyjson_mut_get_str(v) && ip_parse(&ip, yyjson_mut_get_str(v)) &&
		    ip.len == conf.service.cidrs.v[range].ip.len)
			return yyjson_mut_get_str(v);
	return one && ip_parse(&ip, one) && ip.len == conf.service.cidrs.v[range].ip.len ? one
	                                                                                 : NULL;
}

static void give_addresses(yyjson_mut_doc *doc, yyjson_mut_val *spec, const char *key,
                           const unsigned *ranges, unsigned n, struct causes *c)
{
	yyjson_mut_val *ips = yyjson_mut_arr(doc);
	const char *one = mut_str(spec, "clusterIP");
	char text[IP_TEXT];
	struct ip ip;

	if (one && ip_parse(&ip, one) && range_of(&ip) < 0) {
		check_wish(one, "spec.clusterIP", key, c);
		return;
	}
	if (n && one && ip_parse(&ip, one) && (unsigned)range_of(&ip) != ranges[0])
		cause_invalid(c, "spec.ipFamilies[0]", family_name(ranges[0]),
		              "expected the family of `clusterIP` (%s)", one);
	for (unsigned i = 0; i < n; i++) {
		const char *given = given_ip(spec, ranges[i]);

		if (given)
			check_wish(given,
			           i ? arena_printf(c->arena, "spec.clusterIPs[%u]", i)
			             : "spec.clusterIP",
			           key, c);
		else if (allocate(ranges[i], key, &ip))
			given = ip_text(&ip, text);
		else
			cause_invalid(
				c, "spec.clusterIP", "",
				"failed to allocate: no address is free in the Service range");
		if (given)
			yyjson_mut_arr_add_strcpy(doc, ips, given);
	}
	if (c->n || !yyjson_mut_arr_size(ips))
		return;
	mut_set(doc, spec, "clusterIP",
	        yyjson_mut_val_mut_copy(doc, yyjson_mut_arr_get_first(ips)));
	mut_set(doc, spec, "clusterIPs", ips);
}

static void give_node_port(yyjson_mut_doc *doc, yyjson_mut_val *port, const char *at,
                           const char *key, struct causes *c)
{
	unsigned first = conf.service.node_port_first,
		 count = conf.service.node_port_last - first + 1;
	int64_t wish = yyjson_mut_get_sint(yyjson_mut_obj_get(port, "nodePort"));
	uint8_t id[17];

	if (wish) {
		port_id(wish, id);
		if (wish < first || wish > conf.service.node_port_last)
			cause_invalid_number(c, at, wish,
			                     "provided port is not in the valid range. The range "
			                     "of valid ports is %u-%u",
			                     first, conf.service.node_port_last);
		else if (holder(id) && strcmp(holder(id), key) != 0)
			cause_invalid_number(c, at, wish,
			                     "provided port is already allocated (to %s)",
			                     holder(id));
		else
			hold(id, key);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned number = first + (next_port++ % count);

		port_id(number, id);
		if (holder(id))
			continue;
		hold(id, key);
		mut_set(doc, port, "nodePort", yyjson_mut_uint(doc, number));
		return;
	}
	cause_invalid(c, at, "", "no node port is free");
}

void service_allocate(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *key, yyjson_val *old,
                      struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *port, *none;
	const char *type = mut_str(spec, "type"), *ip = mut_str(spec, "clusterIP"), *policy;
	unsigned ranges[2], n_ranges;
	size_t i, n;

	catch_up();
	if (!strcmp(type, "ExternalName")) {
		yyjson_mut_obj_remove_key(spec, "clusterIP");
		yyjson_mut_obj_remove_key(spec, "clusterIPs");
		return;
	}
	if (!mut_str(spec, "ipFamilyPolicy"))
		mut_set(doc, spec, "ipFamilyPolicy", yyjson_mut_str(doc, default_policy(spec)));
	policy = mut_str(spec, "ipFamilyPolicy");
	n_ranges = trim(spec, old, policy, choose_ranges(spec, policy, ranges, c), c);
	write_families(doc, spec, ranges, n_ranges);
	if (ip && !strcmp(ip, "None")) {
		none = yyjson_mut_arr(doc);
		yyjson_mut_arr_add_str(doc, none, "None");
		mut_set(doc, spec, "clusterIPs", none);
	} else {
		give_addresses(doc, spec, key, ranges, n_ranges, c);
	}
	if (strcmp(type, "NodePort") != 0 && strcmp(type, "LoadBalancer") != 0)
		return;
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "ports"), i, n, port)
		give_node_port(doc, port, arena_printf(c->arena, "spec.ports[%zu].nodePort", i),
		               key, c);
}
