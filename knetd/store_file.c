/* store_file.c - an LMDB file read by somebody who trusts none of it. LMDB maps the file and
 * follows whatever it finds: a truncated or damaged one ends the process with SIGBUS or worse. So
 * the whole tree is walked here first, page by page, by pread: numbers, bounds, counts, no page
 * used twice or used and free. What is behind good pages is delivered either way.
 *
 * The layout is that of LMDB 0.9, data format 1, on a little-endian 64-bit machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "store_lmdb.h"

#define MAGIC 0xBEEFC0DEu
#define PAGE_HEAD 16
#define NODE_HEAD 8
#define NONE UINT64_MAX
#define DEPTH_MAX 16
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4 };
enum { NODE_BIG = 1 };
enum { TREE_FREE, TREE_MAIN, TREES };

struct tree {
	uint64_t root;
	unsigned depth;
};

struct file {
	int fd;
	uint64_t size, pages; /* in the file */
	uint32_t page;        /* bytes */
	uint64_t last, txn;   /* of the newest meta page */
	struct tree trees[TREES];
	uint8_t *used; /* a bit a page */
	file_entry_fn *fn;
	void *arg;
	char why[96]; /* the first damage */
};

static uint16_t u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool damaged(struct file *f, uint64_t page, const char *what)
{
	if (!f->why[0])
		snprintf(f->why, sizeof(f->why), "page %llu: %s", (unsigned long long)page, what);
	return false;
}

static bool take(struct file *f, uint64_t page)
{
	if (f->used[page / 8] & 1 << page % 8)
		return damaged(f, page, "is used twice");
	f->used[page / 8] |= 1 << page % 8;
	return true;
}

/* n pages from the first, into out. */
static bool read_pages(struct file *f, uint64_t first, uint64_t n, uint8_t *out)
{
	size_t want = n * f->page;

	if (pread(f->fd, out, want, first * f->page) == (ssize_t)want)
		return true;
	return damaged(f, first, "cannot be read");
}

static bool in_file(struct file *f, uint64_t page, uint64_t n)
{
	if (page < 2 || page > f->last || n > f->last || page + n - 1 > f->last)
		return damaged(f, page, "is not a page of the tree");
	if (page + n > f->pages)
		return damaged(f, page, "lies behind the end of the file");
	return true;
}

/* ---- entries -------------------------------------------------------------------------------- */

/* The free tree's values: a count, then as many pages. None may be in use. */
static void free_pages(struct file *f, const uint8_t *data, size_t n)
{
	uint64_t count = n >= 8 ? u64(data) : 0;

	if (n < 8 || count > n / 8 - 1) {
		damaged(f, 0, "the list of free pages is broken");
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint64_t page = u64(data + 8 + 8 * i);

		if (page < 2 || page > f->last)
			damaged(f, page, "is free, but no page of the tree");
		else
			take(f, page);
	}
}

static void entry(struct file *f, int tree, const uint8_t *key, size_t n_key, const uint8_t *data,
                  size_t n)
{
	if (tree == TREE_FREE)
		free_pages(f, data, n);
	else if (f->fn)
		f->fn(f->arg, key, n_key, data, n);
}

