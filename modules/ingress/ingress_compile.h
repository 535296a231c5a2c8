/* ingress_compile.h - one Ingress as rules of the table, kept until it or what it looks at changes.
 */
#pragma once

#include <knetd/arena.h>
#include <knetd/list.h>
#include <knetd/object.h>

#include "ingress_annotations.h"
#include "proxy_plan.h"

#define COMPILED_RULES_MAX 4096 /* of one Ingress */
#define COMPILED_NEEDS_MAX 64

struct compiled_rule {
	struct span host; /* as of table_host */
	bool one_label;
	struct table_rule rule;
	struct plan_order order;
};
struct compiled_tls { /* a host's own asking for client certificates */
	struct span host;
	uint32_t client_ca;
};
struct compiled_need { /* an object whose change changes the outcome */
	enum kind kind;
	const char *ns, *name;
};

struct compiled {
	char *key;                   /* "namespace/name" */
	const struct object *object; /* a reference */
	bool ours, stale, canary;
	bool untold;             /* compiled, its Events are not yet made */
	struct plan_share share; /* what the plan has of it */
	struct list link;        /* of those that are stale, fresh or gone */
	struct list unwritten;   /* of those whose status may have to be written */
	struct arena arena;      /* of all below */
	struct notes *notes;
	const char *born;
	struct compiled_rule *rules;
	uint32_t n_rules;
	const struct table_action *otherwise; /* NULL: it has no default backend */
	struct plan_order otherwise_order;
	struct table_canary as_canary; /* without its choice */
	uint32_t *backends, n_backends;
	uint32_t *certs, n_certs; /* of tls[] */
	uint32_t *cas, n_cas;     /* authorities, to be kept */
	struct compiled_tls *client_tls;
	uint32_t n_client_tls;
	struct span
		auth_host; /* of auth-url, lower case, when it is no Service; "": there is none */
	struct compiled_need *needs;
	uint32_t n_needs;
};

/* Takes a reference; key is the object's. */
struct compiled *compiled_new(const struct object *o);
/* Another version; same: of what was not compiled. */
void compiled_renew(struct compiled *c, const struct object *o, bool same);
/* Compiles it as the store stands now. */
void compiled_make(struct compiled *c);
bool compiled_needs(const struct compiled *c, enum kind kind, const char *ns, const char *name);
void compiled_free(struct compiled *c);

/* ---- for its parts ------------------------------------------------------------------------------
 */

void *compiled_copy(struct compiled *c, const void *p, size_t n);
struct span compiled_lower(struct compiled *c, const char *s);
void compiled_need(struct compiled *c, enum kind kind, const char *ns, const char *name);
/* A backend of a Service of ours; TABLE_NONE: there are too many. It is kept. */
uint32_t compiled_backend(struct compiled *c, const char *ns, const char *service,
                          const char *port_name, uint16_t port);
void compiled_authority(struct compiled *c, uint32_t number); /* is kept */
struct ingress_url {
	struct span scheme;
	struct table_part host; /* PART_TEXT or PART_HOST */
	uint16_t port;          /* 0: the scheme's */
	struct note_parts path; /* and query; none: "/" */
};
/* False when it is none: see annotation auth-url. (ingress_url.c) */
bool url_split(struct arena *a, const struct note_parts *url, struct ingress_url *out);
/* "http://name.namespace.svc/..." is a Service: its backend, spoken to as the scheme says. */
bool compiled_url_backend(struct compiled *c, const char *annotation, const struct ingress_url *url,
                          uint32_t *backend);

/* What the annotations ask of the worker, but for the redirect to https (ingress_policy.c). */
void compiled_policy(struct compiled *c, struct table_policy *out);
/* Who may come in: passwords, somebody else's word, client certificates (ingress_auth.c). */
void compiled_auth(struct compiled *c, struct table_policy *out);
/* The action's filters, all but the rewrite (ingress_filters.c). */
const struct table_filter *compiled_filters(struct compiled *c, uint32_t *n);
const struct table_rewrite *compiled_rewrite(struct compiled *c);
const struct table_retry *compiled_retry(struct compiled *c);
