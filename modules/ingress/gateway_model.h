/* gateway_model.h - Gateways and ListenerSets of ours as the control plane sees them, and what is
 * found of them: every condition that their status will have.
 *
 * The model is small, and read anew whole when one of its objects changes: gateway_model.c reads,
 * gateway_address.c says where a Gateway is, gateway_listener.c judges the listeners. Routes are
 * many, and have their own cache (gateway_routes.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/ip.h>
#include <knetd/map.h>
#include <knetd/object.h>

#include "gateway_route.h"
#include "gateway_tls.h"
#include "proxy_plan.h"

#define GATEWAY_ADDRESSES 16

enum gateway_from { FROM_SAME, FROM_ALL, FROM_SELECTOR, FROM_NONE };
struct gateway_allow { /* which namespaces */
	enum gateway_from from;
	yyjson_val *selector;
};

struct gateway_parent;
struct gateway_listener {
	struct gateway_parent *parent;
	const char *name, *host; /* host "": any */
	uint16_t port;
	const char *protocol_name;
	bool known; /* the protocol is one of ours */
	enum listener_protocol protocol;
	yyjson_val *spec;
	struct gateway_allow routes;
	uint32_t kinds; /* KIND_BITs that may attach: supportedKinds */
	struct gateway_tls tls;

	/* Conditions: reason NULL is True with its own name, but conflict, overlap: then absent. */
	struct gateway_says accepted, programmed, refs, conflict, overlap;
	bool lost;           /* to a listener of an object that comes first */
	const char *trouble; /* why a socket of it is not open; NULL: they are */

	unsigned attached;                           /* routes */
	uint32_t kinds_attached;                     /* KIND_BITs of them */
	struct plan_listener *at[GATEWAY_ADDRESSES]; /* where its Gateway is; NULL: nowhere */
};

struct gateway_parent { /* a Gateway, or a ListenerSet of one */
	enum kind kind;
	const char *key, *ns, *name, *born;
	int64_t generation;
	yyjson_doc *doc;
	yyjson_val *root;
	struct gateway_parent *gateway; /* itself; of a ListenerSet the one it adds to */
	struct gateway_listener *listeners;
	unsigned n_listeners;
	struct gateway_says accepted, programmed, refs;
	bool partly; /* accepted, although some of its listeners are not */

	/* of Gateways */
	struct gateway_allow sets;
	unsigned n_sets; /* ListenerSets attached */
	struct gateway_terms terms;
	struct endpoint at[GATEWAY_ADDRESSES]; /* what is bound; ip.len 0: any address */
	struct ip shown[GATEWAY_ADDRESSES];    /* status.addresses */
	unsigned n_at, n_shown;
	bool given;                      /* by the pools: module lb has written status.addresses */
	bool insecure;                   /* a frontend validation is AllowInsecureFallback */
	struct gateway_parent **members; /* itself first, then its ListenerSets, in precedence */
	unsigned n_members;
};

struct gateway_model {
	struct arena arena;
	struct map by_key;         /* "kind namespace/name": struct gateway_parent */
	struct gateway_parent **v; /* Gateways, the older first */
	unsigned n;
	struct gateway_parent **sets; /* ListenerSets of Gateways of ours, the older first */
	unsigned n_sets;
};

/* Reads the store, judges, and asks for certificates. */
void gateway_model_read(struct gateway_model *m);
void gateway_model_free(struct gateway_model *m);
struct gateway_parent *gateway_model_find(const struct gateway_model *m, enum kind kind,
                                          const char *ns, const char *name);
/* May objects of that namespace? */
bool gateway_allows(const struct gateway_allow *a, const char *own_ns, const char *ns);
void gateway_read_allow(yyjson_val *namespaces, enum gateway_from absent,
                        struct gateway_allow *out);

/* gateway_address.c: at, shown, given; accepted and programmed when they cannot be had. */
void gateway_find_addresses(struct gateway_parent *g, struct arena *a);
/* gateway_listener.c: everything that listeners are told, and what follows for their parents. */
void gateway_judge(struct gateway_model *m);

/* Takes the first reason. */
void gateway_say(struct gateway_says *s, struct arena *a, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
