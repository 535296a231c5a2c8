/* api_managed.c - see api_managed.h */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>

#include "api_managed.h"
#include "api_object.h"

#define NAME_MAX_LEN 128

/* ---- who writes ----------------------------------------------------------------------------- */

static const char *user_agent(struct call *c)
{
	const struct span *h = c->http->head ? http_header(c->http->head, "User-Agent") : NULL;
	char name[NAME_MAX_LEN + 1];
	size_t n = 0;

	for (size_t i = 0; h && i < h->n && h->p[i] != '/' && n < NAME_MAX_LEN; i++)
		if (isprint((unsigned char)h->p[i]))
			name[n++] = h->p[i];
	return n ? arena_strndup(&c->arena, name, n) : "unknown";
}

static const char *options_kind(const char *method)
{
	return !strcmp(method, "POST")  ? "CreateOptions"
	       : !strcmp(method, "PUT") ? "UpdateOptions"
	                                : "PatchOptions";
}

bool writer_read(struct call *c, struct writer *out)
{
	char name[NAME_MAX_LEN + 1] = "";
	const char *what = NULL;

	*out = (struct writer){ .subresource = c->target.sub ? c->target.sub : "" };
	if (!http_query(c->http->query, "fieldManager", name, sizeof(name)) &&
	    strstr(c->http->query, "fieldManager="))
		what = "Too long: may not be more than 128 bytes";
	for (const char *s = name; *s; s++)
		if (!isprint((unsigned char)*s) && !(*s & 0x80))
			what = "Invalid value: should only contain printable characters";
	if (!utf8_valid(name, strlen(name)))
		what = "Invalid value: should only contain printable characters";
	if (what) {
		status_fail(c, 422, "Invalid", "%s.meta.k8s.io \"\" is invalid: fieldManager: %s",
		            options_kind(c->http->method), what);
		return false;
	}
	out->name = *name ? arena_strdup(&c->arena, name) : user_agent(c);
	return true;
}

/* ---- the list ------------------------------------------------------------------------------- */

static const char *text_of(yyjson_mut_val *entry, const char *key)
{
	const char *s = yyjson_mut_get_str(yyjson_mut_obj_get(entry, key));

	return s ? s : "";
}

bool managers_read(struct arena *a, yyjson_mut_val *list, struct managers *out)
{
	yyjson_mut_val *entry;
	size_t i, n;

	out->n = 0;
	if (yyjson_mut_arr_size(list) > MANAGERS_MAX)
		return false;
	yyjson_mut_arr_foreach (list, i, n, entry) {
		struct manager *m = &out->v[out->n];

		*m = (struct manager){ text_of(entry, "manager"),     text_of(entry, "operation"),
			               text_of(entry, "apiVersion"),  text_of(entry, "time"),
			               text_of(entry, "subresource"), { 0 } };
		if ((strcmp(m->operation, "Apply") != 0 && strcmp(m->operation, "Update") != 0) ||
		    !fieldset_read(a, yyjson_mut_obj_get(entry, "fieldsV1"), &m->fields))
			return false;
		out->n++;
	}
	return true;
}

static int by_age(const void *x, const void *y)
{
	const struct manager *p = x, *q = y;
	int order = strcmp(p->operation, q->operation);

	if (!order)
		order = strcmp(p->time, q->time);
	return order ? order : strcmp(p->name, q->name);
}

static yyjson_mut_val *write_list(yyjson_mut_doc *doc, struct managers *m)
{
	yyjson_mut_val *list = yyjson_mut_arr(doc);

	qsort(m->v, m->n, sizeof(m->v[0]), by_age);
	for (size_t i = 0; i < m->n; i++) {
		const struct manager *x = &m->v[i];
		yyjson_mut_val *entry = yyjson_mut_arr_add_obj(doc, list);

		yyjson_mut_obj_add_strcpy(doc, entry, "manager", x->name);
		yyjson_mut_obj_add_strcpy(doc, entry, "operation", x->operation);
		yyjson_mut_obj_add_strcpy(doc, entry, "apiVersion", x->api_version);
		if (*x->time)
			yyjson_mut_obj_add_strcpy(doc, entry, "time", x->time);
		yyjson_mut_obj_add_str(doc, entry, "fieldsType", "FieldsV1");
		yyjson_mut_obj_add_val(doc, entry, "fieldsV1", fieldset_write(doc, &x->fields));
		if (*x->subresource)
			yyjson_mut_obj_add_strcpy(doc, entry, "subresource", x->subresource);
	}
	return list;
}

static struct manager *find(struct managers *m, const char *name, const char *operation,
                            const char *subresource)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name) && !strcmp(m->v[i].operation, operation) &&
		    !strcmp(m->v[i].subresource, subresource))
			return &m->v[i];
	return NULL;
}

