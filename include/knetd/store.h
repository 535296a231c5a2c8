/* store.h - where every object lives: in memory for reading, in LMDB for keeping.
 *
 * Objects are kept under the state directory; those marked `run` (attachments, leases, everything
 * derived from them) in a second environment under the run directory, which is emptied when the
 * boot id differs. One transaction a request: one that fails leaves memory and disk as they were.
 *
 * Group commit: while the core runs I/O callbacks, an ended transaction is in memory alone, and all
 * of a turn go to the disk together, with one sync, when the callbacks are through (store_defer,
 * store_flush). Until then nobody may be told of them: answers are held, and the ring has nothing.
 *
 * Every flushed change goes into one bounded ring. The API's watches and the modules are cursors
 * on that ring; whoever falls off its end starts again from the whole state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/object.h>

#define STORE_RING 32768               /* changes remembered, a power of two */
#define STORE_RING_BYTES (16 << 20)    /* of replaced and deleted objects kept for that */
#define STORE_OBJECT_MAX (1536 * 1024) /* bytes of JSON an object may have, as etcd's default */
#define STORE_OBJECTS_MAX 1000000

int store_open(const char *state_dir, const char *run_dir, struct err *e);
void store_close(void);
/* Whether store_open would read what is there, without a trace of having looked; for a binary that
 * is to take over from the one that writes there. */
int store_check(const char *state_dir, const char *run_dir, struct err *e);
/* Gives both directories back what they were before store_open changed their format. A signal
 * handler may; the process has to end. */
void store_undo_upgrade(void);
/* Who has seen the newest change can go on reading changes behind an exec (handover.h). */
void store_history_leave(void);

/* Reading. Pointers are borrowed: take a reference to keep one beyond the current callback, or over
 * a store_put or store_delete of the same object. */
const struct object *store_get(enum kind kind, const char *ns, const char *name);
const struct object *store_get_key(enum kind kind, const char *key); /* an object's key */
/* for (size_t i = 0; (o = store_next_object(kind, &i));) - in no order; no writes inside. */
const struct object *store_next_object(enum kind kind, size_t *i);
size_t store_count(enum kind kind);
/* Objects of a kind that share a group: EndpointSlices by "namespace/service" (from the label
 * kubernetes.io/service-name), everything else by its namespace. NULL when there is none, else a
 * list of struct object by in_group (container_of). */
const struct list *store_group(enum kind kind, const char *group);

/* Of the newest change in the ring; starts from the clock, never goes back. */
uint64_t store_version(void);

/* The state directory's file is damaged: what is wrong, or NULL. What can be read was read; writes
 * that have to be kept there fail with -EIO. */
const char *store_damage(void);
/* There is an entry for this object, but it cannot be read. A new store_put mends it. */
bool store_is_damaged(enum kind kind, const char *ns, const char *name);

/* Writing. From store_put and store_delete on, reads see the writes. Not nested. */
void store_begin(void);
enum { STORE_RUN = 1 }; /* flags: keep in the run directory */
/* Stores doc as the object's new state; creates it when it is not there. Sets apiVersion, kind,
 * metadata.{name,namespace,uid,creationTimestamp,resourceVersion,generation} (uid,
 * creationTimestamp carried over from what is there; generation +1 when .spec differs). A write
 * that changes nothing keeps the version and is no change. doc is edited and stays the caller's.
 * -EINVAL too large, -ENOSPC too many objects. *out (may be NULL) is borrowed. */
int store_put(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc, unsigned flags,
              const struct object **out, struct err *e);
int store_delete(enum kind kind, const char *ns, const char *name); /* -ENOENT */
/* Ends the transaction. Durable when it returns 0, unless commits are deferred: then after the
 * flush. -ENOSPC disk full, -EIO anything else; then everything since store_begin is undone. */
int store_commit(struct err *e);
void store_abort(void);

/* What follows from something that has happened outside, and so must not be refused: a transaction
 * that says so holds even where the disk does not take it. It is then in memory and told as any
 * other, and owed to the disk: written as soon as that can be. A crash before forgets it; so only
 * for what the next start finds out again by itself. */
void store_owe(void);
bool store_owes(void);
void store_pay(void); /* tries; for a timer as long as something is owed */

/* Deferred commits are the core's business: on while I/O callbacks run, off at start and in syncs.
 */
void store_defer(bool on);
/* Writes what deferred commits left, in one transaction. When that fails, all of it is undone, and
 * for a while every commit is written by itself again. */
int store_flush(struct err *e);
bool store_pending(void); /* is there something that a flush would write? */
/* fn is called after every flush of deferred commits, before anything else happens in the turn:
 * failed is NULL when they are durable, else says why none of them ever was. */
void store_on_flush(void (*fn)(const struct err *failed));

struct store_stats {                   /* since start */
	uint64_t transactions, writes; /* ended with changes; objects put and deleted */
	uint64_t flushes;              /* transactions of the disk */
	size_t changes, held;          /* remembered now, and the bytes kept for them alone */
};
void store_read_stats(struct store_stats *out);

struct change {
	uint64_t version; /* of the change, also for deletions */
	enum kind kind;
	const struct object *old; /* NULL when created; borrowed until the ring moves */
	const struct object *new; /* NULL when deleted */
};
struct cursor {
	uint64_t next; /* place in the ring */
};
enum cursor_result { CURSOR_END, CURSOR_CHANGE, CURSOR_LOST };
void cursor_now(struct cursor *c); /* from here on */
/* After that version; false when a later change of the kind is not remembered, or the version is of
 * the future: the cursor is then lost. */
bool cursor_at(struct cursor *c, enum kind kind, uint64_t version);
enum cursor_result cursor_next(struct cursor *c, struct change *out);
/* Drops changes older than that and gives memory back; for a timer. */
void store_forget(unsigned seconds);
