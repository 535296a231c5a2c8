/* api_watch.h - what the files of watches share: api_watch.c (their lives), api_watch_text.c
 * (events as text), api_watch_state.c (what was there when one began), api_watch_kinds.c (which
 * kinds one of several is of). */
#pragma once

#include "api_show.h"

/* The kinds asked for, the first of them into the call's target. False: the answer was made. */
bool watch_kinds(struct call *c, uint32_t *kinds);

enum event_type { EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED, EVENT_BOOKMARK };

/* One event as a line. The text is kept until another change is asked for, so that many watches of
 * one change share it. columns: a Table's first event says them. */
struct span event_text(const struct change *c, enum event_type type, const struct show *show,
                       bool columns);
/* One object as ADDED, appended. */
void event_added(struct buf *b, const struct object *o, const struct show *show, bool columns);
/* Up to this version everything was told; initial_end: the present state was. */
void event_bookmark(struct buf *b, enum kind kind, uint64_t version, const struct show *show,
                    bool initial_end);
/* Gives back what a large event took. */
void event_text_trim(void);

/* All objects of a kind at one moment, in the order of their keys; shared by the watches that begin
 * at that moment. */
struct state {
	unsigned refs;
	enum kind kind;
	uint64_t version;
	size_t n;
	const struct object *v[]; /* references */
};
struct state *state_now(enum kind kind);
void state_unref(struct state *s); /* NULL is fine */
