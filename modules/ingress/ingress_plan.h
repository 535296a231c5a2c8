/* ingress_plan.h - the Ingress objects of the store, as rules of a plan: each compiled once, and
 * again when it or something that it looks at has changed. */
#pragma once

#include <knetd/err.h>
#include <knetd/store.h>

#include "proxy_plan.h"

#define INGRESS_PORTS_MAX 16

struct ingress_doors { /* where Ingresses are reached */
	unsigned n;
	struct plan_listener *http[INGRESS_PORTS_MAX];
	bool shared[INGRESS_PORTS_MAX];             /* http is a Gateway's */
	struct plan_port *https[INGRESS_PORTS_MAX]; /* NULL: none */
};

/* Everything is read again. */
void ingress_forget(void);
/* True when routes have to be planned anew. */
bool ingress_changed(const struct change *x);
/* Compiles all that are stale, as the store stands. */
void ingress_refresh(void);
/* Then: do some of them change more than rules? Then all has to be planned anew. */
bool ingress_is_stale(void);
/* Adds the rules of every Ingress that is ours: all, the plan is clear; or of those that changed.
 * Behind ingress_refresh. */
void ingress_plan(struct plan *p, const struct ingress_doors *doors, bool all);
/* Were certificates let go since this was asked last? Those in use are then kept, between
 * certs_begin and certs_sweep. */
bool ingress_lets_certs_go(void);
void ingress_keep_certs(void);
/* Tells where each is reached, in its status. (ingress_status.c) */
int ingress_status_write(struct err *e);
