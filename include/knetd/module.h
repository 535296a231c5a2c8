/* module.h - a feature is a directory in modules/ and one line in the table in knetd/modules.c.
 *
 * Modules never include or call each other: they meet in the store. After all I/O of a loop turn
 * the core calls `sync` of each module whose kinds changed, in the table's order; so what an
 * earlier module writes to the store (the endpoints controller) a later one (svcnat, dns) sees in
 * the same turn. A failed sync is logged by the core and retried whole, with back-off: no module
 * has its own retry. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/store.h>

struct http_call;
struct http_answer;

/* What a sync has to look at. full: everything (at start, after a failure, when the ring was lost,
 * when the kernel's state was found to differ, see module_resync); then changes_next gives nothing.
 */
struct changes {
	bool full;
	uint32_t kinds;
	struct cursor *cursor;
};
bool changes_next(struct changes *c, struct change *out); /* only kinds the module watches */

struct route {
	const char *method; /* "POST" */
	const char *path;   /* whole path: "/cni/v1/add" */
	void (*fn)(const struct http_call *call, struct http_answer *answer);
};

struct module { /* const; every member but name may be NULL or 0 */
	const char *name;
	uint32_t watches; /* KIND_BIT()s that make it dirty */
	/* What it lays keeps packets out: when all of that has to be looked at, it is synced before
	 * any other, and again in its place for what these then change. */
	bool shields;
	int (*init)(struct err *e);
	/* Makes the outside match the store; safe to repeat. With no watches it is called once,
	 * full. */
	int (*sync)(struct changes *c, struct err *e);
	void (*metrics)(struct buf *out); /* Prometheus text, bounded series */
	void (*reload)(void);             /* SIGHUP: reads again what may have changed */
	const struct route *routes;       /* ends with method NULL */
	void (*exit)(bool remove);        /* remove: also take away what was made (-x) */
};

/* Asks for a full sync of m in this turn's end (from a callback that saw the kernel differ). */
void module_resync(const struct module *m);
/* The route for method and path over all modules. *known_path tells 404 from 405. */
const struct route *modules_route(const char *method, const char *path, bool *known_path);
void modules_metrics(struct buf *out);
/* Runs what is dirty now; the core does so after each turn. */
void modules_sync(void);
/* True when every module's last sync went well; else *why names the module and the error. */
bool modules_ready(const char **why);
/* The i-th that runs; false behind the last. error: of its last sync, "" when that went well. */
bool modules_state(unsigned i, const char **name, const char **error);
