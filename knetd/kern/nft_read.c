/* nft_read.c - what stands in a table of ours: sets, their elements, and chains.
 *
 * A list that somebody changed while it was read is read again (nl_ask), so that nothing here is
 * half of one state and half of another. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nft_int.h"

/* ---- elements ------------------------------------------------------------------------------- */

static struct nft_bytes value_of(const struct nlattr *elem, uint16_t attr)
{
	const struct nlattr *v = nl_nested(nl_nested(elem, attr), NFTA_DATA_VALUE);
	struct nft_bytes out = { 0 };

	if (v && mnl_attr_get_payload_len(v) <= sizeof(out.b)) {
		out.n = mnl_attr_get_payload_len(v);
		memcpy(out.b, mnl_attr_get_payload(v), out.n);
	}
	return out;
}

static bool is_end(const struct nlattr *elem)
{
	const struct nlattr *flags = nl_nested(elem, NFTA_SET_ELEM_FLAGS);

	return flags && ntohl(mnl_attr_get_u32(flags)) & NFT_SET_ELEM_INTERVAL_END;
}

typedef void each_fn(const struct nlattr *elem, const struct nft_bytes *key, void *arg);
struct each {
	each_fn *fn;
	void *arg;
};

static void page(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *list, *elem;
	const struct each *each = arg;

	list = nl_attr(h, sizeof(struct nfgenmsg), NFTA_SET_ELEM_LIST_ELEMENTS);
	if (!list)
		return;
	mnl_attr_for_each_nested (elem, list) {
		struct nft_bytes key = value_of(elem, NFTA_SET_ELEM_KEY);

		each->fn(elem, &key, each->arg);
	}
}

static int explain(int code, const char *table, const char *set, struct err *e)
{
	switch (code) {
	case -EINTR:
		return err_set(e, EINTR, "nftables: %s %s changes faster than it can be read",
		               table, set);
	case -EMSGSIZE:
		return err_set(e, EMSGSIZE,
		               "nftables: %s %s has more elements than fit in %u MB; flush it",
		               table, set, NL_ANSWER_MAX >> 20);
	}
	return err_set(e, -code, "nftables: elements of %s %s: %s", table, set, strerror(-code));
}

static int each_element(const char *table, const char *set, each_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };
	struct nl_message m;
	struct nlmsghdr *h = nft_question(&m, NFT_MSG_GETSETELEM, NLM_F_DUMP);
	int ret;

	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
	ret = nft_ask(h, page, &each, "elements of", table, e);
	return ret ? explain(ret, table, set, e) : 0;
}

struct plain {
	void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg);
	void *arg;
};

static void on_plain(const struct nlattr *elem, const struct nft_bytes *key, void *arg)
{
	struct nft_bytes data = value_of(elem, NFTA_SET_ELEM_DATA);
	const struct plain *p = arg;

	if (!data.n)
		data = is_end(elem) ? *key : value_of(elem, NFTA_SET_ELEM_KEY_END);
	p->fn(key, &data, p->arg);
}

int nft_elem_each(const char *table, const char *set,
                  void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                  void *arg, struct err *e)
{
	struct plain plain = { fn, arg };

	return each_element(table, set, on_plain, &plain, e);
}

/* As many of the keys as one question takes. */
static unsigned put_keys(struct nlmsghdr *h, const struct nft_bytes *keys, size_t n)
{
	struct nlattr *list = mnl_attr_nest_start(h, NFTA_SET_ELEM_LIST_ELEMENTS);
	unsigned i;

	for (i = 0; i < n && i < NL_SHORT_ANSWERS; i++) {
		struct nlattr *elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM);
		struct nlattr *key = mnl_attr_nest_start(h, NFTA_SET_ELEM_KEY);

		mnl_attr_put(h, NFTA_DATA_VALUE, keys[i].n, keys[i].b);
		mnl_attr_nest_end(h, key);
		mnl_attr_nest_end(h, elem);
	}
	mnl_attr_nest_end(h, list);
	return i;
}

