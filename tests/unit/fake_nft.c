/* fake_nft.c - nftables of the fake kernel door. Values are written as nft writes them, keys by the
 * parts that their set was declared with. What was committed is remembered too, as far as it can be
 * read back: tables, sets, elements, chains with rules. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "fake_int.h"
#include "fake_kern.h"

#define SETS_MAX 64

/* ---- what is remembered ---------------------------------------------------------------------- */

enum item_kind { TABLE, SET, ELEMENT, RULED, COUNTER }; /* RULED: a chain with rules */
struct item {
	enum item_kind kind;
	char table[32], name[32];
	struct nft_bytes key, data;
};
static struct item *items;
static size_t n_items, cap_items;

enum op_kind {
	OP_TABLE_ADD,
	OP_TABLE_DEL,
	OP_SET_ADD,
	OP_SET_DEL,
	OP_SET_FLUSH,
	OP_ELEM_ADD,
	OP_ELEM_DEL,
	OP_RULE_ADD,
	OP_RULES_FLUSH,
	OP_CHAIN_DEL,
	OP_COUNTER_ADD,
	OP_COUNTER_DEL,
};
struct fake_op {
	enum op_kind kind;
	struct item what;
};

static bool item_is(const struct item *i, enum item_kind kind, const char *table, const char *name)
{
	return i->kind == kind && !strcmp(i->table, table) && !strcmp(i->name, name);
}

static struct item *item_find(enum item_kind kind, const char *table, const char *name)
{
	for (size_t i = 0; i < n_items; i++)
		if (item_is(&items[i], kind, table, name))
			return &items[i];
	return NULL;
}

static struct item *element_find(const struct item *like)
{
	for (size_t i = 0; i < n_items; i++)
		if (item_is(&items[i], ELEMENT, like->table, like->name) &&
		    items[i].key.n == like->key.n &&
		    !memcmp(items[i].key.b, like->key.b, like->key.n))
			return &items[i];
	return NULL;
}

static void item_add(enum item_kind kind, const struct item *like)
{
	if (n_items == cap_items) {
		cap_items = cap_items ? cap_items * 2 : 64;
		items = xrealloc(items, cap_items * sizeof(*items));
	}
	items[n_items] = *like;
	items[n_items++].kind = kind;
}

/* Those of the table; kind ELEMENT: of that set. */
static void items_drop(const char *table, bool all, enum item_kind kind, const char *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_items; i++)
		if (strcmp(items[i].table, table) != 0 ||
		    !(all || (items[i].kind == kind && (!set || !strcmp(items[i].name, set)))))
			items[kept++] = items[i];
	n_items = kept;
}

static void element_add(const struct item *what)
{
	struct item *there = element_find(what);

	if (there)
		*there = *what;
	else
		item_add(ELEMENT, what);
}

static void element_del(const struct item *what)
{
	struct item *there = element_find(what);

	if (!there)
		abort(); /* the kernel would refuse the whole transaction */
	*there = items[--n_items];
}

static void apply(const struct fake_op *o)
{
	const struct item *w = &o->what;

	switch (o->kind) {
	case OP_TABLE_ADD:
		if (!item_find(TABLE, w->table, ""))
			item_add(TABLE, w);
		break;
	case OP_TABLE_DEL:
		items_drop(w->table, true, TABLE, NULL);
		break;
	case OP_SET_ADD:
		if (!item_find(SET, w->table, w->name))
			item_add(SET, w);
		break;
	case OP_SET_DEL:
		items_drop(w->table, false, SET, w->name);
		items_drop(w->table, false, ELEMENT, w->name);
		break;
	case OP_SET_FLUSH:
		items_drop(w->table, false, ELEMENT, w->name);
		break;
	case OP_ELEM_ADD:
		element_add(w);
		break;
	case OP_ELEM_DEL:
		element_del(w);
		break;
	case OP_RULE_ADD:
		if (!item_find(RULED, w->table, w->name))
			item_add(RULED, w);
		break;
	case OP_RULES_FLUSH:
		items_drop(w->table, false, RULED, NULL);
		break;
	case OP_CHAIN_DEL:
		items_drop(w->table, false, RULED, w->name);
		break;
	case OP_COUNTER_ADD:
		if (!item_find(COUNTER, w->table, w->name))
			item_add(COUNTER, w);
		break;
	case OP_COUNTER_DEL:
		items_drop(w->table, false, COUNTER, w->name);
		break;
	}
}

