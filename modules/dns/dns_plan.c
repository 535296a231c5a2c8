/* dns_plan.c - see dns_plan.h.
 *
 * A Service's names lie in one shard, found from its name. Its reverse entries lie where its
 * addresses lead: so the shards to rebuild are those of its addresses now, and those of the
 * addresses it had, which the changes' old objects tell. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/view.h>

#include "dns_cookie_secret.h"
#include "dns_plan.h"
#include "dns_pods.h"
#include "dns_records.h"

struct old_slice {
	const struct object *o;
	struct old_slice *next;
};
struct touched {
	const char *ns, *name;
	bool service; /* the Service itself changed */
	bool was_headless;
	struct old_slice *slices; /* as they were before */
};

void dns_plan_begin(struct dns_plan *p)
{
	*p = (struct dns_plan){ 0 };
	p->zone_len = dns_name_from_text(p->zone, conf.dns.domain);
}

void dns_plan_free(struct dns_plan *p)
{
	for (unsigned i = 0; i < DNS_SLOTS; i++)
		buf_free(&p->fresh[i]);
	map_free(&p->touched);
	map_free(&p->spaces);
	map_free(&p->pods);
	free(p->owners);
	arena_free(&p->arena);
}

static struct dns_target target(struct dns_plan *p)
{
	return (struct dns_target){
		.zone = p->zone,
		.zone_len = p->zone_len,
		.ttl = conf.dns.ttl,
		.fresh = p->fresh,
		.rebuild = p->rebuild,
		.a = &p->arena,
		.cut = &p->cut,
	};
}

/* ---- what changed ------------------------------------------------------------------------------
 */

static struct touched *touch(struct dns_plan *p, const char *key)
{
	struct touched *t = map_get(&p->touched, key, strlen(key));
	const char *slash = strchr(key, '/');

	if (t || !slash)
		return t;
	t = arena_alloc(&p->arena, sizeof(*t));
	key = arena_strdup(&p->arena, key);
	t->ns = arena_strndup(&p->arena, key, strcspn(key, "/"));
	t->name = strchr(key, '/') + 1;
	map_put(&p->touched, key, strlen(key), t);
	return t;
}

static void touch_namespace(struct dns_plan *p, const char *name)
{
	char *copy;

	if (map_get(&p->spaces, name, strlen(name)))
		return;
	copy = arena_strdup(&p->arena, name);
	map_put(&p->spaces, copy, strlen(copy), copy);
}

static void rebuild_address(struct dns_plan *p, uint8_t kind, const struct ip *ip)
{
	uint8_t key[17];
	size_t n = dns_address_key(key, kind, ip);

	p->rebuild[dns_slot(dns_hash(key, n))] = true;
}

static void rebuild_slice(struct dns_plan *p, const struct object *slice)
{
	auto_doc yyjson_doc *doc = object_doc(slice);
	yyjson_val *endpoint, *address;
	size_t i, n, k, m;
	struct ip ip;

	yyjson_arr_foreach (yyjson_obj_get(yyjson_doc_get_root(doc), "endpoints"), i, n, endpoint)
		yyjson_arr_foreach (yyjson_obj_get(endpoint, "addresses"), k, m, address)
			if (yyjson_is_str(address) && ip_parse(&ip, yyjson_get_str(address)))
				rebuild_address(p, DNS_KEY_ADDR, &ip);
}

static void service_changed(struct dns_plan *p, const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;
	struct touched *t = touch(p, o->key);
	struct service_view old;

	t->service = true;
	if (!c->old || !c->new)
		touch_namespace(p, o->ns);
	if (c->old && view_service(c->old, &p->arena, &old)) {
		t->was_headless |= old.headless;
		for (unsigned i = 0; i < old.n_ips; i++)
			rebuild_address(p, DNS_KEY_ADDR, &old.ips[i]);
		yyjson_doc_free(old.doc);
	}
}

static void slice_changed(struct dns_plan *p, const struct change *c)
{
	/* a slice that moved to another Service touches both */
	const struct object *side[] = { c->old, c->new };

	for (unsigned i = 0; i < ARRAY_LEN(side); i++) {
		struct touched *t = side[i] ? touch(p, side[i]->group) : NULL;
		struct old_slice *old;

		if (!t || side[i] != c->old)
			continue;
		old = arena_alloc(&p->arena, sizeof(*old));
		*old = (struct old_slice){ .o = c->old, .next = t->slices };
		t->slices = old;
	}
}

