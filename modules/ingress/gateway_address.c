/* gateway_address.c - where a Gateway is: the addresses that it asks for, those that module lb gave
 * it from the pools, or the node's own ([ingress] addresses), which it shares. */
#include <string.h>

#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "gateway_model.h"

/* Written by module lb beside the addresses it gave. */
#define FROM_POOL "knetd.io/allocated-from-pool"

static void show(struct gateway_parent *g, const struct ip *ip)
{
	if (!ip_is_in(ip, g->shown, g->n_shown) && g->n_shown < GATEWAY_ADDRESSES)
		g->shown[g->n_shown++] = *ip;
}

static void bind_to(struct gateway_parent *g, const struct ip *ip)
{
	if (g->n_at < GATEWAY_ADDRESSES)
		g->at[g->n_at++].ip = *ip;
}

/* What the pools gave, as module lb wrote it. */
static unsigned given(const struct gateway_parent *g, struct ip out[static GATEWAY_ADDRESSES])
{
	yyjson_val *marks = json_at(g->root, "metadata.annotations"),
		   *list = json_at(g->root, "status.addresses"), *v;
	size_t i, max;
	unsigned n = 0;

	if (!yyjson_obj_get(marks, FROM_POOL))
		return 0;
	yyjson_arr_foreach (list, i, max, v) {
		const char *text = json_str(v, "value");

		if (text && n < GATEWAY_ADDRESSES && ip_parse(&out[n], text))
			n++;
	}
	return n;
}

static unsigned node_ips(struct ip out[static VIEW_NODE_IPS])
{
	return view_node_ips(store_get(KIND_NODE, "", conf.node.name), out, VIEW_NODE_IPS);
}

static bool is_own(const struct ip *ip)
{
	struct ip ips[VIEW_NODE_IPS];

	for (unsigned i = 0; i < conf.ingress.addresses.n; i++)
		if (ip_equal(&conf.ingress.addresses.v[i].ip, ip))
			return true;
	return conf.ingress.any_address && ip_is_in(ip, ips, node_ips(ips));
}

/* All that the node has of its own, as the Ingresses do. */
static void share(struct gateway_parent *g)
{
	struct ip ips[VIEW_NODE_IPS];
	unsigned n;

	for (unsigned i = 0; i < conf.ingress.addresses.n; i++) {
		bind_to(g, &conf.ingress.addresses.v[i].ip);
		show(g, &conf.ingress.addresses.v[i].ip);
	}
	if (!conf.ingress.any_address)
		return;
	g->n_at = 0;
	bind_to(g, &(struct ip){ .len = 0 });
	n = node_ips(ips);
	for (unsigned i = 0; i < n; i++)
		show(g, &ips[i]);
}

static void take(struct gateway_parent *g, const struct ip *ips, unsigned n)
{
	g->given = n > 0;
	for (unsigned i = 0; i < n; i++) {
		bind_to(g, &ips[i]);
		show(g, &ips[i]);
	}
}

/* ---- asked for ------------------------------------------------------------------------------ */

static void ask_address(struct gateway_parent *g, struct arena *a, const char *text,
                        const struct ip *ips, unsigned n)
{
	struct ip ip;

	if (!ip_parse(&ip, text)) {
		gateway_say(&g->programmed, a, "AddressNotUsable", "\"%.60s\" is no address", text);
	} else if (ip_is_in(&ip, ips, n)) {
		g->given = true;
		bind_to(g, &ip);
		show(g, &ip);
	} else if (is_own(&ip)) {
		bind_to(g, &ip);
		show(g, &ip);
	} else {
		gateway_say(&g->programmed, a, "AddressNotUsable",
		            "%s is neither the node's own nor to be had from a pool: the Events "
		            "of this Gateway may say why",
		            text);
	}
}

static void ask(struct gateway_parent *g, struct arena *a, yyjson_val *list, const struct ip *ips,
                unsigned n)
{
	bool any = false;
	yyjson_val *v;
	size_t i, max;

	yyjson_arr_foreach (list, i, max, v) {
		const char *type = json_str(v, "type"), *value = json_str(v, "value");

		if (type && strcmp(type, "IPAddress") != 0)
			gateway_say(&g->accepted, a, "UnsupportedAddress",
			            "spec.addresses[%zu]: an address of type %.64s cannot be had, "
			            "only of type IPAddress",
			            i, type);
		else if (value && *value)
			ask_address(g, a, value, ips, n);
		else
			any = true;
	}
	if (any && n)
		take(g, ips, n);
	else if (any && !g->n_at)
		share(g);
}

void gateway_find_addresses(struct gateway_parent *g, struct arena *a)
{
	yyjson_val *list = json_at(g->root, "spec.addresses");
	struct ip ips[GATEWAY_ADDRESSES];
	unsigned n = given(g, ips);

	if (yyjson_arr_size(list)) {
		ask(g, a, list, ips, n);
	} else if (n) {
		take(g, ips, n);
	} else if (view_pools_give()) {
		gateway_say(&g->programmed, a, "AddressNotAssigned",
		            "the address pools have given no address: the Events of this Gateway "
		            "say why");
	} else {
		share(g);
	}
	if (!g->n_at)
		gateway_say(&g->programmed, a, "AddressNotAssigned",
		            "there is no address: neither pools nor [ingress] addresses");
}
