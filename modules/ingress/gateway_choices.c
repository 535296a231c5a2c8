/* gateway_choices.c - backendRefs of HTTPRoutes and GRPCRoutes, and how their Services are spoken
 * to: by the port's appProtocol (KEP-3726), by TLS when a BackendTLSPolicy says so. */
#include <netinet/in.h>
#include <string.h>

#include <knetd/auto.h>

#include "backends.h"
#include "gateway_compile.h"
#include "gateway_tls.h"

static const struct {
	const char *name;
	enum backend_protocol protocol;
	bool tls; /* needs a policy that says whom to believe */
	bool grpc;
} known[] = {
	{ "kubernetes.io/h2c", BACKEND_H2, false, true },
	{ "kubernetes.io/ws", BACKEND_HTTP1, false, false },
	{ "kubernetes.io/wss", BACKEND_HTTP1, true, false },
	{ "h2c", BACKEND_H2, false, true },
	{ "grpc", BACKEND_H2, false, true },
};

static bool unsupported(struct compiling *c, const struct gateway_backend *b, const char *why)
{
	gateway_refuse_ref(c->out, "UnsupportedProtocol", "Service %s/%s port %u: %s", b->ns,
	                   b->name, b->port, why);
	return false;
}

/* What is not known is spoken to as if nothing were said. */
static bool speak(struct compiling *c, const struct gateway_backend *b, bool tls,
                  uint32_t *protocol)
{
	*protocol = c->grpc ? BACKEND_H2 : BACKEND_HTTP1;
	if (b->proto != IPPROTO_TCP)
		return unsupported(c, b, "the port is none of TCP");
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(b->app_protocol, known[i].name) != 0)
			continue;
		if (c->grpc && !known[i].grpc)
			return unsupported(c, b, "its appProtocol is none of gRPC");
		if (known[i].tls && !tls)
			return unsupported(c, b, "its appProtocol needs a BackendTLSPolicy");
		*protocol = known[i].protocol;
	}
	return true;
}

uint32_t compile_backend(struct compiling *c, yyjson_val *ref)
{
	struct gateway_backend b;
	struct backend_ask ask;
	uint32_t number;

	if (!gateway_find_backend(c->out, c->route, ref, &b))
		return TABLE_NONE;
	ask = (struct backend_ask){ .ns = b.ns, .service = b.name, .port = b.port };
	ask.tls = gateway_backend_tls(b.ns, b.name, b.port_name, b.port, c->terms->client_cert);
	if (!speak(c, &b, ask.tls != NULL, &ask.protocol))
		return TABLE_NONE;
	number = backends_want(&ask);
	if (number != TABLE_NONE)
		gateway_use_backend(c->out, number);
	return number;
}

const struct table_choice *compile_choices(struct compiling *c, yyjson_val *refs, uint32_t *count)
{
	struct table_choice *out =
		arena_alloc(&c->out->arena, (yyjson_arr_size(refs) + 1) * sizeof(*out));
	yyjson_val *ref;
	size_t i, n;

	*count = 0;
	yyjson_arr_foreach (refs, i, n, ref) {
		struct table_choice *x = &out[*count];
		int64_t weight = json_int(ref, "weight", 1);
		bool broken = c->broken;

		x->backend = compile_backend(c, ref);
		x->filters = compile_filters(
			c, yyjson_obj_get(ref, "filters"),
			arena_printf(&c->out->arena, "backendRefs[%zu].filters", i), &x->n_filters);
		if (c->broken && !broken) { /* its share alone */
			x->backend = TABLE_NONE;
			c->broken = false;
		}
		x->weight = weight > 0 ? weight : 0;
		*count += x->weight > 0;
	}
	return out;
}
