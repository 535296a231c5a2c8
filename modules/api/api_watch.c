/* api_watch.c - watches, of one kind or (GET /knetd/v1/watch, api_watch_kinds.c) of several.
 *
 * A watch is live or late. Live ones stand in a list per kind; after each turn one pass over the
 * turn's changes tells each of them to who is in its kind's list, so an idle watch costs nothing. A
 * late one goes its own way: first the present state where it was asked for, then the history
 * behind its version, a piece at a time as its reader takes it; it is live when it has come to the
 * end. A live one whose reader falls behind becomes late. So what waits for a reader is bounded by
 * LAG_MAX and one event, and a reader who is so slow that the history leaves it behind is told 410
 * and let go: it lists again.
 *
 * Everything is told after the turn, when changes are durable and in force. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/loop.h>

#include "api_options.h"
#include "api_watch.h"

#define TIMEOUT_DEFAULT_S 1800
#define BOOKMARK_MS 60000
#define LAG_MAX (64 * 1024) /* bytes that wait for a reader before it is late */
#define TURN_MAX (1 << 20)  /* bytes told to all late watches in one turn */
#define HISTORY_S 600       /* changes are remembered so long */
#define HISTORY_MS 60000    /* how often that is looked after */

struct watch {
	struct list in_list; /* of its kind's live ones, or of the late ones */
	struct conn *conn;
	enum kind kind;        /* the first of them */
	uint32_t kinds;        /* KIND_BIT()s */
	const char *ns, *name; /* "" for all */
	struct selector selector;
	struct show show;
	bool late, bookmarks, columns_sent;
	bool from_now, present, present_end; /* what it begins with */
	uint64_t seen; /* late: changes up to this were told, or not asked for */
	bool found;    /* late: cursor stands behind seen */
	struct cursor cursor;
	struct state *state; /* late: the present state of a kind, told up to at */
	enum kind telling;
	size_t at;
	struct timer end, bookmark;
	struct arena arena; /* names and selector */
};

#define OF_SEVERAL KIND_COUNT /* their live ones stand in a list of their own */
static struct list live[KIND_COUNT + 1], late = LIST_INIT(late);
static unsigned count;
static struct cursor told; /* changes up to here were told to live watches */
static uint64_t told_version;

unsigned watches_count(void)
{
	return count;
}

bool watch_wanted(const struct http_call *call, const struct target *t)
{
	return !strcmp(call->method, "GET") && !*t->sub &&
	       (t->watch || query_flag(call->query, "watch"));
}

/* ---- telling -------------------------------------------------------------------------------- */

static bool selected(const struct watch *w, const struct object *o)
{
	return o && (!*w->ns || !strcmp(o->ns, w->ns)) &&
	       (!*w->name || !strcmp(o->name, w->name)) && selector_match(&w->selector, o);
}

static bool of_several(const struct watch *w)
{
	return w->kinds != KIND_BIT(w->kind);
}

static struct show show_of(const struct watch *w, enum kind kind)
{
	struct show show = w->show;

	if (of_several(w))
		show.version = kind_info[kind].version;
	return show;
}

/* Entering the selection is ADDED, leaving it DELETED. */
static bool tell(struct watch *w, const struct change *c)
{
	bool before = selected(w, c->old), now = selected(w, c->new);
	struct show show = show_of(w, c->kind);
	struct span text;

	if (!(w->kinds & KIND_BIT(c->kind)) || (!before && !now))
		return true;
	text = event_text(c,
	                  !now     ? EVENT_DELETED
	                  : before ? EVENT_MODIFIED
	                           : EVENT_ADDED,
	                  &show, !w->columns_sent);
	w->columns_sent = true;
	return conn_stream(w->conn, text.p, text.n);
}

/* What waits is still sent; nothing more is told. */
static void finish(struct watch *w)
{
	list_del(&w->in_list);
	conn_stream_end(w->conn);
}

static void send_bookmark(struct watch *w, uint64_t version, bool initial_end)
{
	auto_buf struct buf b = { 0 };

	event_bookmark(&b, w->kind, version, &w->show, initial_end);
	if (!conn_stream(w->conn, b.data, b.len))
		finish(w);
}

static void send_gone(struct watch *w)
{
	auto_buf struct buf b = { 0 };

	buf_printf(&b,
	           "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
	           "\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old resource version: "
	           "%llu (%llu)\",\"reason\":\"Expired\",\"code\":410}}\n",
	           (unsigned long long)w->seen, (unsigned long long)store_version());
	conn_stream(w->conn, b.data, b.len);
	finish(w);
}

