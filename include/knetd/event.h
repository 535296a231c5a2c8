/* event.h - Kubernetes Events of the daemon's own: what people see in `kubectl get events` and
 * `describe` when something went wrong out of their sight.
 *
 * Emitting only takes a note, so it may be done anywhere, also inside a store transaction that is
 * taken back. Notes become Event objects at most once a second; the same words about the same
 * object are one Event with a count. */
#pragma once

#include <knetd/object.h>

enum event_type { EVENT_NORMAL, EVENT_WARNING };

/* ns "" for cluster scope. The object need not be there (any more). */
void event_emit(enum kind kind, const char *ns, const char *name, enum event_type type,
                const char *reason, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
unsigned events_dropped(void); /* notes that came too fast for EVENT_NOTES_MAX */
void events_flush(void);       /* writes what was noted now; the timer does so by itself */

#define EVENT_NOTES_MAX 128
