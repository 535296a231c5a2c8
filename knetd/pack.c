/* pack.c - see pack.h
 *
 * The bytes: a header, the root, then everything it leads to, structs and numbers aligned to 8. A
 * pointer is written as its offset from the start, as wide as itself, NULL as 0. Reading goes the
 * same way and marks each pointer that was put back, for one that is met again: what several share.
 */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/http.h>
#include <knetd/pack.h>

#define MAGIC 0x6b6361706b6e7464ull
#define LARGE 4096

struct pack_header {
	uint64_t magic, size;
	uint64_t root_size;
};

/* ---- writing -------------------------------------------------------------------------------- */

struct shared {
	const void *p; /* NULL: nobody is here */
	uint32_t n, at;
};
struct writer {
	struct buf *out;
	size_t start;
	struct shared *seen; /* by the address, open addressing; 2^bits of them, half of it free */
	unsigned bits;
	uint32_t n_seen;
};

static uint64_t put(struct writer *w, const void *p, size_t n)
{
	size_t len = w->out->len - w->start, at = (len + 7) & ~(size_t)7;
	char *room = buf_room(w->out, at - len + n);

	if (!room)
		return 0;
	for (; len < at; len++)
		*room++ = 0;
	memcpy(room, p, n);
	w->out->len = w->start + at + n;
	return at;
}

/* Where p is, or the free place where it shall be. */
static struct shared *seen_at(const struct writer *w, const void *p)
{
	size_t mask = ((size_t)1 << w->bits) - 1;
	size_t i = (uintptr_t)p * 0x9e3779b97f4a7c15ull >> (64 - w->bits);

	while (w->seen[i].p && w->seen[i].p != p)
		i = (i + 1) & mask;
	return &w->seen[i];
}

static void seen_grow(struct writer *w)
{
	auto_free struct shared *old = w->seen;
	size_t n = old ? (size_t)1 << w->bits : 0;

	w->bits = old ? w->bits + 2 : 6;
	w->seen = xcalloc((size_t)1 << w->bits, sizeof(*w->seen));
	for (size_t i = 0; i < n; i++)
		if (old[i].p)
			*seen_at(w, old[i].p) = old[i];
}

static void write_fields(struct writer *w, const char *src, uint64_t at,
                         const struct pack_shape *shape);

static uint64_t write_items(struct writer *w, const char *p, uint32_t n,
                            const struct pack_shape *of)
{
	size_t size = of ? of->size : sizeof(uint32_t);
	uint64_t at = n ? put(w, p, n * size) : 0;

	for (uint32_t i = 0; at && of && of->fields && i < n; i++)
		write_fields(w, p + i * size, at + i * size, of);
	return at;
}

static uint64_t write_shared(struct writer *w, const char *p, uint32_t n,
                             const struct pack_shape *of)
{
	struct shared *s;
	uint64_t at;

	if (!p)
		return 0;
	if (w->n_seen * 2 >= (w->seen ? 1u << w->bits : 0))
		seen_grow(w);
	s = seen_at(w, p);
	if (s->p && s->n == n)
		return s->at;
	at = write_items(w, p, n, of);
	s = seen_at(w, p);
	if (!s->p) { /* else the beginning of what was written as another length */
		*s = (struct shared){ .p = p, .n = n, .at = at };
		w->n_seen++;
	}
	return at;
}

/* Large arrays are looked for among those that were written; small ones are quicker written. */
static uint64_t write_array(struct writer *w, const char *p, uint32_t n,
                            const struct pack_shape *of)
{
	return of && n * of->size >= LARGE ? write_shared(w, p, n, of) : write_items(w, p, n, of);
}

static uint64_t write_text(struct writer *w, struct span s)
{
	char *room = s.n ? buf_room(w->out, s.n + 1) : NULL;
	uint64_t at = w->out->len - w->start;

	if (!room)
		return 0;
	memcpy(room, s.p, s.n);
	room[s.n] = 0;
	w->out->len += s.n + 1;
	return at;
}

