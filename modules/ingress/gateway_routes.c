/* gateway_routes.c - see gateway_routes.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/store.h>

#include "backends.h"
#include "certs.h"
#include "gateway.h"
#include "gateway_grant.h"
#include "gateway_routes.h"

/* Who has looked at an object: routes are found again by what they saw. */
struct watched {
	struct list by; /* struct seen_link */
	char key[];     /* "kind namespace/name" */
};
struct seen_link {
	struct list in_watched, in_variant;
	struct gateway_route *route;
	struct watched *of;
};

static struct map routes;                      /* struct gateway_route by key */
static struct map watched;                     /* struct watched by key */
static struct list stale = LIST_INIT(stale);   /* to be read, or compiled, again */
static struct list fresh = LIST_INIT(fresh);   /* to be handed to the plan again */
static struct list untold = LIST_INIT(untold); /* to be told again what came of them */
static bool all = true;
static unsigned counted[KIND_COUNT];
static uint64_t now_epoch;
static struct plan *plan; /* that has their rules */

static const char *text_or(yyjson_val *obj, const char *path, const char *absent)
{
	const char *s = json_str(obj, path);

	return s ? s : absent;
}

/* ---- what was looked at --------------------------------------------------------------------- */

static char *key_of(enum kind kind, const char *key)
{
	return xasprintf("%d %s", kind, key);
}

static void unlink_seen(struct gateway_variant *v)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &v->seen) {
		struct seen_link *s = container_of(pos, struct seen_link, in_variant);

		list_del(&s->in_watched);
		if (list_empty(&s->of->by)) {
			map_del(&watched, s->of->key, strlen(s->of->key));
			free(s->of);
		}
		list_del(&s->in_variant);
		free(s);
	}
}

static struct watched *watch(const char *key)
{
	size_t n = strlen(key);
	struct watched *w = map_get(&watched, key, n);

	if (w)
		return w;
	w = xmalloc(sizeof(*w) + n + 1);
	memcpy(w->key, key, n + 1);
	list_init(&w->by);
	map_put(&watched, w->key, n, w);
	return w;
}

static void link_seen(struct gateway_route *r, struct gateway_variant *v)
{
	const struct gateway_seen *seen = (const void *)v->compiled.seen.data;

	for (size_t i = 0; i < v->compiled.seen.len / sizeof(*seen); i++) {
		auto_free char *key = key_of(seen[i].kind, seen[i].key);
		struct seen_link *s = xcalloc(1, sizeof(*s));

		s->route = r;
		s->of = watch(key);
		list_add_tail(&s->of->by, &s->in_watched);
		list_add_tail(&v->seen, &s->in_variant);
	}
}

static void move(struct list *to, struct gateway_route *r)
{
	list_del(&r->link);
	list_add_tail(to, &r->link);
}

static bool mark_watchers(const char *key)
{
	struct watched *w = map_get(&watched, key, strlen(key));
	struct list *pos, *nxt;

	if (!w)
		return false;
	list_each (pos, nxt, &w->by) {
		struct gateway_route *r = container_of(pos, struct seen_link, in_watched)->route;

		r->recompile = true;
		move(&stale, r);
	}
	return true;
}

bool gateway_routes_seen(enum kind kind, const char *ns, const char *name)
{
	auto_free char *one = xasprintf("%d %s/%s", kind, ns, name),
		       *any = xasprintf("%d %s/", kind, ns);

	return (int)mark_watchers(one) | (int)mark_watchers(any); /* both, always */
}

/* ---- one route ------------------------------------------------------------------------------ */

static void variant_free(struct gateway_variant *v)
{
	unlink_seen(v);
	list_del(&v->link);
	gateway_compiled_free(&v->compiled);
	free(v);
}

static void variants_free(struct gateway_route *r)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &r->variants)
		variant_free(container_of(pos, struct gateway_variant, link));
	r->recompile = false;
}

static void route_free(struct gateway_route *r)
{
	map_del(&routes, r->key, strlen(r->key));
	list_del(&r->link);
	variants_free(r);
	object_unref(r->object);
	arena_free(&r->arena);
	arena_free(&r->attached_arena);
	buf_free(&r->attached);
	plan_share_free(&r->share);
	free(r->key);
	free(r);
}

static struct gateway_route *route_of(const struct object *o)
{
	auto_free char *key = key_of(o->kind, o->key);
	struct gateway_route *r = map_get(&routes, key, strlen(key));

	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->kind = o->kind;
	r->key = TAKE(key);
	list_init(&r->variants);
	list_init(&r->link);
	map_put(&routes, r->key, strlen(r->key), r);
	return r;
}

