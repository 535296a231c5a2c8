/* nft_object.c - counters with a name, that several rules may raise and that outlive them. */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "nft_int.h"

static void counter(struct nft_txn *t, uint16_t type, const char *table, const char *name)
{
	uint16_t create = type == NFT_MSG_NEWOBJ ? NLM_F_CREATE : 0;
	struct nlmsghdr *h = nft_msg(t, type, create, NFT_ROOM_SMALL);

	if (!h)
		return;
	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(h, NFTA_OBJ_NAME, name);
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	if (create)
		mnl_attr_nest_end(h, mnl_attr_nest_start(h, NFTA_OBJ_DATA));
	nft_msg_end(t, h);
}

void nft_named_counter_add(struct nft_txn *t, const char *table, const char *name)
{
	counter(t, NFT_MSG_NEWOBJ, table, name);
}

void nft_named_counter_del(struct nft_txn *t, const char *table, const char *name)
{
	counter(t, NFT_MSG_DELOBJ, table, name);
}

uint64_t nft_counter_number(const struct nlattr *counter, uint16_t attr)
{
	const struct nlattr *a = nl_nested(counter, attr);

	return a && mnl_attr_get_payload_len(a) == sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(a))
	                                                            : 0;
}

struct counted {
	void (*fn)(const char *name, uint64_t packets, uint64_t bytes, void *arg);
	void *arg;
};

static void on_object(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *name = nl_attr(h, sizeof(struct nfgenmsg), NFTA_OBJ_NAME);
	const struct nlattr *data = nl_attr(h, sizeof(struct nfgenmsg), NFTA_OBJ_DATA);
	const struct counted *c = arg;

	if (name && data)
		c->fn(mnl_attr_get_str(name), nft_counter_number(data, NFTA_COUNTER_PACKETS),
		      nft_counter_number(data, NFTA_COUNTER_BYTES), c->arg);
}

int nft_named_counter_each(const char *table,
                           void (*fn)(const char *name, uint64_t packets, uint64_t bytes,
                                      void *arg),
                           void *arg, struct err *e)
{
	struct counted counted = { fn, arg };
	struct nl_message m;
	struct nlmsghdr *h = nft_question(&m, NFT_MSG_GETOBJ, NLM_F_DUMP);

	mnl_attr_put_strz(h, NFTA_OBJ_TABLE, table);
	mnl_attr_put_u32(h, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	return nft_ask(h, on_object, &counted, "counters of", table, e);
}
