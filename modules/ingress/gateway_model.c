/* gateway_model.c - see gateway_model.h: Gateways and ListenerSets read from the store. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/label_selector.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "gateway_grant.h"
#include "gateway_model.h"

void gateway_say(struct gateway_says *s, struct arena *a, const char *reason, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (s->reason)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->reason = reason;
	s->message = arena_strdup(a, text);
}

static const char *text_or(yyjson_val *obj, const char *path, const char *absent)
{
	const char *s = json_str(obj, path);

	return s ? s : absent;
}

/* ---- who is let in -------------------------------------------------------------------------- */

void gateway_read_allow(yyjson_val *namespaces, enum gateway_from absent, struct gateway_allow *out)
{
	static const char *const words[] = { [FROM_SAME] = "Same",
		                             [FROM_ALL] = "All",
		                             [FROM_SELECTOR] = "Selector",
		                             [FROM_NONE] = "None" };
	const char *from = json_str(namespaces, "from");

	*out = (struct gateway_allow){ absent, yyjson_obj_get(namespaces, "selector") };
	for (unsigned i = 0; from && i < ARRAY_LEN(words); i++)
		if (!strcmp(from, words[i]))
			out->from = i;
}

/* A selector that is not there selects nothing, {} everything. */
static bool selects(yyjson_val *selector, const char *ns)
{
	const struct object *o = selector ? store_get(KIND_NAMESPACE, "", ns) : NULL;
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;

	return o &&
	       label_selector_match(selector, json_at(yyjson_doc_get_root(doc), "metadata.labels"));
}

bool gateway_allows(const struct gateway_allow *a, const char *own_ns, const char *ns)
{
	switch (a->from) {
	case FROM_SAME:
		return !strcmp(own_ns, ns);
	case FROM_ALL:
		return true;
	case FROM_SELECTOR:
		return selects(a->selector, ns);
	case FROM_NONE:
		break;
	}
	return false;
}

/* ---- listeners ------------------------------------------------------------------------------ */

static void read_protocol(struct gateway_listener *l)
{
	static const char *const words[] = { [LISTEN_HTTP] = "HTTP",
		                             [LISTEN_HTTPS] = "HTTPS",
		                             [LISTEN_TLS] = "TLS",
		                             [LISTEN_TCP] = "TCP",
		                             [LISTEN_UDP] = "UDP" };

	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(l->protocol_name, words[i])) {
			l->protocol = i;
			l->known = true;
		}
}

static void read_listener(struct gateway_parent *p, yyjson_val *v, struct gateway_listener *l)
{
	*l = (struct gateway_listener){
		.parent = p,
		.spec = v,
		.name = text_or(v, "name", ""),
		.host = text_or(v, "hostname", ""),
		.port = json_int(v, "port", 0),
		.protocol_name = text_or(v, "protocol", ""),
		.tls.client_ca = TABLE_NONE,
	};
	read_protocol(l);
	gateway_read_allow(json_at(v, "allowedRoutes.namespaces"), FROM_SAME, &l->routes);
}

static struct gateway_parent *read_parent(struct gateway_model *m, const struct object *o)
{
	struct gateway_parent *p = arena_alloc(&m->arena, sizeof(*p));
	yyjson_val *list, *v;
	size_t i, n;

	p->doc = object_doc(o);
	p->root = yyjson_doc_get_root(p->doc);
	p->kind = o->kind;
	p->key = arena_strdup(&m->arena, o->key);
	p->ns = arena_strdup(&m->arena, o->ns);
	p->name = arena_strdup(&m->arena, o->name);
	p->born = text_or(p->root, "metadata.creationTimestamp", "");
	p->generation = json_int(p->root, "metadata.generation", 0);
	p->terms.client_cert = TABLE_NONE;
	list = json_at(p->root, "spec.listeners");
	p->listeners = arena_alloc(&m->arena, (yyjson_arr_size(list) + 1) * sizeof(*p->listeners));
	yyjson_arr_foreach (list, i, n, v)
		read_listener(p, v, &p->listeners[p->n_listeners++]);
	return p;
}

static void remember(struct gateway_model *m, struct gateway_parent *p)
{
	char *key = arena_printf(&m->arena, "%d %s", p->kind, p->key);

	map_put(&m->by_key, key, strlen(key), p);
}

