/* gateway_l4.c - TLSRoutes, TCPRoutes and UDPRoutes compiled: one rule each, which takes whatever
 * comes. How it is spoken to the client, and under which names, is the listener's affair. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/json_mut.h>

#include "backends.h"
#include "gateway_route.h"
#include "gateway_tls.h"

static struct span keep(struct gateway_compiled *c, const char *s)
{
	const char *copy = arena_strdup(&c->arena, s ? s : "");

	return (struct span){ copy, strlen(copy) };
}

/* A policy is for TLS that was ended here; what is passed through is left as it is (proxy_tcp.c).
 */
static uint32_t backend_number(struct gateway_compiled *c, const struct object *route,
                               const struct gateway_terms *terms, yyjson_val *ref)
{
	struct gateway_backend to;
	uint32_t number;

	if (!gateway_find_backend(c, route, ref, &to))
		return TABLE_NONE;
	number = backends_want(&(struct backend_ask){
		.ns = to.ns,
		.service = to.name,
		.port_name = *to.port_name ? to.port_name : NULL,
		.port = to.port,
		.udp = to.proto == IPPROTO_UDP,
		.tls = route->kind == KIND_TLSROUTE
	                       ? gateway_backend_tls(to.ns, to.name, to.port_name, to.port,
	                                             terms->client_cert)
	                       : NULL,
	});
	gateway_use_backend(c, number);
	return number;
}

/* What is not to be had keeps its weight: its share of the clients is turned away. */
static void compile_choices(struct gateway_compiled *c, const struct object *route,
                            const struct gateway_terms *terms, yyjson_val *refs,
                            struct table_action *action)
{
	struct table_choice *v = arena_alloc(&c->arena, (yyjson_arr_size(refs) + 1) * sizeof(*v));
	yyjson_val *ref;
	size_t i, n;

	yyjson_arr_foreach (refs, i, n, ref)
		v[i] = (struct table_choice){ .backend = backend_number(c, route, terms, ref),
			                      .weight = (uint32_t)json_int(ref, "weight", 1) };
	action->choices = v;
	action->n_choices = (uint32_t)yyjson_arr_size(refs);
}

void gateway_l4_compile(const struct object *route, yyjson_val *root,
                        const struct gateway_terms *terms, struct gateway_compiled *out)
{
	yyjson_val *rule =
		yyjson_arr_get_first(yyjson_obj_get(yyjson_obj_get(root, "spec"), "rules"));
	struct table_action *action;

	if (!rule)
		return;
	action = arena_alloc(&out->arena, sizeof(*action));
	action->route = gateway_route_name(out, route);
	action->rule = keep(out, json_str(rule, "name"));
	compile_choices(out, route, terms, yyjson_obj_get(rule, "backendRefs"), action);
	out->rules = arena_alloc(&out->arena, sizeof(*out->rules));
	out->n_rules = 1;
	out->rules->rule = (struct table_rule){ .path = keep(out, ""), .action = action };
	out->rules->rule.method = out->rules->rule.path;
	out->rules->order.born = keep(out, json_str(root, "metadata.creationTimestamp")).p;
	out->rules->order.key = keep(out, route->key).p;
}