static const char *ref_json(struct arena *a, yyjson_val *ref)
{
	auto_buf struct buf b = { 0 };
	static const char *const keys[] = { "group", "kind", "namespace", "name", "sectionName" };
	static const char *const absent[] = { GATEWAY_GROUP, "Gateway", NULL, NULL, NULL };

	buf_str(&b, "{");
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		const char *s = text_or(ref, keys[i], absent[i]);

		if (!s)
			continue;
		buf_printf(&b, "%s\"%s\":", b.len > 1 ? "," : "", keys[i]);
		buf_json(&b, s, strlen(s));
	}
	if (yyjson_obj_get(ref, "port"))
		buf_printf(&b, ",\"port\":%d", (int)json_int(ref, "port", 0));
	buf_str(&b, "}");
	return arena_strndup(a, b.data, b.len);
}

static void read_ref(struct gateway_route *r, yyjson_val *v, struct gateway_parent_ref *out)
{
	const char *kind = text_or(v, "kind", "Gateway");
	bool gateway = !strcmp(kind, "Gateway");
	struct arena *a = &r->arena;

	*out = (struct gateway_parent_ref){
		.ours_kind = !strcmp(text_or(v, "group", GATEWAY_GROUP), GATEWAY_GROUP) &&
		             (gateway || !strcmp(kind, "ListenerSet")),
		.kind = gateway ? KIND_GATEWAY : KIND_LISTENERSET,
		.ns = arena_strdup(a, text_or(v, "namespace", r->ns)),
		.name = arena_strdup(a, text_or(v, "name", "")),
		.section = arena_strdup(a, text_or(v, "sectionName", "")),
		.port = json_int(v, "port", 0),
		.json = ref_json(a, v),
	};
}

static void read_route(struct gateway_route *r, const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc), *refs = json_at(root, "spec.parentRefs"),
		   *hosts = json_at(root, "spec.hostnames"), *v;
	struct object *held = object_ref(o);
	size_t i, n;

	object_unref(r->object);
	r->object = held;
	variants_free(r);
	arena_free(&r->arena);
	r->ns = arena_strdup(&r->arena, o->ns);
	r->name = arena_strdup(&r->arena, o->name);
	r->born = arena_strdup(&r->arena, text_or(root, "metadata.creationTimestamp", ""));
	r->generation = json_int(root, "metadata.generation", 0);
	r->refs = arena_alloc(&r->arena, (yyjson_arr_size(refs) + 1) * sizeof(*r->refs));
	r->hosts = arena_alloc(&r->arena, (yyjson_arr_size(hosts) + 1) * sizeof(*r->hosts));
	r->n_refs = r->n_hosts = 0;
	yyjson_arr_foreach (refs, i, n, v)
		read_ref(r, v, &r->refs[r->n_refs++]);
	yyjson_arr_foreach (hosts, i, n, v)
		if (yyjson_is_str(v))
			r->hosts[r->n_hosts++] = arena_strdup(&r->arena, yyjson_get_str(v));
	r->stale = false;
}

/* ---- compiling ------------------------------------------------------------------------------ */

static void compile(struct gateway_route *r, struct gateway_variant *v)
{
	auto_doc yyjson_doc *doc = object_doc(r->object);
	yyjson_val *root = yyjson_doc_get_root(doc);

	if (r->kind == KIND_HTTPROUTE || r->kind == KIND_GRPCROUTE)
		gateway_http_compile(r->object, root, &v->terms, &v->compiled);
	else
		gateway_l4_compile(r->object, root, &v->terms, &v->compiled);
	link_seen(r, v);
}

static const struct gateway_compiled *compiled(struct gateway_route *r,
                                               const struct gateway_terms *terms)
{
	struct list *pos, *nxt;
	struct gateway_variant *v;

	list_each (pos, nxt, &r->variants) {
		v = container_of(pos, struct gateway_variant, link);
		if (v->terms.client_cert == terms->client_cert) {
			v->used = true;
			return &v->compiled;
		}
	}
	v = xcalloc(1, sizeof(*v));
	v->terms = *terms;
	v->used = true;
	list_init(&v->seen);
	list_add_tail(&r->variants, &v->link);
	compile(r, v);
	return &v->compiled;
}

/* ---- attaching ------------------------------------------------------------------------------ */

static void attach_route(struct gateway_route *r, struct gateway_model *m)
{
	struct list *pos, *nxt;

	r->told = false;
	buf_reset(&r->attached);
	arena_free(&r->attached_arena);
	list_each (pos, nxt, &r->variants)
		container_of(pos, struct gateway_variant, link)->used = false;
	for (unsigned i = 0; i < r->n_refs; i++) {
		struct gateway_parent_ref *ref = &r->refs[i];

		ref->accepted = (struct gateway_says){ NULL, NULL };
		ref->n = 0;
		ref->parent = ref->ours_kind ? gateway_model_find(m, ref->kind, ref->ns, ref->name)
		                             : NULL;
		if (!ref->parent)
			continue;
		ref->compiled = compiled(r, &ref->parent->gateway->terms);
		gateway_attach(r, ref);
		if (ref->compiled->accepted.reason && !ref->accepted.reason) {
			ref->accepted = ref->compiled->accepted;
			r->attached.len = ref->first * sizeof(struct gateway_attachment);
			ref->n = 0;
		}
	}
	list_each (pos, nxt, &r->variants)
		if (!container_of(pos, struct gateway_variant, link)->used)
			variant_free(container_of(pos, struct gateway_variant, link));
}