/* ---- late ones ------------------------------------------------------------------------------ */

static void make_late(struct watch *w, uint64_t seen)
{
	list_del(&w->in_list);
	list_add_tail(&late, &w->in_list);
	w->late = true;
	w->found = false;
	w->seen = seen;
}

static void make_live(struct watch *w)
{
	list_del(&w->in_list);
	list_add_tail(&live[of_several(w) ? OF_SEVERAL : w->kind], &w->in_list);
	w->late = false;
}

/* Objects from the state until the reader has enough. True when all of them were told. */
static bool tell_state(struct watch *w)
{
	struct show show = show_of(w, w->telling);
	auto_buf struct buf b = { 0 };

	for (; w->at < w->state->n; w->at++) {
		if (conn_stream_queued(w->conn) >= LAG_MAX)
			return false;
		if (!selected(w, w->state->v[w->at]))
			continue;
		buf_reset(&b);
		event_added(&b, w->state->v[w->at], &show, !w->columns_sent);
		w->columns_sent = true;
		if (!conn_stream(w->conn, b.data, b.len)) {
			finish(w);
			return false;
		}
	}
	return true;
}

/* Of several kinds one after the other is told, each as it is by then; the history begins behind
 * the first, so that some of it comes again. */
static bool tell_states(struct watch *w)
{
	for (;; w->telling++) {
		if (w->telling == KIND_COUNT)
			return true;
		if (!(w->kinds & KIND_BIT(w->telling)))
			continue;
		if (!w->state)
			w->state = state_now(w->telling);
		if (w->telling == w->kind)
			w->seen = w->state->version;
		if (!tell_state(w))
			return false;
		state_unref(w->state);
		w->state = NULL;
		w->at = 0;
	}
}

/* True when the watch has begun: its state, if wanted, was told. */
static bool begin(struct watch *w)
{
	if (w->from_now) {
		w->seen = store_version();
		w->from_now = false;
	}
	if (!w->present)
		return true;
	if (!tell_states(w))
		return false;
	w->present = false;
	if (w->present_end)
		send_bookmark(w, w->seen, true);
	return !list_empty(&w->in_list); /* not finished */
}

static bool find(struct watch *w)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if ((w->kinds & KIND_BIT(k)) && !cursor_at(&w->cursor, k, w->seen))
			return false;
	return true;
}

/* A cursor that was left behind may have missed changes of other kinds alone. */
static enum cursor_result next_change(struct watch *w, struct change *c)
{
	enum cursor_result r = w->found ? cursor_next(&w->cursor, c) : CURSOR_LOST;

	if (r != CURSOR_LOST)
		return r;
	w->found = find(w);
	return w->found ? cursor_next(&w->cursor, c) : CURSOR_LOST;
}

/* Changes behind `seen` until the reader has enough or there are no more. */
static void tell_history(struct watch *w)
{
	struct change c;

	while (conn_stream_queued(w->conn) < LAG_MAX) {
		switch (next_change(w, &c)) {
		case CURSOR_LOST:
			send_gone(w);
			return;
		case CURSOR_END:
			make_live(w);
			return;
		case CURSOR_CHANGE:
			w->seen = c.version;
			if (!tell(w, &c)) {
				finish(w);
				return;
			}
		}
	}
}

/* Each gets a piece; who got one goes to the end of the line. */
static void tell_late(void)
{
	struct list turn;
	size_t bytes = 0;

	list_take(&turn, &late);
	while (!list_empty(&turn)) {
		struct watch *w = container_of(turn.next, struct watch, in_list);
		size_t before = conn_stream_queued(w->conn);

		list_del(&w->in_list);
		list_add_tail(&late, &w->in_list);
		if (before >= LAG_MAX)
			continue; /* its socket says when */
		if (bytes < TURN_MAX && begin(w))
			tell_history(w);
		bytes += conn_stream_queued(w->conn) - before;
		if (w->late && !list_empty(&w->in_list))
			loop_again();
	}
}

/* ---- live ones ------------------------------------------------------------------------------ */

static void tell_live(struct list *to, const struct change *c)
{
	struct list *l, *next;

	list_each (l, next, to) {
		struct watch *w = container_of(l, struct watch, in_list);

		if (conn_stream_queued(w->conn) >= LAG_MAX)
			make_late(w, c->version - 1);
		else if (!tell(w, c))
			finish(w);
	}
}