struct manager *managers_find(struct managers *m, enum kind kind, const char *name,
                              const char *operation, const char *subresource)
{
	struct manager *x = find(m, name, operation, subresource);

	if (x || m->n == MANAGERS_MAX)
		return x;
	x = &m->v[m->n++];
	*x =
		(struct manager){ name, operation,   kind_info[kind].api_version,
		                  "",   subresource, { 0 } };
	return x;
}

void managers_drop_empty(struct managers *m)
{
	size_t left = 0;

	for (size_t i = 0; i < m->n; i++)
		if (!fieldset_empty(&m->v[i].fields))
			m->v[left++] = m->v[i];
	m->n = left;
}

/* ---- an update ------------------------------------------------------------------------------ */

/* The two that wrote longest ago become one, as long as there are too many. */
static void merge_oldest(struct arena *a, struct managers *m)
{
	for (;;) {
		struct manager *old[2] = { NULL, NULL };
		size_t updates = 0;

		qsort(m->v, m->n, sizeof(m->v[0]), by_age);
		for (size_t i = 0; i < m->n; i++)
			if (!strcmp(m->v[i].operation, "Update") && updates++ < 2)
				old[updates - 1] = &m->v[i];
		if (updates <= MANAGERS_UPDATE_MAX)
			return;
		old[1]->name = "ancient-changes";
		old[1]->subresource = "";
		old[1]->fields = fieldset_combine(a, SET_UNION, &old[0]->fields, &old[1]->fields);
		old[0]->fields = (struct fieldset){ 0 };
		managers_drop_empty(m);
	}
}

/* What was changed is the writer's from now on. */
static void take_over(struct arena *a, enum kind kind, struct managers *m, const struct writer *w,
                      const struct difference *d)
{
	struct fieldset written = fieldset_combine(a, SET_UNION, &d->added, &d->changed);
	struct manager *me = managers_find(m, kind, w->name, "Update", w->subresource);

	for (size_t i = 0; i < m->n; i++) {
		struct fieldset *f = &m->v[i].fields;

		if (&m->v[i] != me)
			*f = fieldset_combine(a, SET_SUBTRACT, f, &written);
		*f = fieldset_combine(a, SET_SUBTRACT, f, &d->removed);
	}
	if (me)
		me->fields = fieldset_combine(a, SET_UNION, &me->fields, &written);
	managers_drop_empty(m);
}

static const char *time_now(struct arena *a)
{
	char s[TIME_TEXT];

	return arena_strdup(a, time_text(time(NULL), s));
}

/* A time is that of the last change: who says the same again keeps his. */
static void set_time(struct arena *a, struct managers *m, struct managers *old,
                     const struct writer *w)
{
	const char *operation = w->applied ? "Apply" : "Update";
	struct manager *me = find(m, w->name, operation, w->subresource);
	struct manager *was = find(old, w->name, operation, w->subresource);

	if (!me)
		return;
	me->time = was && *was->time && fieldset_equal(&me->fields, &was->fields) ? was->time
	                                                                          : time_now(a);
}

/* [{}]: the client wants to be rid of them. An empty list is no wish: whoever does not know of the
 * field sends it (Kubernetes, "Clearing managedFields"). */
static bool is_reset(yyjson_mut_val *sent)
{
	yyjson_mut_val *first = yyjson_mut_arr_get_first(sent);

	return yyjson_mut_arr_size(sent) == 1 && yyjson_mut_is_obj(first) &&
	       !yyjson_mut_obj_size(first);
}

void managed_write(struct arena *a, enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   yyjson_val *was, yyjson_mut_val *sent, const struct writer *w)
{
	yyjson_val *kept = json_at(was, "metadata.managedFields");
	yyjson_mut_val *list = kept ? yyjson_val_mut_copy(doc, kept) : NULL, *before;
	struct managers *old, *now;
	struct difference d;

	if ((!kept && !(w && w->applied)) || is_reset(sent))
		return;
	old = arena_alloc(a, sizeof(*old));
	now = arena_alloc(a, sizeof(*now));
	if (!managers_read(a, list, old))
		old->n = 0;
	if (w && w->applied) {
		*now = *w->applied;
	} else {
		if (!managers_read(a, sent, now) || !now->n)
			*now = *old;
		if (w) {
			before = yyjson_val_mut_copy(doc, was);
			object_drop_server_fields(before);
			object_compare(a, kind, before, root, &d);
			take_over(a, kind, now, w, &d);
		}
	}
	if (w)
		set_time(a, now, old, w);
	merge_oldest(a, now);
	if (now->n)
		mut_set(doc, yyjson_mut_obj_get(root, "metadata"), "managedFields",
		        write_list(doc, now));
}
