/* gateway_route.h - between the control plane of Gateway API and the compilers of its routes.
 *
 *   gateway_attach.c   which route is attached to which listener, under which host names
 *   gateway_http.c     HTTPRoute, GRPCRoute      } what a route says, as rules of proxy_table.h;
 *   gateway_l4.c       TLSRoute, TCPRoute, UDPRoute  } it knows of no listener
 *   gateway_ref.c      what both ask of the store: is that backend there, may it be named
 *
 * A route is compiled once, whatever it is attached to, and kept until it changes or something it
 * looked at does. Its rules are handed to the plan for each listener and host it is attached to:
 * where they are served is no business of a compiler. What cannot be compiled is not an error: it
 * is said in the status, and what it means for requests (500, no rule) stands in the rules. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/object.h>

#include "proxy_plan.h"
#include "proxy_table.h"

/* What a Gateway adds to how its routes reach their backends: routes attached to Gateways that
 * differ here are compiled for each of them. */
struct gateway_terms {
	uint32_t client_cert; /* spec.tls.backend.clientCertificateRef: a number in TABLE_CERTS, or
	                         TABLE_NONE */
};

/* A condition's outcome. reason NULL: as it should be. */
struct gateway_says {
	const char *reason;  /* static */
	const char *message; /* lives in the arena */
};

struct gateway_rule {
	struct table_rule rule;
	struct plan_order order;
};

struct gateway_compiled {
	struct arena arena; /* holds everything below, texts too: the document is gone by then */
	struct gateway_rule *rules; /* TLS, TCP, UDP: one */
	unsigned n_rules;

	struct gateway_says refs;     /* ResolvedRefs is False: InvalidKind, RefNotPermitted,
	                                 BackendNotFound, UnsupportedProtocol ... */
	struct gateway_says accepted; /* Accepted is False: UnsupportedValue, IncompatibleFilters;
	                                 nothing of it is served then */
	struct gateway_says partly;   /* PartiallyInvalid is True: some rules were left out */

	/* What is looked at and in use while this lives; filled in by the calls below. */
	struct buf seen;     /* of struct gateway_seen */
	struct buf backends; /* of uint32_t */
};
struct gateway_seen {
	enum kind kind;
	const char *key; /* "namespace/name"; with an empty name any object of the namespace */
};

/* The compilers. root is the route's document; out is empty. Nothing of root may be kept. */
void gateway_http_compile(const struct object *route, yyjson_val *root,
                          const struct gateway_terms *terms, struct gateway_compiled *out);
void gateway_l4_compile(const struct object *route, yyjson_val *root,
                        const struct gateway_terms *terms, struct gateway_compiled *out);
void gateway_compiled_free(struct gateway_compiled *c);

/* ---- for compilers (gateway_ref.c) ----------------------------------------------------------- */

/* That object was looked at, there or not: the route is compiled again when it comes, changes or
 * goes. name "": any of the kind in the namespace (ReferenceGrants, policies). */
void gateway_see(struct gateway_compiled *c, enum kind kind, const char *ns, const char *name);
/* This number is in use as long as the compiled route lives. */
void gateway_use_backend(struct gateway_compiled *c, uint32_t number);
/* Takes note of a reference that is not to be had; the first one is told, later ones only when they
 * are of the same reason. */
void gateway_refuse_ref(struct gateway_compiled *c, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One port of a Service that a route names. Texts live in the compiled route's arena. */
struct gateway_backend {
	const char *ns, *name;
	uint16_t port;
	uint8_t proto;            /* IPPROTO_ */
	const char *port_name;    /* "" when it has none */
	const char *app_protocol; /* "" */
};
/* What a backendRef (or a mirror's) names. False: it is of another kind, of a namespace that does
 * not let us, or not there; that was noted (gateway_refuse_ref), and its share of requests is
 * answered with 500: a choice with TABLE_NONE. A Service without endpoints is fine. */
bool gateway_find_backend(struct gateway_compiled *c, const struct object *route, yyjson_val *ref,
                          struct gateway_backend *out);
/* A route's name as tables and logs have it: "HTTPRoute/namespace/name". */
struct span gateway_route_name(struct gateway_compiled *c, const struct object *route);
