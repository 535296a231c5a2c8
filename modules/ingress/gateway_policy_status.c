/* gateway_policy_status.c - the status of BackendTLSPolicies: one ancestor for each Gateway whose
 * routes ask a Service that the policy names. What other controllers wrote stays; a status that
 * says already what it should is not written. */
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "gateway_grant.h"
#include "gateway_policies.h"

static bool is_text(yyjson_val *v, const char *key, const char *is)
{
	const char *s = json_str(v, key);

	return s && !strcmp(s, is);
}

/* Our entry for that Gateway in the old status. */
static yyjson_val *old_entry(yyjson_val *old, const struct policy_ancestor *a)
{
	yyjson_val *entry;
	size_t i, n;

	yyjson_arr_foreach (old, i, n, entry)
		if (is_text(entry, "controllerName", POLICY_CONTROLLER) &&
		    is_text(entry, "ancestorRef.name", a->gateway) &&
		    is_text(entry, "ancestorRef.namespace", a->ns))
			return entry;
	return NULL;
}

/* Since when it is so: as it was, unless the status changes. */
static const char *since(yyjson_val *entry, const char *type, const char *status,
                         char out[static TIME_TEXT])
{
	yyjson_val *c;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(entry, "conditions"), i, n, c)
		if (is_text(c, "type", type) && is_text(c, "status", status) &&
		    json_str(c, "lastTransitionTime"))
			return json_str(c, "lastTransitionTime");
	return time_text(time(NULL), out);
}

static void add_condition(yyjson_mut_doc *doc, yyjson_mut_val *list, yyjson_val *old,
                          const struct policy *p, const char *type, const char *good,
                          const char *reason, const char *why)
{
	yyjson_mut_val *c = yyjson_mut_arr_add_obj(doc, list);
	const char *status = reason ? "False" : "True";
	char now[TIME_TEXT];

	mut_set_text(doc, c, "type", type);
	mut_set_text(doc, c, "status", status);
	mut_set_text(doc, c, "reason", reason ? reason : good);
	mut_set_text(doc, c, "message", reason ? why : "");
	mut_set(doc, c, "observedGeneration", yyjson_mut_sint(doc, p->generation));
	mut_set_text(doc, c, "lastTransitionTime", since(old, type, status, now));
}

static void add_entry(yyjson_mut_doc *doc, yyjson_mut_val *list, yyjson_val *old,
                      const struct policy *p, const struct policy_ancestor *a)
{
	yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list), *ref, *conditions;

	ref = mut_object_in(doc, entry, "ancestorRef");
	mut_set_text(doc, ref, "group", GATEWAY_GROUP);
	mut_set_text(doc, ref, "kind", "Gateway");
	mut_set_text(doc, ref, "namespace", a->ns);
	mut_set_text(doc, ref, "name", a->gateway);
	mut_set_text(doc, entry, "controllerName", POLICY_CONTROLLER);
	conditions = mut_array_in(doc, entry, "conditions");
	add_condition(doc, conditions, old, p, "Accepted", "Accepted", p->accepted,
	              p->accepted_why);
	add_condition(doc, conditions, old, p, "ResolvedRefs", "ResolvedRefs", p->resolved,
	              p->resolved_why);
}

static yyjson_mut_val *make_list(yyjson_mut_doc *doc, yyjson_val *old, const struct policy *p)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);
	yyjson_val *entry;
	size_t i, n;

	yyjson_arr_foreach (old, i, n, entry)
		if (!is_text(entry, "controllerName", POLICY_CONTROLLER))
			yyjson_mut_arr_append(list, yyjson_val_mut_copy(doc, entry));
	for (unsigned k = 0; k < p->n_ancestors && yyjson_mut_arr_size(list) < POLICY_ANCESTORS;
	     k++)
		add_entry(doc, list, old_entry(old, &p->ancestors[k]), p, &p->ancestors[k]);
	return list;
}

static bool same_text(yyjson_mut_val *a, yyjson_val *b)
{
	auto_free char *x = yyjson_mut_val_write(a, 0, NULL);
	auto_free char *y = b ? yyjson_val_write(b, 0, NULL) : xstrdup("[]");

	return x && y && !strcmp(x, y);
}

static int write_one(const struct policy *p, struct err *e)
{
	const struct object *o = store_get(KIND_BACKENDTLSPOLICY, p->ns, p->name);
	auto_doc yyjson_doc *was = o ? object_doc(o) : NULL;
	auto_mut yyjson_mut_doc *doc = NULL;
	yyjson_mut_val *list;
	yyjson_val *old;

	if (!o)
		return 0;
	old = json_at(yyjson_doc_get_root(was), "status.ancestors");
	doc = yyjson_doc_mut_copy(was, NULL);
	list = make_list(doc, old, p);
	if (same_text(list, old))
		return 0;
	mut_set(doc, mut_object_in(doc, yyjson_mut_doc_get_root(doc), "status"), "ancestors", list);
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, NULL, e);
}

void gateway_backend_tls_status(void)
{
	struct err e = { 0 };
	int ret = 0;

	if (!policies.n)
		return;
	store_begin();
	for (unsigned i = 0; i < policies.n && !ret; i++)
		ret = write_one(&policies.list[i], &e);
	if (ret)
		store_abort();
	else
		ret = store_commit(&e);
	if (ret)
		log_err("ingress: the status of BackendTLSPolicies: %s", e.text);
}