/* Most changes of a Pod (conditions, container states) are none for DNS. */
static void pod_changed(struct dns_plan *p, const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;
	struct dns_pod_facts old, new;
	char *key;

	dns_pod_read(c->old, &old);
	dns_pod_read(c->new, &new);
	if (dns_pod_same(&old, &new))
		return;
	for (unsigned i = 0; i < old.n_ips; i++)
		rebuild_address(p, DNS_KEY_POD, &old.ips[i]);
	if (map_get(&p->pods, o->key, strlen(o->key)))
		return;
	key = arena_strdup(&p->arena, o->key);
	map_put(&p->pods, key, strlen(key), key);
}

void dns_plan_change(struct dns_plan *p, const struct change *c)
{
	if (c->kind == KIND_SERVICE)
		service_changed(p, c);
	else if (c->kind == KIND_ENDPOINTSLICE)
		slice_changed(p, c);
	else if (c->kind == KIND_NAMESPACE)
		touch_namespace(p, (c->new ? c->new : c->old)->name);
	else if (c->kind == KIND_POD)
		pod_changed(p, c);
}

/* ---- what it means -----------------------------------------------------------------------------
 */

static void drop_owner(struct dns_plan *p, uint64_t owner)
{
	p->owners[p->n_owners++] = owner;
}

static void rebuild_name(struct dns_plan *p, const char *first, const char *second)
{
	uint8_t key[DNS_NAME_MAX];
	char text[DNS_NAME_MAX];
	size_t n;

	if (snprintf(text, sizeof(text), "%s%s%s", first, second ? "." : "",
	             second ? second : "") >= (int)sizeof(text))
		return;
	n = dns_name_from_text(key, text);
	if (n) /* without the root label */
		p->rebuild[dns_slot(dns_hash(key, n - 1))] = true;
}

static void rebuild_old_addresses(struct dns_plan *p, const struct touched *t)
{
	const struct list *now;

	for (const struct old_slice *s = t->slices; s; s = s->next)
		rebuild_slice(p, s->o);
	if (!t->was_headless)
		return;
	now = store_group(KIND_ENDPOINTSLICE, arena_printf(&p->arena, "%s/%s", t->ns, t->name));
	for (const struct list *l = now ? now->next : NULL; l && l != now; l = l->next)
		rebuild_slice(p, container_of(l, const struct object, in_group));
}

static enum dns_programmed_kind programmed_kind(const struct service_view *svc)
{
	if (!svc->headless)
		return DNS_CLUSTER_IP;
	return yyjson_obj_size(svc->selector) ? DNS_HEADLESS : DNS_HEADLESS_BY_HAND;
}

static void plan_service(struct dns_plan *p, const struct touched *t)
{
	const struct object *o = store_get(KIND_SERVICE, t->ns, t->name);
	struct service_view svc = { 0 };
	struct dns_target to = target(p);
	bool there = o && view_service(o, &p->arena, &svc);

	/* endpoints behind a cluster address have no names */
	if (t->service || !there || svc.headless) {
		rebuild_old_addresses(p, t);
		rebuild_name(p, t->name, t->ns);
		drop_owner(p, dns_owner(t->ns, t->name));
		if (there) {
			dns_records_service(&to, &svc, &p->arena);
			p->changed[programmed_kind(&svc)]++;
		}
	}
	yyjson_doc_free(svc.doc);
}

/* A namespace has a name when it exists or something in it has one. */
static void plan_namespace(struct dns_plan *p, const char *name)
{
	const struct list *services = store_group(KIND_SERVICE, name);
	struct dns_target to = target(p);

	rebuild_name(p, name, NULL);
	drop_owner(p, dns_owner(name, ""));
	if (store_get(KIND_NAMESPACE, "", name) || (services && !list_empty(services)))
		dns_records_namespace(&to, name);
}

