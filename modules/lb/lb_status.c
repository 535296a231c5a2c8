/* lb_status.c - see lb_status.h. A status that says already what it should is not written, so our
 * own write, when it comes back as a change, ends there. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/event.h>
#include <knetd/json_mut.h>
#include <knetd/store.h>

#include "lb_status.h"

/* ---- Services ------------------------------------------------------------------------------- */

bool lb_status_says(const struct lb_ask *ask, const struct lb_result *r)
{
	unsigned n = 0;

	for (unsigned f = 0; f < LB_FAMILIES; f++)
		n += ask->has[f].len > 0;
	for (unsigned i = 0; i < r->n; i++)
		if (!ip_equal(&ask->has[lb_family(&r->ips[i])], &r->ips[i]))
			return false;
	return ask->plain && n == r->n;
}

const char *lb_status_mark_of(const struct lb_ask *ask)
{
	yyjson_val *all = json_at(yyjson_doc_get_root(ask->doc), "metadata.annotations");
	const char *text = yyjson_get_str(yyjson_obj_get(all, LB_FROM_POOL));

	return text ? text : "";
}

static void set_ingress(yyjson_mut_doc *doc, yyjson_mut_val *root, const struct lb_result *r)
{
	yyjson_mut_val *status = mut_object_in(doc, root, "status"), *list;
	char text[IP_TEXT];

	mut_set(doc, status, "loadBalancer", yyjson_mut_obj(doc));
	if (!r->n)
		return;
	list = mut_array_in(doc, mut_object_in(doc, status, "loadBalancer"), "ingress");
	for (unsigned i = 0; i < r->n; i++) {
		yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);

		mut_set_text(doc, entry, "ip", ip_text(&r->ips[i], text));
		mut_set_text(doc, entry, "ipMode", "VIP");
	}
}

void lb_status_mark(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *pool)
{
	yyjson_mut_val *meta = mut_object_in(doc, root, "metadata"), *all;

	if (pool) {
		mut_set_text(doc, mut_object_in(doc, meta, "annotations"), LB_FROM_POOL, pool);
		return;
	}
	all = yyjson_mut_obj_get(meta, "annotations");
	yyjson_mut_obj_remove_key(all, LB_FROM_POOL);
	if (all && !yyjson_mut_obj_size(all))
		yyjson_mut_obj_remove_key(meta, "annotations");
}

static yyjson_mut_doc *copy_of(const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);

	return yyjson_doc_mut_copy(doc, NULL);
}

static int put(const struct object *o, yyjson_mut_doc *doc, struct err *e)
{
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, NULL, e);
}

/* "192.0.2.7, 2001:db8::7" */
static const char *ips_text(const struct ip *ips, unsigned n, char out[static 2 * IP_TEXT])
{
	char text[IP_TEXT];

	out[0] = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!ips[i].len)
			continue;
		if (out[0])
			strcat(out, ", ");
		strcat(out, ip_text(&ips[i], text));
	}
	return out;
}

void lb_status_tell(const struct object *o, const struct lb_result *r)
{
	char now[2 * IP_TEXT], was[2 * IP_TEXT];

	ips_text(r->ips, r->n, now);
	ips_text(r->was, LB_FAMILIES, was);
	if (r->changed && r->n)
		event_emit(o->kind, o->ns, o->name, EVENT_NORMAL, "IPAllocated",
		           "%s from pool \"%.200s\"%s%s", now, r->pool,
		           *was ? ", in place of " : "", was);
	if (*r->why && (!r->told || r->changed))
		event_emit(o->kind, o->ns, o->name, EVENT_WARNING, "AllocationFailed", "%s%s%s%s",
		           r->why, *was && !r->n ? "; it held " : "", r->n ? "" : was,
		           r->n ? "; it keeps what it has" : "");
}

int lb_status_write(const struct object *service, const struct lb_ask *ask,
                    const struct lb_result *r, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = NULL;
	yyjson_mut_val *root;

	lb_status_tell(service, r);
	if (lb_status_says(ask, r) && !strcmp(lb_status_mark_of(ask), r->pool ? r->pool : "") &&
	    ask->marked == (r->pool != NULL))
		return 0;
	doc = copy_of(service);
	root = yyjson_mut_doc_get_root(doc);
	if (!lb_status_says(ask, r))
		set_ingress(doc, root, r);
	lb_status_mark(doc, root, r->pool);
	return put(service, doc, e);
}

int lb_status_unmark(const struct object *service, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = copy_of(service);

	lb_status_mark(doc, yyjson_mut_doc_get_root(doc), NULL);
	return put(service, doc, e);
}

/* ---- pools ---------------------------------------------------------------------------------- */

static void set_number(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, uint64_t n)
{
	mut_set(doc, obj, key, yyjson_mut_sint(doc, (int64_t)n));
}

int lb_status_pool(struct lb_pool *pool, struct err *e)
{
	static const char *const names[LB_FAMILIES][2] = { { "assignedIPv4", "availableIPv4" },
		                                           { "assignedIPv6", "availableIPv6" } };
	const struct object *o = pool->conf ? NULL : store_get(KIND_ADDRESSPOOL, "", pool->name);
	auto_mut yyjson_mut_doc *doc = NULL;
	yyjson_mut_val *status;

	if (!o || (pool->written && !memcmp(pool->told, pool->used, sizeof(pool->told))))
		return 0;
	doc = copy_of(o);
	status = mut_object_in(doc, yyjson_mut_doc_get_root(doc), "status");
	for (unsigned f = 0; f < LB_FAMILIES; f++) {
		set_number(doc, status, names[f][0], pool->used[f]);
		set_number(doc, status, names[f][1], lb_pool_free(pool, f));
	}
	memcpy(pool->told, pool->used, sizeof(pool->told));
	pool->written = true;
	return put(o, doc, e);
}
