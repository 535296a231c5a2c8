/* gateway_attach.c - which routes are attached to which listeners. See gateway_routes.h.
 *
 * A reference to a Gateway means its own listeners, never those of its ListenerSets: they are
 * parents by themselves. */
#include <string.h>

#include "gateway_routes.h"

/* "a.b.example.com" for "*.example.com": the wildcard is one label or more. */
static bool falls_under(const char *host, const char *wild)
{
	size_t n = strlen(host), w = strlen(wild) - 1;

	return wild[0] == '*' && n > w && !strcmp(host + n - w, wild + 1);
}

const char *gateway_host_meet(const char *listener, const char *route)
{
	if (!*listener || falls_under(route, listener))
		return route;
	if (!*route || falls_under(listener, route) || !strcmp(listener, route))
		return listener;
	return NULL;
}

static bool has_hosts(const struct gateway_route *r)
{
	return r->kind != KIND_TCPROUTE && r->kind != KIND_UDPROUTE;
}

static void attach(struct gateway_route *r, struct gateway_parent_ref *ref,
                   struct gateway_listener *l, const char *host)
{
	const struct gateway_attachment *v = (const void *)r->attached.data;
	struct gateway_attachment new = { l, ref->compiled, host };

	for (unsigned i = ref->first; i < ref->first + ref->n; i++)
		if (v[i].listener == l && !strcmp(v[i].host, host))
			return;
	buf_add(&r->attached, &new, sizeof(new));
	l->kinds_attached |= KIND_BIT(r->kind);
	ref->n++;
}

static bool attach_hosts(struct gateway_route *r, struct gateway_parent_ref *ref,
                         struct gateway_listener *l)
{
	unsigned before = ref->n;

	if (!has_hosts(r) || !r->n_hosts)
		attach(r, ref, l, has_hosts(r) ? l->host : "");
	for (unsigned i = 0; has_hosts(r) && i < r->n_hosts; i++) {
		const char *host = gateway_host_meet(l->host, r->hosts[i]);

		if (host)
			attach(r, ref, l, host);
	}
	return ref->n > before;
}

static bool is_meant(const struct gateway_parent_ref *ref, const struct gateway_listener *l)
{
	return (!*ref->section || !strcmp(ref->section, l->name)) &&
	       (!ref->port || ref->port == l->port);
}

static bool is_let_in(const struct gateway_route *r, const struct gateway_listener *l)
{
	return l->kinds & KIND_BIT(r->kind) && gateway_allows(&l->routes, l->parent->ns, r->ns);
}

void gateway_attach(struct gateway_route *r, struct gateway_parent_ref *ref)
{
	struct gateway_parent *p = ref->parent;
	unsigned meant = 0, let_in = 0;
	struct arena *a = &r->attached_arena;

	ref->first = r->attached.len / sizeof(struct gateway_attachment);
	ref->n = 0;
	for (unsigned i = 0; i < p->n_listeners; i++) {
		struct gateway_listener *l = &p->listeners[i];

		if (!is_meant(ref, l))
			continue;
		meant++;
		if (!is_let_in(r, l))
			continue;
		let_in++;
		attach_hosts(r, ref, l);
	}
	if (!meant)
		gateway_say(&ref->accepted, a, "NoMatchingParent",
		            "%s %s has no listener%s%.128s%s with that %s", kind_info[p->kind].kind,
		            p->key, *ref->section ? " \"" : "", ref->section,
		            *ref->section ? "\"" : "", ref->port ? "port" : "name");
	else if (!let_in)
		gateway_say(&ref->accepted, a, "NotAllowedByListeners",
		            "no listener of %s %s takes %ss of namespace %s",
		            kind_info[p->kind].kind, p->key, kind_info[r->kind].kind, r->ns);
	else if (!ref->n)
		gateway_say(&ref->accepted, a, "NoMatchingListenerHostname",
		            "no listener of %s %s has a host of this route's spec.hostnames",
		            kind_info[p->kind].kind, p->key);
}
