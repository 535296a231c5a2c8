/* proxy_index.h - how rules are found by host and path: what the plan and the workers must agree
 * on.
 *
 * Every path of a host is a place of its own, and so is the host itself, whole. Their hash says
 * which shard they are in, and there the slots lead to them: open addressing, a power of two, a
 * place's number plus one, 0 where there is none. A path's hash grows with it, so that all prefixes
 * of a request's path are hashed by one walk.
 *
 * Whoever reads slots believes nothing of them: numbers may be any. */
#pragma once

#include <string.h>

#include <knetd/map.h>

#include "proxy_table.h"

/* Does a path lead to it? Expressions, and what is blind to case, are with their host. */
static inline bool index_by_path(const struct table_rule *r)
{
	return r->kind != PATH_REGEX && !r->nocase;
}

/* Exact paths, then expressions, then prefixes: what says most of a path comes first. Of a
 * GRPCRoute a prefix is a service, and an expression any service. */
static inline int index_rank(const struct table_rule *r)
{
	if (r->kind == PATH_REGEX)
		return r->action->grpc ? 3 : 1;
	return r->kind == PATH_EXACT ? 0 : r->action->grpc && !r->path.n ? 4 : 2;
}

/* Of the host, whole; and, walked on with index_step, of its paths. */
static inline uint64_t index_host(uint64_t seed, const struct table_host *h)
{
	return hash_bytes(h->name.p, h->name.n,
	                  seed ^ (uint64_t)h->rules << 2 ^ (uint64_t)h->wild << 1 ^ h->one_label);
}
static inline uint64_t index_step(uint64_t hash, char c)
{
	return (hash ^ (uint8_t)c) * 0x9fb21c651e98df25ull;
}
#define INDEX_PATHS '\n' /* the step before the first of a path */

static inline uint64_t index_mix(uint64_t hash)
{
	return (hash ^ hash >> 29) * 0xd6e8feb86659fd93ull;
}
static inline uint32_t index_shard(uint64_t hash)
{
	return (uint32_t)(index_mix(hash) >> 40) % TABLE_SHARDS;
}
static inline uint32_t index_slot(uint64_t hash, uint32_t n_slots)
{
	return (uint32_t)(index_mix(hash) >> 20) & (n_slots - 1);
}
static inline bool index_same(struct span a, struct span b)
{
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}
static inline bool index_is(const struct table_place *p, const struct table_host *h, bool whole,
                            struct span path)
{
	return p->whole == whole && p->host.rules == h->rules && p->host.wild == h->wild &&
	       p->host.one_label == h->one_label && index_same(p->path, path) &&
	       index_same(p->host.name, h->name);
}
