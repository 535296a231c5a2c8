/* nft.c - an nftables transaction: messages queue up in chunks and go out as one batch.
 *
 * nfnetlink takes a batch only as one sendmsg(), so a transaction lies in memory whole. It grows in
 * chunks, which never move (messages under construction point into them), up to TXN_MAX. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/common.h>

#include <knetd/auto.h>

#include "nft_int.h"

#define CHUNK (256 * 1024)
#define CHUNKS 256 /* 64 MB: 600,000 elements and more */
#define TXN_MAX ((size_t)CHUNKS * CHUNK)
#define LARGE (64 * 1024) /* bytes: a thousand elements */

struct nft_txn {
	struct iovec chunks[CHUNKS]; /* iov_len: bytes used */
	size_t n;
	uint32_t last; /* sequence number */
	uint32_t set_id;
	uint8_t family;
	bool failed; /* over TXN_MAX */
	struct nlmsghdr *newest;
	struct nft_open open;
};

static struct nl *socket_;

struct nl *nft_socket(struct err *e)
{
	if (!socket_)
		socket_ = nl_open(NETLINK_NETFILTER, e);
	return socket_;
}

static struct nft_txn *begin(uint8_t family)
{
	struct nft_txn *t = xcalloc(1, sizeof(*t));

	t->family = family;
	return t;
}

struct nft_txn *nft_begin(void)
{
	return begin(NFPROTO_INET);
}

struct nft_txn *nft_begin_arp(void)
{
	return begin(NFPROTO_ARP);
}

uint8_t nft_txn_family(const struct nft_txn *t)
{
	return t->family;
}

void nft_abort(struct nft_txn *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->chunks[i].iov_base);
	free(t);
}

/* Where the next `room` bytes may be written, or NULL. */
static char *make_room(struct nft_txn *t, size_t room)
{
	struct iovec *c = t->n ? &t->chunks[t->n - 1] : NULL;

	if (!c || CHUNK - c->iov_len < room) {
		if (t->n == CHUNKS) {
			t->failed = true;
			return NULL;
		}
		c = &t->chunks[t->n++];
		*c = (struct iovec){ xmalloc(CHUNK), 0 };
	}
	return (char *)c->iov_base + c->iov_len;
}

static void begin_batch(struct nft_txn *t)
{
	char *room = make_room(t, NFT_ROOM_SMALL);

	nftnl_batch_begin(room, ++t->last);
	t->chunks[0].iov_len += ((struct nlmsghdr *)room)->nlmsg_len;
}

struct nlmsghdr *nft_msg(struct nft_txn *t, uint16_t type, uint16_t flags, size_t room)
{
	char *at;

	nft_elem_close(t);
	if (!t->n)
		begin_batch(t);
	at = t->failed ? NULL : make_room(t, room);
	return at ? nftnl_nlmsg_build_hdr(at, type, t->family, flags, ++t->last) : NULL;
}

void nft_msg_end(struct nft_txn *t, struct nlmsghdr *h)
{
	t->chunks[t->n - 1].iov_len += NLMSG_ALIGN(h->nlmsg_len);
	t->newest = h;
}

struct nft_open *nft_open_message(struct nft_txn *t)
{
	return &t->open;
}

uint32_t nft_next_set_id(struct nft_txn *t)
{
	return ++t->set_id;
}

/* ---- commit --------------------------------------------------------------------------------- */

static const struct nlmsghdr *find(const struct nft_txn *t, uint32_t seq)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct nlmsghdr *h = t->chunks[i].iov_base;

		for (int left = (int)t->chunks[i].iov_len; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left))
			if (h->nlmsg_seq == seq)
				return h;
	}
	return NULL;
}

static int explain(const struct nft_txn *t, int code, const struct nl_fail *fail, struct err *e)
{
	const struct nlmsghdr *h = find(t, fail->seq);
	const char *words = fail->text;
	char what[NFT_TEXT] = "transaction";

	if (h)
		nft_describe(h, what);
	return err_set(e, -code, "nftables: %s: %s%s%s%s", what, strerror(-code),
	               *words ? " (" : "", words, *words ? ")" : "");
}

static int end_batch(struct nft_txn *t)
{
	char *room;

	t->newest->nlmsg_flags |= NLM_F_ACK;
	room = make_room(t, NFT_ROOM_SMALL);
	if (!room)
		return -EMSGSIZE;
	nftnl_batch_end(room, ++t->last);
	t->chunks[t->n - 1].iov_len += ((struct nlmsghdr *)room)->nlmsg_len;
	return 0;
}

static bool is_large(const struct nft_txn *t)
{
	return t->n > 1 || t->chunks[0].iov_len > LARGE;
}

static int send_batch(struct nft_txn *t, struct err *e)
{
	struct nl *nl = nft_socket(e);
	struct nl_fail fail;
	int ret;

	if (!nl)
		return -e->code;
	ret = t->failed ? -EMSGSIZE : end_batch(t);
	if (ret)
		return err_set(e, EMSGSIZE, "nftables: a transaction of more than %zu bytes",
		               TXN_MAX);
	if (is_large(t))
		nft_watch_pause();
	ret = nl_send(nl, t->chunks, t->n, t->newest->nlmsg_seq, &fail);
	if (is_large(t))
		nft_watch_resume(ret == 0);
	return ret ? explain(t, ret, &fail, e) : 0;
}

int nft_commit(struct nft_txn *t, struct err *e)
{
	int ret = 0;

	nft_elem_close(t);
	if (t->newest)
		ret = send_batch(t, e);
	nft_abort(t);
	return ret;
}