/* More in one turn than is remembered: everybody looks for himself what he has missed. */
static void all_late(void)
{
	for (int k = 0; k <= OF_SEVERAL; k++)
		while (!list_empty(&live[k]))
			make_late(container_of(live[k].next, struct watch, in_list), told_version);
	cursor_now(&told);
}

void watches_feed(void)
{
	enum cursor_result r;
	struct change c;

	if (!count)
		cursor_now(&told);
	while ((r = cursor_next(&told, &c)) == CURSOR_CHANGE) {
		tell_live(&live[c.kind], &c);
		tell_live(&live[OF_SEVERAL], &c);
		told_version = c.version;
	}
	if (r == CURSOR_LOST)
		all_late();
	told_version = store_version();
	if (!list_empty(&late))
		tell_late();
	event_text_trim();
}

/* Its client goes on from the version it has seen. */
void watch_end(struct watch *w)
{
	if (w->bookmarks && !w->late)
		send_bookmark(w, told_version, false);
	finish(w);
}

static void on_end(struct timer *t)
{
	watch_end(container_of(t, struct watch, end));
}

/* A late one has enough to read. */
static void on_bookmark(struct timer *t)
{
	struct watch *w = container_of(t, struct watch, bookmark);

	timer_set(&w->bookmark, BOOKMARK_MS);
	if (!w->late)
		send_bookmark(w, told_version, false);
}

/* ---- beginning and end ---------------------------------------------------------------------- */

void watch_stop(struct watch *w)
{
	list_del(&w->in_list);
	timer_del(&w->end);
	timer_del(&w->bookmark);
	state_unref(w->state);
	arena_free(&w->arena);
	free(w);
	count--;
}

static void on_history(struct timer *t)
{
	store_forget(HISTORY_S);
	timer_set(t, HISTORY_MS);
}

static void start_once(void)
{
	static struct timer history = { .fn = on_history };

	if (history.heap)
		return;
	for (int k = 0; k <= OF_SEVERAL; k++)
		list_init(&live[k]);
	cursor_now(&told);
	told_version = store_version();
	timer_set(&history, HISTORY_MS);
}

/* Without a wish the ends of many watches are spread, as a Kubernetes API server does. */
static void start_timers(struct watch *w, unsigned timeout_s)
{
	uint64_t spread = (loop_now() * 31 + count * 7919) % (TIMEOUT_DEFAULT_S * 1000);

	w->end.fn = on_end;
	w->bookmark.fn = on_bookmark;
	timer_set(&w->end,
	          timeout_s ? (uint64_t)timeout_s * 1000 : TIMEOUT_DEFAULT_S * 1000 + spread);
	if (w->bookmarks)
		timer_set(&w->bookmark, BOOKMARK_MS);
}

static void begin_with(struct watch *w, const struct list_options *o)
{
	w->present = o->initial > 0 || (!o->versioned && o->initial < 0);
	w->present_end = o->initial > 0 && o->bookmarks;
	w->from_now = !w->present && !o->versioned;
	w->bookmarks = o->bookmarks;
	w->telling = w->kind;
	make_late(w, o->version);
}

/* NULL: the answer was made (an error), nothing streams. */
struct watch *watch_start(struct conn *conn, struct call *c)
{
	struct watch *w = xcalloc(1, sizeof(*w));
	bool several = watch_is_of_kinds(c->http);
	struct list_options options;

	start_once();
	list_init(&w->in_list);
	if ((several && !watch_kinds(c, &w->kinds)) ||
	    !options_read(c, true, &w->arena, &options)) {
		arena_free(&w->arena);
		free(w);
		return NULL;
	}
	count++;
	w->conn = conn;
	w->kind = c->target.kind;
	w->kinds |= KIND_BIT(w->kind);
	if (several) {
		options.bookmarks = true;
		options.initial = !options.versioned;
	}
	w->ns = *c->target.ns ? arena_strdup(&w->arena, c->target.ns) : "";
	w->name = *c->target.name ? arena_strdup(&w->arena, c->target.name) : "";
	w->selector = options.selector;
	w->show = show_wanted(
		c, several ? FORM_JSON
			   : form_choose(c->http->accept, FORMS_OBJECT & ~FORM_BIT(FORM_YAML)));
	w->show.version = arena_strdup(&w->arena, c->target.version);
	begin_with(w, &options);
	start_timers(w, options.timeout_s);
	return w;
}
