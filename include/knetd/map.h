/* map.h - the one hash table: byte-string keys to pointers. The key's memory belongs to the value
 * (or to whoever put it) and must stay until the entry is gone. Seeded per process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map {
	struct map_slot *slots; /* NULL when empty */
	size_t len, used, cap;
};

void *map_get(const struct map *m, const void *key, size_t n);
/* Returns the value that was there before, or NULL. value must not be NULL. When an old entry is
 * replaced its key memory is no longer referenced. */
void *map_put(struct map *m, const void *key, size_t n, void *value);
void *map_del(struct map *m, const void *key, size_t n); /* returns the value taken out, or NULL */
void map_free(struct map *m);                            /* the values are the caller's */

/* for (size_t i = 0; (v = map_next(m, &i));) - the body may delete the entry it was just given. */
void *map_next(const struct map *m, size_t *i);

/* A secret of this process, for keys that strangers choose. */
uint64_t hash_seed(void);
uint64_t hash_bytes(const void *key, size_t n, uint64_t seed);