static void plan_pod(struct dns_plan *p, const char *key)
{
	const struct object *o = store_get_key(KIND_POD, key);
	const char *slash = strchr(key, '/');
	struct dns_target to = target(p);

	drop_owner(p,
	           dns_owner_pod(arena_strndup(&p->arena, key, (size_t)(slash - key)), slash + 1));
	if (o)
		dns_records_pod(&to, o);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void dns_plan_changes_end(struct dns_plan *p)
{
	const struct touched *t;
	const char *ns, *pod;

	p->owners = xcalloc(p->touched.len + p->spaces.len + p->pods.len + 1, sizeof(*p->owners));
	for (size_t i = 0; (t = map_next(&p->touched, &i));)
		plan_service(p, t);
	for (size_t i = 0; (ns = map_next(&p->spaces, &i));)
		plan_namespace(p, ns);
	for (size_t i = 0; (pod = map_next(&p->pods, &i));)
		plan_pod(p, pod);
	qsort(p->owners, p->n_owners, sizeof(*p->owners), by_number);
}

void dns_plan_all(struct dns_plan *p)
{
	struct dns_target to = target(p);
	const struct object *o;
	struct service_view svc;
	const char *ns;

	for (size_t i = 0; (o = store_next_object(KIND_NAMESPACE, &i));)
		touch_namespace(p, o->name);
	for (size_t i = 0; (o = store_next_object(KIND_SERVICE, &i));) {
		auto_arena struct arena scratch = { 0 };

		touch_namespace(p, o->ns);
		if (view_service(o, &scratch, &svc))
			dns_records_service(&to, &svc, &scratch);
		yyjson_doc_free(svc.doc);
	}
	for (size_t i = 0; (ns = map_next(&p->spaces, &i));)
		dns_records_namespace(&to, ns);
	for (size_t i = 0; (o = store_next_object(KIND_POD, &i));)
		dns_records_pod(&to, o);
	for (unsigned i = 0; i < DNS_SLOTS; i++)
		p->rebuild[i] = true;
}

/* ---- snapshots ---------------------------------------------------------------------------------
 */

bool dns_plan_shard(const struct dns_plan *p, unsigned slot, const struct dns_shard *old,
                    struct buf *out)
{
	struct dns_owners drop = { p->owners, p->n_owners };

	if (dns_shard_same(old, drop, &p->fresh[slot]))
		return false;
	dns_shard_build(out, old, drop, &p->fresh[slot]);
	if (!out->failed && !((const struct dns_shard_head *)out->data)->n_entries)
		buf_reset(out);
	return true;
}

static void add_ranges(struct dns_settings *s, const struct conf_cidrs *c)
{
	for (unsigned i = 0; i < c->n && s->n_ranges < DNS_RANGES; i++)
		s->ranges[s->n_ranges++] = c->v[i];
}

void dns_plan_settings(const struct dns_groups *groups, const struct dns_searches *searches,
                       struct buf *out)
{
	static struct dns_settings s; /* too large for the stack */
	struct dns_shard none = { 0 };
	struct dns_plan p;
	struct dns_target to;

	static_assert(sizeof(s) == offsetof(struct dns_settings, shard),
	              "the shard follows without a gap");
	memset(&s, 0, sizeof(s));
	s.magic = DNS_SETTINGS_MAGIC;
	s.ttl = conf.dns.ttl;
	s.pods = (uint8_t)conf.dns.pods;
	s.allow = conf.dns.allow;
	s.rate_limit = conf.dns.rate_limit;
	memcpy(s.cookie_secret, dns_cookie_secret(), sizeof(s.cookie_secret));
	dns_plan_begin(&p);
	to = target(&p);
	memcpy(s.zone, p.zone, p.zone_len);
	s.zone_len = (uint8_t)p.zone_len;
	s.zone_labels = (uint8_t)dns_name_labels(p.zone);
	s.soa_len = dns_records_soa(&to, s.soa);
	add_ranges(&s, &conf.service.cidrs);
	add_ranges(&s, &conf.podnet.cidrs);
	memcpy(&s.groups, groups, sizeof(*groups));
	s.cache.ttl = conf.dns.cache_ttl;
	s.cache.deny_ttl = conf.dns.cache_deny_ttl;
	s.cache.size = conf.dns.cache_size;
	s.cache.stale = conf.dns.serve_stale;
	s.cache.prefetch = conf.dns.prefetch;
	s.autopath = conf.dns.autopath;
	s.searches = *searches;
	dns_records_zone(&to, &conf.dns.address, s.pods != CONF_PODS_DISABLED);
	buf_add(out, &s, sizeof(s));
	dns_shard_build(out, &none, (struct dns_owners){ 0 }, &p.fresh[0]);
	dns_plan_free(&p);
}
