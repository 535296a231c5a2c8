/* trace_plan.h - what would happen to a packet, told step by step. Pure: reads the store and the
 * configuration; what only the kernel knows comes in by struct trace_node. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/ip.h>
#include <knetd/object.h>

#define TRACE_STEPS 96
#define TRACE_NAMES 16 /* candidates of a search path, aliases behind one another */
#define TRACE_LISTED 8 /* endpoints, policies named in one line; the rest is a number */

enum trace_verdict { TRACE_NOTE, TRACE_OK, TRACE_STOP, TRACE_VERDICTS };
extern const char *const trace_verdict_name[TRACE_VERDICTS];

struct trace_step {
	const char *step; /* "dns", "service", "policy", ... */
	enum trace_verdict verdict;
	const char *text;
	const char *detail; /* "" for none */
};

/* Who sends. */
enum trace_source { TRACE_POD, TRACE_NODE, TRACE_OUTSIDE };

struct trace_node { /* what the kernel says of the node */
	unsigned n;
	struct ip ips[64]; /* its own addresses */
	/* The address that its own packets have on the way there; len 0: no route. */
	struct ip (*source_to)(const struct ip *to);
};

struct trace {
	struct arena *arena;
	const struct trace_node *node;
	enum trace_source source;
	const char *ns, *pod; /* of a pod that sends; ns also where names are looked up from */
	const struct object *pod_object;
	unsigned n_ips;
	struct ip ips[2]; /* of who sends */
	bool bound;       /* the node sends from that address, not from one the kernel picks */
	struct ip to;     /* where the packet goes now; len 0: not known yet */
	uint16_t port;    /* 0: none said */
	uint8_t proto;    /* IPPROTO_ */
	unsigned n;
	struct trace_step steps[TRACE_STEPS];
	bool stopped;
	const char *result; /* one sentence, when it is over */
};

/* from: POD, NAMESPACE/POD, an address, "node"; to: NAME|ADDRESS[:PORT][/PROTO]; ns: of names
 * without one. 0, -EINVAL (a text cannot be read) or -ENOENT (no such pod). */
int trace_plan(struct trace *t, const char *ns, const char *from, const char *to, struct err *e);

/* ---- pieces --------------------------------------------------------------------------------- */

void trace_say(struct trace *t, const char *step, enum trace_verdict verdict, const char *detail,
               const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* A stop is the end; result: what comes of it. */
void trace_stop(struct trace *t, const char *step, const char *result, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
const char *trace_ip(struct trace *t, const struct ip *ip);                /* its text */
const char *trace_at(struct trace *t, const struct ip *ip, uint16_t port); /* "1.2.3.4:80/TCP" */
const char *trace_proto(uint8_t proto);
bool trace_has_family(const struct trace *t, uint8_t len);

/* Sets t->to from a name, as the sender's resolver would. */
void trace_dns(struct trace *t, const char *name);
/* When t->to is a Service's: everything up to its endpoints, and the way to them; true when so. */
bool trace_service(struct trace *t);
/* What a translation to t->to does to the source; masqueraded: why it is not kept, NULL when it is.
 * A pod that comes to itself never keeps it. */
void trace_source(struct trace *t, const char *masqueraded);
/* The way to t->to itself; translated: behind a Service or a host port. */
void trace_way(struct trace *t, bool translated);
/* When t->to is the node's and the port leads to a pod: the way there; true when so. */
bool trace_hostport(struct trace *t);
/* What policies say of the packet to t->to, behind any translation; it stops where one denies it.
 * to_node: it is the node's own. */
void trace_policies(struct trace *t, bool to_node);
/* May the sender ask the cluster DNS? When not, it stops. */
bool trace_policies_dns(struct trace *t);

bool trace_in_pods(const struct ip *ip); /* in the pods' ranges */
bool trace_is_node(const struct trace *t, const struct ip *ip);
/* The PodNetwork that has the address, or NULL. */
const struct object *trace_owner(const struct ip *ip);
