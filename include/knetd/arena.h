/* arena.h - memory of one request or one sync, freed whole. Zero-initialised is empty. Aborts when
 * memory is gone; sizes that came from a peer are bounded by the request's own limit. */
#pragma once

#include <stddef.h>

struct arena {
	struct arena_block *blocks;
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, 16-byte aligned */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), nonnull(1, 2)));
void arena_free(struct arena *a); /* leaves it empty and usable */

#define auto_arena __attribute__((cleanup(arena_free)))
