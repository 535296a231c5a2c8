/* nft_watch.c - tells modules that somebody else changed their table.
 *
 * Our own transactions are known by the port of the socket they go through, and a filter on the
 * notification socket drops them inside the kernel.
 *
 * That is not enough for large ones: as long as anybody listens, the kernel makes a notification of
 * 4 KB for each element before it looks who wants it, half a gigabyte for a hundred thousand. So we
 * leave the group while one of those is sent. The ruleset's generation number, which each commit
 * raises by one, tells whether somebody else used the gap. */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>

#include <knetd/auto.h>
#include <knetd/loop.h>

#include "nft_int.h"

#define WATCHERS_MAX 8
#define QUEUE (4 << 20)

struct watcher {
	const char *table;
	void (*fn)(const char *table);
};

static struct watcher watchers[WATCHERS_MAX];
static unsigned n_watchers;
static struct mnl_socket *news;
static struct event event;

static bool matches(const char *watched, const char *table)
{
	size_t n = strlen(watched);

	return !strncmp(watched, table, n) && (table[n] == '\0' || table[n] == '_');
}

static void tell(const char *table)
{
	for (unsigned i = 0; i < n_watchers; i++)
		if (!table || matches(watchers[i].table, table))
			watchers[i].fn(table);
}

/* The table's name is the first attribute of every message but the one that ends a transaction. */
static const char *table_of(const struct nlmsghdr *h)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	if (NFNL_SUBSYS_ID(h->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
	    NFNL_MSG_TYPE(h->nlmsg_type) == NFT_MSG_NEWGEN ||
	    mnl_nlmsg_get_payload_len(h) < sizeof(*g) ||
	    (g->nfgen_family != NFPROTO_INET && g->nfgen_family != NFPROTO_ARP))
		return NULL;
	a = nl_attr(h, sizeof(*g), NFTA_TABLE_NAME);
	return a ? mnl_attr_get_str(a) : NULL;
}

/* A foreign change often is many messages about one table: told once. */
static void read_page(const char *page, int n)
{
	char last[NFT_NAME_MAXLEN] = "";

	for (const struct nlmsghdr *h = (const void *)page; mnl_nlmsg_ok(h, n);
	     h = mnl_nlmsg_next(h, &n)) {
		const char *table = table_of(h);

		if (!table || !strcmp(table, last))
			continue;
		snprintf(last, sizeof(last), "%s", table);
		tell(last);
	}
}

static void on_news(struct event *ev, uint32_t events)
{
	static _Alignas(8) char page[64 * 1024];
	ssize_t n;

	(void)events;
	while ((n = recv(ev->fd, page, sizeof(page), MSG_DONTWAIT)) != 0) {
		if (n > 0)
			read_page(page, (int)n);
		else if (errno == ENOBUFS)
			tell(NULL);
		else if (errno != EINTR)
			break;
	}
}

/* Passes a notification when its port is not `own`. The kernel packs one transaction's messages
 * together, so the first header speaks for all. */
static int drop_own(int fd, uint32_t own)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own), 0, 1), /* a load is big-endian */
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/* ---- large transactions of our own ---------------------------------------------------------- */

static uint32_t generation_before;

static void read_generation(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a = nl_attr(h, sizeof(struct nfgenmsg), NFTA_GEN_ID);

	if (a)
		*(uint32_t *)arg = ntohl(mnl_attr_get_u32(a));
}

static uint32_t generation(void)
{
	struct nl *nl = nft_socket(NULL);
	uint32_t number = 0;
	struct nl_message m;

	if (nl)
		nl_ask(nl, nft_question(&m, NFT_MSG_GETGEN, 0), read_generation, &number);
	return number;
}

static void membership(int option)
{
	int group = NFNLGRP_NFTABLES;

	mnl_socket_setsockopt(news, option, &group, sizeof(group));
}

void nft_watch_pause(void)
{
	if (!news)
		return;
	generation_before = generation();
	membership(NETLINK_DROP_MEMBERSHIP);
}

void nft_watch_resume(bool committed)
{
	if (!news)
		return;
	membership(NETLINK_ADD_MEMBERSHIP);
	if (generation() != generation_before + committed)
		tell(NULL);
}

/* ---- opening -------------------------------------------------------------------------------- */

static int open_news(struct err *e)
{
	struct nl *nl = nft_socket(e);
	int queue = QUEUE, fd;

	if (!nl)
		return -e->code;
	news = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!news)
		return err_set(e, errno, "nftables notifications: %s", strerror(errno));
	fd = mnl_socket_get_fd(news);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue, sizeof(queue));
	if (drop_own(fd, nl_portid(nl)) < 0 ||
	    mnl_socket_bind(news, 1 << (NFNLGRP_NFTABLES - 1), MNL_SOCKET_AUTOPID) < 0) {
		err_set(e, errno, "nftables notifications: %s", strerror(errno));
		mnl_socket_close(news);
		news = NULL;
		return -e->code;
	}
	event = (struct event){ .fd = fd, .fn = on_news };
	return loop_add(&event, EPOLLIN, e);
}

int nft_watch(const char *table, void (*fn)(const char *table), struct err *e)
{
	int ret = news ? 0 : open_news(e);

	if (ret)
		return ret;
	if (n_watchers == WATCHERS_MAX)
		return err_set(e, ENOSPC, "nft_watch: more than %d watchers", WATCHERS_MAX);
	watchers[n_watchers++] = (struct watcher){ table, fn };
	return 0;
}