/* ---- nftables: transactions ----------------------------------------------------------------- */

struct nft_txn {
	struct buf lines;
	struct fake_op *ops; /* what the commit does to what is remembered */
	size_t n, cap;
};

static void op_element(struct nft_txn *t, enum op_kind kind, const char *table, const char *set,
                       const struct nft_bytes *key, const struct nft_bytes *data)
{
	struct fake_op o = { .kind = kind };

	snprintf(o.what.table, sizeof(o.what.table), "%s", table);
	snprintf(o.what.name, sizeof(o.what.name), "%s", set);
	if (key)
		o.what.key = *key;
	if (data)
		o.what.data = *data;
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->ops = xrealloc(t->ops, t->cap * sizeof(*t->ops));
	}
	t->ops[t->n++] = o;
}

static void op(struct nft_txn *t, enum op_kind kind, const char *table, const char *name)
{
	op_element(t, kind, table, name, NULL, NULL);
}

static int commit_code;

struct nft_txn *nft_begin(void)
{
	return xcalloc(1, sizeof(struct nft_txn));
}

struct nft_txn *nft_begin_arp(void)
{
	struct nft_txn *t = nft_begin();

	buf_str(&t->lines, "arp\n");
	return t;
}

void nft_abort(struct nft_txn *t)
{
	buf_free(&t->lines);
	free(t->ops);
	free(t);
}

void fake_kern_fail_commit(int code)
{
	commit_code = code;
}

int nft_commit(struct nft_txn *t, struct err *e)
{
	int code = commit_code;

	commit_code = 0;
	if (!code) {
		buf_add(&fake_text, t->lines.data, t->lines.len);
		buf_str(&fake_text, "commit\n");
		for (size_t i = 0; i < t->n; i++)
			apply(&t->ops[i]);
	}
	nft_abort(t);
	return code ? err_set(e, code, "nftables: %s", strerror(code)) : 0;
}

void nft_table_replace(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "replace table %s\n", table);
	op(t, OP_TABLE_DEL, table, "");
	op(t, OP_TABLE_ADD, table, "");
}

void nft_table_add(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "add table %s\n", table);
	op(t, OP_TABLE_ADD, table, "");
}

void nft_table_add_dormant(struct nft_txn *t, const char *table)
{
	nft_table_add(t, table);
}

void nft_table_own(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "own table %s\n", table);
	op(t, OP_TABLE_ADD, table, "");
}

void nft_table_del(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "del table %s\n", table);
	op(t, OP_TABLE_DEL, table, "");
}

int nft_table_exists(const char *table, struct err *e)
{
	(void)e;
	return item_find(TABLE, table, "") != NULL;
}

int nft_table_remove(const char *table, struct err *e)
{
	struct nft_txn *t = nft_begin();

	nft_table_del(t, table);
	return nft_commit(t, e);
}

void nft_chain_add(struct nft_txn *t, const char *table, const char *chain, enum nft_hook hook,
                   enum nft_chain_type type, int priority)
{
	static const char *const hooks[] = { "",        "prerouting", "input",
		                             "forward", "output",     "postrouting" };

	buf_printf(&t->lines, "add chain %s %s", table, chain);
	if (hook != NFT_HOOK_NONE)
		buf_printf(&t->lines, " %s %s %d", type == NFT_CHAIN_NAT ? "nat" : "filter",
		           hooks[hook], priority);
	buf_str(&t->lines, "\n");
}

void nft_chain_del(struct nft_txn *t, const char *table, const char *chain)
{
	buf_printf(&t->lines, "del chain %s %s\n", table, chain);
	op(t, OP_CHAIN_DEL, table, chain);
}

void nft_rules_flush(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "flush rules %s\n", table);
	op(t, OP_RULES_FLUSH, table, "");
}

