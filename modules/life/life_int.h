/* life_int.h - what the files of the module share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/list.h>
#include <knetd/store.h>

/* ---- life.c: what is to be looked at, a bounded part of it a turn -----------------------------
 */

#define LIFE_TURN_MAX 512 /* writes of one turn */

void todo(enum kind kind, const char *key); /* once, however often it is asked for */
/* One write less in this turn; false when there is none left. */
bool turn_take(void);

/* ---- owners.c: who depends on whom, by the owner's uid ----------------------------------------
 */

struct edge { /* one ownerReference */
	struct list in_owner;
	struct owner *owner;
	struct dependent *dependent;
	bool block; /* blockOwnerDeletion */
};
struct dependent {
	enum kind kind;
	const char *key;
	unsigned n;
	struct edge edges[];
};
void owners_changed(const struct object *old, const struct object *new);
/* A list of struct edge by in_owner, NULL when there is none. */
const struct list *owners_dependents(const char *uid);
size_t owners_count(void); /* dependents known */
void owners_forget(void);
/* EndpointSlices and Endpoints that the endpoints controller keeps go with their Service by its
 * hand: they are many, and not followed here. */
bool owners_follow(const struct object *o);
/* The kind an ownerReference names; KIND_COUNT when it is none of ours. */
enum kind owner_kind(yyjson_val *reference);

/* ---- collect.c, namespaces.c ------------------------------------------------------------------
 */

/* An object with ownerReferences: is anybody left that it is there for? */
int collect(const struct object *o, yyjson_val *root, struct err *e);
/* An owner that is deleted in the foreground, or whose dependents are to be orphaned. */
int collect_dependents(const struct object *o, yyjson_val *root, struct err *e);
int orphan_dependents(const struct object *o, yyjson_val *root, struct err *e);
int namespace_empty(const struct object *o, yyjson_val *root, struct err *e);

/* ---- events.c: Events are kept for a while, and so many ----------------------------------------
 */

void events_changed(const struct object *old, const struct object *new);
void events_read_all(void);
/* Deletes what is over, within the turn's writes. */
int events_expire(struct err *e);
uint64_t events_wait(void); /* milliseconds until the next one is over; UINT64_MAX: none */
void events_forget(void);
