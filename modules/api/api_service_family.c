/* api_service_family.c - which address families a Service has. ipFamilies, ipFamilyPolicy and
 * clusterIPs follow from one another, from the state before and from the ranges of the daemon
 * (initIPFamilyFields in Kubernetes' pkg/registry/core/service/storage):
 *
 *   policy        not said: as before; else RequireDualStack for a headless Service without a
 *                 selector, SingleStack for every other
 *   families      not said: those of the given addresses; else that of the first range
 *   second one    added under a dual-stack policy where two ranges are there, taken away again
 *                 only by a change to SingleStack */
#include <string.h>

#include <knetd/conf.h>
#include <knetd/ip.h>

#include "api_valid.h"

static const char *range_family(unsigned range)
{
	return conf.service.cidrs.v[range].ip.len == 4 ? "IPv4" : "IPv6";
}

static bool configured(const char *family)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (!strcmp(range_family(i), family))
			return true;
	return false;
}

static bool same_list(yyjson_mut_val *spec, yyjson_val *was, const char *field)
{
	yyjson_mut_val *now = yyjson_mut_obj_get(spec, field), *v;
	yyjson_val *before = yyjson_obj_get(was, field);
	size_t i, n;

	if (yyjson_mut_arr_size(now) != yyjson_arr_size(before))
		return false;
	yyjson_mut_arr_foreach (now, i, n, v) {
		const char *s = yyjson_get_str(yyjson_arr_get(before, i));

		if (!s || !yyjson_mut_equals_str(v, s))
			return false;
	}
	return true;
}

/* A Service that prefers two families keeps what it got, whatever the ranges are now. */
static bool settled(yyjson_mut_val *spec, yyjson_val *was)
{
	const char *policy = json_str(was, "ipFamilyPolicy"), *type = json_str(was, "type");

	return type && text_is(spec, "type", type) &&
	       text_is(spec, "ipFamilyPolicy", "PreferDualStack") &&
	       (!policy || !strcmp(policy, "PreferDualStack")) &&
	       same_list(spec, was, "clusterIPs") && same_list(spec, was, "ipFamilies");
}

static void choose_policy(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was, bool free)
{
	const char *before = json_str(was, "ipFamilyPolicy");

	if (*text_of(spec, "ipFamilyPolicy"))
		return;
	if (!before)
		before = free ? "RequireDualStack" : "SingleStack";
	mut_set(doc, spec, "ipFamilyPolicy", yyjson_mut_strcpy(doc, before));
}

static void cut(yyjson_mut_val *spec, yyjson_val *was, const char *field)
{
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, field);

	if (same_list(spec, was, field) && yyjson_mut_arr_size(list) == 2)
		yyjson_mut_arr_remove_last(list);
}

static bool reduced(yyjson_mut_val *spec, yyjson_val *was, const char *field)
{
	size_t now = yyjson_mut_arr_size(yyjson_mut_obj_get(spec, field));

	return now && now < yyjson_arr_size(yyjson_obj_get(was, field));
}

/* A change of the policy to SingleStack takes the second ones away; nothing else does. */
static void release_second(yyjson_mut_val *spec, yyjson_val *was, bool single, struct causes *c)
{
	static const char *const fields[][2] = { { "clusterIPs", "cluster IP" },
		                                 { "ipFamilies", "IP family" } };
	static const char *const many[] = { "cluster IPs", "IP families" };
	const struct at *at = CHILD(AT("spec"), "ipFamilyPolicy");
	const char *policy = text_of(spec, "ipFamilyPolicy");

	for (unsigned i = 0; i < 2; i++) {
		if (was && single)
			cut(spec, was, fields[i][0]);
		else if (was && reduced(spec, was, fields[i][0]))
			wrong(c, at, policy, "must be 'SingleStack' to release the secondary %s",
			      fields[i][1]);
		if (single && yyjson_mut_arr_size(yyjson_mut_obj_get(spec, fields[i][0])) == 2)
			wrong(c, at, policy,
			      "must be 'RequireDualStack' or 'PreferDualStack' when multiple %s "
			      "are specified",
			      many[i]);
	}
}

static void infer(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_mut_val *families,
                  struct causes *c)
{
	yyjson_mut_val *ips = yyjson_mut_obj_get(spec, "clusterIPs"), *v;
	struct ip ip;
	size_t i, n;

	yyjson_mut_arr_foreach (ips, i, n, v) {
		const char *family;

		if (!ip_parse(&ip, yyjson_mut_get_str(v)))
			return;
		family = ip.len == 16 ? "IPv6" : "IPv4";
		if (i < yyjson_mut_arr_size(families))
			continue;
		if (configured(family))
			yyjson_mut_arr_add_str(doc, families, family);
		else
			wrong_json(c, ITEM(CHILD(AT("spec"), "clusterIPs"), i), ips,
			           "%s is not configured on this cluster", family);
	}
}

static void check_configured(yyjson_mut_val *spec, yyjson_mut_val *families, struct causes *c)
{
	yyjson_mut_val *v;
	size_t i, n;

	if (text_is(spec, "ipFamilyPolicy", "RequireDualStack") && conf.service.cidrs.n < 2)
		wrong(c, CHILD(AT("spec"), "ipFamilyPolicy"), "RequireDualStack",
		      "this cluster is not configured for dual-stack services");
	yyjson_mut_arr_foreach (families, i, n, v)
		if (!configured(yyjson_mut_get_str(v)))
			wrong(c, ITEM(CHILD(AT("spec"), "ipFamilies"), i), yyjson_mut_get_str(v),
			      "not configured on this cluster");
}

static void complete(yyjson_mut_doc *doc, yyjson_mut_val *families, bool second)
{
	if (!yyjson_mut_arr_size(families))
		yyjson_mut_arr_add_str(doc, families,
		                       conf.service.cidrs.n ? range_family(0) : "IPv4");
	if (second && yyjson_mut_arr_size(families) == 1)
		yyjson_mut_arr_add_str(
			doc, families,
			yyjson_mut_equals_str(yyjson_mut_arr_get_first(families), "IPv4") ? "IPv6"
											  : "IPv4");
}

void service_families(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was, struct causes *c)
{
	/* nobody knows which endpoints will be written for it */
	bool free = text_is(spec, "clusterIP", "None") &&
	            !yyjson_mut_obj_size(yyjson_mut_obj_get(spec, "selector"));
	unsigned before = c->n;
	yyjson_mut_val *families;
	bool single;

	if (was && settled(spec, was))
		return;
	choose_policy(doc, spec, was, free);
	single = text_is(spec, "ipFamilyPolicy", "SingleStack");
	release_second(spec, was, single, c);
	families = yyjson_mut_obj_get(spec, "ipFamilies");
	if (!families) {
		families = yyjson_mut_arr(doc);
		mut_set(doc, spec, "ipFamilies", families);
	}
	infer(doc, spec, families, c);
	if (c->n == before && !free)
		check_configured(spec, families, c);
	if (c->n == before)
		complete(doc, families, !single && (free || conf.service.cidrs.n == 2));
}
