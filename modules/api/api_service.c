/* api_service.c - Service addresses and node ports: unique, from the configured ranges, kept while
 * the Service lives.
 *
 * Who holds what is one map from an address or port number to the Service, filled from the store at
 * first and by every allocation after. It may say too much, never too little: what is noted here
 * for a write that is then undone, or for a Service that is deleted in a transaction not yet
 * committed, is found out when somebody asks for the same number, by a look at the Service itself.
 * So that a number given away in an undone write finds its holder again, each change of the map is
 * remembered until the store's ring has moved on. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/ip.h>
#include <knetd/map.h>

#include "api_valid.h"

#define ID 17 /* struct ip's bytes, or { 0, port } */

struct holding {
	uint8_t id[ID];
	char owner[]; /* "namespace/name" */
};

/* A holding that was put where another one was, or taken out. */
struct step {
	uint8_t id[ID];
	char *was; /* NULL: nobody */
};

static struct {
	struct map held;
	struct cursor seen;
	bool current;
	struct step *steps;
	size_t n_steps, cap_steps;
	uint64_t next_offset[2]; /* per Service range: where the search goes on */
	unsigned next_port;
} addresses;

static void ip_id(const struct ip *ip, uint8_t id[ID])
{
	memset(id, 0, ID);
	id[0] = ip->len;
	memcpy(id + 1, ip->b, ip->len);
}

static void port_id(unsigned port, uint8_t id[ID])
{
	memset(id, 0, ID);
	id[1] = port >> 8;
	id[2] = port;
}

static const char *noted(const uint8_t id[ID])
{
	struct holding *h = map_get(&addresses.held, id, ID);

	return h ? h->owner : NULL;
}

static void note(const uint8_t id[ID], const char *owner)
{
	struct holding *h = xmalloc(sizeof(*h) + strlen(owner) + 1);

	memcpy(h->id, id, ID);
	strcpy(h->owner, owner);
	free(map_put(&addresses.held, h->id, ID, h));
}

static void drop(const uint8_t id[ID])
{
	free(map_del(&addresses.held, id, ID));
}

static void each_holding(const struct object *o, void (*fn)(const uint8_t *, const char *, void *),
                         void *arg)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec"), *v;
	uint8_t id[ID];
	struct ip ip;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(spec, "clusterIPs"), i, n, v)
		if (yyjson_get_str(v) && ip_parse(&ip, yyjson_get_str(v))) {
			ip_id(&ip, id);
			fn(id, o->key, arg);
		}
	yyjson_arr_foreach (yyjson_obj_get(spec, "ports"), i, n, v)
		if (json_int(v, "nodePort", 0)) {
			port_id(json_int(v, "nodePort", 0), id);
			fn(id, o->key, arg);
		}
	if (json_int(spec, "healthCheckNodePort", 0)) {
		port_id(json_int(spec, "healthCheckNodePort", 0), id);
		fn(id, o->key, arg);
	}
}

struct question {
	const uint8_t *id;
	bool yes;
};

static void answer(const uint8_t *id, const char *owner, void *arg)
{
	struct question *q = arg;

	(void)owner;
	q->yes |= !memcmp(id, q->id, ID);
}

/* As the store has it now, uncommitted writes included. */
static bool holds(const char *owner, const uint8_t id[ID])
{
	const struct object *o = owner ? store_get_key(KIND_SERVICE, owner) : NULL;
	struct question q = { id, false };

	if (o)
		each_holding(o, answer, &q);
	return q.yes;
}

/* Who has it, other than key; NULL when it can be had. */
static const char *holder(const uint8_t id[ID], const char *key)
{
	const char *owner = noted(id);

	if (!owner || !strcmp(owner, key))
		return NULL;
	return holds(owner, id) ? owner : NULL;
}

static void take(const uint8_t id[ID], const char *key)
{
	const char *was = noted(id);
	struct step *s;

	if (was && !strcmp(was, key))
		return;
	if (addresses.n_steps == addresses.cap_steps) {
		addresses.cap_steps = addresses.cap_steps ? 2 * addresses.cap_steps : 64;
		addresses.steps = xrealloc(addresses.steps, addresses.cap_steps * sizeof(*s));
	}
	s = &addresses.steps[addresses.n_steps++];
	memcpy(s->id, id, ID);
	s->was = was ? xstrdup(was) : NULL;
	note(id, key);
}

static void forget_steps(void)
{
	while (addresses.n_steps)
		free(addresses.steps[--addresses.n_steps].was);
}

/* A write was undone. The map is put right where it was touched since the last commit. */
void service_addresses_reload(void)
{
	while (addresses.n_steps) {
		struct step *s = &addresses.steps[--addresses.n_steps];

		if (holds(s->was, s->id))
			note(s->id, s->was);
		else if (!holds(noted(s->id), s->id))
			drop(s->id);
		free(s->was);
	}
}

/* ---- the store's changes -------------------------------------------------------------------- */

static void note_one(const uint8_t *id, const char *owner, void *arg)
{
	(void)arg;
	note(id, owner);
}

