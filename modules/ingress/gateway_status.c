/* gateway_status.c - see gateway_status.h */
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/map.h>

#include "gateway.h"
#include "gateway_status.h"

/* What we wrote, or found to stand there: to be compared before anything is parsed. */
struct said {
	uint64_t version;
	char *text;
	char key[];
};
static struct map said;

static void said_free(struct said *s)
{
	map_del(&said, s->key, strlen(s->key));
	free(s->text);
	free(s);
}

static struct said *said_of(enum kind kind, const char *key)
{
	auto_free char *text = xasprintf("%d %s", kind, key);

	return map_get(&said, text, strlen(text));
}

static void remember(const struct object *o, const char *desired)
{
	struct said *s = said_of(o->kind, o->key);
	auto_free char *key = xasprintf("%d %s", o->kind, o->key);

	if (!s) {
		s = xcalloc(1, sizeof(*s) + strlen(key) + 1);
		strcpy(s->key, key);
		map_put(&said, s->key, strlen(s->key), s);
	}
	s->version = o->version;
	if (!s->text || strcmp(s->text, desired) != 0) {
		free(s->text);
		s->text = xstrdup(desired);
	}
}

bool gateway_status_own(const struct change *c)
{
	const struct object *o = c->new ? c->new : c->old;
	struct said *s = said_of(o->kind, o->key);

	if (s && !c->new)
		said_free(s);
	return s && c->new && c->new->version == s->version;
}

void gateway_status_free(void)
{
	struct said *s;

	for (size_t i = 0; (s = map_next(&said, &i));)
		said_free(s);
	map_free(&said);
}

/* ---- texts ---------------------------------------------------------------------------------- */

void gateway_put_condition(struct buf *b, const char *type, bool status, const char *reason,
                           const char *message, int64_t generation)
{
	bool first = b->len && b->data[b->len - 1] == '[';

	buf_printf(b, "%s{\"type\":\"%s\",\"status\":\"%s\",\"reason\":\"%s\",\"message\":",
	           first ? "" : ",", type, status ? "True" : "False", reason);
	buf_json(b, message, strlen(message));
	buf_printf(b, ",\"observedGeneration\":%lld}", (long long)generation);
}

void gateway_put_says(struct buf *b, const char *type, const char *good,
                      const struct gateway_says *says, int64_t generation)
{
	gateway_put_condition(b, type, !says->reason, says->reason ? says->reason : good,
	                      says->reason && says->message ? says->message : "", generation);
}

/* ---- merging -------------------------------------------------------------------------------- */

static const char *const our_types[] = { "Accepted",
	                                 "Programmed",
	                                 "ResolvedRefs",
	                                 "Conflicted",
	                                 "OverlappingTLSConfig",
	                                 "PartiallyInvalid",
	                                 "InsecureFrontendValidationMode",
	                                 "SupportedVersion",
	                                 "Ready",
	                                 "Scheduled",
	                                 "Detached" };

static bool is_our_type(const char *type)
{
	for (size_t i = 0; type && i < ARRAY_LEN(our_types); i++)
		if (!strcmp(type, our_types[i]))
			return true;
	return false;
}

static yyjson_val *find_by(yyjson_val *list, const char *key, const char *text)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (text && yyjson_equals_str(yyjson_obj_get(v, key), text))
			return v;
	return NULL;
}

/* Times are those of the last change of status, which we take from what stands there. */
static void merge_conditions(yyjson_mut_doc *doc, yyjson_mut_val *new, yyjson_val *old)
{
	char text[TIME_TEXT];
	yyjson_mut_val *v;
	yyjson_val *other;
	size_t i, n;

	yyjson_mut_arr_foreach (new, i, n, v) {
		yyjson_val *was = find_by(old, "type", mut_str(v, "type"));
		const char *at = json_str(was, "lastTransitionTime");
		bool same = at &&
		            yyjson_equals_str(yyjson_obj_get(was, "status"), mut_str(v, "status"));

		mut_set_text(doc, v, "lastTransitionTime", same ? at : time_text(time(NULL), text));
	}
	yyjson_arr_foreach (old, i, n, other)
		if (!is_our_type(json_str(other, "type")))
			yyjson_mut_arr_append(new, yyjson_val_mut_copy(doc, other));
}

static void merge_listeners(yyjson_mut_doc *doc, yyjson_mut_val *new, yyjson_val *old)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (new, i, n, v)
		merge_conditions(
			doc, yyjson_mut_obj_get(v, "conditions"),
			yyjson_obj_get(find_by(old, "name", mut_str(v, "name")), "conditions"));
}