void nft_chain_flush(struct nft_txn *t, const char *table, const char *chain)
{
	buf_printf(&t->lines, "flush chain %s %s\n", table, chain);
	op(t, OP_CHAIN_DEL, table, chain);
}

int nft_chain_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                   struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n_items; i++)
		if (items[i].kind == RULED && !strcmp(items[i].table, table))
			fn(items[i].name, arg);
	return 0;
}

/* ---- nftables: sets and elements ------------------------------------------------------------ */

static struct known_set {
	char table[32], name[32];
	enum nft_part key[NFT_PARTS], data[NFT_PARTS];
} sets[SETS_MAX];

static struct known_set *set_find(const char *table, const char *name)
{
	for (unsigned i = 0; i < SETS_MAX; i++)
		if (!strcmp(sets[i].table, table) && !strcmp(sets[i].name, name))
			return &sets[i];
	return NULL;
}

static void set_remember(const char *table, const struct nft_set_def *def)
{
	struct known_set *s = set_find(table, def->name);

	if (!s)
		s = set_find("", "");
	if (!s)
		abort();
	snprintf(s->table, sizeof(s->table), "%s", table);
	snprintf(s->name, sizeof(s->name), "%s", def->name);
	memcpy(s->key, def->key, sizeof(s->key));
	memcpy(s->data, def->data, sizeof(s->data));
}

static void put_types(struct buf *b, const enum nft_part *parts)
{
	static const char *const names[] = {
		[NFT_IPV4] = "ipv4_addr",   [NFT_IPV6] = "ipv6_addr",
		[NFT_PROTO] = "inet_proto", [NFT_PORT] = "inet_service",
		[NFT_MARK] = "mark",        [NFT_IFINDEX] = "iface_index",
		[NFT_NUMBER] = "number",    [NFT_VERDICT] = "verdict",
	};

	for (unsigned i = 0; i < NFT_PARTS && parts[i] != NFT_END; i++)
		buf_printf(b, "%s%s", i ? " . " : "", names[parts[i]]);
}

void nft_set_add(struct nft_txn *t, const char *table, const struct nft_set_def *def)
{
	set_remember(table, def);
	op(t, OP_SET_ADD, table, def->name);
	buf_printf(&t->lines, "add set %s %s ", table, def->name);
	put_types(&t->lines, def->key);
	if (def->data[0] != NFT_END) {
		buf_str(&t->lines, " : ");
		put_types(&t->lines, def->data);
	}
	buf_printf(&t->lines, "%s%s%s", def->interval ? " interval" : "",
	           def->dynamic ? " dynamic" : "", def->counter ? " counter" : "");
	if (def->size)
		buf_printf(&t->lines, " size %u", def->size);
	if (def->timeout)
		buf_printf(&t->lines, " timeout %u", def->timeout);
	buf_str(&t->lines, "\n");
}

void nft_set_flush(struct nft_txn *t, const char *table, const char *set)
{
	buf_printf(&t->lines, "flush %s %s\n", table, set);
	op(t, OP_SET_FLUSH, table, set);
}

void nft_set_del(struct nft_txn *t, const char *table, const char *set)
{
	buf_printf(&t->lines, "del set %s %s\n", table, set);
	op(t, OP_SET_DEL, table, set);
}

int nft_set_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                 struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n_items; i++)
		if (items[i].kind == SET && !strcmp(items[i].table, table))
			fn(items[i].name, arg);
	return 0;
}

static unsigned part_size(enum nft_part part)
{
	return part == NFT_IPV6 ? 16 : 4;
}

static void put_proto(struct buf *b, uint8_t proto)
{
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP)
		buf_str(b, proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp");
	else
		buf_printf(b, "%u", proto);
}

static void put_part(struct buf *b, enum nft_part part, const uint8_t *p)
{
	struct ip ip = { .len = part_size(part) };
	uint16_t port;
	uint32_t mark;

	memcpy(ip.b, p, ip.len);
	memcpy(&port, p, sizeof(port));
	memcpy(&mark, p, sizeof(mark));
	if (part == NFT_IPV4 || part == NFT_IPV6)
		buf_str(b, fake_ip(&ip));
	else if (part == NFT_PROTO)
		put_proto(b, *p);
	else if (part == NFT_PORT)
		buf_printf(b, "%u", ntohs(port));
	else
		buf_printf(b, "%u", part == NFT_NUMBER ? ntohl(mark) : mark);
}

