/* api_watch.c - watches: cursors on the store's ring, fed once a turn. An idle watch costs one
 * comparison a turn. A reader that is too slow, or whose cursor the ring has left behind, is let
 * go: it lists again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/loop.h>

#include "api_form.h"
#include "api_table.h"

#define TIMEOUT_DEFAULT_S 1800
#define BOOKMARK_MS 60000

struct watch {
	struct list in_all;
	struct conn *conn;
	struct cursor cursor;
	struct target target;
	struct selector selector;
	struct arena arena; /* target and selector live here */
	bool bookmarks;
	enum form form;
	enum table_object with; /* what a Table's row carries */
	bool columns_sent;
	struct timer end, bookmark;
};

static struct list all = LIST_INIT(all);
static unsigned count;

unsigned watches_count(void)
{
	return count;
}

bool watch_wanted(const struct http_call *call, const struct target *t)
{
	char v[8];

	return !strcmp(call->method, "GET") && !*t->sub &&
	       http_query(call->query, "watch", v, sizeof(v)) &&
	       (!strcmp(v, "1") || !strcasecmp(v, "true"));
}

static bool selected(const struct watch *w, const struct object *o)
{
	return o && (!*w->target.ns || !strcmp(o->ns, w->target.ns)) &&
	       (!*w->target.name || !strcmp(o->name, w->target.name)) &&
	       selector_match(&w->selector, o);
}

static bool send_event(struct watch *w, const char *type, const char *json, size_t n)
{
	struct buf b = { 0 };
	bool ok;

	buf_printf(&b, "{\"type\":\"%s\",\"object\":", type);
	buf_add(&b, json, n);
	buf_str(&b, "}\n");
	ok = conn_stream(w->conn, b.data, b.len);
	buf_free(&b);
	return ok;
}

static bool send_object(struct watch *w, const char *type, const struct object *o)
{
	auto_buf struct buf text = { 0 };

	if (!form_is_table(w->form)) {
		form_put_object(&text, o, w->target.version, w->form);
		return send_event(w, type, text.data, text.len);
	}
	table_build(&text, o->kind, &o, 1, w->with, !w->columns_sent, w->form);
	w->columns_sent = true;
	return send_event(w, type, text.data, text.len);
}

/* The last state, with the version of the deletion, so that a client may go on from there. */
static bool send_deleted(struct watch *w, const struct object *o, uint64_t version)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	auto_free char *json = NULL;
	struct object last = *o;
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
	mut_set(mut, mut_at(yyjson_mut_doc_get_root(mut), "metadata"), "resourceVersion",
	        yyjson_mut_str(mut, text));
	json = yyjson_mut_write(mut, 0, &last.json_len);
	last.json = json;
	return json && send_object(w, "DELETED", &last);
}

static bool send_change(struct watch *w, const struct change *c)
{
	bool before = selected(w, c->old), now = selected(w, c->new);

	if (now)
		return send_object(w, before ? "MODIFIED" : "ADDED", c->new);
	return !before || send_deleted(w, c->old, c->version);
}

static bool send_bookmark(struct watch *w)
{
	auto_buf struct buf b = { 0 };

	buf_str(&b, "{\"kind\":\"");
	if (w->form == FORM_METADATA) {
		buf_str(&b, "PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1");
	} else {
		buf_printf(&b, "%s\",\"apiVersion\":\"", kind_info[w->target.kind].kind);
		form_put_api_version(&b, w->target.kind, w->target.version);
	}
	buf_printf(&b, "\",\"metadata\":{\"resourceVersion\":\"%llu\"}}",
	           (unsigned long long)store_version());
	return send_event(w, "BOOKMARK", b.data, b.len);
}

static void send_gone(struct watch *w)
{
	static const char gone[] = "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
				   "\"status\":\"Failure\",\"message\":\"too old "
				   "resource version\",\"reason\":\"Expired\",\"code\":410}";

	send_event(w, "ERROR", gone, sizeof(gone) - 1);
}

