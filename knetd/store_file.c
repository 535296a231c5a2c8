/* store_file.c - an LMDB file read by somebody who trusts none of it. LMDB maps the file and
 * follows whatever it finds: a truncated or damaged one ends the process with SIGBUS or worse. So
 * the whole tree is walked here first, page by page, by pread: numbers, bounds, counts, the order
 * of keys, no page used twice or used and free, no byte of a page in two entries. What is behind
 * good pages is delivered either way.
 *
 * The layout is that of LMDB 0.9, data format 1, on a little-endian machine whose size_t has WORD
 * bytes: page numbers, counts and transactions are as wide. */
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
#define WORD sizeof(size_t)
/* struct MDB_page: its number, two bytes unused, flags, then bounds of the free room or a count */
#define PAGE_FLAGS (WORD + 2)
#define PAGE_LOWER (WORD + 4)
#define PAGE_UPPER (WORD + 6)
#define PAGE_OWNED (WORD + 4)
#define PAGE_HEAD (WORD + 8)
/* struct MDB_meta, behind that of its page; struct MDB_db */
#define HEAD_TREES (PAGE_HEAD + 8 + 2 * WORD)
#define TREE_SIZE (8 + 5 * WORD)
#define TREE_ROOT (8 + 4 * WORD)
#define HEAD_LAST (HEAD_TREES + TREES * TREE_SIZE)
#define HEAD_TXN (HEAD_LAST + WORD)
#define NODE_HEAD 8
#define NONE SIZE_MAX
#define DEPTH_MAX 16
#define PAGE_MAX 65536
#define KEY_MAX 511
#define EVEN(n) (((n) + 1) & ~(size_t)1)
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_HEADS = 8 };
enum { NODE_BIG = 1 };
enum { TREE_FREE, TREE_MAIN, TREES };
enum { TREE_INTEGERS = 8, TREE_NOSUBDIR = 0x4000 /* how the file was made */ };

struct tree {
	uint64_t root;
	unsigned depth, flags;
};

struct head {
	uint32_t page;
	uint64_t last, txn;
	struct tree trees[TREES];
};

