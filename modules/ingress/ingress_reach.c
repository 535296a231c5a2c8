/* ingress_reach.c - see ingress_reach.h
 *
 * A host is served by rules of Ingresses, or by an HTTPRoute on a listener that is shared with
 * them: of those it is enough that the name stands in one. A doubt is no reason for an Event. */
#include <string.h>

#include <knetd/map.h>
#include <knetd/store.h>

#include "ingress_reach.h"

#define SOUGHT_MAX 64 /* hosts no Ingress has, in one turn: each costs a walk over the routes */

static struct map hosts; /* of all rules; the values are their spans */
static struct map sought;
static struct arena arena;
static bool gathered, every;

static void gather(void)
{
	struct compiled *c;

	for (size_t i = 0; (c = ingress_next(&i));) {
		every |= c->ours && c->otherwise;
		for (uint32_t k = 0; c->ours && k < c->n_rules; k++) {
			struct span *host = &c->rules[k].host;

			every |= !host->n;
			if (host->n && !map_get(&hosts, host->p, host->n))
				map_put(&hosts, host->p, host->n, host);
		}
	}
	gathered = true;
}

/* "*.example" for what is one label longer. */
static struct span wildcard_of(struct span host)
{
	const char *dot = memchr(host.p, '.', host.n);
	struct span rest = { dot, dot ? host.n - (size_t)(dot - host.p) : 0 };
	char *s = arena_alloc(&arena, rest.n + 2);

	s[0] = '*';
	memcpy(s + 1, dot ? dot : "", rest.n);
	return (struct span){ s, rest.n + 1 };
}

static bool some_route_has(struct span host)
{
	const char *name = arena_printf(&arena, "\"%.*s\"", (int)host.n, host.p);
	const char *last = memrchr(host.p, '.', host.n);
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_HTTPROUTE, &i));)
		if (!strstr(o->json, "\"hostnames\"") || strstr(o->json, name) ||
		    (last && strstr(o->json, "\"*.") && strstr(o->json, last)))
			return true;
	return false;
}

static bool is_served(struct span host)
{
	static bool yes = true, no;
	struct span wild;
	bool *known, found;

	if (!gathered)
		gather();
	wild = wildcard_of(host);
	if (every || map_get(&hosts, host.p, host.n) || map_get(&hosts, wild.p, wild.n))
		return true;
	known = map_get(&sought, host.p, host.n);
	if (known)
		return *known;
	if (sought.len == SOUGHT_MAX)
		return true;
	found = some_route_has(host);
	map_put(&sought, host.p, host.n, found ? &yes : &no);
	return found;
}

void reach_check(struct compiled *c)
{
	const struct span *host = &c->auth_host;

	if (host->n && !is_served(*host))
		notes_refuse(c->notes, &c->arena, "auth-url", false,
		             "\"%.*s\" is neither a Service (NAME.NAMESPACE.svc) nor a host that "
		             "is served here: requests are answered 500",
		             (int)(host->n < 253 ? host->n : 253), host->p);
}

void reach_forget(void)
{
	map_free(&hosts);
	map_free(&sought);
	arena_free(&arena);
	gathered = every = false;
}
