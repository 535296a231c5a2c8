/* gateway_routes.h - the routes that the control plane knows: read and compiled once, attached anew
 * when they or the Gateways change.
 *
 * What one route's change costs: reading and compiling that route. The others stay in the plan as
 * they are, and so do their statuses. */
#pragma once

#include <knetd/store.h>

#include "gateway_model.h"

struct gateway_attachment { /* of a route to a listener, under one host */
	struct gateway_listener *listener;
	const struct gateway_compiled *compiled; /* NULL: lost to an older one (gateway_mixed.c) */
	const char *host;                        /* "": any */
};

struct gateway_parent_ref {
	bool ours_kind; /* Gateway or ListenerSet */
	enum kind kind;
	const char *ns, *name, *section;
	uint16_t port;    /* 0: any */
	const char *json; /* as the status repeats it */
	/* What came of it; parent NULL: not ours. */
	struct gateway_parent *parent;
	struct gateway_says accepted;
	const struct gateway_compiled *compiled;
	unsigned first, n; /* of the route's attachments */
};

struct gateway_variant { /* a route compiled for Gateways of those terms */
	struct gateway_terms terms;
	struct gateway_compiled compiled;
	struct list link;
	struct list seen; /* struct gateway_seen_link */
	bool used;
};

struct gateway_route {
	enum kind kind;
	char *key; /* "kind namespace/name" */
	const char *ns, *name;
	int64_t generation;
	struct object *object; /* NULL: gone */
	struct arena arena;    /* of what was read */
	const char *born;
	struct gateway_parent_ref *refs;
	unsigned n_refs;
	const char **hosts;
	unsigned n_hosts;
	struct list variants;
	bool stale;     /* to be read and compiled again */
	bool recompile; /* something that it looked at is another */
	uint64_t epoch; /* of the model that it is attached to */
	bool counted;   /* at its listeners */
	bool told;      /* its status says what came of that */
	struct arena attached_arena;
	struct buf attached;     /* struct gateway_attachment */
	struct plan_share share; /* what the plan has of it */
	struct list link;        /* of those that are stale, fresh or untold */
};

void gateway_routes_change(const struct change *c); /* of a route */
/* An object that routes may have looked at is another. */
bool gateway_routes_seen(enum kind kind, const char *ns, const char *name);
void gateway_routes_all(void); /* everything is stale; what is gone is found by itself */
void gateway_routes_recompile(void);

/* Reads and compiles what is stale, and attaches it to the model of that epoch; everything, when
 * that is another one than last time. What is then fresh has no rules in the plan: the caller hands
 * them in, and tells what came of them. */
void gateway_routes_sync(struct gateway_model *m, uint64_t epoch, struct plan *p);
/* while ((r = gateway_routes_fresh())): to be planned; each is untold from then on. */
struct gateway_route *gateway_routes_fresh(void);
/* The first one whose status is to be written; NULL: there is none. */
struct gateway_route *gateway_routes_untold(void);
void gateway_routes_told(struct gateway_route *r);
/* Statuses were not written after all. */
void gateway_routes_tell_all(void);
/* What the plan has of it is another from now on; it is fresh. */
void gateway_routes_again(struct gateway_route *r);
unsigned gateway_routes_attached(enum kind kind); /* how many, to anything */
/* for (size_t i = 0; (r = gateway_routes_next(&i));) */
struct gateway_route *gateway_routes_next(size_t *i);
/* The plan has to be cleared. */
void gateway_routes_free(void);

/* ---- gateway_attach.c: pure ------------------------------------------------------------------ */

/* The host that both of them name, the more specific one; NULL: none. "" is any. */
const char *gateway_host_meet(const char *listener, const char *route);
/* Which listeners of the parent a reference means and may have, and under which hosts: fills in
 * attached of r and accepted of ref. */
void gateway_attach(struct gateway_route *r, struct gateway_parent_ref *ref);

/* ---- gateway_mixed.c --------------------------------------------------------------------------
 */

/* Where HTTPRoutes and GRPCRoutes meet at a listener: true when they do anywhere. Then who is
 * attached hangs on the others, and all are attached anew when one of them changes. */
bool gateway_unmix(void);