struct gateway_parent *gateway_model_find(const struct gateway_model *m, enum kind kind,
                                          const char *ns, const char *name)
{
	char key[600];
	int n = snprintf(key, sizeof(key), "%d %s/%s", kind, ns, name);

	return n < (int)sizeof(key) ? map_get(&m->by_key, key, n) : NULL;
}

/* ---- Gateways and what is added to them ----------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
	const struct gateway_parent *x = *(struct gateway_parent *const *)a,
				    *y = *(struct gateway_parent *const *)b;
	int d = strcmp(x->born, y->born);

	return d ? d : strcmp(x->key, y->key);
}

static void sort(struct gateway_parent **v, unsigned n)
{
	if (n > 1)
		qsort(v, n, sizeof(struct gateway_parent *), by_age);
}

static void read_gateways(struct gateway_model *m)
{
	size_t max = store_count(KIND_GATEWAY);
	const struct object *o;

	m->v = arena_alloc(&m->arena, (max + 1) * sizeof(struct gateway_parent *));
	for (size_t i = 0; (o = store_next_object(KIND_GATEWAY, &i));) {
		struct gateway_parent *g;

		if (!view_gateway_ours(o))
			continue;
		g = m->v[m->n++] = read_parent(m, o);
		g->gateway = g;
		gateway_read_allow(json_at(g->root, "spec.allowedListeners.namespaces"), FROM_NONE,
		                   &g->sets);
		remember(m, g);
	}
	sort(m->v, m->n);
}

static struct gateway_parent *gateway_of(const struct gateway_model *m,
                                         const struct gateway_parent *set)
{
	yyjson_val *ref = json_at(set->root, "spec.parentRef");

	if (strcmp(text_or(ref, "group", GATEWAY_GROUP), GATEWAY_GROUP) != 0 ||
	    strcmp(text_or(ref, "kind", "Gateway"), "Gateway") != 0)
		return NULL;
	return gateway_model_find(m, KIND_GATEWAY, text_or(ref, "namespace", set->ns),
	                          text_or(ref, "name", ""));
}

static void read_sets(struct gateway_model *m)
{
	size_t max = store_count(KIND_LISTENERSET);
	const struct object *o;

	m->sets = arena_alloc(&m->arena, (max + 1) * sizeof(struct gateway_parent *));
	for (size_t i = 0; (o = store_next_object(KIND_LISTENERSET, &i));) {
		struct gateway_parent *set = read_parent(m, o);

		m->sets[m->n_sets] = set;
		set->gateway = gateway_of(m, set);
		if (!set->gateway) {
			yyjson_doc_free(set->doc);
			continue;
		}
		m->n_sets++;
		remember(m, set);
	}
	sort(m->sets, m->n_sets);
}

/* In order of precedence: the Gateway, then its ListenerSets, the older first. */
static void join_members(struct gateway_model *m)
{
	for (unsigned i = 0; i < m->n_sets; i++)
		m->sets[i]->gateway->n_members++;
	for (unsigned i = 0; i < m->n; i++) {
		struct gateway_parent *g = m->v[i];

		g->members = arena_alloc(&m->arena,
		                         (g->n_members + 1) * sizeof(struct gateway_parent *));
		g->members[0] = g;
		g->n_members = 1;
	}
	for (unsigned i = 0; i < m->n_sets; i++) {
		struct gateway_parent *set = m->sets[i], *g = set->gateway;

		if (gateway_allows(&g->sets, g->ns, set->ns)) {
			g->members[g->n_members++] = set;
			continue;
		}
		gateway_say(&set->accepted, &m->arena, "NotAllowed",
		            "Gateway %s lets no ListenerSet of namespace %s add listeners "
		            "(spec.allowedListeners)",
		            g->key, set->ns);
		set->programmed = set->accepted;
	}
}

void gateway_model_read(struct gateway_model *m)
{
	gateway_model_free(m);
	read_gateways(m);
	read_sets(m);
	join_members(m);
	for (unsigned i = 0; i < m->n; i++)
		gateway_find_addresses(m->v[i], &m->arena);
	gateway_judge(m);
}

void gateway_model_free(struct gateway_model *m)
{
	struct gateway_parent *p;

	for (size_t i = 0; (p = map_next(&m->by_key, &i));)
		yyjson_doc_free(p->doc);
	map_free(&m->by_key);
	arena_free(&m->arena);
	*m = (struct gateway_model){ .v = NULL };
}
