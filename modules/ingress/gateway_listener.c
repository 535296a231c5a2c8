/* gateway_listener.c - what is found of listeners: protocols and route kinds, certificates, who is
 * in whose way; and what follows for Gateways and ListenerSets. See gateway_model.h.
 *
 * In one's way are listeners of one port (of TCP or UDP) that no client can tell apart. Within one
 * object all of them are out: none is picked. Between objects the one that comes first stays: of a
 * Gateway and its ListenerSets in Gateway API's order, of Gateways with an address in common the
 * older one's. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>

#include "gateway_grant.h"
#include "gateway_model.h"

static const uint32_t protocol_kinds[] = {
	[LISTEN_HTTP] = KIND_BIT(KIND_HTTPROUTE) | KIND_BIT(KIND_GRPCROUTE),
	[LISTEN_HTTPS] = KIND_BIT(KIND_HTTPROUTE) | KIND_BIT(KIND_GRPCROUTE),
	[LISTEN_TLS] = KIND_BIT(KIND_TLSROUTE),
	[LISTEN_TCP] = KIND_BIT(KIND_TCPROUTE),
	[LISTEN_UDP] = KIND_BIT(KIND_UDPROUTE),
};

/* ---- one listener by itself ----------------------------------------------------------------- */

static uint32_t kind_named(yyjson_val *v)
{
	const char *group = json_str(v, "group"), *kind = json_str(v, "kind");

	if (group && strcmp(group, GATEWAY_GROUP) != 0)
		return 0;
	for (unsigned k = KIND_HTTPROUTE; k <= KIND_UDPROUTE; k++)
		if (kind && !strcmp(kind, kind_info[k].kind))
			return KIND_BIT(k);
	return 0;
}

static void judge_kinds(struct gateway_listener *l, struct arena *a)
{
	yyjson_val *list = json_at(l->spec, "allowedRoutes.kinds"), *v;
	size_t i, n;

	if (!l->known)
		return;
	if (!yyjson_arr_size(list))
		l->kinds = protocol_kinds[l->protocol];
	yyjson_arr_foreach (list, i, n, v) {
		uint32_t kind = kind_named(v) & protocol_kinds[l->protocol];
		const char *name = json_str(v, "kind");

		l->kinds |= kind;
		if (!kind)
			gateway_say(&l->refs, a, "InvalidRouteKinds",
			            "a listener of protocol %s takes no %.64s", l->protocol_name,
			            name ? name : "");
	}
}

static void judge_tls(struct gateway_listener *l, struct arena *a)
{
	const struct gateway_parent *p = l->parent, *g = p->gateway;

	if (!l->known || (l->protocol != LISTEN_HTTPS && l->protocol != LISTEN_TLS))
		return;
	gateway_tls_listener(l->spec, p->kind, p->ns, g->root, g->ns, a, &l->tls);
	if (l->tls.reason)
		gateway_say(&l->refs, a, l->tls.reason, "%s", l->tls.message);
	if (l->tls.no_ca)
		gateway_say(&l->accepted, a, "NoValidCACertificate", "%s", l->tls.message);
	if (!l->tls.passthrough && !l->tls.n_certs)
		gateway_say(&l->programmed, a, "Invalid", "there is no certificate to present");
}

static void judge_alone(struct gateway_listener *l, struct arena *a)
{
	if (!l->known)
		gateway_say(&l->accepted, a, "UnsupportedProtocol",
		            "protocol %.64s is none of HTTP, HTTPS, TLS, TCP and UDP",
		            l->protocol_name);
	judge_kinds(l, a);
	judge_tls(l, a);
}

/* ---- who is in whose way -------------------------------------------------------------------- */

static bool by_sni(const struct gateway_listener *l)
{
	return l->protocol == LISTEN_HTTPS || l->protocol == LISTEN_TLS;
}