void watch_stop(struct watch *w)
{
	list_del(&w->in_all);
	timer_del(&w->end);
	timer_del(&w->bookmark);
	arena_free(&w->arena);
	free(w);
	count--;
}

static void feed(struct watch *w)
{
	enum cursor_result r;
	struct change c;
	bool ok = true;

	while (ok && (r = cursor_next(&w->cursor, &c)) == CURSOR_CHANGE)
		if (c.kind == w->target.kind)
			ok = send_change(w, &c);
	if (ok && r == CURSOR_END)
		return;
	if (ok)
		send_gone(w);
	conn_stream_end(w->conn);
}

void watches_feed(void)
{
	struct list *l, *next;

	list_each (l, next, &all)
		feed(container_of(l, struct watch, in_all));
}

static void on_end(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, end);

	if (w->bookmarks)
		send_bookmark(w);
	conn_stream_end(w->conn);
}

static void on_bookmark(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, bookmark);

	if (send_bookmark(w))
		timer_set(&w->bookmark, BOOKMARK_MS);
	else
		conn_stream_end(w->conn);
}

static bool flag(const char *query, const char *name)
{
	char v[8];

	return http_query(query, name, v, sizeof(v)) && (!strcmp(v, "1") || !strcasecmp(v, "true"));
}

static void start_timers(struct watch *w, const char *query)
{
	char text[16];
	long seconds = TIMEOUT_DEFAULT_S;

	if (http_query(query, "timeoutSeconds", text, sizeof(text)) && atol(text) > 0 &&
	    atol(text) < 86400)
		seconds = atol(text);
	w->end.fn = on_end;
	w->bookmark.fn = on_bookmark;
	timer_set(&w->end, seconds * 1000);
	if (w->bookmarks)
		timer_set(&w->bookmark, BOOKMARK_MS);
}

static bool send_current(struct watch *w)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(w->target.kind, &i));)
		if (selected(w, o) && !send_object(w, "ADDED", o))
			return false;
	return true;
}

/* NULL: the answer was made (an error), nothing streams. The connection has sent its head
 * otherwise. */
struct watch *watch_start(struct conn *conn, struct call *c)
{
	struct watch *w;
	const char *why = "";
	char version[24] = "";

	if (flag(c->http->query, "sendInitialEvents")) {
		struct causes causes = { .arena = &c->arena };

		cause_forbidden(&causes, "sendInitialEvents",
		                "sendInitialEvents is forbidden for watch unless the WatchList "
		                "feature gate is enabled");
		status_invalid(c, c->target.kind, "", &causes);
		return NULL;
	}
	http_query(c->http->query, "resourceVersion", version, sizeof(version));
	if (version[strspn(version, "0123456789")]) {
		status_fail(c, 400, "BadRequest", "resourceVersion: invalid value \"%s\"", version);
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->conn = conn;
	w->target = c->target;
	w->target.ns = arena_strdup(&w->arena, c->target.ns);
	w->target.name = arena_strdup(&w->arena, c->target.name);
	w->target.version = arena_strdup(&w->arena, c->target.version);
	if (!selector_parse(c->http->query, c->target.kind, &w->arena, &w->selector, &why)) {
		status_fail(c, 400, "BadRequest", "%s", why);
		arena_free(&w->arena);
		free(w);
		return NULL;
	}
	w->bookmarks = flag(c->http->query, "allowWatchBookmarks");
	w->form = form_choose(c->http->accept, FORMS_OBJECT & ~FORM_BIT(FORM_YAML));
	w->with = table_object_wanted(c->http->query);
	list_add_tail(&all, &w->in_all);
	count++;
	start_timers(w, c->http->query);
	cursor_now(&w->cursor);
	if (!*version || !strcmp(version, "0")) {
		if (!send_current(w)) /* too much for one stream: the client lists, then watches */
			w->cursor.next = UINT64_MAX;
	} else {
		cursor_at(&w->cursor, strtoull(version, NULL,
		                               10)); /* unknown: lost, so the next feed says 410 */
	}
	return w;
}