struct file {
	int fd;
	uint64_t size, pages; /* in the file */
	uint32_t page;        /* bytes */
	uint64_t last, txn;   /* of the newest head */
	struct tree trees[TREES];
	uint8_t *used;        /* a bit a page */
	uint8_t key[KEY_MAX]; /* the last one of the tree that is walked */
	size_t n_key;
	bool separator; /* it is a branch's: the next entry's may be equal */
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

static uint64_t word(const uint8_t *p)
{
	size_t v;

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

static int compare(int tree, const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b)
{
	int diff;

	if (tree == TREE_FREE)
		return word(a) < word(b) ? -1 : word(a) > word(b);
	diff = memcmp(a, b, n_a < n_b ? n_a : n_b);
	return diff ? diff : (n_a > n_b) - (n_a < n_b);
}

/* Keys grow from entry to entry, and what is left of a branch's key is less than it. LMDB looks for
 * the next list of free pages by key: out of order it takes one twice. */
static bool check_key(struct file *f, int tree, uint64_t page, const uint8_t *key, size_t n,
                      bool separator)
{
	if (!n || n > KEY_MAX ||
	    (tree == TREE_FREE && (n != WORD || !word(key) || word(key) > f->txn)))
		return damaged(f, page, "an entry is broken");
	if (f->n_key && compare(tree, key, n, f->key, f->n_key) < (f->separator ? 0 : 1))
		damaged(f, page, "the entries are out of order");
	memcpy(f->key, key, n);
	f->n_key = n;
	f->separator = separator;
	return true;
}

/* The free tree's values: a count, then as many pages, descending. None may be in use. */
static void free_pages(struct file *f, const uint8_t *data, size_t n)
{
	uint64_t count = n >= WORD ? word(data) : 0;

	if (n < WORD || count > n / WORD - 1) {
		damaged(f, 0, "the list of free pages is broken");
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint64_t page = word(data + WORD + WORD * i);

		if (page < 2 || page > f->last)
			damaged(f, page, "is free, but no page of the tree");
		else if (i && page >= word(data + WORD * i))
			damaged(f, page, "the list of free pages is out of order");
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
	uint64_t pages = (n + PAGE_HEAD + f->page - 1) / f->page, owned;
	auto_free uint8_t *data = NULL;

	if (!in_file(f, page, pages))
		return;
	data = xmalloc(pages * f->page);
	if (!read_pages(f, page, pages, data))
		return;
	owned = u32(data + PAGE_OWNED); /* more than it needs when the text became shorter */
	if (word(data) != page || u16(data + PAGE_FLAGS) != PAGE_OVERFLOW || owned < pages) {
		damaged(f, page, "is not what its entry says");
		return;
	}
	if (!in_file(f, page, owned))
		return;
	for (uint64_t i = 0; i < owned; i++) /* LMDB frees them all with the entry */
		if (!take(f, page + i))
			return;
	entry(f, tree, key, n_key, data + PAGE_HEAD, n);
}

/* ---- pages ---------------------------------------------------------------------------------- */

static void walk(struct file *f, int tree, uint64_t page, unsigned depth);

static size_t node_size(const uint8_t *node, bool leaf)
{
	size_t n = NODE_HEAD + u16(node + 6);

	if (!leaf)
		return n;
	return n + (u16(node + 4) & NODE_BIG ? WORD : u16(node) | (size_t)u16(node + 2) << 16);
}

/* The entries fill the page from upper to its end, each behind another: LMDB moves them as if. */
static bool is_tiled(const struct file *f, const uint8_t *p, unsigned upper, unsigned n, bool leaf)
{
	uint8_t starts[PAGE_MAX / 16]; /* a bit for two bytes */
	size_t at;

	memset(starts, 0, f->page / 16);
	for (unsigned i = 0; i < n; i++) {
		at = u16(p + PAGE_HEAD + 2 * i);
		if (at % 2 || at + NODE_HEAD > f->page || starts[at / 16] & 1 << at / 2 % 8)
			return false;
		starts[at / 16] |= 1 << at / 2 % 8;
	}
	for (at = upper; at < f->page && starts[at / 16] & 1 << at / 2 % 8; n--)
		at += EVEN(node_size(p + at, leaf));
	return at == f->page && !n;
}

static void leaf_node(struct file *f, int tree, uint64_t page, const uint8_t *node)
{
	size_t n = u16(node) | (size_t)u16(node + 2) << 16, n_key = u16(node + 6);
	const uint8_t *key = node + NODE_HEAD;

	if (!check_key(f, tree, page, key, n_key, false))
		return;
	if (u16(node + 4) & ~NODE_BIG)
		damaged(f, page, "an entry is broken");
	else if (u16(node + 4) & NODE_BIG)
		big_entry(f, tree, key, n_key, word(key + n_key), n);
	else
		entry(f, tree, key, n_key, key + n_key, n);
}

/* The first one's key says nothing: LMDB does not look at it. */
static void branch_node(struct file *f, int tree, uint64_t page, const uint8_t *node, bool first,
                        unsigned depth)
{
	uint64_t child = u16(node) | (uint64_t)u16(node + 2) << 16 |
	                 (WORD == 8 ? (uint64_t)u16(node + 4) << 32 : 0);

	if (!first)
		check_key(f, tree, page, node + NODE_HEAD, u16(node + 6), true);
	walk(f, tree, child, depth - 1);
}

static void walk_nodes(struct file *f, int tree, uint64_t page, const uint8_t *p, unsigned depth)
{
	unsigned n = (u16(p + PAGE_LOWER) - PAGE_HEAD) / 2, upper = u16(p + PAGE_UPPER);
	bool leaf = depth == 1;

	if (n < (leaf ? 1 : 2) || !is_tiled(f, p, upper, n, leaf))
		damaged(f, page, "its entries are broken");
	for (unsigned i = 0; i < n; i++) {
		unsigned at = u16(p + PAGE_HEAD + 2 * i);

		if (at < upper || at + NODE_HEAD > f->page ||
		    at + node_size(p + at, leaf) > f->page)
			damaged(f, page, "an entry is broken");
		else if (leaf)
			leaf_node(f, tree, page, p + at);
		else
			branch_node(f, tree, page, p + at, !i, depth);
	}
}

/* The kind is all there is in a page's flags: LMDB writes into a page that says it is dirty. */
static void walk(struct file *f, int tree, uint64_t page, unsigned depth)
{
	auto_free uint8_t *p = NULL;
	unsigned lower, upper, kind = depth > 1 ? PAGE_BRANCH : PAGE_LEAF;

	if (!in_file(f, page, 1) || !take(f, page))
		return;
	p = xmalloc(f->page);
	if (!read_pages(f, page, 1, p))
		return;
	lower = u16(p + PAGE_LOWER);
	upper = u16(p + PAGE_UPPER);
	if (word(p) != page || u16(p + PAGE_FLAGS) != kind || lower < PAGE_HEAD || lower > upper ||
	    upper > f->page || (lower | upper) % 2)
		damaged(f, page, "is not what the tree says");
	else
		walk_nodes(f, tree, page, p, depth);
}

static void walk_trees(struct file *f)
{
	for (int t = 0; t < TREES; t++) {
		f->n_key = 0;
		if (f->trees[t].root == NONE && !f->trees[t].depth)
			continue;
		if (!f->trees[t].depth || f->trees[t].depth > DEPTH_MAX)
			damaged(f, 0, "the depth of the tree is broken");
		else
			walk(f, t, f->trees[t].root, f->trees[t].depth);
	}
}

/* ---- heads ---------------------------------------------------------------------------------- */

static bool read_head(struct file *f, int i, struct head *h)
{
	uint8_t p[HEAD_TXN + WORD];

	if (pread(f->fd, p, sizeof(p), (off_t)i * f->page) != sizeof(p) ||
	    !(u16(p + PAGE_FLAGS) & PAGE_HEADS) || u32(p + PAGE_HEAD) != MAGIC ||
	    u32(p + PAGE_HEAD + 4) != 1)
		return damaged(f, i, "is no head of a store");
	*h = (struct head){ .page = u32(p + HEAD_TREES),
		            .last = word(p + HEAD_LAST),
		            .txn = word(p + HEAD_TXN) };
	for (int t = 0; t < TREES; t++) {
		const uint8_t *tree = p + HEAD_TREES + TREE_SIZE * t;

		h->trees[t] = (struct tree){ word(tree + TREE_ROOT), u16(tree + 6), u16(tree + 4) };
	}
	return true;
}

/* Every transaction writes the head that is not the newer one's: the even ones' is the first. LMDB
 * finds the newer one by its number, later by whether that is even. */
static int newer_head(struct file *f, const struct head h[static 2])
{
	int i = h[1].txn > h[0].txn;

	if (!h[i].txn || (h[i].txn % 2 == (unsigned)i && h[i].txn == h[!i].txn + 1))
		return i;
	damaged(f, i, "is out of turn");
	return h[i].txn % 2 == (unsigned)i ? i : !i;
}

/* LMDB refuses a file when either head is broken, and takes the newer one's page size. */
static bool read_heads(struct file *f)
{
	struct head h[2];
	int i;

	if (!read_head(f, 0, &h[0]))
		return false;
	f->page = h[0].page;
	if (f->page < 512 || f->page > PAGE_MAX || f->page & (f->page - 1))
		return damaged(f, 0, "is no head of a store");
	if (!read_head(f, 1, &h[1]))
		return false;
	if (h[1].page != f->page)
		return damaged(f, 1, "is no head of a store");
	i = newer_head(f, h);
	f->pages = f->size / f->page;
	f->last = h[i].last;
	f->txn = h[i].txn;
	memcpy(f->trees, h[i].trees, sizeof(f->trees));
	if ((f->trees[TREE_FREE].flags & ~TREE_NOSUBDIR) != TREE_INTEGERS ||
	    f->trees[TREE_MAIN].flags)
		damaged(f, i, "has trees of another kind");
	if (f->last >= STORE_MAP_SIZE / f->page) {
		damaged(f, i, "has more pages than a store");
		f->last = f->pages - 1;
	}
	return true;
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
	if (read_heads(&f)) {
		auto_free uint8_t *used = xcalloc(1, f.last / 8 + 1);

		f.used = used;
		walk_trees(&f);
	}
	if (!f.why[0])
		return 0;
	return err_set(e, EILSEQ, "store: %s is damaged (%s)", path, f.why);
}