static void release_one(const uint8_t *id, const char *owner, void *arg)
{
	const char *now = noted(id);

	(void)arg;
	if (now && !strcmp(now, owner))
		drop(id);
}

static void read_all(void)
{
	const struct object *o;
	struct holding *h;

	for (size_t i = 0; (h = map_next(&addresses.held, &i));)
		free(h);
	map_free(&addresses.held);
	forget_steps();
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));)
		each_holding(o, note_one, NULL);
	cursor_now(&addresses.seen);
	addresses.current = true;
}

static void follow(const struct change *c)
{
	const struct object *now;

	if (c->kind != KIND_SERVICE)
		return;
	if (c->old)
		each_holding(c->old, release_one, NULL);
	/* what the store has by now, which may be more than was committed */
	now = c->new ? store_get_key(KIND_SERVICE, c->new->key) : NULL;
	if (now)
		each_holding(now, note_one, NULL);
}

static void catch_up(void)
{
	struct change c;
	enum cursor_result r = CURSOR_END;
	bool moved = false;

	while (addresses.current && (r = cursor_next(&addresses.seen, &c)) == CURSOR_CHANGE) {
		follow(&c);
		moved = true;
	}
	if (!addresses.current || r == CURSOR_LOST)
		read_all();
	else if (moved)
		forget_steps(); /* what was written before a commit went with it */
}

/* ---- addresses ------------------------------------------------------------------------------ */

static bool reserved(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.dns.address.n; i++)
		if (ip_equal(ip, &conf.dns.address.v[i].ip))
			return true;
	return false;
}

static int range_of_family(const char *family)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if ((conf.service.cidrs.v[i].ip.len == 4) == !strcmp(family, "IPv4"))
			return i;
	return -1;
}

/* The lower part of a range is for numbers people choose (KEP-3070, KEP-3668); the search begins
 * above it. */
static uint64_t static_band(uint64_t size, uint64_t step, uint64_t max)
{
	uint64_t low = size / step;

	return size <= 16 ? 0 : low < 16 ? 16 : low > max ? max : low;
}

static bool try_address(const struct cidr *c, uint64_t at, const char *key, struct ip *out)
{
	uint8_t id[ID];

	/* 0 is the range's own; 1 the API server's in a cluster; the last is IPv4's broadcast */
	if (at < 2 || (c->ip.len == 4 && at == cidr_size(c) - 1) || !cidr_nth(c, at, out) ||
	    reserved(out))
		return false;
	ip_id(out, id);
	if (noted(id))
		return false;
	take(id, key);
	return true;
}

/* The upper band first, from where the last search ended; then the lower one. */
static bool next_address(unsigned range, const char *key, struct ip *out)
{
	const struct cidr *c = &conf.service.cidrs.v[range];
	uint64_t size = cidr_size(c), *next = &addresses.next_offset[range];
	uint64_t low = static_band(size, 16, 256), tries;

	if (size > 1 << 20)
		size = 1 << 20; /* as Kubernetes: no more of an IPv6 range is used */
	for (tries = size - low; tries; tries--) {
		if (*next < low || *next >= size)
			*next = low;
		if (try_address(c, (*next)++, key, out))
			return true;
	}
	for (uint64_t at = 0; at < low; at++)
		if (try_address(c, at, key, out))
			return true;
	return false;
}

/* An address that was asked for, or that the Service has already. */
static void give_address(yyjson_mut_val *spec, const char *text, int range, const char *key,
                         struct causes *c)
{
	const struct at *at = CHILD(AT("spec"), "clusterIPs");
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, "clusterIPs");
	char cidr[CIDR_TEXT];
	uint8_t id[ID];
	struct ip ip;

	if (!ip_parse(&ip, text))
		return; /* told by the validation */
	ip_id(&ip, id);
	if (noted(id) && !strcmp(noted(id), key))
		return;
	if (!cidr_has(&conf.service.cidrs.v[range], &ip))
		wrong_json(c, at, list,
		           "failed to allocate IP %s: the provided IP (%s) is not in the valid "
		           "range. The range of valid IPs is %s",
		           text, text, cidr_text(&conf.service.cidrs.v[range], cidr));
	else if (reserved(&ip) || holder(id, key))
		wrong_json(c, at, list,
		           "failed to allocate IP %s: provided IP is already allocated", text);
	else
		take(id, key);
}

static void give_addresses(yyjson_mut_doc *doc, yyjson_mut_val *spec, const char *key,
                           struct causes *c)
{
	yyjson_mut_val *ips = yyjson_mut_obj_get(spec, "clusterIPs"), *family;
	char text[IP_TEXT];
	struct ip ip;
	size_t i, n;