/* Aborts when the value is not as long as the set's declaration says: the kernel would refuse it.
 */
static void put_value(struct buf *b, const enum nft_part *parts, const struct nft_bytes *v)
{
	unsigned at = 0;

	for (unsigned i = 0; i < NFT_PARTS && parts[i] != NFT_END; i++) {
		if (at + part_size(parts[i]) > v->n)
			abort();
		buf_str(b, i ? " . " : "");
		put_part(b, parts[i], v->b + at);
		at += part_size(parts[i]);
	}
	if (at != v->n)
		abort();
}

static const struct known_set *put_element(struct nft_txn *t, const char *verb, const char *table,
                                           const char *set, const struct nft_bytes *key)
{
	const struct known_set *s = set_find(table, set);

	if (!s)
		abort();
	buf_printf(&t->lines, "%s %s %s ", verb, table, set);
	put_value(&t->lines, s->key, key);
	return s;
}

void nft_elem_add(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key, const struct nft_bytes *data)
{
	const struct known_set *s = put_element(t, "add", table, set, key);

	if (data) {
		buf_str(&t->lines, " : ");
		put_value(&t->lines, s->data, data);
	}
	buf_str(&t->lines, "\n");
	op_element(t, OP_ELEM_ADD, table, set, key, data);
}

void nft_elem_goto(struct nft_txn *t, const char *table, const char *set,
                   const struct nft_bytes *key, const char *chain)
{
	put_element(t, "add", table, set, key);
	buf_printf(&t->lines, " : goto %s\n", chain);
	op_element(t, OP_ELEM_ADD, table, set, key, NULL);
}

void nft_elem_return(struct nft_txn *t, const char *table, const char *set,
                     const struct nft_bytes *key)
{
	put_element(t, "add", table, set, key);
	buf_str(&t->lines, " : return\n");
	op_element(t, OP_ELEM_ADD, table, set, key, NULL);
}

void nft_elem_del(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key)
{
	put_element(t, "del", table, set, key);
	buf_str(&t->lines, "\n");
	op_element(t, OP_ELEM_DEL, table, set, key, NULL);
}

static bool address_behind(struct ip *ip, unsigned bits)
{
	while (bits-- > 0) {
		ip->b[bits / 8] ^= 0x80 >> bits % 8;
		if (ip->b[bits / 8] & 0x80 >> bits % 8)
			return true;
	}
	return false;
}

void nft_elem_range(struct nft_txn *t, const char *table, const char *set, const struct cidr *range)
{
	struct nft_bytes first = { 0 }, behind = { 0 };
	struct ip ip = range->ip;

	buf_printf(&t->lines, "add %s %s %s\n", table, set, fake_cidr(range));
	nft_put_ip(&first, &range->ip);
	op_element(t, OP_ELEM_ADD, table, set, &first, NULL);
	if (address_behind(&ip, range->bits)) {
		nft_put_ip(&behind, &ip);
		op_element(t, OP_ELEM_ADD, table, set, &behind, &behind);
	}
}

/* "10-20 . tcp . 80"; aborts when a range is the wrong way round. */
static void put_ranges(struct nft_txn *t, bool add, const char *table, const char *set,
                       const struct nft_bytes *first, const struct nft_bytes *last)
{
	const struct known_set *s = set_find(table, set);
	unsigned at = 0, n;

	if (!s || first->n != last->n)
		abort();
	buf_printf(&t->lines, "%s %s %s ", add ? "add" : "del", table, set);
	for (unsigned i = 0; i < NFT_PARTS && s->key[i] != NFT_END; i++, at += n) {
		int order = memcmp(first->b + at, last->b + at, n = part_size(s->key[i]));

		if (order > 0 || at + n > first->n)
			abort();
		buf_str(&t->lines, i ? " . " : "");
		put_part(&t->lines, s->key[i], first->b + at);
		buf_str(&t->lines, order ? "-" : "");
		if (order)
			put_part(&t->lines, s->key[i], last->b + at);
	}
	buf_str(&t->lines, "\n");
	op_element(t, add ? OP_ELEM_ADD : OP_ELEM_DEL, table, set, first, last);
}

