/* proxy_plan.c - ports and listeners; see proxy_plan.h
 *
 * Listeners of a port: the more specific host first, so that the first that matches is the one. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "proxy_plan.h"

struct plan_listener {
	struct table_listener row;
	struct plan_order otherwise;
	struct list link;
};
struct plan_port {
	struct table_port row;
	struct list listeners, link;
	uint32_t n_listeners;
};

void plan_init(struct plan *p)
{
	*p = (struct plan){ .changed = true, .table.seed = hash_seed() };
	list_init(&p->ports);
	plan_places_init(p);
}

void plan_clear(struct plan *p)
{
	plan_places_clear(p);
	list_init(&p->ports);
	map_free(&p->by_address);
	arena_free(&p->arena);
	arena_free(&p->filled);
	p->table.ports = NULL;
	p->table.n_ports = p->n_listeners = 0;
	p->changed = true;
	p->cleared++;
}

void plan_free(struct plan *p)
{
	plan_clear(p);
	map_free(&p->places);
}

/* ---- gathering ------------------------------------------------------------------------------ */

static struct span keep(struct plan *p, struct span s)
{
	return (struct span){ s.n ? arena_strndup(&p->arena, s.p, s.n) : "", s.n };
}

struct plan_port *plan_port(struct plan *p, const struct endpoint *at, bool udp)
{
	char ip[IP_TEXT],
		*key = arena_printf(&p->arena, "%s %u %d", at->ip.len ? ip_text(&at->ip, ip) : "*",
	                            at->port, udp);
	struct plan_port *port = map_get(&p->by_address, key, strlen(key));

	if (port)
		return port;
	port = arena_alloc(&p->arena, sizeof(*port));
	port->row = (struct table_port){ .at = *at, .udp = udp };
	list_init(&port->listeners);
	list_add_tail(&p->ports, &port->link);
	p->table.n_ports++;
	map_put(&p->by_address, key, strlen(key), port);
	return port;
}

void plan_port_speaks_proxy(struct plan_port *port)
{
	port->row.proxy_protocol = true;
}

static bool same_text(struct span a, struct span b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

/* HTTPS and TLS are told apart by nothing that a client says first. */
static bool same_way(const struct table_listener *a, const struct table_listener *b)
{
	return (a->protocol == LISTEN_HTTPS || a->protocol == LISTEN_TLS) ==
	       (b->protocol == LISTEN_HTTPS || b->protocol == LISTEN_TLS);
}

struct plan_listener *plan_listener(struct plan *p, struct plan_port *port,
                                    const struct table_listener *l, struct plan_listener **whose)
{
	struct list *pos, *nxt;
	struct plan_listener *new;

	*whose = NULL;
	list_each (pos, nxt, &port->listeners) {
		struct plan_listener *x = container_of(pos, struct plan_listener, link);

		if (!same_way(&x->row, l) || same_text(x->row.host, l->host) ||
		    l->protocol >= LISTEN_TCP) {
			*whose = x;
			return NULL;
		}
	}
	new = arena_alloc(&p->arena, sizeof(*new));
	new->row = *l;
	new->row.name = keep(p, l->name);
	new->row.host = keep(p, l->host);
	new->row.rules = p->n_listeners++;
	list_add_tail(&port->listeners, &new->link);
	port->n_listeners++;
	return new;
}

void plan_listener_like(struct plan_listener *l, const struct plan_listener *like)
{
	l->row.rules = like->row.rules;
}

uint32_t plan_listener_rules(const struct plan_listener *l)
{
	return l->row.rules;
}

void plan_listener_certs(struct plan *p, struct plan_listener *l, const uint32_t *certs, uint32_t n)
{
	l->row.certs = certs;
	l->row.n_certs = n;
	p->changed = true;
}

/* ---- order ---------------------------------------------------------------------------------- */

int plan_by_age(const struct plan_order *a, const struct plan_order *b)
{
	int d = strcmp(a->born, b->born);

	if (!d)
		d = strcmp(a->key, b->key);
	if (!d)
		d = a->rule < b->rule ? -1 : a->rule > b->rule;
	return d ? d : a->match < b->match ? -1 : a->match > b->match;
}

void plan_otherwise(struct plan_listener *l, const struct table_action *action,
                    const struct plan_order *order)
{
	if (l->row.otherwise && plan_by_age(&l->otherwise, order) <= 0)
		return;
	l->row.otherwise = action;
	l->otherwise = *order;
}

static int more_first(size_t a, size_t b)
{
	return a > b ? -1 : a < b;
}

/* An exact host before wildcards, the longer wildcard first, every host last. */
static int by_host(const void *a, const void *b)
{
	const struct table_listener *x = a, *y = b;
	bool wild_x = !x->host.n || x->host.p[0] == '*', wild_y = !y->host.n || y->host.p[0] == '*';

	return wild_x != wild_y ? (int)wild_x - (int)wild_y : more_first(x->host.n, y->host.n);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void fill_port(struct plan *p, struct plan_port *port, struct table_port *out)
{
	struct table_listener *rows = arena_alloc(&p->filled, port->n_listeners * sizeof(*rows));
	struct list *pos, *nxt;
	uint32_t n = 0;

	list_each (pos, nxt, &port->listeners)
		rows[n++] = container_of(pos, struct plan_listener, link)->row;
	if (n > 1)
		qsort(rows, n, sizeof(*rows), by_host);
	*out = port->row;
	out->listeners = rows;
	out->n_listeners = n;
}

void plan_routes(struct plan *p, struct buf *out)
{
	struct table_port *rows;
	struct list *pos, *nxt;
	uint32_t n = 0;

	arena_free(&p->filled);
	rows = arena_alloc(&p->filled, p->table.n_ports * sizeof(*rows));
	list_each (pos, nxt, &p->ports)
		fill_port(p, container_of(pos, struct plan_port, link), &rows[n++]);
	p->table.ports = rows;
	p->changed = false;
	pack_write(out, &p->table, &table_shape);
}

const struct table_port *plan_ports(const struct plan *p, uint32_t *n)
{
	*n = p->table.n_ports;
	return p->table.ports;
}
