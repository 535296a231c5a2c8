/* namespaces.c - a Namespace that is being deleted: its content goes, a bounded part a turn, each
 * object in its own way; when nothing is left the Namespace itself is let go. What stands in the
 * way is told in status.conditions, in Kubernetes' words (pkg/controller/namespace/deletion). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/json_mut.h>
#include <knetd/life.h>

#include "life_int.h"

struct emptying {
	const char *ns;
	struct arena arena;
	size_t left[KIND_COUNT]; /* objects that have to finish first */
	bool more;               /* the turn's writes are used up */
};

/* What knetd itself keeps (attachments) follows its pods, not its namespace. */
static bool is_content(enum kind kind)
{
	return kind_info[kind].namespaced && !kind_info[kind].read_only;
}

struct found {
	size_t n;
	struct object *v[LIFE_TURN_MAX]; /* references */
};

static bool take(struct emptying *em, struct found *f, const struct object *o)
{
	if (life_ending(o)) {
		em->left[o->kind]++;
		return true;
	}
	if (f->n == ARRAY_LEN(f->v))
		return false;
	f->v[f->n++] = object_ref(o);
	return true;
}

/* EndpointSlices are grouped by their Service: those of a namespace are found among all. */
static void find(struct emptying *em, enum kind kind, struct found *f)
{
	const struct list *group = store_group(kind, em->ns);
	const struct object *o;

	if (kind == KIND_ENDPOINTSLICE) {
		for (size_t i = 0; (o = store_next_object(kind, &i));)
			if (!strcmp(o->ns, em->ns) && !take(em, f, o))
				return;
		return;
	}
	for (const struct list *l = group ? group->next : NULL; l && l != group; l = l->next)
		if (!take(em, f, container_of(l, const struct object, in_group)))
			return;
}

static int empty_kind(struct emptying *em, enum kind kind, struct err *e)
{
	static const struct life_options how = { .grace = -1 };
	struct found *f = arena_alloc(&em->arena, sizeof(*f));
	const struct object *left;
	int ret = 0;

	find(em, kind, f);
	for (size_t i = 0; i < f->n; i++) {
		em->more |= !ret && !turn_take();
		if (!ret && !em->more) {
			ret = life_delete(f->v[i], &how, &left, e);
			em->left[kind] += left != NULL;
		}
		object_unref(f->v[i]);
	}
	em->more |= f->n == ARRAY_LEN(f->v);
	return ret;
}

/* ---- the conditions ---------------------------------------------------------------------------
 */

static void remaining_kinds(const struct emptying *em, struct buf *b)
{
	buf_str(b, "Some resources are remaining: ");
	for (int k = 0, n = 0; k < KIND_COUNT; k++)
		if (em->left[k])
			buf_printf(b, "%s%s.%s has %zu resource instances", n++ ? ", " : "",
			           kind_info[k].plural, kind_info[k].group, em->left[k]);
	buf_add(b, "", 1);
}

static yyjson_val *condition_before(yyjson_val *root, const char *type)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(root, "status.conditions"), i, n, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "type"), type))
			return v;
	return NULL;
}

static void add_condition(yyjson_mut_doc *doc, yyjson_mut_val *list, yyjson_val *root,
                          const char *type, const char *reason, const char *message)
{
	const char *since = json_str(condition_before(root, type), "lastTransitionTime");
	yyjson_mut_val *c = yyjson_mut_arr_add_obj(doc, list);
	char now[TIME_TEXT];

	yyjson_mut_obj_add_str(doc, c, "type", type);
	yyjson_mut_obj_add_str(doc, c, "status", "True");
	yyjson_mut_obj_add_strcpy(doc, c, "lastTransitionTime",
	                          since ? since : time_text(time(NULL), now));
	yyjson_mut_obj_add_str(doc, c, "reason", reason);
	yyjson_mut_obj_add_strcpy(doc, c, "message", message);
}

static int tell_remaining(const struct object *o, yyjson_val *root, const struct emptying *em,
                          struct err *e)
{
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *copy = yyjson_val_mut_copy(doc, root), *list = yyjson_mut_arr(doc);
	auto_buf struct buf message = { 0 };

	yyjson_mut_doc_set_root(doc, copy);
	remaining_kinds(em, &message);
	add_condition(doc, list, root, "NamespaceContentRemaining", "SomeResourcesRemain",
	              message.data);
	add_condition(doc, list, root, "NamespaceFinalizersRemaining", "SomeFinalizersRemain",
	              "Some content in the namespace has finalizers remaining");
	mut_set(doc, yyjson_mut_obj_get(copy, "status"), "conditions", list);
	return store_put(o->kind, o->ns, o->name, doc, o->run ? STORE_RUN : 0, NULL, e);
}

int namespace_empty(const struct object *o, yyjson_val *root, struct err *e)
{
	struct emptying em = { .ns = o->name };
	bool held = false;
	int ret = 0;

	/* Services before their slices: what is derived from them goes with them. */
	for (int k = 0; !ret && !em.more && k < KIND_COUNT; k++)
		if (is_content(k))
			ret = empty_kind(&em, k, e);
	arena_free(&em.arena);
	for (int k = 0; k < KIND_COUNT; k++)
		held |= em.left[k] > 0;
	if (ret)
		return ret;
	if (em.more)
		todo(o->kind, o->key);
	else if (held)
		return tell_remaining(o, root, &em, e);
	else
		return life_finalizer_done(o, FINALIZER_NAMESPACE, e);
	return 0;
}
