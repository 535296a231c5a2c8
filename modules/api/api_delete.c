/* api_delete.c - one object or a collection, each in one transaction. How an object ends is
 * life.h's; what hangs on it (a Namespace's content, what it owns) is taken along by modules/life.
 */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/life.h>

#include "api_object.h"
#include "fields.h"

/* DeleteOptions, from the body or, without one, from the query. */
struct wish {
	struct life_options how;
	const char *uid, *version; /* preconditions, NULL without */
};

static void read_propagation(const char *policy, const char *orphan, struct wish *out,
                             struct causes *causes)
{
	static const char *const names[] = {
		[PROPAGATION_BACKGROUND] = "Background",
		[PROPAGATION_FOREGROUND] = "Foreground",
		[PROPAGATION_ORPHAN] = "Orphan",
	};

	if (policy && orphan)
		cause_invalid(causes, "propagationPolicy", policy,
		              "orphanDependents and deletionPropagation cannot be both set");
	if (orphan)
		out->how.propagation =
			strcmp(orphan, "true") ? PROPAGATION_BACKGROUND : PROPAGATION_ORPHAN;
	for (size_t i = PROPAGATION_BACKGROUND; policy && i < ARRAY_LEN(names); i++)
		if (!strcmp(policy, names[i]))
			out->how.propagation = i;
	if (policy && !out->how.propagation)
		cause_not_supported(causes, "propagationPolicy", policy,
		                    "\"Background\", \"Foreground\", \"Orphan\"");
}

static void read_dry_run(struct call *c, yyjson_val *root, struct causes *causes)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(root, "dryRun"), i, n, v) {
		if (yyjson_equals_str(v, "All"))
			c->dry_run = true;
		else
			cause_not_supported(causes, "dryRun",
			                    yyjson_is_str(v) ? yyjson_get_str(v) : "", "\"All\"");
	}
}

static const char *bool_text(yyjson_val *v)
{
	return yyjson_is_bool(v) ? (yyjson_get_bool(v) ? "true" : "false") : NULL;
}

static void from_body(struct call *c, yyjson_val *root, struct wish *out, struct causes *causes)
{
	const char *uid = json_str(root, "preconditions.uid"),
		   *version = json_str(root, "preconditions.resourceVersion");

	read_dry_run(c, root, causes);
	out->how.grace = json_int(root, "gracePeriodSeconds", -1);
	read_propagation(json_str(root, "propagationPolicy"),
	                 bool_text(yyjson_obj_get(root, "orphanDependents")), out, causes);
	out->uid = uid ? arena_strdup(&c->arena, uid) : NULL;
	out->version = version ? arena_strdup(&c->arena, version) : NULL;
}

static void from_query(struct call *c, struct wish *out, struct causes *causes)
{
	const char *query = c->http->query;
	char policy[32] = "", orphan[8] = "", grace[24] = "";

	http_query(query, "propagationPolicy", policy, sizeof(policy));
	http_query(query, "orphanDependents", orphan, sizeof(orphan));
	if (http_query(query, "gracePeriodSeconds", grace, sizeof(grace)))
		out->how.grace = strtol(grace, NULL, 10);
	read_propagation(*policy ? policy : NULL, *orphan ? orphan : NULL, out, causes);
}

/* False with a 400 or 422 as the answer. */
static bool read_wish(struct call *c, struct wish *out)
{
	struct causes causes = { .arena = &c->arena };
	struct documents d = { 0 };
	auto_doc yyjson_doc *doc = NULL;

	*out = (struct wish){ .how.grace = -1 };
	if (!c->http->body_len) {
		from_query(c, out, &causes);
	} else {
		if (!body_read_as(c, &meta_delete_options, &d))
			return false;
		doc = yyjson_mut_val_imut_copy(d.v[0].root, NULL);
		documents_free(&d);
		from_body(c, yyjson_doc_get_root(doc), out, &causes);
	}
	if (causes.n)
		status_invalid_options(c, "DeleteOptions", &causes);
	return !causes.n;
}

/* The words of Kubernetes' BeforeDelete. */
static bool preconditions_hold(struct call *c, const struct object *o, const struct wish *w)
{
	auto_doc yyjson_doc *doc = w->uid ? object_doc(o) : NULL;
	const char *uid = json_str(yyjson_doc_get_root(doc), "metadata.uid");

	if (w->uid && strcmp(w->uid, uid ? uid : "") != 0) {
		status_conflict(c, o->kind, o->name,
		                arena_printf(&c->arena,
		                             "the UID in the precondition (%.64s) does not match "
		                             "the UID in record (%s). The object might have been "
		                             "deleted and then recreated",
		                             w->uid, uid ? uid : ""));
		return false;
	}
	if (!w->version || strtoull(w->version, NULL, 10) == o->version)
		return true;
	status_conflict(c, o->kind, o->name,
	                arena_printf(&c->arena,
	                             "the ResourceVersion in the precondition (%.24s) does not "
	                             "match the ResourceVersion in record (%llu). The object "
	                             "might have been modified",
	                             w->version, (unsigned long long)o->version));
	return false;
}

static bool is_kept(const struct object *o)
{
	return o->kind == KIND_NAMESPACE &&
	       (!strcmp(o->name, "default") || !strcmp(o->name, "kube-system"));
}

void serve_delete(struct call *c)
{
	const struct object *o = object_find(c), *left = NULL;
	auto_object struct object *hold = o ? object_ref(o) : NULL;
	struct err e = { 0 };
	struct wish wish;

	if (!o || !read_wish(c, &wish) || !preconditions_hold(c, o, &wish))
		return;
	if (is_kept(o)) {
		status_forbidden(c, o->kind, o->name, "this namespace may not be deleted", NULL);
		return;
	}
	store_begin();
	if (life_delete(hold, &wish.how, &left, &e))
		status_error(c, &e);
	else if (left)
		answer_object(c, 200, left);
	else
		status_deleted(c, hold);
	object_finish(c);
}

void serve_delete_collection(struct call *c)
{
	auto_free const struct object **v = NULL;
	struct err e = { 0 };
	struct wish wish;
	size_t n;
	int ret = 0;

	if (c->target.kind == KIND_NAMESPACE) {
		status_fail(c, 405, "MethodNotAllowed",
		            "the server does not allow this method on the requested resource");
		return;
	}
	if (!read_wish(c, &wish))
		return;
	v = object_collect(c, &n);
	if (!v)
		return;
	serve_list(c);
	for (size_t i = 0; i < n; i++)
		object_ref(v[i]);
	store_begin();
	for (size_t i = 0; i < n; i++) {
		ret = ret ? ret : life_delete(v[i], &wish.how, NULL, &e);
		object_unref((struct object *)v[i]);
	}
	if (ret)
		status_error(c, &e);
	object_finish(c);
}