static void big_entry(struct file *f, int tree, const uint8_t *key, size_t n_key, uint64_t page,
                      size_t n)
{
	uint64_t pages = (n + PAGE_HEAD + f->page - 1) / f->page;
	auto_free uint8_t *data = NULL;

	if (!in_file(f, page, pages))
		return;
	data = xmalloc(pages * f->page);
	for (uint64_t i = 0; i < pages; i++)
		if (!take(f, page + i))
			return;
	if (!read_pages(f, page, pages, data))
		return;
	if (u64(data) != page || !(u16(data + 10) & PAGE_OVERFLOW) || u32(data + 12) < pages)
		damaged(f, page, "is not what its entry says");
	else
		entry(f, tree, key, n_key, data + PAGE_HEAD, n);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void walk(struct file *f, int tree, uint64_t page, unsigned depth);

static void leaf_node(struct file *f, int tree, uint64_t page, const uint8_t *p, unsigned at)
{
	size_t n = u16(p + at) | (size_t)u16(p + at + 2) << 16, n_key = u16(p + at + 6);
	const uint8_t *key = p + at + NODE_HEAD;
	bool big = u16(p + at + 4) & NODE_BIG;

	if (at + NODE_HEAD + n_key + (big ? 8 : n) > f->page || !n_key ||
	    u16(p + at + 4) & ~NODE_BIG)
		damaged(f, page, "an entry is broken");
	else if (big)
		big_entry(f, tree, key, n_key, u64(key + n_key), n);
	else
		entry(f, tree, key, n_key, key + n_key, n);
}

static void branch_node(struct file *f, int tree, uint64_t page, const uint8_t *p, unsigned at,
                        unsigned depth)
{
	uint64_t child =
		u16(p + at) | (uint64_t)u16(p + at + 2) << 16 | (uint64_t)u16(p + at + 4) << 32;

	if (at + NODE_HEAD + (unsigned)u16(p + at + 6) > f->page)
		damaged(f, page, "an entry is broken");
	else
		walk(f, tree, child, depth - 1);
}

static void walk(struct file *f, int tree, uint64_t page, unsigned depth)
{
	auto_free uint8_t *p = NULL;
	unsigned lower, upper, kind = depth > 1 ? PAGE_BRANCH : PAGE_LEAF;

	if (!in_file(f, page, 1) || !take(f, page))
		return;
	p = xmalloc(f->page);
	if (!read_pages(f, page, 1, p))
		return;
	lower = u16(p + 12);
	upper = u16(p + 14);
	if (u64(p) != page || (u16(p + 10) & 0x2f) != kind || lower < PAGE_HEAD || lower > upper ||
	    upper > f->page || lower % 2) {
		damaged(f, page, "is not what the tree says");
		return;
	}
	for (unsigned i = PAGE_HEAD; i < lower; i += 2) {
		unsigned at = u16(p + i);

		if (at < upper || at + NODE_HEAD > f->page)
			damaged(f, page, "an entry is broken");
		else if (depth > 1)
			branch_node(f, tree, page, p, at, depth);
		else
			leaf_node(f, tree, page, p, at);
	}
}

static void walk_trees(struct file *f)
{
	for (int t = 0; t < TREES; t++) {
		if (f->trees[t].root == NONE && !f->trees[t].depth)
			continue;
		if (!f->trees[t].depth || f->trees[t].depth > DEPTH_MAX)
			damaged(f, 0, "the depth of the tree is broken");
		else
			walk(f, t, f->trees[t].root, f->trees[t].depth);
	}
}

/* LMDB refuses a file when either meta page is broken, and takes the newer one. */
static bool read_meta(struct file *f, int i)
{
	uint8_t p[152];

	if (pread(f->fd, p, sizeof(p), (off_t)i * f->page) != sizeof(p) || u32(p + 16) != MAGIC ||
	    u32(p + 20) != 1)
		return damaged(f, i, "is no head of a store");
	if (i == 0) {
		f->page = u32(p + 40);
		if (f->page < 512 || f->page > 65536 || f->page & (f->page - 1))
			return damaged(f, i, "is no head of a store");
		f->pages = f->size / f->page;
	} else if (u32(p + 40) != f->page) { /* LMDB takes the newer one's */
		return damaged(f, i, "is no head of a store");
	}
	if (i && u64(p + 144) <= f->txn)
		return true;
	f->last = u64(p + 136);
	f->txn = u64(p + 144);
	for (int t = 0; t < TREES; t++)
		f->trees[t] = (struct tree){ u64(p + 40 + 48 * t + 40), u16(p + 40 + 48 * t + 6) };
	return f->last < 1u << 30 || damaged(f, i, "is no head of a store");
}

/* A file that was being made when the power went: there never was anything in it. */
static bool is_unborn(const struct file *f)
{
	uint8_t p[4096];
	ssize_t n;
	uint64_t at = 0;

	if (f->size > 2 * 65536)
		return false;
	for (; (n = pread(f->fd, p, sizeof(p), at)) > 0; at += n)
		for (ssize_t i = 0; i < n; i++)
			if (p[i])
				return false;
	return n == 0;
}

int store_file_walk(const char *path, file_entry_fn *fn, void *arg, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct file f = { .fd = fd, .fn = fn, .arg = arg, .page = 4096 };
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "store: %s: %s", path, strerror(errno));
	f.size = st.st_size;
	if (is_unborn(&f)) {
		unlink(path);
		return 0;
	}
	if (read_meta(&f, 0) && read_meta(&f, 1)) {
		auto_free uint8_t *used = xcalloc(1, f.last / 8 + 1);

		f.used = used;
		walk_trees(&f);
	}
	if (!f.why[0])
		return 0;
	return err_set(e, EILSEQ, "store: %s is damaged (%s)", path, f.why);
}
