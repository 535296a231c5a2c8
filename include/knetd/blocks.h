/* blocks.h - memory that is asked for and given back many times a second.
 *
 * The C library gives large pieces, and the last small one of a group, back to the kernel at once,
 * and asks for their pages again a moment later. A process that said so keeps some of what it gives
 * back, the latest first: its lines are still in the processor's caches. All of it comes from
 * malloc, and whoever has a block may free it. */
#pragma once

#include <stddef.h>

#define BLOCK_MOST ((size_t)128 * 1024) /* larger ones are not kept */

/* From now on blocks are kept, so many bytes of them at most. At first none are; under a sanitizer,
 * which is to see who uses what he gave back, none ever. */
void blocks_keep(size_t bytes);

void *block_take(size_t size);         /* as xmalloc, with room for the next power of two */
void *block_zero(size_t size);         /* the same, all zero */
void block_give(void *p, size_t size); /* p may be NULL; size is what it was asked for with */
