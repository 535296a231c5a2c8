/* nl.c - see nl.h */
#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

#include "nl.h"

#define PAGE (64 * 1024) /* the kernel's dumps come in pieces of at most 32 KB */
#define RECEIVE_QUEUE (1 << 20)
#define DUMP_TRIES 8

struct nl {
	struct mnl_socket *sock;
	uint32_t seq;
	int send_queue;
};

struct nl *nl_open(int bus, struct err *e)
{
	struct nl *nl = xcalloc(1, sizeof(*nl));
	int on = 1, queue = RECEIVE_QUEUE;

	nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		err_set(e, errno, "netlink socket: %s", strerror(errno));
		nl_close(nl);
		return NULL;
	}
	/* Errors without the message they are about, but with the kernel's own words. */
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
	return nl;
}

void nl_close(struct nl *nl)
{
	if (nl && nl->sock)
		mnl_socket_close(nl->sock);
	free(nl);
}

uint32_t nl_seq(struct nl *nl)
{
	if (!++nl->seq)
		nl->seq++;
	return nl->seq;
}

uint32_t nl_portid(const struct nl *nl)
{
	return mnl_socket_get_portid(nl->sock);
}

int nl_fd(const struct nl *nl)
{
	return mnl_socket_get_fd(nl->sock);
}

struct nlmsghdr *nl_message(struct nl_message *m, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(m->b);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	return h;
}

/* ---- sending -------------------------------------------------------------------------------- */

static size_t iov_total(const struct iovec *iov, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += iov[i].iov_len;
	return total;
}

/* The whole batch has to fit the send queue: netlink takes it as one piece or not at all. */
static void widen(struct nl *nl, size_t bytes)
{
	int queue = (int)bytes + 4096;

	if (queue <= nl->send_queue || bytes < 64 * 1024)
		return;
	if (setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_SNDBUFFORCE, &queue,
	               sizeof(queue)) == 0)
		nl->send_queue = queue;
}

static int put(struct nl *nl, const struct iovec *iov, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr m = { .msg_name = &kernel, .msg_namelen = sizeof(kernel) };
	ssize_t sent;

	m.msg_iov = (struct iovec *)iov;
	m.msg_iovlen = n;
	widen(nl, iov_total(iov, n));
	do
		sent = sendmsg(mnl_socket_get_fd(nl->sock), &m, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Bytes received, 0 when the queue is empty, or -errno. */
static ssize_t take(struct nl *nl, void *page, size_t size)
{
	ssize_t n;

	do
		n = recv(mnl_socket_get_fd(nl->sock), page, size, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return (size_t)n > size ? -EMSGSIZE : n;
}

/* What an earlier, failed conversation left behind. */
static void drain(struct nl *nl, void *page, size_t size)
{
	ssize_t n;

	do
		n = take(nl, page, size);
	while (n > 0 || n == -ENOBUFS || n == -EMSGSIZE);
}

static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *m = mnl_nlmsg_get_payload(h);

	return mnl_nlmsg_get_payload_len(h) < sizeof(*m) ? -EBADMSG : m->error;
}

static void keep_words(struct nl_fail *fail, const struct nlmsghdr *h)
{
	const struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || !(h->nlmsg_flags & NLM_F_CAPPED))
		return;
	a = nl_attr(h, sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);
	if (a)
		snprintf(fail->text, sizeof(fail->text), "%s", mnl_attr_get_str(a));
}

struct verdict {
	uint32_t last;
	int code;
	bool acknowledged;
	struct nl_fail *fail;
};

static void judge(const struct nlmsghdr *h, struct verdict *v)
{
	int code;

	if (h->nlmsg_type != NLMSG_ERROR)
		return;
	code = error_of(h);
	if (!code && h->nlmsg_seq == v->last)
		v->acknowledged = true;
	if (!code || v->code)
		return;
	v->code = code;
	v->fail->seq = h->nlmsg_seq;
	keep_words(v->fail, h);
}

int nl_send(struct nl *nl, const struct iovec *iov, size_t n, uint32_t last, struct nl_fail *fail)
{
	static _Alignas(8) char page[PAGE];
	struct verdict v = { .last = last, .fail = fail };
	ssize_t got;
	int ret;

	*fail = (struct nl_fail){ 0 };
	drain(nl, page, sizeof(page));
	ret = put(nl, iov, n);
	if (ret)
		return ret;
	/* ENOBUFS: more errors than the queue holds; the first ones did fit */
	while ((got = take(nl, page, sizeof(page))) > 0 || got == -ENOBUFS) {
		int left = (int)got;

		for (const struct nlmsghdr *h = (void *)page; mnl_nlmsg_ok(h, left);
		     h = mnl_nlmsg_next(h, &left))
			judge(h, &v);
	}
	if (v.code)
		return v.code;
	return v.acknowledged ? 0 : -ENOBUFS;
}

/* ---- asking --------------------------------------------------------------------------------- */

struct progress {
	bool done, changed;
	int error;
};

static void look(const char *page, int n, uint32_t seq, bool dump, struct progress *p)
{
	for (const struct nlmsghdr *h = (const void *)page; mnl_nlmsg_ok(h, n);
	     h = mnl_nlmsg_next(h, &n)) {
		if (h->nlmsg_seq != seq)
			continue;
		p->changed |= !!(h->nlmsg_flags & NLM_F_DUMP_INTR);
		p->done |= !dump || h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
		if (h->nlmsg_type == NLMSG_ERROR)
			p->error = error_of(h);
	}
}

/* -EINTR: the list changed while it was read. */
static int collect(struct nl *nl, uint32_t seq, bool dump, struct buf *answer)
{
	struct progress p = { 0 };

	while (!p.done) {
		char *room = buf_room(answer, PAGE);
		ssize_t n = room ? take(nl, room, PAGE) : -EMSGSIZE;

		if (n <= 0)
			return n ? (int)n : -ENODATA;
		look(room, (int)n, seq, dump, &p);
		answer->len += NLMSG_ALIGN((size_t)n);
	}
	return p.error ? p.error : p.changed ? -EINTR : 0;
}

static void deliver(const struct buf *answer, uint32_t seq, nl_fn *fn, void *arg)
{
	int left = (int)answer->len;

	for (const struct nlmsghdr *h = (void *)answer->data; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left))
		if (h->nlmsg_seq == seq && h->nlmsg_type >= NLMSG_MIN_TYPE)
			fn(h, arg);
}

