/* policy_status.c - see policy_status.h. The API names no conditions; "Accepted" is what others of
 * its family have. Conditions of somebody else stay. */
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "policy_plan.h"
#include "policy_status.h"

#define TYPE "Accepted"

static yyjson_val *find(yyjson_val *list)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (json_str(v, "type") && !strcmp(json_str(v, "type"), TYPE))
			return v;
	return NULL;
}

static bool says(yyjson_val *condition, const char *name, const char *is)
{
	const char *s = json_str(condition, name);

	return s && !strcmp(s, is);
}

static void add(yyjson_mut_doc *doc, yyjson_mut_val *list, yyjson_val *old, const char *trouble,
                int64_t generation)
{
	yyjson_mut_val *c = yyjson_mut_arr_add_obj(doc, list);
	const char *status = trouble ? "False" : "True", *since;
	char now[TIME_TEXT];

	since = says(old, "status", status) ? json_str(old, "lastTransitionTime") : NULL;
	mut_set_text(doc, c, "type", TYPE);
	mut_set_text(doc, c, "status", status);
	mut_set_text(doc, c, "reason", trouble ? "NotInForce" : "Accepted");
	mut_set_text(doc, c, "message", trouble ? trouble : "all of it is in force");
	mut_set(doc, c, "observedGeneration", yyjson_mut_sint(doc, generation));
	mut_set_text(doc, c, "lastTransitionTime", since ? since : time_text(time(NULL), now));
}

static bool told(yyjson_val *old, const char *trouble, int64_t generation)
{
	return says(old, "status", trouble ? "False" : "True") &&
	       (!trouble || says(old, "message", trouble)) &&
	       json_int(old, "observedGeneration", -1) == generation;
}

static int write_one(const struct object *o, struct err *e)
{
	auto_doc yyjson_doc *was = object_doc(o);
	auto_mut yyjson_mut_doc *doc = NULL;
	yyjson_val *root = yyjson_doc_get_root(was), *list = json_at(root, "status.conditions"), *v;
	int64_t generation = json_int(root, "metadata.generation", 0);
	const char *trouble = policy_plan_trouble(o);
	yyjson_mut_val *new;
	size_t i, n;

	if (told(find(list), trouble, generation))
		return 0;
	doc = yyjson_doc_mut_copy(was, NULL);
	new = yyjson_mut_arr(doc);
	yyjson_arr_foreach (list, i, n, v)
		if (v != find(list))
			yyjson_mut_arr_append(new, yyjson_val_mut_copy(doc, v));
	add(doc, new, find(list), trouble, generation);
	mut_set(doc, mut_object_in(doc, yyjson_mut_doc_get_root(doc), "status"), "conditions", new);
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, NULL, e);
}

/* References to all: nobody walks through what he writes. */
static struct object **list_all(size_t *n)
{
	struct object **all =
		xcalloc(store_count(KIND_CLUSTERNETWORKPOLICY) + 1, sizeof(struct object *));
	const struct object *o;

	*n = 0;
	for (size_t i = 0; (o = store_next_object(KIND_CLUSTERNETWORKPOLICY, &i));)
		all[(*n)++] = object_ref(o);
	return all;
}

void policy_status_write(void)
{
	struct err e = { 0 };
	size_t n;
	auto_free struct object **all = list_all(&n);
	int ret = 0;

	store_begin();
	for (size_t i = 0; i < n && !ret; i++)
		ret = write_one(all[i], &e);
	if (ret)
		store_abort();
	else
		ret = store_commit(&e);
	if (ret)
		log_err("policy: the status of ClusterNetworkPolicies: %s", e.text);
	for (size_t i = 0; i < n; i++)
		object_unref(all[i]);
}
