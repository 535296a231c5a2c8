/* event.c - see event.h */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/json_mut.h>
#include <knetd/life.h>
#include <knetd/list.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/map.h>
#include <knetd/store.h>

#define PAUSE_MS 1000

struct note {
	struct list in_all;
	enum kind kind;
	enum event_type type;
	unsigned count;
	char ns[64], name[254], reason[64], message[512];
};

static void on_timer(struct timer *t);
static struct timer timer = { .fn = on_timer };
static struct list all = LIST_INIT(all);
static unsigned n_notes, dropped;
static uint64_t next_flush; /* loop_now() */

unsigned events_dropped(void)
{
	return dropped;
}

static bool same(const struct note *a, const struct note *b)
{
	return a->kind == b->kind && a->type == b->type && !strcmp(a->ns, b->ns) &&
	       !strcmp(a->name, b->name) && !strcmp(a->reason, b->reason) &&
	       !strcmp(a->message, b->message);
}

static void take_note(const struct note *note)
{
	struct list *l, *next;
	struct note *mine;

	list_each (l, next, &all)
		if (same(container_of(l, struct note, in_all), note)) {
			container_of(l, struct note, in_all)->count++;
			return;
		}
	if (n_notes == EVENT_NOTES_MAX) {
		dropped++;
		return;
	}
	mine = xmalloc(sizeof(*mine));
	*mine = *note;
	list_add_tail(&all, &mine->in_all);
	if (!n_notes++)
		timer_set(&timer, next_flush > loop_now() ? next_flush - loop_now() : 0);
}

void event_emit(enum kind kind, const char *ns, const char *name, enum event_type type,
                const char *reason, const char *fmt, ...)
{
	struct note note = { .kind = kind, .type = type, .count = 1 };
	va_list ap;

	snprintf(note.ns, sizeof(note.ns), "%s", ns);
	snprintf(note.name, sizeof(note.name), "%s", name);
	snprintf(note.reason, sizeof(note.reason), "%s", reason);
	va_start(ap, fmt);
	vsnprintf(note.message, sizeof(note.message), fmt, ap);
	va_end(ap);
	take_note(&note);
}

/* ---- the object -------------------------------------------------------------------------------
 */

static void add_str(yyjson_mut_doc *d, yyjson_mut_val *obj, const char *key, const char *val)
{
	yyjson_mut_obj_add(obj, yyjson_mut_str(d, key), yyjson_mut_strcpy(d, val));
}

static void add_involved(yyjson_mut_doc *d, yyjson_mut_val *root, const struct note *n)
{
	yyjson_mut_val *about = yyjson_mut_obj_add_obj(d, root, "involvedObject");
	const struct object *o = store_get(n->kind, n->ns, n->name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	const char *uid = json_str(yyjson_doc_get_root(doc), "metadata.uid");

	add_str(d, about, "kind", kind_info[n->kind].kind);
	if (*n->ns)
		add_str(d, about, "namespace", n->ns);
	add_str(d, about, "name", n->name);
	if (uid)
		add_str(d, about, "uid", uid);
	add_str(d, about, "apiVersion", kind_info[n->kind].api_version);
}

static void add_source(yyjson_mut_doc *d, yyjson_mut_val *root)
{
	yyjson_mut_val *source = yyjson_mut_obj_add_obj(d, root, "source");

	add_str(d, source, "component", "knetd");
	add_str(d, source, "host", conf.node.name);
	add_str(d, root, "reportingComponent", "knetd");
	add_str(d, root, "reportingInstance", conf.node.name);
}

static yyjson_mut_doc *event_doc(const struct note *n, const struct object *old)
{
	auto_doc yyjson_doc *was = old ? object_doc(old) : NULL;
	const char *first = json_str(yyjson_doc_get_root(was), "firstTimestamp");
	yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(d);
	char text[TIME_TEXT];

	time_text(time(NULL), text);
	yyjson_mut_doc_set_root(d, root);
	yyjson_mut_obj_add_obj(d, root, "metadata");
	add_involved(d, root, n);
	add_str(d, root, "reason", n->reason);
	add_str(d, root, "message", n->message);
	add_str(d, root, "type", n->type == EVENT_WARNING ? "Warning" : "Normal");
	yyjson_mut_obj_add_int(d, root, "count",
	                       json_int(yyjson_doc_get_root(was), "count", 0) + n->count);
	add_str(d, root, "firstTimestamp", first ? first : text);
	add_str(d, root, "lastTimestamp", text);
	add_source(d, root);
	return d;
}

static int write_note(const struct note *n, struct err *e)
{
	const char *ns = *n->ns ? n->ns : "default";
	const struct object *in = store_get(KIND_NAMESPACE, "", ns), *old;
	auto_free char *words = xasprintf("%d/%s/%s/%d/%s/%s", n->kind, n->ns, n->name, n->type,
	                                  n->reason, n->message);
	auto_free char *name = xasprintf("%.200s.%016llx", n->name,
	                                 (unsigned long long)hash_bytes(words, strlen(words), 1));
	auto_mut yyjson_mut_doc *doc = NULL;

	if (!in || life_ending(in)) /* nowhere to tell it */
		return 0;
	old = store_get(KIND_EVENT, ns, name);
	doc = event_doc(n, old);
	return store_put(KIND_EVENT, ns, name, doc, STORE_RUN, NULL, e);
}

void events_flush(void)
{
	static struct log_rate rate;
	struct err e = { 0 };
	int ret = 0;

	store_begin();
	while (!list_empty(&all)) {
		struct note *n = container_of(all.next, struct note, in_all);

		list_del(&n->in_all);
		ret = ret ? ret : write_note(n, &e);
		free(n);
	}
	n_notes = 0;
	next_flush = loop_now() + PAUSE_MS;
	if (ret)
		store_abort();
	else
		ret = store_commit(&e);
	if (ret && log_may(&rate))
		log_warn("events: %s", e.text);
}

static void on_timer(struct timer *t)
{
	(void)t;
	events_flush();
}