/* The answers come in the order of the keys, up to the first that is not there. */
int nft_elem_get(const char *table, const char *set, const struct nft_bytes *keys, size_t n,
                 void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                 void *arg, struct err *e)
{
	static _Alignas(8) char room[NL_SHORT_ANSWERS * 128];
	struct plain plain = { fn, arg };
	struct each each = { on_plain, &plain };
	struct nl *nl = nft_socket(e);

	if (!nl)
		return -e->code;
	for (size_t i = 0; i < n;) {
		struct nlmsghdr *h = nft_question((struct nl_message *)room, NFT_MSG_GETSETELEM, 0);
		unsigned asked;
		int code;

		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_TABLE, table);
		mnl_attr_put_strz(h, NFTA_SET_ELEM_LIST_SET, set);
		asked = put_keys(h, keys + i, n - i);
		i += nl_ask_short(nl, h, asked, page, &each, &code);
		if (code == -ENOENT)
			i++;
		else if (code)
			return explain(code, table, set, e);
	}
	return 0;
}

struct counted {
	void (*fn)(const struct nft_bytes *key, uint64_t packets, uint64_t bytes, void *arg);
	void *arg;
};

static void on_counted(const struct nlattr *elem, const struct nft_bytes *key, void *arg)
{
	const struct nlattr *counter =
		nl_nested(nl_nested(elem, NFTA_SET_ELEM_EXPR), NFTA_EXPR_DATA);
	const struct counted *c = arg;

	c->fn(key, nft_counter_number(counter, NFTA_COUNTER_PACKETS),
	      nft_counter_number(counter, NFTA_COUNTER_BYTES), c->arg);
}

int nft_counter_each(const char *table, const char *set,
                     void (*fn)(const struct nft_bytes *key, uint64_t packets, uint64_t bytes,
                                void *arg),
                     void *arg, struct err *e)
{
	struct counted counted = { fn, arg };

	return each_element(table, set, on_counted, &counted, e);
}

/* ---- sets ----------------------------------------------------------------------------------- */

struct names {
	void (*fn)(const char *name, void *arg);
	void *arg;
};

static void on_set(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *name = nl_attr(h, sizeof(struct nfgenmsg), NFTA_SET_NAME);
	const struct names *n = arg;

	if (name)
		n->fn(mnl_attr_get_str(name), n->arg);
}

int nft_set_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                 struct err *e)
{
	struct names names = { fn, arg };
	struct nl_message m;
	struct nlmsghdr *h = nft_question(&m, NFT_MSG_GETSET, NLM_F_DUMP);
	int ret;

	mnl_attr_put_strz(h, NFTA_SET_TABLE, table);
	ret = nft_ask(h, on_set, &names, "sets of", table, e);
	return ret == -ENOENT ? 0 : ret;
}

/* ---- chains --------------------------------------------------------------------------------- */

struct chains {
	void (*fn)(const char *name, void *arg);
	void *arg;
	char last[NFT_NAME_MAXLEN];
};

/* The rules of one chain come together. */
static void on_rule(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a = nl_attr(h, sizeof(struct nfgenmsg), NFTA_RULE_CHAIN);
	struct chains *c = arg;

	if (!a || !strcmp(mnl_attr_get_str(a), c->last))
		return;
	snprintf(c->last, sizeof(c->last), "%s", mnl_attr_get_str(a));
	c->fn(c->last, c->arg);
}

/* The kernel lists the rules of one table, but chains only of all tables. */
int nft_chain_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                   struct err *e)
{
	struct chains chains = { .fn = fn, .arg = arg };
	struct nl_message m;
	struct nlmsghdr *h = nft_question(&m, NFT_MSG_GETRULE, NLM_F_DUMP);

	mnl_attr_put_strz(h, NFTA_RULE_TABLE, table);
	return nft_ask(h, on_rule, &chains, "chains of", table, e);
}
