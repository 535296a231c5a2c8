/* gateway_ref.c - see gateway_route.h: what compilers ask of the store, and what they leave noted
 * of it. */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "backends.h"
#include "gateway_grant.h"
#include "gateway_route.h"

#define REFUSALS_TEXT 1024 /* of a condition's message; it may have 32768 */

void gateway_compiled_free(struct gateway_compiled *c)
{
	const uint32_t *v = (const void *)c->backends.data;

	for (size_t i = 0; i < c->backends.len / sizeof(*v); i++)
		backends_drop(v[i]);
	arena_free(&c->arena);
	buf_free(&c->seen);
	buf_free(&c->backends);
	*c = (struct gateway_compiled){ 0 };
}

void gateway_see(struct gateway_compiled *c, enum kind kind, const char *ns, const char *name)
{
	struct gateway_seen new = { kind, arena_printf(&c->arena, "%s/%s", ns, name) };
	const struct gateway_seen *v = (const void *)c->seen.data;

	for (size_t i = 0; i < c->seen.len / sizeof(*v); i++)
		if (v[i].kind == kind && !strcmp(v[i].key, new.key))
			return;
	buf_add(&c->seen, &new, sizeof(new));
}

void gateway_use_backend(struct gateway_compiled *c, uint32_t number)
{
	const uint32_t *v = (const void *)c->backends.data;

	if (number == TABLE_NONE)
		return;
	for (size_t i = 0; i < c->backends.len / sizeof(*v); i++)
		if (v[i] == number)
			return;
	buf_add(&c->backends, &number, sizeof(number));
	backends_hold(number);
}

void gateway_refuse_ref(struct gateway_compiled *c, const char *reason, const char *fmt, ...)
{
	const char *before = c->refs.message ? c->refs.message : "";
	char text[512];
	va_list ap;

	if (c->refs.reason && strcmp(c->refs.reason, reason) != 0)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strstr(before, text) || strlen(before) + strlen(text) > REFUSALS_TEXT)
		return;
	c->refs.reason = reason;
	c->refs.message = arena_printf(&c->arena, "%s%s%s", before, *before ? "; " : "", text);
}

/* ---- backends ------------------------------------------------------------------------------- */

static const char *text_or(yyjson_val *obj, const char *key, const char *absent)
{
	const char *s = json_str(obj, key);

	return s ? s : absent;
}

/* A UDPRoute's datagrams go to a UDP port; of a port that is open in both protocols each route has
 * its own. */
static bool fits(const struct service_port *p, int64_t port, bool udp)
{
	return p->port == port && (p->proto == IPPROTO_UDP) == udp;
}

static bool find_port(struct gateway_compiled *c, const struct object *service, int64_t port,
                      bool udp, struct gateway_backend *out)
{
	auto_arena struct arena a = { 0 };
	struct service_view view;
	bool found = false;

	if (!view_service(service, &a, &view))
		return false;
	for (unsigned i = 0; !found && i < view.n_ports; i++) {
		const struct service_port *p = &view.ports[i];

		if (!fits(p, port, udp))
			continue;
		out->port = p->port;
		out->proto = p->proto;
		out->port_name = arena_strdup(&c->arena, p->name);
		out->app_protocol = arena_strdup(&c->arena, p->app_protocol);
		found = true;
	}
	yyjson_doc_free(view.doc);
	return found;
}

bool gateway_find_backend(struct gateway_compiled *c, const struct object *route, yyjson_val *ref,
                          struct gateway_backend *out)
{
	const char *group = text_or(ref, "group", ""), *kind = text_or(ref, "kind", "Service"),
		   *ns = text_or(ref, "namespace", route->ns), *name = text_or(ref, "name", "");
	int64_t port = json_int(ref, "port", 0);
	const struct object *service;

	if (*group || strcmp(kind, "Service") != 0) {
		gateway_refuse_ref(c, "InvalidKind",
		                   "%.64s%s%.64s \"%.128s\" is no backend: only Services are",
		                   group, *group ? "/" : "", kind, name);
		return false;
	}
	gateway_see(c, KIND_SERVICE, ns, name);
	if (strcmp(ns, route->ns) != 0)
		gateway_see(c, KIND_REFERENCEGRANT, ns, "");
	if (!gateway_granted(route, "", "Service", ns, name)) {
		gateway_refuse_ref(c, "RefNotPermitted",
		                   "no ReferenceGrant of namespace %s lets %ss of namespace %s "
		                   "refer to Service \"%.128s\"",
		                   ns, kind_info[route->kind].kind, route->ns, name);
		return false;
	}
	service = store_get(KIND_SERVICE, ns, name);
	*out = (struct gateway_backend){ .ns = arena_strdup(&c->arena, ns),
		                         .name = arena_strdup(&c->arena, name) };
	if (service && find_port(c, service, port, route->kind == KIND_UDPROUTE, out))
		return true;
	gateway_refuse_ref(c, "BackendNotFound",
	                   service ? "Service %s/%.128s has no %sport %lld"
	                           : "there is no Service %s/%.128s",
	                   ns, name, route->kind == KIND_UDPROUTE ? "UDP " : "", (long long)port);
	return false;
}

struct span gateway_route_name(struct gateway_compiled *c, const struct object *route)
{
	const char *text =
		arena_printf(&c->arena, "%s/%s", kind_info[route->kind].kind, route->key);

	return (struct span){ text, strlen(text) };
}