/* The last answer's memory, for the next one: questions come several to a pod. Whoever asks from
 * within fn finds none here and takes his own. */
static struct buf spare;

static void give_back(struct buf *answer)
{
	if (spare.data || answer->cap > PAGE) {
		buf_free(answer);
		return;
	}
	buf_reset(answer);
	spare = *answer;
}

int nl_ask(struct nl *nl, struct nlmsghdr *h, nl_fn *fn, void *arg)
{
	__attribute__((cleanup(give_back))) struct buf answer = spare;
	bool dump = (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int ret = -EINTR;

	spare = (struct buf){ 0 };
	answer.max = NL_ANSWER_MAX;
	for (int tries = 0; ret == -EINTR && tries < DUMP_TRIES; tries++) {
		struct iovec iov = { h, h->nlmsg_len };

		if (!buf_room(&answer, PAGE))
			return -ENOMEM;
		drain(nl, answer.data, PAGE);
		buf_reset(&answer);
		h->nlmsg_seq = nl_seq(nl);
		ret = put(nl, &iov, 1);
		if (!ret)
			ret = collect(nl, h->nlmsg_seq, dump, &answer);
	}
	if (!ret)
		deliver(&answer, h->nlmsg_seq, fn, arg);
	return ret;
}

int nl_stream(struct nl *nl, struct nlmsghdr *h, nl_fn *fn, void *arg)
{
	auto_buf struct buf answer = { .max = PAGE };
	struct iovec iov = { h, h->nlmsg_len };
	struct progress p = { 0 };
	int ret;

	if (!buf_room(&answer, PAGE))
		return -ENOMEM;
	drain(nl, answer.data, PAGE);
	h->nlmsg_seq = nl_seq(nl);
	ret = put(nl, &iov, 1);
	while (!ret && !p.done) {
		ssize_t n = take(nl, answer.data, PAGE);

		if (n <= 0)
			return n ? (int)n : -ENODATA;
		look(answer.data, (int)n, h->nlmsg_seq, true, &p);
		answer.len = (size_t)n;
		deliver(&answer, h->nlmsg_seq, fn, arg);
	}
	return ret ? ret : p.error;
}

#define AT_ONCE 32

struct short_page {
	_Alignas(8) char b[NL_SHORT];
};

/* Each answer is a datagram of its own: several are taken with one call. */
static int take_short(struct nl *nl, struct short_page page[static AT_ONCE],
                      struct mmsghdr m[static AT_ONCE])
{
	struct iovec iov[AT_ONCE];
	int n;

	for (unsigned i = 0; i < AT_ONCE; i++) {
		iov[i] = (struct iovec){ page[i].b, NL_SHORT };
		m[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
	do
		n = recvmmsg(mnl_socket_get_fd(nl->sock), m, AT_ONCE, MSG_DONTWAIT, NULL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n;
}

/* False: this was an error, the last answer of all. */
static bool look_short(const struct short_page *page, const struct mmsghdr *m, uint32_t seq,
                       int *code)
{
	const struct nlmsghdr *h = (const void *)page->b;

	if (m->msg_hdr.msg_flags & MSG_TRUNC || !mnl_nlmsg_ok(h, (int)m->msg_len))
		*code = -EMSGSIZE;
	else if (h->nlmsg_seq != seq)
		*code = -EBADMSG;
	else if (h->nlmsg_type == NLMSG_ERROR)
		*code = error_of(h);
	else
		return true;
	return false;
}

unsigned nl_ask_short(struct nl *nl, struct nlmsghdr *h, unsigned n, nl_fn *fn, void *arg,
                      int *code)
{
	struct short_page page[AT_ONCE];
	struct iovec iov = { h, h->nlmsg_len };
	struct mmsghdr m[AT_ONCE];
	unsigned came = 0;
	int got = 1;

	drain(nl, page[0].b, NL_SHORT);
	h->nlmsg_seq = nl_seq(nl);
	*code = put(nl, &iov, 1);
	while (!*code && came < n && (got = take_short(nl, page, m)) > 0)
		for (int i = 0; i < got; i++) {
			if (!look_short(&page[i], &m[i], h->nlmsg_seq, code))
				break;
			fn((const struct nlmsghdr *)page[i].b, arg);
			came++;
		}
	if (!*code && came < n)
		*code = got ? got : -ENODATA;
	return came;
}

/* ---- reading -------------------------------------------------------------------------------- */

const struct nlattr *nl_attr(const struct nlmsghdr *h, size_t extra, uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, h, extra)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

const struct nlattr *nl_nested(const struct nlattr *parent, uint16_t type)
{
	const struct nlattr *a;

	if (!parent)
		return NULL;
	mnl_attr_for_each_nested (a, parent)
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}