/* ---- what is planned of them ---------------------------------------------------------------- */

/* A route counts once at a listener, under however many hosts it is there. */
static void count(struct gateway_route *r, int by)
{
	const struct gateway_attachment *v = (const void *)r->attached.data;
	size_t n = r->attached.len / sizeof(*v);

	for (size_t i = 0; i < n; i++) {
		bool again = !v[i].compiled;

		for (size_t k = 0; k < i && !again; k++)
			again = v[k].compiled && v[k].listener == v[i].listener;
		v[i].listener->attached += again ? 0 : by;
	}
	counted[r->kind] += n ? by : 0;
	r->counted = by > 0;
}

void gateway_routes_again(struct gateway_route *r)
{
	plan_take_back(plan, &r->share);
	if (r->counted && r->epoch == now_epoch)
		count(r, -1);
	r->counted = r->told = false;
	move(&fresh, r);
}

struct gateway_route *gateway_routes_fresh(void)
{
	struct gateway_route *r;

	if (list_empty(&fresh))
		return NULL;
	r = container_of(fresh.next, struct gateway_route, link);
	count(r, 1);
	move(&untold, r);
	return r;
}

struct gateway_route *gateway_routes_untold(void)
{
	return list_empty(&untold) ? NULL : container_of(untold.next, struct gateway_route, link);
}

void gateway_routes_told(struct gateway_route *r)
{
	r->told = true;
	list_del(&r->link);
}

unsigned gateway_routes_attached(enum kind kind)
{
	return counted[kind];
}

/* ---- what is stale -------------------------------------------------------------------------- */

void gateway_routes_change(const struct change *c)
{
	struct gateway_route *r = route_of(c->new ? c->new : c->old);

	r->stale = true;
	move(&stale, r);
}

void gateway_routes_all(void)
{
	all = true;
}

void gateway_routes_recompile(void)
{
	struct gateway_route *r;

	for (size_t i = 0; (r = map_next(&routes, &i));) {
		r->recompile = true;
		move(&stale, r);
	}
}

static void mark_all(void)
{
	const struct object *o;
	struct gateway_route *r;

	for (size_t i = 0; (r = map_next(&routes, &i));) {
		r->stale = true;
		move(&stale, r);
	}
	for (unsigned k = 0; k < KIND_COUNT; k++) {
		if (!(GATEWAY_ROUTES & KIND_BIT(k)))
			continue;
		for (size_t i = 0; (o = store_next_object(k, &i));) {
			r = route_of(o);
			r->stale = true;
			move(&stale, r);
		}
	}
	all = false;
}

static void refresh(struct gateway_route *r)
{
	const char *key = strchr(r->key, ' ') + 1;
	const struct object *o = r->stale ? store_get_key(r->kind, key) : NULL;

	gateway_routes_again(r);
	if (r->stale && !o)
		route_free(r);
	else if (o)
		read_route(r, o);
	else if (r->recompile)
		variants_free(r);
}

static void all_again(void)
{
	struct gateway_route *r;

	for (size_t i = 0; (r = map_next(&routes, &i));)
		gateway_routes_again(r);
}

void gateway_routes_sync(struct gateway_model *m, uint64_t epoch, struct plan *p)
{
	static bool mixed;
	bool changed = all || !list_empty(&stale), others = epoch != now_epoch;
	struct list *pos, *nxt;

	plan = p;
	now_epoch = epoch;
	if (others)
		memset(counted, 0, sizeof(counted));
	if (all)
		mark_all();
	while (!list_empty(&stale))
		refresh(container_of(stale.next, struct gateway_route, link));
	if (others || (mixed && changed))
		all_again();
	list_each (pos, nxt, &fresh) {
		struct gateway_route *r = container_of(pos, struct gateway_route, link);

		attach_route(r, m);
		r->epoch = epoch;
	}
	if (others || changed)
		mixed = store_count(KIND_GRPCROUTE) && gateway_unmix();
}

void gateway_routes_tell_all(void)
{
	struct gateway_route *r;

	for (size_t i = 0; (r = map_next(&routes, &i));)
		if (r->told) {
			r->told = false;
			move(&untold, r);
		}
}

struct gateway_route *gateway_routes_next(size_t *i)
{
	return map_next(&routes, i);
}

void gateway_routes_free(void)
{
	struct gateway_route *r;

	for (size_t i = 0; (r = map_next(&routes, &i));)
		route_free(r);
	map_free(&routes);
	map_free(&watched);
	now_epoch = 0;
	all = true;
}