static bool is_ours(yyjson_val *parent)
{
	return yyjson_equals_str(yyjson_obj_get(parent, "controllerName"), GATEWAY_CONTROLLER);
}

static bool same_member(yyjson_val *a, yyjson_mut_val *b, const char *key)
{
	yyjson_val *x = yyjson_obj_get(a, key);
	yyjson_mut_val *y = yyjson_mut_obj_get(b, key);

	if (!x || !y)
		return !x && !y;
	if (yyjson_is_str(x))
		return yyjson_mut_equals_str(y, yyjson_get_str(x));
	return yyjson_get_sint(x) == yyjson_mut_get_sint(y);
}

static yyjson_val *find_parent(yyjson_val *old, yyjson_mut_val *entry)
{
	static const char *const keys[] = { "group", "kind",        "namespace",
		                            "name",  "sectionName", "port" };
	yyjson_mut_val *ref = yyjson_mut_obj_get(entry, "parentRef");
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (old, i, n, v) {
		bool same = is_ours(v);

		for (size_t k = 0; same && k < ARRAY_LEN(keys); k++)
			same = same_member(yyjson_obj_get(v, "parentRef"), ref, keys[k]);
		if (same)
			return v;
	}
	return NULL;
}

/* Entries of other controllers stay, in front; ours are those of desired alone. */
static yyjson_mut_val *merge_parents(yyjson_mut_doc *doc, yyjson_mut_val *new, yyjson_val *old)
{
	yyjson_mut_val *out = yyjson_mut_arr(doc), *v;
	yyjson_val *other;
	size_t i, n;

	yyjson_arr_foreach (old, i, n, other)
		if (!is_ours(other))
			yyjson_mut_arr_append(out, yyjson_val_mut_copy(doc, other));
	yyjson_mut_arr_foreach (new, i, n, v) {
		yyjson_mut_val *copy = yyjson_mut_val_mut_copy(doc, v);

		merge_conditions(doc, yyjson_mut_obj_get(copy, "conditions"),
		                 yyjson_obj_get(find_parent(old, v), "conditions"));
		yyjson_mut_arr_append(out, copy);
	}
	return out;
}

static void merge(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *desired, yyjson_val *old)
{
	yyjson_mut_val *status = mut_object_in(doc, root, "status");
	yyjson_val *key, *val;
	size_t i, n;

	yyjson_obj_foreach (desired, i, n, key, val) {
		const char *name = yyjson_get_str(key);
		yyjson_mut_val *new = yyjson_val_mut_copy(doc, val);
		yyjson_val *was = yyjson_obj_get(old, name);

		if (!strcmp(name, "conditions"))
			merge_conditions(doc, new, was);
		else if (!strcmp(name, "listeners"))
			merge_listeners(doc, new, was);
		else if (!strcmp(name, "parents"))
			new = merge_parents(doc, new, was);
		mut_set(doc, status, name, new);
	}
}

/* Nothing of ours is there, and nothing is to be. */
static bool is_nothing(yyjson_val *desired, yyjson_val *old)
{
	yyjson_val *v;
	size_t i, n;

	if (!yyjson_obj_get(desired, "parents") ||
	    yyjson_arr_size(yyjson_obj_get(desired, "parents")))
		return false;
	yyjson_arr_foreach (yyjson_obj_get(old, "parents"), i, n, v)
		if (is_ours(v))
			return false;
	return true;
}

int gateway_status_write(enum kind kind, const char *ns, const char *name, const char *desired,
                         struct err *e)
{
	const struct object *o = store_get(kind, ns, name);
	struct said *s = o ? said_of(kind, o->key) : NULL;
	auto_doc yyjson_doc *doc = NULL, *want = NULL;
	auto_mut yyjson_mut_doc *new = NULL;
	yyjson_val *old;
	int ret = 0;

	if (!o || (s && s->version == o->version && !strcmp(s->text, desired)))
		return 0;
	doc = object_doc(o);
	want = yyjson_read(desired, strlen(desired), 0);
	old = json_at(yyjson_doc_get_root(doc), "status");
	if (!is_nothing(yyjson_doc_get_root(want), old)) {
		new = yyjson_doc_mut_copy(doc, NULL);
		merge(new, yyjson_mut_doc_get_root(new), yyjson_doc_get_root(want), old);
		ret = store_put(kind, ns, name, new, o->run ? STORE_RUN : 0, &o, e);
	}
	if (!ret)
		remember(o, desired);
	return ret;
}