void nft_elem_ranges_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *first, const struct nft_bytes *last)
{
	put_ranges(t, true, table, set, first, last);
}

void nft_elem_ranges_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *first, const struct nft_bytes *last)
{
	put_ranges(t, false, table, set, first, last);
}

static void put_prefix(struct nft_txn *t, bool add, const char *table, const char *set,
                       const struct nft_bytes *key, const struct cidr *last)
{
	struct nft_bytes whole = *key, until = *key;
	struct ip end = last->ip;

	for (unsigned i = last->bits; i < end.len * 8u; i++)
		end.b[i / 8] |= 0x80 >> i % 8;
	nft_put_ip(&whole, &last->ip);
	nft_put_ip(&until, &end);
	op_element(t, add ? OP_ELEM_ADD : OP_ELEM_DEL, table, set, &whole, &until);
	put_element(t, add ? "add" : "del", table, set, &whole);
	buf_printf(&t->lines, "/%u\n", last->bits);
}

void nft_elem_prefix_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last)
{
	put_prefix(t, true, table, set, key, last);
}

void nft_elem_prefix_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last)
{
	put_prefix(t, false, table, set, key, last);
}

int nft_counter_each(const char *table, const char *set,
                     void (*fn)(const struct nft_bytes *key, uint64_t packets, uint64_t bytes,
                                void *arg),
                     void *arg, struct err *e)
{
	if (!item_find(SET, table, set))
		return err_set(e, ENOENT, "fake: no set %s %s", table, set);
	for (size_t i = 0; i < n_items; i++)
		if (item_is(&items[i], ELEMENT, table, set))
			fn(&items[i].key, 0, 0, arg);
	return 0;
}

/* ---- nftables: named counters ---------------------------------------------------------------- */

void nft_named_counter_add(struct nft_txn *t, const char *table, const char *name)
{
	buf_printf(&t->lines, "add counter %s %s\n", table, name);
	op(t, OP_COUNTER_ADD, table, name);
}

void nft_named_counter_del(struct nft_txn *t, const char *table, const char *name)
{
	buf_printf(&t->lines, "del counter %s %s\n", table, name);
	op(t, OP_COUNTER_DEL, table, name);
}

/* What it has counted is kept in the item's data. */
void fake_kern_count(const char *table, const char *name, uint32_t packets)
{
	struct item *counter = item_find(COUNTER, table, name);

	if (!counter)
		abort();
	counter->data = (struct nft_bytes){ 0 };
	nft_put_number(&counter->data, packets);
}

int nft_named_counter_each(const char *table,
                           void (*fn)(const char *name, uint64_t packets, uint64_t bytes,
                                      void *arg),
                           void *arg, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < n_items; i++) {
		uint32_t packets;

		memcpy(&packets, items[i].data.b, sizeof(packets));
		if (items[i].kind == COUNTER && !strcmp(items[i].table, table))
			fn(items[i].name, ntohl(packets), 0, arg);
	}
	return 0;
}

int nft_elem_get(const char *table, const char *set, const struct nft_bytes *keys, size_t n,
                 void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                 void *arg, struct err *e)
{
	struct item like = { .kind = ELEMENT };

	(void)e;
	snprintf(like.table, sizeof(like.table), "%s", table);
	snprintf(like.name, sizeof(like.name), "%s", set);
	for (size_t i = 0; i < n; i++) {
		const struct item *there;

		like.key = keys[i];
		there = element_find(&like);
		if (there)
			fn(&there->key, &there->data, arg);
	}
	return 0;
}

int nft_elem_each(const char *table, const char *set,
                  void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                  void *arg, struct err *e)
{
	if (!item_find(SET, table, set))
		return err_set(e, ENOENT, "fake: no set %s %s", table, set);
	for (size_t i = 0; i < n_items; i++)
		if (item_is(&items[i], ELEMENT, table, set))
			fn(&items[i].key, &items[i].data, arg);
	return 0;
}

