/* pack.h - a tree of plain C structs as one run of bytes, and back, for snapshots.
 *
 * A shape says where a struct has its pointers. pack_write copies the tree behind a root, with
 * offsets in the pointers' place; pack_open checks such bytes and puts the pointers back, in place.
 * So the struct is the format, for the plan that makes it and for the worker that reads it, and a
 * new member costs its line in the shape. One build reads what the same build wrote.
 *
 * What PACK_ONE points to may be pointed to by many: it is written once. So is a large array. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/buf.h>

enum pack_kind {
	PACK_TEXT = 1, /* struct span: bytes, with a NUL behind them that is not counted */
	PACK_ARRAY,    /* a pointer, and a uint32_t that says how many */
	PACK_ONE,      /* a pointer to one, or NULL */
};
struct pack_field {
	uint8_t kind;                /* enum pack_kind; 0 ends the list */
	uint16_t at, count;          /* of the pointer (or span), of the number */
	const struct pack_shape *of; /* PACK_ARRAY: NULL for numbers of four bytes */
};
struct pack_shape {
	size_t size;
	const struct pack_field *fields; /* NULL: none */
};

// clang-format off
#define PACK_SPAN_AT(type, member) { PACK_TEXT, offsetof(type, member), 0, NULL }
#define PACK_ARRAY_AT(type, member, shape) { PACK_ARRAY, offsetof(type, member), offsetof(type, n_##member), shape }
#define PACK_ONE_AT(type, member, shape) { PACK_ONE, offsetof(type, member), 0, shape }
#define PACK_END { 0 }
// clang-format on

#define PACK_DEPTH 12

/* Appends the tree below root to out. out->failed when it is too large. */
void pack_write(struct buf *out, const void *root, const struct pack_shape *shape);
/* The root, or NULL when these are no bytes of such a tree. p is changed: pointers are put in. It
 * must be aligned to 8 bytes, and live as long as what is read there. */
void *pack_open(void *p, size_t n, const struct pack_shape *shape);