/* The reason, or NULL when clients can tell them apart. */
static const char *clash(const struct gateway_listener *x, const struct gateway_listener *y)
{
	if (x->port != y->port || (x->protocol == LISTEN_UDP) != (y->protocol == LISTEN_UDP))
		return NULL;
	if (x->protocol == LISTEN_UDP || x->protocol == LISTEN_TCP || y->protocol == LISTEN_TCP ||
	    by_sni(x) != by_sni(y))
		return "ProtocolConflict";
	if (strcmp(x->host, y->host) != 0)
		return NULL;
	return x->protocol == y->protocol ? "HostnameConflict" : "ProtocolConflict";
}

static void conflicted(struct gateway_listener *l, struct arena *a, const char *reason,
                       const struct gateway_listener *by)
{
	/* Another object's contents are not told to whoever may not read it. */
	if (by && by->parent == l->parent)
		gateway_say(&l->conflict, a, reason, "listener \"%.128s\" has port %u too",
		            by->name, by->port);
	else
		gateway_say(&l->conflict, a, reason, "port %u is another listener's%s", l->port,
		            !strcmp(reason, "HostnameConflict") ? " with that hostname" : "");
	gateway_say(&l->accepted, a, reason, "%s", l->conflict.message);
	gateway_say(&l->programmed, a, reason, "%s", l->conflict.message);
}

static bool has_address(const struct gateway_parent *g, const struct endpoint *at)
{
	for (unsigned i = 0; i < g->n_at; i++)
		if (ip_equal(&g->at[i].ip, &at->ip))
			return true;
	return false;
}

static bool neighbours(const struct gateway_parent *x, const struct gateway_parent *y)
{
	for (unsigned i = 0; i < x->n_at; i++)
		if (has_address(y, &x->at[i]))
			return true;
	return x == y;
}

/* What the Ingresses have, where it is shared with them. */
static bool ingress_clash(const struct gateway_listener *l)
{
	const struct gateway_parent *g = l->parent->gateway;
	bool shared = false;

	for (unsigned i = 0; i < g->n_at && !shared; i++) {
		shared = !g->at[i].ip.len && conf.ingress.any_address;
		for (unsigned k = 0; k < conf.ingress.addresses.n; k++)
			shared |= ip_equal(&conf.ingress.addresses.v[k].ip, &g->at[i].ip);
	}
	if (!shared || l->protocol == LISTEN_UDP)
		return false;
	return (l->port == conf.ingress.http && l->protocol != LISTEN_HTTP) ||
	       (l->port == conf.ingress.https && !by_sni(l));
}

static void judge_within(struct gateway_parent *p, struct arena *a)
{
	for (unsigned i = 0; i < p->n_listeners; i++)
		for (unsigned k = 0; k < p->n_listeners; k++) {
			struct gateway_listener *x = &p->listeners[i], *y = &p->listeners[k];
			bool both = i != k && x->known && y->known && !x->lost && !y->lost;
			const char *reason = both ? clash(x, y) : NULL;

			if (reason)
				conflicted(x, a, reason, y);
		}
}

/* Listeners that stay, of all Gateways, by port: what comes later is held against them. */
struct taken {
	struct gateway_listener *l;
	struct taken *next;
};

static void judge_between(struct gateway_listener *l, const struct map *ports, struct arena *a)
{
	const struct taken *first = map_get(ports, &l->port, sizeof(l->port));

	if (!l->known)
		return;
	if (ingress_clash(l)) {
		l->lost = true;
		gateway_say(&l->accepted, a, "PortUnavailable",
		            "port %u of this address is the Ingresses', for HTTP%s", l->port,
		            l->port == conf.ingress.https ? "S" : "");
		gateway_say(&l->programmed, a, "PortUnavailable", "%s", l->accepted.message);
		return;
	}
	for (const struct taken *t = first; t; t = t->next) {
		const struct gateway_listener *x = t->l;
		const char *reason = clash(x, l);

		if (reason && neighbours(x->parent->gateway, l->parent->gateway)) {
			conflicted(l, a, reason, x);
			l->lost = true;
			return;
		}
	}
}

