/* api_valid_endpoints.c - the rules of EndpointSlice and Endpoints (pkg/apis/discovery/validation
 * and ValidateEndpoints in Kubernetes). */
#include <string.h>

#include <knetd/ip.h>
#include <knetd/map.h>

#include "api_valid.h"

#define SLICE_ENDPOINTS 1000
#define SLICE_ADDRESSES 100
#define SLICE_PORTS 20000
#define SLICE_HINTS 8 /* zones, and nodes */
#define SLICE_TOPOLOGY 16

static void check_slice_address(struct causes *c, const struct at *at, const char *type,
                                const char *s)
{
	bool four = !strcmp(type, "IPv4");
	struct ip ip;

	if (!strcmp(type, "FQDN")) {
		check_fqdn(c, at, s);
	} else if (four || !strcmp(type, "IPv6")) {
		if (!ip_parse(&ip, s) || (ip.len == 4) != four)
			wrong(c, at, s, "must be a valid %s address", type);
		check_ip_plain(c, at, s);
	}
}

static void check_hints(struct causes *c, const struct at *at, yyjson_mut_val *list,
                        void (*check_name)(struct causes *, const struct at *, const char *))
{
	yyjson_mut_val *v, *other;
	size_t i, n, k, m;

	if (yyjson_mut_arr_size(list) > SLICE_HINTS) {
		wrong_many(c, at, yyjson_mut_arr_size(list), SLICE_HINTS);
		return;
	}
	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *name = text_of(v, "name");

		yyjson_mut_arr_foreach (list, k, m, other)
			if (k < i && text_is(other, "name", name)) {
				wrong_twice(c, CHILD(ITEM(at, i), "name"), name);
				break;
			}
		check_name(c, CHILD(ITEM(at, i), "name"), name);
	}
}

static void check_slice_endpoint(struct causes *c, const struct at *at, const char *type,
                                 yyjson_mut_val *e)
{
	yyjson_mut_val *addresses = yyjson_mut_obj_get(e, "addresses"),
		       *topology = yyjson_mut_obj_get(e, "deprecatedTopology"), *v;
	size_t i, n;

	if (!yyjson_mut_arr_size(addresses))
		wrong_missing(c, CHILD(at, "addresses"), "must contain at least 1 address");
	else if (yyjson_mut_arr_size(addresses) > SLICE_ADDRESSES)
		wrong_many(c, CHILD(at, "addresses"), yyjson_mut_arr_size(addresses),
		           SLICE_ADDRESSES);
	yyjson_mut_arr_foreach (addresses, i, n, v)
		check_slice_address(c, ITEM(CHILD(at, "addresses"), i), type,
		                    yyjson_mut_get_str(v));
	if (has(e, "nodeName"))
		check_subdomain(c, CHILD(at, "nodeName"), text_of(e, "nodeName"));
	if (yyjson_mut_obj_size(topology) > SLICE_TOPOLOGY)
		wrong_many(c, CHILD(at, "deprecatedTopology"), yyjson_mut_obj_size(topology),
		           SLICE_TOPOLOGY);
	check_labels(c, CHILD(at, "deprecatedTopology"), topology);
	if (has(e, "hostname"))
		check_label(c, CHILD(at, "hostname"), text_of(e, "hostname"));
	check_hints(c, CHILD(CHILD(at, "hints"), "forZones"), mut_at(e, "hints.forZones"),
	            check_label_value);
	check_hints(c, CHILD(CHILD(at, "hints"), "forNodes"), mut_at(e, "hints.forNodes"),
	            check_subdomain);
}