	if (!ips) {
		ips = yyjson_mut_arr(doc);
		mut_set(doc, spec, "clusterIPs", ips);
	}
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "ipFamilies"), i, n, family) {
		const char *given = yyjson_mut_get_str(yyjson_mut_arr_get(ips, i));
		int range = range_of_family(yyjson_mut_get_str(family));

		if (range < 0)
			continue; /* of a range that is no longer there */
		if (given)
			give_address(spec, given, range, key, c);
		else if (next_address(range, key, &ip))
			yyjson_mut_arr_add_strcpy(doc, ips, ip_text(&ip, text));
		else
			wrong_internal(c, CHILD(AT("spec"), "clusterIPs"),
			               "failed to allocate a serviceIP: range is full");
	}
	if (!c->n && yyjson_mut_arr_size(ips))
		mut_set(doc, spec, "clusterIP",
		        yyjson_mut_val_mut_copy(doc, yyjson_mut_arr_get_first(ips)));
}

/* ---- node ports ----------------------------------------------------------------------------- */

static bool try_port(unsigned number, const char *key)
{
	uint8_t id[ID];

	port_id(number, id);
	if (noted(id))
		return false;
	take(id, key);
	return true;
}

/* 0: none is free. */
static unsigned next_port(const char *key)
{
	unsigned first = conf.service.node_port_first,
		 count = conf.service.node_port_last - first + 1;
	unsigned low = static_band(count, 32, 128), *next = &addresses.next_port;

	for (unsigned tries = count - low; tries; tries--) {
		if (*next < low || *next >= count)
			*next = low;
		if (try_port(first + *next, key))
			return first + (*next)++;
		(*next)++;
	}
	for (unsigned at = 0; at < low; at++)
		if (try_port(first + at, key))
			return first + at;
	return 0;
}

/* Why the number cannot be had, or NULL: it is the Service's now. */
static const char *claim_port(int64_t number, const char *key, struct arena *a)
{
	unsigned first = conf.service.node_port_first, last = conf.service.node_port_last;
	uint8_t id[ID];

	port_id(number, id);
	if (noted(id) && !strcmp(noted(id), key))
		return NULL;
	if (number < first || number > last)
		return arena_printf(a,
		                    "provided port is not in the valid range. The range of valid "
		                    "ports is %u-%u",
		                    first, last);
	if (holder(id, key))
		return "provided port is already allocated";
	take(id, key);
	return NULL;
}

/* A new Service's ports of one number, for several protocols, share a node port. */
static int64_t shared_port(yyjson_mut_val *ports, yyjson_mut_val *port)
{
	yyjson_mut_val *p;
	size_t i, n;

	yyjson_mut_arr_foreach (ports, i, n, p)
		if (number_of(p, "port") == number_of(port, "port") && number_of(p, "nodePort"))
			return number_of(p, "nodePort");
	return 0;
}

static void give_node_port(yyjson_mut_doc *doc, yyjson_mut_val *port, const struct at *at,
                           int64_t number, const char *key, struct causes *c)
{
	const char *why = number ? claim_port(number, key, c->arena) : NULL;

	if (!number)
		number = next_port(key);
	if (why)
		wrong_number(c, CHILD(at, "nodePort"), number, "%s", why);
	else if (!number)
		wrong_internal(c, CHILD(at, "nodePort"),
		               "failed to allocate a nodePort: range is full");
	else
		mut_set(doc, port, "nodePort", yyjson_mut_sint(doc, number));
}

static void give_node_ports(yyjson_mut_doc *doc, yyjson_mut_val *spec, bool created,
                            const char *key, struct causes *c)
{
	bool wanted = !text_is(spec, "type", "LoadBalancer") ||
	              yyjson_mut_is_true(yyjson_mut_obj_get(spec, "allocateLoadBalancerNodePorts"));
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *p;
	size_t i, n;

	yyjson_mut_arr_foreach (ports, i, n, p) {
		int64_t number = number_of(p, "nodePort");

		if (!number && !wanted)
			continue;
		if (!number && created)
			number = shared_port(ports, p);
		give_node_port(doc, p, ITEM(CHILD(AT("spec"), "ports"), i), number, key, c);
	}
}

static void give_health_port(yyjson_mut_doc *doc, yyjson_mut_val *spec, const char *key,
                             struct causes *c)
{
	const struct at *at = CHILD(AT("spec"), "healthCheckNodePort");
	int64_t number = number_of(spec, "healthCheckNodePort");
	const char *why = number ? claim_port(number, key, c->arena) : NULL;

	if (!number)
		number = next_port(key);
	if (why)
		wrong_internal(c, at,
		               arena_printf(c->arena,
		                            "failed to allocate requested HealthCheck NodePort "
		                            "%lld: %s",
		                            (long long)number, why));
	else if (!number)
		wrong_internal(c, at, "failed to allocate a HealthCheck NodePort 0: range is full");
	else
		mut_set(doc, spec, "healthCheckNodePort", yyjson_mut_sint(doc, number));
}

void service_allocate(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *key, yyjson_val *old,
                      struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");
	const char *type = text_of(spec, "type");

	catch_up();
	if (strcmp(type, "ExternalName") != 0 && !service_headless(spec))
		give_addresses(doc, spec, key, c);
	if (!strcmp(type, "NodePort") || !strcmp(type, "LoadBalancer"))
		give_node_ports(doc, spec, !old, key, c);
	if (service_wants_health(spec))
		give_health_port(doc, spec, key, c);
}