static void take_port(struct gateway_listener *l, struct map *ports, struct arena *a)
{
	struct taken *first = map_get(ports, &l->port, sizeof(l->port)), *new;

	if (!l->known || l->lost || l->conflict.reason)
		return;
	new = arena_alloc(a, sizeof(*new));
	*new = (struct taken){ l, first };
	map_put(ports, &l->port, sizeof(l->port), new);
}

/* ---- TLS of one port for hosts that overlap: which is told to clients that reuse connections --
 */

static bool covers(const char *wild, const char *host)
{
	size_t n = strlen(wild), h = strlen(host);

	if (!*wild)
		return true;
	return wild[0] == '*' && h > n - 1 && !strcmp(host + h - (n - 1), wild + 1);
}

static void judge_overlap(struct gateway_parent *g, struct arena *a)
{
	for (unsigned i = 0; i < g->n_members; i++)
		for (unsigned k = 0; k < g->members[i]->n_listeners; k++) {
			struct gateway_listener *x = &g->members[i]->listeners[k];

			if (!x->known || x->protocol != LISTEN_HTTPS || x->conflict.reason)
				continue;
			for (unsigned j = 0; j < g->members[i]->n_listeners; j++) {
				const struct gateway_listener *y = &g->members[i]->listeners[j];

				if (j == k || !y->known || y->protocol != LISTEN_HTTPS ||
				    y->port != x->port ||
				    (!covers(x->host, y->host) && !covers(y->host, x->host)))
					continue;
				gateway_say(&x->overlap, a, "OverlappingHostnames",
				            "listener \"%.128s\" has hosts of this one too; "
				            "requests for another than the connection was made "
				            "for are answered with 421",
				            y->name);
			}
		}
}

/* ---- Gateways and ListenerSets -------------------------------------------------------------- */

static void follow(struct gateway_listener *l, struct arena *a)
{
	const struct gateway_parent *p = l->parent, *g = p->gateway;

	if (p->accepted.reason && !l->accepted.reason && p->kind == KIND_LISTENERSET)
		gateway_say(&l->accepted, a, p->accepted.reason, "%s", p->accepted.message);
	if (l->accepted.reason)
		gateway_say(&l->programmed, a, "Invalid", "%s", l->accepted.message);
	if (g->accepted.reason)
		gateway_say(&l->programmed, a, "Invalid", "the Gateway is not accepted");
	if (!g->n_at)
		gateway_say(&l->programmed, a, "Pending", "the Gateway has no address");
}

static void judge_refs(struct gateway_parent *g, struct arena *a)
{
	const char *reason = NULL, *message = NULL;

	g->terms.client_cert = gateway_tls_client(g->root, g->ns, a, &reason, &message);
	if (reason)
		gateway_say(&g->refs, a, reason, "%s", message);
	for (unsigned i = 0; i < g->n_listeners; i++)
		if (g->listeners[i].refs.reason)
			gateway_say(&g->refs, a, "ListenersNotResolved", "listener \"%.128s\": %s",
			            g->listeners[i].name, g->listeners[i].refs.message);
}

/* A ListenerSet's listener that has no certificate to present is none that is valid. */
static const char *invalid(const struct gateway_listener *l)
{
	if (l->accepted.reason)
		return l->accepted.message;
	return l->parent->kind == KIND_LISTENERSET && l->refs.reason && l->programmed.reason
	               ? l->refs.message
	               : NULL;
}