/* ---- nftables: rules ------------------------------------------------------------------------ */

struct nft_rule {
	struct buf words;
	char table[32], chain[32];
};

static void word(struct nft_rule *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void word(struct nft_rule *r, const char *fmt, ...)
{
	char out[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, sizeof(out), fmt, ap);
	va_end(ap);
	buf_printf(&r->words, " | %s", out);
}

struct nft_rule *nft_rule_new(const char *table, const char *chain)
{
	struct nft_rule *r = xcalloc(1, sizeof(*r));

	buf_printf(&r->words, "add rule %s %s", table, chain);
	snprintf(r->table, sizeof(r->table), "%s", table);
	snprintf(r->chain, sizeof(r->chain), "%s", chain);
	return r;
}

void nft_rule_add(struct nft_txn *t, struct nft_rule *r)
{
	buf_add(&t->lines, r->words.data, r->words.len);
	buf_str(&t->lines, "\n");
	op(t, OP_RULE_ADD, r->table, r->chain);
	buf_free(&r->words);
	free(r);
}

static const char *end(bool dst)
{
	return dst ? "d" : "s";
}

static const char *equals(bool equal)
{
	return equal ? "" : "!= ";
}

void nft_family(struct nft_rule *r, uint8_t len)
{
	word(r, "ipv%d", len == 4 ? 4 : 6);
}

void nft_l4proto(struct nft_rule *r, uint8_t proto)
{
	word(r, "l4proto %u", proto);
}

void nft_th_port(struct nft_rule *r, bool dst, uint16_t port)
{
	word(r, "%sport %u", end(dst), port);
}

void nft_load_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg)
{
	(void)len;
	word(r, "r%u = %saddr", reg, end(dst));
}

void nft_arp_request(struct nft_rule *r)
{
	word(r, "arp request");
}

void nft_load_arp_target(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = arp target", reg);
}

void nft_load_iif(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = iif", reg);
}

void nft_load_l4proto(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = l4proto", reg);
}

void nft_load_port(struct nft_rule *r, bool dst, unsigned reg)
{
	word(r, "r%u = %sport", reg, end(dst));
}

void nft_load_priority(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = priority", reg);
}

void nft_to_network(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = hton", reg);
}

void nft_load_number(struct nft_rule *r, uint32_t number, unsigned reg)
{
	word(r, "r%u = %u", reg, number);
}

void nft_set_priority(struct nft_rule *r, unsigned reg)
{
	word(r, "priority = r%u", reg);
}

void nft_load_random(struct nft_rule *r, uint32_t modulus, uint32_t offset, unsigned reg)
{
	word(r, "r%u = random mod %u%s", reg, modulus, offset ? " outer" : "");
}

void nft_load_original_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg)
{
	(void)len;
	word(r, "r%u = original %saddr", reg, end(dst));
}

void nft_load_original_port(struct nft_rule *r, bool dst, unsigned reg)
{
	word(r, "r%u = original %sport", reg, end(dst));
}

void nft_cmp_port_range(struct nft_rule *r, bool dst, uint16_t first, uint16_t last)
{
	word(r, "%sport %u-%u", end(dst), first, last);
}

void nft_cmp_addr(struct nft_rule *r, bool dst, const struct cidr *c, bool equal)
{
	word(r, "%saddr %s%s", end(dst), equals(equal), fake_cidr(c));
}

void nft_cmp_priority(struct nft_rule *r, uint32_t number, bool equal)
{
	word(r, "priority %s%u", equals(equal), number);
}

void nft_tcp_not_syn(struct nft_rule *r)
{
	word(r, "tcp flags ! syn");
}

void nft_in_set(struct nft_rule *r, unsigned reg, const char *set, bool in)
{
	word(r, "r%u %s@%s", reg, equals(in), set);
}

void nft_map_to(struct nft_rule *r, unsigned reg, const char *map, unsigned dreg)
{
	word(r, "r%u = r%u map @%s", dreg, reg, map);
}

