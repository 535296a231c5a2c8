/* proxy_told.h - a plan as a worker has it: what changed is sealed, mapped and taken in. */
#pragma once

#include <knetd/snapshot.h>

#include "../../modules/ingress/proxy.h"
#include "../../modules/ingress/proxy_plan.h"

static inline void tell_slot(unsigned slot, const struct buf *bytes)
{
	struct snapshot *s = NULL;

	if (bytes->len) {
		s = snapshot_map(snapshot_seal(bytes, "test", NULL), NULL);
		assert_non_null(s);
	}
	tables_take(slot, s);
	snapshot_unref(s);
}

static inline void tell(struct plan *p)
{
	struct buf bytes = { 0 };

	if (p->changed) {
		plan_routes(p, &bytes);
		tell_slot(TABLE_ROUTES, &bytes);
	}
	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		buf_reset(&bytes);
		if (plan_shard(p, i, &bytes))
			tell_slot(TABLE_RULES + i, &bytes);
	}
	buf_free(&bytes);
}

static inline void tell_nothing(void)
{
	for (unsigned i = 0; i < TABLE_SLOTS; i++)
		tables_take(i, NULL);
}

/* The bytes of all shards. */
static inline void plan_bytes(struct plan *p, struct buf *out)
{
	struct buf one = { 0 };

	for (unsigned i = 0; i < TABLE_SHARDS; i++) {
		buf_reset(&one);
		p->shards[i].changed = true;
		plan_shard(p, i, &one);
		buf_printf(out, "shard %u: %zu\n", i, one.len);
		buf_add(out, one.data, one.len);
	}
	buf_free(&one);
}
