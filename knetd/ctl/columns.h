/* columns.h - lines of cells with tabs between them, laid out in columns as kubectl's are (Go's
 * text/tabwriter: a column is a run of lines that have a cell there and one behind it). Pure. */
#pragma once

#include <stdbool.h>

#include <knetd/buf.h>

#define COLUMNS_MAX 64

struct columns {
	unsigned least, pad;           /* least width of a column, blanks behind its longest cell */
	bool remember;                 /* a column never becomes narrower than it was */
	unsigned n, kept[COLUMNS_MAX]; /* those widths */
	struct buf text;               /* what waits: the caller writes here */
};

/* Lays out what waits, and forgets it. */
void columns_flush(struct columns *c, struct buf *out);