static void write_fields(struct writer *w, const char *src, uint64_t at,
                         const struct pack_shape *shape)
{
	for (const struct pack_field *f = shape->fields; f && f->kind; f++) {
		const char *p = *(const char *const *)(src + f->at);
		uintptr_t to = 0;

		if (f->kind == PACK_TEXT)
			to = write_text(w, *(const struct span *)(src + f->at));
		else if (f->kind == PACK_ARRAY)
			to = write_array(w, p, *(const uint32_t *)(src + f->count), f->of);
		else
			to = write_shared(w, p, 1, f->of);
		if (!w->out->failed)
			memcpy(w->out->data + w->start + at + f->at, &to, sizeof(to));
	}
}

void pack_write(struct buf *out, const void *root, const struct pack_shape *shape)
{
	struct writer w = { .out = out, .start = out->len };
	struct pack_header h = { .magic = MAGIC, .root_size = shape->size };

	buf_add(out, &h, sizeof(h));
	write_items(&w, root, 1, shape);
	free(w.seen);
	h.size = out->len - w.start;
	if (!out->failed)
		memcpy(out->data + w.start, &h, sizeof(h));
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
	char *base;
	size_t n;
	uint8_t *put_back; /* a bit for each place a pointer can be */
};

static bool fits(const struct reader *r, uint64_t at, uint64_t bytes, unsigned align)
{
	return at % align == 0 && at >= sizeof(struct pack_header) && at <= r->n &&
	       bytes <= r->n - at;
}

static bool read_fields(struct reader *r, char *p, const struct pack_shape *shape, unsigned depth);

static bool read_items(struct reader *r, char *p, uint32_t n, const struct pack_shape *of,
                       unsigned depth)
{
	for (uint32_t i = 0; of && of->fields && i < n; i++)
		if (!read_fields(r, p + i * of->size, of, depth))
			return false;
	return true;
}

/* Where the offset at place leads, in *to; false when nowhere. */
static bool put_back(struct reader *r, char *place, uint64_t bytes, unsigned align, char **to)
{
	uintptr_t at;

	memcpy(&at, place, sizeof(at));
	if (at && !fits(r, at, bytes, align))
		return false;
	*to = at ? r->base + at : NULL;
	memcpy(place, to, sizeof(*to));
	return true;
}

static bool read_text(struct reader *r, struct span *s)
{
	char *to;

	if (s->n >= r->n || !put_back(r, (char *)&s->p, (uint64_t)s->n + 1, 1, &to))
		return false;
	if (!to) /* an empty text is "" to its reader */
		s->p = "";
	return to ? !to[s->n] : !s->n;
}

static bool read_field(struct reader *r, char *p, const struct pack_field *f, unsigned depth)
{
	uint64_t size = f->of ? f->of->size : sizeof(uint32_t);
	uint64_t n = f->kind == PACK_ARRAY ? *(uint32_t *)(p + f->count) : 1;
	char *to;

	if (f->kind == PACK_TEXT)
		return read_text(r, (struct span *)(p + f->at));
	if (n > r->n / size || !put_back(r, p + f->at, n * size, 8, &to))
		return false;
	if (!to) /* nothing has any of nothing */
		return f->kind == PACK_ONE || !n;
	return read_items(r, to, n, f->of, depth + 1);
}

static bool read_fields(struct reader *r, char *p, const struct pack_shape *shape, unsigned depth)
{
	if (depth > PACK_DEPTH)
		return false;
	for (const struct pack_field *f = shape->fields; f && f->kind; f++) {
		size_t bit = (p + f->at - r->base) / sizeof(void *);

		if (r->put_back[bit / 8] & 1u << bit % 8)
			continue;
		r->put_back[bit / 8] |= 1u << bit % 8;
		if (!read_field(r, p, f, depth))
			return false;
	}
	return true;
}

void *pack_open(void *p, size_t n, const struct pack_shape *shape)
{
	struct reader r = { .base = p, .n = n };
	const struct pack_header *h = p;
	auto_free uint8_t *marks = NULL;
	char *root = r.base + sizeof(*h);

	if (n < sizeof(*h) || h->magic != MAGIC || h->size != n || h->root_size != shape->size ||
	    !fits(&r, sizeof(*h), shape->size, 8))
		return NULL;
	marks = xcalloc(n / (8 * sizeof(void *)) + 1, 1);
	r.put_back = marks;
	return read_fields(&r, root, shape, 0) ? root : NULL;
}