void nft_vmap(struct nft_rule *r, unsigned reg, const char *map)
{
	word(r, "r%u vmap @%s", reg, map);
}

void nft_update(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg,
                uint32_t timeout_seconds)
{
	word(r, "update @%s r%u", set, key_reg);
	if (data_reg >= 0)
		buf_printf(&r->words, " : r%d", data_reg);
	if (timeout_seconds)
		buf_printf(&r->words, " timeout %u", timeout_seconds);
}

void nft_delete(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg)
{
	word(r, "delete @%s r%u", set, key_reg);
	if (data_reg >= 0)
		buf_printf(&r->words, " : r%d", data_reg);
}

void nft_dnat(struct nft_rule *r, uint8_t len, unsigned addr_reg, unsigned port_reg)
{
	word(r, "dnat ipv%d to r%u:r%u", len == 4 ? 4 : 6, addr_reg, port_reg);
}

void nft_masquerade(struct nft_rule *r)
{
	word(r, "masquerade");
}

void nft_snat(struct nft_rule *r, const struct ip *ip)
{
	word(r, "snat to %s", fake_ip(ip));
}

void nft_ct_status_dnat(struct nft_rule *r, bool set)
{
	word(r, "ct status %sdnat", equals(set));
}

void nft_ct_state_new(struct nft_rule *r)
{
	word(r, "ct state new");
}

void nft_ct_state_established(struct nft_rule *r)
{
	word(r, "ct state established,related");
}

void nft_oif_lo(struct nft_rule *r, bool is)
{
	word(r, "oif %slo", equals(is));
}

void nft_iif_lo(struct nft_rule *r, bool is)
{
	word(r, "iif %slo", equals(is));
}

void nft_iif_none(struct nft_rule *r)
{
	word(r, "iif none");
}

void nft_iif_named(struct nft_rule *r, const char *prefix)
{
	word(r, "iifname %s*", prefix);
}

void nft_oif_named(struct nft_rule *r, const char *prefix)
{
	word(r, "oifname %s*", prefix);
}

void nft_no_way_back(struct nft_rule *r)
{
	word(r, "fib saddr . iif missing");
}

void nft_fib_local(struct nft_rule *r)
{
	word(r, "fib daddr local");
}

void nft_flowtable_add(struct nft_txn *t, const char *table, const char *name,
                       const char *const *links, unsigned n)
{
	buf_printf(&t->lines, "add flowtable %s %s", table, name);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&t->lines, " %s", links[i]);
	buf_str(&t->lines, "\n");
}

void nft_flow_add(struct nft_rule *r, const char *flowtable)
{
	word(r, "flow add @%s", flowtable);
}

void nft_settle(void)
{
	buf_str(&fake_text, "settle\n");
}

void nft_notrack(struct nft_rule *r)
{
	word(r, "notrack");
}

void nft_counter(struct nft_rule *r)
{
	word(r, "counter");
}

void nft_count(struct nft_rule *r, const char *counter)
{
	word(r, "counter %s", counter);
}

void nft_limit(struct nft_rule *r, uint32_t packets_a_second)
{
	word(r, "limit %u/s", packets_a_second);
}

void nft_log(struct nft_rule *r, uint16_t group, const char *prefix, uint32_t snaplen)
{
	word(r, "log \"%s\" group %u snaplen %u", prefix, group, snaplen);
}

void nft_verdict(struct nft_rule *r, enum nft_verdict v)
{
	word(r, "%s", v == NFT_V_ACCEPT ? "accept" : v == NFT_V_DROP ? "drop" : "return");
}

void nft_goto(struct nft_rule *r, const char *chain)
{
	word(r, "goto %s", chain);
}

void nft_jump(struct nft_rule *r, const char *chain)
{
	word(r, "jump %s", chain);
}

void nft_reject_tcp_reset(struct nft_rule *r)
{
	word(r, "reject with tcp reset");
}

void nft_reject_port_unreachable(struct nft_rule *r)
{
	word(r, "reject with port-unreachable");
}

void nft_comment(struct nft_rule *r, const char *comment)
{
	word(r, "comment %s", comment);
}
