/* nft_int.h - how the files of nftables share a transaction. Private to knetd/kern. */
#pragma once

#include <stdbool.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <knetd/kern.h>

#include "nl.h"

/* Room for one message, by what may be in it. */
#define NFT_ROOM_SMALL 4096
#define NFT_ROOM_RULE (16 * 1024)
#define NFT_ROOM_ELEMS (64 * 1024)

/* Begins a message of the transaction (NFT_MSG_...) and finishes it. NULL when the transaction has
 * outgrown its maximum: nft_commit will say so, and the caller just returns. */
struct nlmsghdr *nft_msg(struct nft_txn *t, uint16_t type, uint16_t flags, size_t room);
void nft_msg_end(struct nft_txn *t, struct nlmsghdr *h);
uint8_t nft_txn_family(const struct nft_txn *t); /* NFPROTO_... */

/* Elements wait in an open message for more of their kind: see nft_elem.c. */
struct nft_open {
	struct nlmsghdr *h; /* NULL: none */
	struct nlattr *list;
	uint16_t type;
	const char *table, *set; /* in the message */
};
struct nft_open *nft_open_message(struct nft_txn *t);
void nft_elem_close(struct nft_txn *t);

uint32_t nft_next_set_id(struct nft_txn *t);

/* The one socket that all transactions go through: its port is how our own changes are known. */
struct nl *nft_socket(struct err *e);

/* Around a large transaction of our own: see nft_watch.c. */
void nft_watch_pause(void);
void nft_watch_resume(bool committed);

/* NFTA_COUNTER_PACKETS or _BYTES of a counter. */
uint64_t nft_counter_number(const struct nlattr *counter, uint16_t attr);

/* Header of a message that is not in a batch. */
struct nlmsghdr *nft_question(struct nl_message *m, uint16_t type, uint16_t flags);
/* Asks it: fn for each message of the answer. An error is called "nftables: WHAT TABLE: ...". */
int nft_ask(struct nlmsghdr *h, void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
            const char *what, const char *table, struct err *e);

/* Rules: an expression at the end of one. Registers are the 32-bit ones: 0 to 11 are the caller's,
 * the last four are scratch for builders that load and compare in one go. */
struct nftnl_rule;
struct nftnl_expr;
struct nft_rule {
	struct nftnl_rule *r;
	bool left_out; /* the kernel lacks what it is about */
};
#define NFT_SCRATCH 12
struct nftnl_expr *nft_expr(struct nft_rule *r, const char *name);
uint32_t nft_reg(unsigned reg); /* as the kernel numbers it */

/* What a message is about: "add element inet knetd svc4". */
#define NFT_TEXT 160
void nft_describe(const struct nlmsghdr *h, char out[static NFT_TEXT]);