/* A part of the listeners is enough, but it is said. */
static void judge_whole(struct gateway_parent *p, struct arena *a)
{
	unsigned bad = 0, up = 0;
	const struct gateway_listener *first = NULL;

	for (unsigned i = 0; i < p->n_listeners; i++) {
		bad += invalid(&p->listeners[i]) != NULL;
		up += p->listeners[i].programmed.reason == NULL;
		if (invalid(&p->listeners[i]) && !first)
			first = &p->listeners[i];
	}
	if (bad == p->n_listeners)
		gateway_say(&p->accepted, a, "ListenersNotValid",
		            "none of the listeners is accepted: \"%.128s\": %s",
		            first ? first->name : "", first ? invalid(first) : "");
	p->partly = bad && !p->accepted.reason;
	if (p->kind == KIND_LISTENERSET && p->accepted.reason)
		gateway_say(&p->programmed, a, p->accepted.reason, "%s", p->accepted.message);
	else if (p->accepted.reason)
		gateway_say(&p->programmed, a, "Invalid", "%s", p->accepted.message);
	if (!up && p->kind == KIND_LISTENERSET)
		gateway_say(&p->programmed, a, "ListenersNotValid", "no listener is in force");
	else if (!up)
		gateway_say(&p->programmed, a, "Invalid", "no listener is in force");
}

static void judge_parameters(struct gateway_parent *g, struct arena *a)
{
	yyjson_val *ref = json_at(g->root, "spec.infrastructure.parametersRef");
	const char *kind = json_str(ref, "kind");

	if (ref)
		gateway_say(&g->accepted, a, "InvalidParameters",
		            "spec.infrastructure.parametersRef: there are no parameters in a "
		            "%.64s",
		            kind ? kind : "");
}

static bool falls_back(yyjson_val *tls)
{
	return yyjson_equals_str(json_at(tls, "validation.mode"), "AllowInsecureFallback");
}

static bool is_insecure(const struct gateway_parent *g)
{
	yyjson_val *front = json_at(g->root, "spec.tls.frontend"), *v;
	bool out = falls_back(yyjson_obj_get(front, "default"));
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(front, "perPort"), i, n, v)
		out |= falls_back(yyjson_obj_get(v, "tls"));
	return out;
}

static void judge_gateway(struct gateway_parent *g, struct map *ports, struct arena *a)
{
	judge_parameters(g, a);
	g->insecure = is_insecure(g);
	for (unsigned i = 0; i < g->n_members; i++) {
		struct gateway_parent *p = g->members[i];

		for (unsigned k = 0; k < p->n_listeners; k++)
			judge_alone(&p->listeners[k], a);
		for (unsigned k = 0; k < p->n_listeners; k++)
			judge_between(&p->listeners[k], ports, a);
		judge_within(p, a);
		for (unsigned k = 0; k < p->n_listeners; k++)
			take_port(&p->listeners[k], ports, a);
	}
	judge_overlap(g, a);
	judge_refs(g, a);
	for (unsigned i = 0; i < g->n_members; i++) {
		struct gateway_parent *p = g->members[i];

		if (i && g->accepted.reason)
			gateway_say(&p->accepted, a, "ParentNotAccepted", "%s is not accepted",
			            g->key);
		for (unsigned k = 0; k < p->n_listeners; k++)
			follow(&p->listeners[k], a);
		judge_whole(p, a);
		g->n_sets += i && !p->accepted.reason;
	}
}

/* Those that their Gateway does not let in: their listeners are nobody's. */
static void judge_outside(struct gateway_parent *set, struct arena *a)
{
	for (unsigned i = 0; i < set->n_listeners; i++) {
		struct gateway_listener *l = &set->listeners[i];

		judge_kinds(l, a);
		follow(l, a);
		gateway_say(&l->programmed, a, "Invalid", "the ListenerSet is not accepted");
	}
}

void gateway_judge(struct gateway_model *m)
{
	struct map ports = { 0 };

	for (unsigned i = 0; i < m->n; i++)
		judge_gateway(m->v[i], &ports, &m->arena);
	for (unsigned i = 0; i < m->n_sets; i++)
		if (m->sets[i]->accepted.reason &&
		    !strcmp(m->sets[i]->accepted.reason, "NotAllowed"))
			judge_outside(m->sets[i], &m->arena);
	map_free(&ports);
}
