/* api_watch_text.c - see api_watch.h. An event is written once for all watches that want it in the
 * same form; of a deletion's object there is one copy with the version of the deletion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_watch.h"

/* JSON, metadata, JSON of another version, Tables of two versions without and with columns. */
#define FORMS (3 + 2 * 2 * (TABLE_NONE + 1))
#define OTHER_VERSION 2
#define KEEP (64 * 1024) /* bytes of a text whose memory is kept */

static struct {
	uint64_t version; /* of the change that the texts are of */
	struct buf texts[EVENT_BOOKMARK][FORMS];
	char other[32];      /* the version of that text */
	struct object *gone; /* the last state with the version of the deletion */
} cache;

static unsigned index_of(enum kind kind, const struct show *s, bool columns)
{
	if (form_is_table(s->form))
		return 3 + (unsigned)s->with * 4 + (s->form == FORM_TABLE ? 0 : 2) + columns;
	if (s->form == FORM_METADATA)
		return 1;
	if (!strcmp(s->version, kind_info[kind].version))
		return 0;
	if (strcmp(cache.other, s->version) != 0) {
		for (int t = 0; t < EVENT_BOOKMARK; t++)
			buf_reset(&cache.texts[t][OTHER_VERSION]);
		snprintf(cache.other, sizeof(cache.other), "%s", s->version);
	}
	return OTHER_VERSION;
}

static void put_event(struct buf *b, enum event_type type, const struct object *o,
                      const struct show *show, bool columns)
{
	static const char *const names[] = { "ADDED", "MODIFIED", "DELETED", "BOOKMARK" };

	buf_printf(b, "{\"type\":\"%s\",\"object\":", names[type]);
	show_object(b, o, show, columns);
	buf_str(b, "}\n");
}

/* The last state, with the version of the deletion, so that a client may go on from there. */
static struct object *object_gone(const struct object *o, uint64_t version)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	auto_free char *json = NULL;
	struct object *gone;
	char text[24];
	size_t n;

	snprintf(text, sizeof(text), "%llu", (unsigned long long)version);
	mut_set(mut, mut_at(yyjson_mut_doc_get_root(mut), "metadata"), "resourceVersion",
	        yyjson_mut_str(mut, text));
	json = yyjson_mut_write(mut, 0, &n);
	if (!json)
		return object_ref(o);
	gone = xmalloc(sizeof(*gone) + n + 1);
	*gone = *o;
	gone->refs = 1;
	gone->version = version;
	gone->key = gone->ns = gone->name = gone->group = "";
	gone->json = memcpy(gone + 1, json, n + 1);
	gone->json_len = n;
	list_init(&gone->in_group);
	return gone;
}

static void forget(uint64_t version)
{
	for (int t = 0; t < EVENT_BOOKMARK; t++)
		for (int f = 0; f < FORMS; f++)
			buf_reset(&cache.texts[t][f]);
	object_unref(cache.gone);
	cache.gone = NULL;
	cache.version = version;
}

struct span event_text(const struct change *c, enum event_type type, const struct show *show,
                       bool columns)
{
	struct buf *b;

	if (cache.version != c->version) /* no two changes have the same */
		forget(c->version);
	b = &cache.texts[type][index_of(c->kind, show, columns)];
	if (!b->len && type != EVENT_DELETED)
		put_event(b, type, c->new, show, columns);
	if (!b->len) {
		if (!cache.gone)
			cache.gone = object_gone(c->old, c->version);
		put_event(b, type, cache.gone, show, columns);
	}
	return (struct span){ b->data, b->len };
}

void event_text_trim(void)
{
	for (int t = 0; t < EVENT_BOOKMARK; t++)
		for (int f = 0; f < FORMS; f++)
			if (cache.texts[t][f].cap > KEEP) {
				forget(0);
				buf_free(&cache.texts[t][f]);
			}
}

void event_added(struct buf *b, const struct object *o, const struct show *show, bool columns)
{
	put_event(b, EVENT_ADDED, o, show, columns);
}

void event_bookmark(struct buf *b, enum kind kind, uint64_t version, const struct show *show,
                    bool initial_end)
{
	const struct kind_info *k = &kind_info[kind];
	struct object o = { .kind = kind, .version = version };
	char json[256];

	o.json_len = snprintf(json, sizeof(json),
	                      "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{"
	                      "\"resourceVersion\":\"%llu\",\"creationTimestamp\":null%s}}",
	                      k->kind, k->api_version, (unsigned long long)version,
	                      initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":"
	                                    "\"true\"}"
	                                  : "");
	o.json = json;
	put_event(b, EVENT_BOOKMARK, &o, show, false);
}
