/* lb_ask.h - what a Service asks of the pools: its own words and annotations, read. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/object.h>

#include "lb_pool.h"

/* Written beside the status, so that it is known whose that is. */
#define LB_FROM_POOL "knetd.io/allocated-from-pool"

struct lb_port {
	uint8_t proto; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port;
};

struct lb_ask {               /* everything lives in the arena, and in doc */
	const char *key, *ns; /* key: "namespace/name" */
	bool ours;            /* of type LoadBalancer, and of no other class */
	bool named;           /* it names our class */
	bool marked;          /* with LB_FROM_POOL */
	bool wants[LB_FAMILIES];
	unsigned first;                /* the family it is known by */
	bool both;                     /* RequireDualStack: one alone is nothing */
	struct ip wanted[LB_FAMILIES]; /* asked for; len 0: any */
	const char *pool;              /* asked for; NULL: any */
	const char *share;             /* Services of one key share addresses; NULL: with nobody */
	const char *backend;           /* "", or with externalTrafficPolicy Local what it selects */
	unsigned n_ports;
	struct lb_port *ports; /* sorted, no two alike */
	unsigned n_doors;
	const struct lb_port *doors;    /* a Gateway's: where the proxy listens for it, as ports */
	yyjson_val *labels, *ns_labels; /* ns_labels: of its Namespace, put in by the caller */
	struct ip has[LB_FAMILIES];     /* as its status says */
	bool plain;                     /* the status says that and nothing else, as we write it */
	const char *wrong;              /* what cannot be read, or NULL */
	yyjson_doc *doc;                /* the caller frees it */
};

/* Can the object be one of ours, or have been? Costs a search in its text. */
bool lb_ask_may_be(const struct object *service);
/* An annotation of ours, or in the words of MetalLB; NULL: none, or empty. */
const char *lb_ask_annotation(yyjson_val *root, const char *ours, const char *theirs,
                              struct arena *a);
/* Puts ports in order, each once; how many these are. */
unsigned lb_ports_sort(struct lb_port *v, unsigned n);
void lb_ask_read(const struct object *service, struct arena *a, struct lb_ask *out);
