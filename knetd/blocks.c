/* blocks.c - see blocks.h. One list for each power of two. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>
#include <knetd/sanitized.h>

#define LEAST_BITS 6 /* smaller ones are taken for so many bytes */
#define MOST_BITS 17
static_assert(BLOCK_MOST == (size_t)1 << MOST_BITS, "the largest class");

struct spare {
	struct spare *next;
};

static struct spare *spares[MOST_BITS - LEAST_BITS + 1];
static size_t kept, may_keep;

void blocks_keep(size_t bytes)
{
	may_keep = SANITIZED ? 0 : bytes;
}

static unsigned class_of(size_t size)
{
	if (size <= (size_t)1 << LEAST_BITS)
		return 0;
	return (unsigned)(8 * sizeof(long) - LEAST_BITS) - (unsigned)__builtin_clzl(size - 1);
}

static size_t bytes_of(unsigned class)
{
	return (size_t)1 << (class + LEAST_BITS);
}

void *block_take(size_t size)
{
	struct spare *s;
	unsigned class;

	if (size > BLOCK_MOST)
		return xmalloc(size);
	class = class_of(size);
	s = spares[class];
	if (!s)
		return xmalloc(SANITIZED ? size : bytes_of(class));
	spares[class] = s->next;
	kept -= bytes_of(class);
	return s;
}

void *block_zero(size_t size)
{
	return memset(block_take(size), 0, size);
}

void block_give(void *p, size_t size)
{
	struct spare *s = p;
	unsigned class = size > BLOCK_MOST ? 0 : class_of(size);

	if (!p)
		return;
	if (size > BLOCK_MOST || kept + bytes_of(class) > may_keep) {
		free(p);
		return;
	}
	s->next = spares[class];
	spares[class] = s;
	kept += bytes_of(class);
}
