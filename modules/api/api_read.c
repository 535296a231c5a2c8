/* api_read.c - get and list. Objects are answered with the very text that is stored. A list with a
 * limit is told in pieces; all pieces are of the version of the first, as long as the history
 * reaches back to it. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_continue.h"
#include "api_object.h"
#include "api_options.h"
#include "api_show.h"

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const struct object *const *)a)->key,
	              (*(const struct object *const *)b)->key);
}

void objects_sort(const struct object **v, size_t n)
{
	if (n > 1)
		qsort(v, n, sizeof(*v), by_key);
}

/* Hoare's FIND: the k smallest come to the front, in no order. Keys are all different. */
static void smallest_first(const struct object **v, size_t n, size_t k)
{
	long l = 0, r = (long)n - 1, t = (long)k - 1;

	while (l < r) {
		const char *pivot = v[t]->key;
		long i = l, j = r;

		while (i <= j) {
			const struct object *swap;

			while (strcmp(v[i]->key, pivot) < 0)
				i++;
			while (strcmp(v[j]->key, pivot) > 0)
				j--;
			if (i > j)
				break;
			swap = v[i];
			v[i++] = v[j];
			v[j--] = swap;
		}
		if (j < t)
			l = i;
		if (t < i)
			r = j;
	}
}

static void objects_sort_first(const struct object **v, size_t n, size_t k)
{
	if (k < n)
		smallest_first(v, n, k);
	objects_sort(v, k < n ? k : n);
}

const struct object *object_find(struct call *c)
{
	const struct object *o = store_get(c->target.kind, c->target.ns, c->target.name);

	if (!o && store_is_damaged(c->target.kind, c->target.ns, c->target.name))
		status_fail(c, 500, "InternalError",
		            "%s \"%s\" is damaged in the store: create it again",
		            qualified_plural(&c->arena, c->target.kind), c->target.name);
	else if (!o)
		status_not_found(c, c->target.kind, c->target.name);
	return o;
}

/* ---- lists ---------------------------------------------------------------------------------- */

struct page {
	uint64_t version, at; /* of the list; at: of the state it is read from, 0 for the present */
	const char *after;    /* "" from the beginning */
	size_t n, left;       /* objects in it, and behind it */
	const char *next;     /* the token, "" when nothing is left */
};

/* What there is left may be had, but of another version: the client decides. */
static void status_continue_expired(struct call *c, const char *after)
{
	struct continue_token t = { .version = -1, .after = after };

	c->answer->status = 410;
	buf_printf(
		&c->answer->body,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"continue\":\"%s\"},"
		"\"status\":\"Failure\",\"message\":\"The provided continue parameter is too old "
		"to display a consistent list result. You can start a new list without the "
		"continue parameter, or use the continue token in this response to retrieve the "
		"remainder of the results. Continuing with the provided token results in an "
		"inconsistent list - objects that were created, modified, or deleted between the "
		"time the first chunk was returned and now may show up in the list.\","
		"\"reason\":\"Expired\",\"code\":410}",
		continue_write(&c->arena, &t));
	answer_done(c);
}

static bool begin_page(struct call *c, const struct list_options *o, struct page *p)
{
	struct continue_token t = { 0 };
	const char *why = NULL;

	*p = (struct page){ .version = store_version(), .after = "", .next = "" };
	if (o->exact && o->version != p->version)
		p->at = p->version = o->version;
	if (!o->token)
		return true;
	if (o->versioned)
		why = "specifying resource version is not allowed when using continue";
	else if ((why = continue_read(o->token, &c->arena, &t)))
		why = arena_printf(&c->arena, "invalid continue token: %s", why);
	if (why) {
		status_fail(c, 400, "BadRequest", "%s", why);
		return false;
	}
	p->after = t.after;
	if (t.version > 0)
		p->at = p->version = t.version;
	return true;
}

/* Only what comes behind the last page is kept. */
static size_t keep_after(const struct object **v, size_t n, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i]->key, key) > 0)
			v[kept++] = v[i];
	return kept;
}

static void end_page(struct call *c, const struct object **v, size_t n, size_t limit,
                     struct page *p)
{
	struct continue_token t = { .version = (int64_t)p->version };

	p->n = limit && limit < n ? limit : n;
	objects_sort_first(v, n, p->n);
	p->left = n - p->n;
	if (!p->left)
		return;
	t.after = v[p->n - 1]->key;
	p->next = continue_write(&c->arena, &t);
}

/* The members of the list's metadata. */
static const char *page_meta(struct arena *a, const struct page *p, const struct list_options *o)
{
	const char *meta =
		arena_printf(a, "\"resourceVersion\":\"%llu\"", (unsigned long long)p->version);

	if (p->left)
		meta = arena_printf(a, "%s,\"continue\":\"%s\"", meta, p->next);
	if (p->left && !o->selector.n) /* with a selector it is not told, as in Kubernetes */
		meta = arena_printf(a, "%s,\"remainingItemCount\":%zu", meta, p->left);
	return meta;
}

static void write_list(struct call *c, const struct object **v, const struct page *p,
                       const char *meta)
{
	const struct kind_info *k = &kind_info[c->target.kind];
	struct show show = show_wanted(c, c->form);
	struct buf *b = &c->answer->body;

	if (form_is_table(c->form)) {
		table_list(b, c->target.kind, v, p->n, show.with, meta, c->form);
		return;
	}
	if (c->form == FORM_METADATA) {
		buf_str(b,
		        "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1");
	} else {
		buf_printf(b, "{\"kind\":\"%sList\",\"apiVersion\":\"", k->kind);
		form_put_api_version(b, c->target.kind, c->target.version);
	}
	buf_printf(b, "\",\"metadata\":{%s},\"items\":[", meta);
	for (size_t i = 0; i < p->n; i++) {
		if (i)
			buf_add(b, ",", 1);
		show_object(b, v[i], &show, false);
	}
	buf_str(b, "]}");
}

/* The page's objects, p->n of them, or NULL with the answer made. */
static const struct object **read_page(struct call *c, struct list_options *o, struct page *p)
{
	const struct object **v;
	size_t n;

	if (!options_read(c, false, &c->arena, o) || !begin_page(c, o, p))
		return NULL;
	v = snapshot_collect(c, &o->selector, p->at, &n);
	if (!v && o->token)
		status_continue_expired(c, p->after);
	else if (!v)
		status_fail(c, 410, "Expired",
		            "The resourceVersion for the provided list is too old.");
	if (!v)
		return NULL;
	if (*p->after)
		n = keep_after(v, n, p->after);
	end_page(c, v, n, o->limit, p);
	return v;
}

const struct object **object_collect(struct call *c, size_t *n)
{
	struct list_options o;
	struct page p;
	const struct object **v = read_page(c, &o, &p);

	*n = v ? p.n : 0;
	return v;
}

void serve_list(struct call *c)
{
	auto_free const struct object **v = NULL;
	struct list_options o;
	struct page p;

	v = read_page(c, &o, &p);
	if (!v)
		return;
	write_list(c, v, &p, page_meta(&c->arena, &p, &o));
	answer_done(c);
}

void serve_get(struct call *c)
{
	const struct object *o = object_find(c);

	if (o)
		answer_object(c, 200, o);
}
