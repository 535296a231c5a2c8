/* store_int.h - what the files of the store share. */
#pragma once

#include <knetd/store.h>

#define KEY_MAX 384 /* namespace (63) + '/' + name (253), with room */

/* store_ring.c */
void ring_add(enum kind kind, struct object *old, struct object *new, uint64_t version);
void ring_reset(void);
void ring_inherit(void); /* what was left by store_history_leave */
void ring_weigh(size_t *changes, size_t *bytes);

/* store_stamp.c: what the server writes into an object's metadata. Returns the compact text, which
 * the caller frees, or NULL with e set. */
char *store_stamp(enum kind kind, const char *ns, const char *name, yyjson_mut_doc *doc,
                  const struct object *old, uint64_t version, size_t *len, struct err *e);
/* True when the texts differ in nothing but the resourceVersion. */
bool store_same_text(const struct object *old, const char *json, size_t n);
/* The Service an EndpointSlice belongs to, by its label; NULL for other kinds. */
const char *store_slice_service(enum kind kind, yyjson_mut_doc *doc);

/* store_debt.c: what is in memory and not on the disk: see store_owe. */
struct lmdb_write;
void debt_add(const struct object *o); /* what memory says of it, where it is or was kept */
bool debts_any(void);
void debts_pay(void); /* as far as the disk lets */
/* Before these n are written. What is owed to the run directory goes first or nothing does: two
 * attachments with one address are never there at once. */
int debts_pay_before(const struct lmdb_write *w, size_t n, struct err *e);
void debts_forget(void);

/* store_boot.c: what a reboot ends. */
int store_boot_check(bool *rebooted, struct err *e);
/* Pods kept under the state directory lose the addresses they had before the reboot. */
int store_forget_addresses(struct err *e);
