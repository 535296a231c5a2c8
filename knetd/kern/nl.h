/* nl.h - one netlink socket: what routing netlink, nftables and conntrack have in common. Private
 * to knetd/kern.
 *
 * The kernel handles a request inside sendmsg(): when that returns, every answer and every error is
 * already in the receive queue. So nothing here waits: an answer that is not there will not come.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <libmnl/libmnl.h>

#include <knetd/err.h>

#define NL_MESSAGE_MAX 2048      /* bytes of a message made outside a batch */
#define NL_ANSWER_MAX (64 << 20) /* bytes of a list that nl_ask() keeps */

struct nl;

struct nl *nl_open(int bus, struct err *e);
void nl_close(struct nl *nl);   /* NULL is fine */
uint32_t nl_seq(struct nl *nl); /* a fresh sequence number, never 0 */
uint32_t nl_portid(const struct nl *nl);
int nl_fd(const struct nl *nl);

struct nl_fail { /* the first message that failed */
	uint32_t seq;
	char text[80]; /* the kernel's own words, "" for none */
};
/* Sends many messages as one. Only the last of them, with sequence number last, asks for an
 * acknowledgement (NLM_F_ACK); the others speak up when they fail. Returns 0, or the first failure.
 */
int nl_send(struct nl *nl, const struct iovec *iov, size_t n, uint32_t last, struct nl_fail *fail);

typedef void nl_fn(const struct nlmsghdr *h, void *arg);
/* Asks one question (with NLM_F_DUMP: for a list) and hands each answer to fn. A list that changed
 * while it was read is read again, before fn sees any of it; -EINTR when that does not help, and
 * -EMSGSIZE when it is longer than NL_ANSWER_MAX. */
int nl_ask(struct nl *nl, struct nlmsghdr *h, nl_fn *fn, void *arg);

/* The same for a list too long to be kept: fn sees the answers as they come, those of a list that
 * changed meanwhile too. */
int nl_stream(struct nl *nl, struct nlmsghdr *h, nl_fn *fn, void *arg);

/* Asks one question that has n answers, at most NL_SHORT_ANSWERS, none longer than NL_SHORT bytes,
 * and hands them to fn as they come. Returns how many came, fewer when the question failed on the
 * way: *code says with what. */
#define NL_SHORT 512
#define NL_SHORT_ANSWERS 128
unsigned nl_ask_short(struct nl *nl, struct nlmsghdr *h, unsigned n, nl_fn *fn, void *arg,
                      int *code);

/* The payload of the attribute with that type behind a header of `extra` bytes, or NULL. */
const struct nlattr *nl_attr(const struct nlmsghdr *h, size_t extra, uint16_t type);
const struct nlattr *nl_nested(const struct nlattr *parent, uint16_t type); /* parent may be NULL */

/* A message of its own, on the caller's stack. */
struct nl_message {
	_Alignas(8) char b[NL_MESSAGE_MAX];
};
struct nlmsghdr *nl_message(struct nl_message *m, uint16_t type, uint16_t flags);