static void check_slice_ports(struct causes *c, yyjson_mut_val *ports)
{
	const struct at *at = AT("ports");
	struct map names = { 0 };
	yyjson_mut_val *p;
	size_t i, n;

	if (yyjson_mut_arr_size(ports) > SLICE_PORTS) {
		wrong_many(c, at, yyjson_mut_arr_size(ports), SLICE_PORTS);
		return;
	}
	yyjson_mut_arr_foreach (ports, i, n, p) {
		const char *name = text_of(p, "name");

		if (*name)
			check_label(c, CHILD(ITEM(at, i), "name"), name);
		if (map_put(&names, name, strlen(name), p))
			wrong_twice(c, CHILD(ITEM(at, i), "name"), name);
		check_word(c, ITEM(at, i), p, "protocol", valid_protocols, true);
		check_port(c, CHILD(ITEM(at, i), "port"), yyjson_mut_obj_get(p, "port"));
		if (has(p, "appProtocol"))
			check_qualified_name(c, CHILD(ITEM(at, i), "appProtocol"),
			                     text_of(p, "appProtocol"));
	}
	map_free(&names);
}

void valid_slice(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const types[] = { "FQDN", "IPv4", "IPv6", NULL };
	yyjson_mut_val *endpoints = yyjson_mut_obj_get(root, "endpoints"), *e;
	const char *type = text_of(root, "addressType"), *was = json_str(old, "addressType");
	size_t i, n;

	check_word(c, NULL, root, "addressType", types, true);
	if (yyjson_mut_arr_size(endpoints) > SLICE_ENDPOINTS)
		wrong_many(c, AT("endpoints"), yyjson_mut_arr_size(endpoints), SLICE_ENDPOINTS);
	else
		yyjson_mut_arr_foreach (endpoints, i, n, e)
			check_slice_endpoint(c, ITEM(AT("endpoints"), i), type, e);
	check_slice_ports(c, yyjson_mut_obj_get(root, "ports"));
	if (was && strcmp(was, type) != 0)
		wrong(c, AT("addressType"), type, "field is immutable");
}

/* ---- Endpoints ------------------------------------------------------------------------------ */

static void check_addresses(struct causes *c, const struct at *at, yyjson_mut_val *list)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *ip = text_of(v, "ip");

		check_ip(c, CHILD(ITEM(at, i), "ip"), ip);
		if (*text_of(v, "hostname"))
			check_label(c, CHILD(ITEM(at, i), "hostname"), text_of(v, "hostname"));
		if (has(v, "nodeName"))
			check_subdomain(c, CHILD(ITEM(at, i), "nodeName"), text_of(v, "nodeName"));
		check_ip_plain(c, CHILD(ITEM(at, i), "ip"), ip);
	}
}

static void check_subset_port(struct causes *c, const struct at *at, yyjson_mut_val *p,
                              bool several)
{
	const char *name = text_of(p, "name");
	int64_t port = number_of(p, "port");

	if (several && !*name)
		wrong_missing(c, CHILD(at, "name"), "");
	else if (*name)
		check_label(c, CHILD(at, "name"), name);
	if (port < 1 || port > 65535)
		wrong_number(c, CHILD(at, "port"), port, "must be between 1 and 65535, inclusive");
	check_word(c, at, p, "protocol", valid_protocols, true);
	if (has(p, "appProtocol"))
		check_qualified_name(c, CHILD(at, "appProtocol"), text_of(p, "appProtocol"));
}

void valid_endpoints(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *subset, *p;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(root, "subsets"), i, n, subset) {
		const struct at *at = ITEM(AT("subsets"), i);
		yyjson_mut_val *ready = yyjson_mut_obj_get(subset, "addresses"),
			       *others = yyjson_mut_obj_get(subset, "notReadyAddresses");

		if (!yyjson_mut_arr_size(ready) && !yyjson_mut_arr_size(others))
			wrong_missing(c, at, "must specify `addresses` or `notReadyAddresses`");
		check_addresses(c, CHILD(at, "addresses"), ready);
		check_addresses(c, CHILD(at, "notReadyAddresses"), others);
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(subset, "ports"), k, m, p)
			check_subset_port(c, ITEM(CHILD(at, "ports"), k), p, m > 1);
	}
}
