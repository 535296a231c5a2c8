/* columns.c - see columns.h */
#include <string.h>

#include <knetd/arena.h>

#include "columns.h"

struct cell {
	const char *p;
	unsigned n, width; /* bytes, characters */
};
struct line {
	unsigned n; /* cells; the last is no part of a column */
	struct cell *cells;
};
struct layout {
	struct columns *c;
	struct line *lines;
	struct buf *out;
	unsigned n, widths[COLUMNS_MAX];
};

static unsigned characters(const char *p, size_t n)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)p[i] & 0xc0) != 0x80;
	return count;
}

static void read_line(struct line *l, const char *p, size_t n, struct arena *a)
{
	l->n = 1;
	for (size_t i = 0; i < n; i++)
		l->n += p[i] == '\t' && l->n < COLUMNS_MAX;
	l->cells = arena_alloc(a, l->n * sizeof(*l->cells));
	for (unsigned i = 0; i < l->n; i++) {
		const char *tab = i + 1 < l->n ? memchr(p, '\t', n) : NULL;
		size_t len = tab ? (size_t)(tab - p) : n;

		l->cells[i] = (struct cell){ p, len, characters(p, len) };
		p += len + (tab != NULL);
		n -= len + (tab != NULL);
	}
}

static unsigned read_lines(const struct buf *text, struct arena *a, struct line **out)
{
	const char *p = text->data, *end = p + text->len;
	unsigned count = 0, i = 0;

	for (size_t k = 0; k < text->len; k++)
		count += text->data[k] == '\n';
	*out = arena_alloc(a, (count + 1) * sizeof(**out));
	while (i < count) {
		const char *newline = memchr(p, '\n', end - p);

		read_line(&(*out)[i++], p, newline - p, a);
		p = newline + 1;
	}
	return count;
}

static void write_lines(struct layout *l, unsigned from, unsigned to)
{
	for (; from < to; from++) {
		const struct line *line = &l->lines[from];

		for (unsigned i = 0; i < line->n; i++) {
			const struct cell *cell = &line->cells[i];

			buf_add(l->out, cell->p, cell->n);
			if (i < l->n && cell->width < l->widths[i])
				buf_printf(l->out, "%*s", (int)(l->widths[i] - cell->width), "");
		}
		buf_str(l->out, "\n");
	}
}

static unsigned remembered(struct columns *c, unsigned column, unsigned width)
{
	if (!c->remember)
		return width;
	while (c->n <= column)
		c->kept[c->n++] = 0;
	if (c->kept[column] < width)
		c->kept[column] = width;
	return c->kept[column];
}

/* The lines of [from, to) share the columns in widths; each run of them that has one more is laid
 * out by itself. Depth: the number of columns. */
static void format(struct layout *l, unsigned from, unsigned to)
{
	unsigned column = l->n;

	for (unsigned i = from; i < to;) {
		unsigned width = l->c->least;

		if (column + 1 >= l->lines[i].n) {
			i++;
			continue;
		}
		write_lines(l, from, i);
		for (from = i; i < to && column + 1 < l->lines[i].n; i++)
			if (l->lines[i].cells[column].width + l->c->pad > width)
				width = l->lines[i].cells[column].width + l->c->pad;
		l->widths[l->n++] = remembered(l->c, column, width);
		format(l, from, i);
		l->n--;
		from = i;
	}
	write_lines(l, from, to);
}

void columns_flush(struct columns *c, struct buf *out)
{
	auto_arena struct arena a = { 0 };
	struct layout l = { .c = c, .out = out };

	if (c->text.len)
		format(&l, 0, read_lines(&c->text, &a, &l.lines));
	buf_reset(&c->text);
}
