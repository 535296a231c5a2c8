/* proxy_plan.h - what is to be served, gathered from Ingresses and Gateways, put in order for the
 * workers. Pure: objects in, trees of proxy_table.h out.
 *
 * A plan is kept. Ports and listeners are few: when one of them changes the plan is cleared and
 * made anew. Rules are many: whoever hands some in keeps a share, by which he takes them back, and
 * only the shards of what came or went are written again. What is handed in (rules, orders,
 * actions, texts) is not copied: it must live until it was taken back, or the plan cleared. */
#pragma once

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/list.h>
#include <knetd/map.h>

#include "proxy_table.h"

struct plan_shard {
	struct list places; /* struct plan_place */
	bool changed;       /* since it was written */
};
struct plan {
	struct arena arena;  /* of ports and listeners */
	struct arena filled; /* of table's ports */
	struct table table;  /* ports are filled in by plan_routes; the rest by the module */
	struct list ports;   /* of struct plan_port */
	struct map by_address;
	bool changed;     /* ports or listeners, since they were written */
	uint64_t cleared; /* how often */
	uint32_t n_listeners;
	struct map places; /* struct plan_place by host and path */
	struct plan_shard shards[TABLE_SHARDS];
	unsigned n_rules;
};
struct plan_port;
struct plan_listener;

void plan_init(struct plan *p);
/* Of ports, listeners and rules nothing is left; shares are empty. */
void plan_clear(struct plan *p);
void plan_free(struct plan *p);

/* ---- ports and listeners (proxy_plan.c) ------------------------------------------------------ */

/* The socket address, made when it is asked for first. */
struct plan_port *plan_port(struct plan *p, const struct endpoint *at, bool udp);
void plan_port_speaks_proxy(struct plan_port *port);
/* A listener there. l is copied: its name, host, protocol, certificates, client_ca; rules and
 * otherwise are the plan's. NULL when that host and protocol is somebody's already (*whose). */
struct plan_listener *plan_listener(struct plan *p, struct plan_port *port,
                                    const struct table_listener *l, struct plan_listener **whose);
/* l has the hosts of another one, and no rules of its own. */
void plan_listener_like(struct plan_listener *l, const struct plan_listener *like);
/* Others than it was made with. The numbers are not copied. */
void plan_listener_certs(struct plan *p, struct plan_listener *l, const uint32_t *certs,
                         uint32_t n);

/* Who comes first among rules that say the same: Gateway API, HTTPRouteRule.matches. */
struct plan_order {
	const char *born; /* metadata.creationTimestamp */
	const char *key;  /* "namespace/name" */
	uint32_t rule, match;
};
int plan_by_age(const struct plan_order *a, const struct plan_order *b);
/* The older one wins. */
void plan_otherwise(struct plan_listener *l, const struct table_action *action,
                    const struct plan_order *order);

/* Appends the bytes of TABLE_ROUTES. */
void plan_routes(struct plan *p, struct buf *out);
/* Every socket there is, for worker_pool_listen; in the order of the table's ports. Behind
 * plan_routes. */
const struct table_port *plan_ports(const struct plan *p, uint32_t *n);

/* ---- rules (proxy_places.c) ------------------------------------------------------------------ */

struct plan_share {         /* rules of one owner; zero-initialised is none */
	struct buf entries; /* struct plan_entry */
	uint64_t cleared;   /* the plan's when they were put there */
};
/* host as of table_listener. */
void plan_rule(struct plan *p, struct plan_share *share, const struct plan_listener *l,
               struct span host, bool one_label, const struct table_rule *rule,
               const struct plan_order *order);
void plan_take_back(struct plan *p, struct plan_share *share);
/* No memory is left; what was handed in was taken back, or the plan cleared. */
void plan_share_free(struct plan_share *share);
/* Appends the bytes of TABLE_RULES + i: none when it is empty. False: they are what they were. */
bool plan_shard(struct plan *p, unsigned i, struct buf *out);

void plan_places_init(struct plan *p);
void plan_places_clear(struct plan *p);
uint32_t plan_listener_rules(const struct plan_listener *l);
