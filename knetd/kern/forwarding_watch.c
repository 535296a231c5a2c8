/* forwarding_watch.c - tells when somebody else has switched forwarding off.
 *
 * The kernel notifies of settings link by link; a filter on the socket lets only those pass that
 * are about all links, so that pods which come and go wake nobody. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/kern.h>
#include <knetd/loop.h>

#include "nl.h"

static struct mnl_socket *news;
static struct event event;
static void (*tell)(void);

static bool is_off(const struct nlmsghdr *h)
{
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWNETCONF)
		return false;
	a = nl_attr(h, sizeof(struct netconfmsg), NETCONFA_FORWARDING);
	return a && mnl_attr_get_payload_len(a) == 4 && mnl_attr_get_u32(a) == 0;
}

static bool page_says_off(const char *page, int n)
{
	for (const struct nlmsghdr *h = (const void *)page; mnl_nlmsg_ok(h, n);
	     h = mnl_nlmsg_next(h, &n))
		if (is_off(h))
			return true;
	return false;
}

static void on_news(struct event *ev, uint32_t events)
{
	_Alignas(8) char page[8192];
	bool off = false;
	ssize_t n;

	(void)events;
	while ((n = recv(ev->fd, page, sizeof(page), MSG_DONTWAIT)) != 0) {
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			break;
		off |= n < 0 ? errno == ENOBUFS : page_says_off(page, (int)n);
	}
	if (off)
		tell();
}

/* Behind the header and struct netconfmsg stands NETCONFA_IFINDEX; its value is -1 for all links.
 */
static int only_all(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		         NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct netconfmsg)) + NLA_HDRLEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)NETCONFA_IFINDEX_ALL, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog program = { ARRAY_LEN(code), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int forwarding_watch(void (*fn)(void), struct err *e)
{
	unsigned groups = 1u << (RTNLGRP_IPV4_NETCONF - 1) | 1u << (RTNLGRP_IPV6_NETCONF - 1);

	news = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!news)
		return err_set(e, errno, "notifications of settings: %s", strerror(errno));
	if (only_all(mnl_socket_get_fd(news)) < 0 ||
	    mnl_socket_bind(news, groups, MNL_SOCKET_AUTOPID) < 0) {
		err_set(e, errno, "notifications of settings: %s", strerror(errno));
		mnl_socket_close(news);
		news = NULL;
		return -e->code;
	}
	tell = fn;
	event = (struct event){ .fd = mnl_socket_get_fd(news), .fn = on_news };
	return loop_add(&event, EPOLLIN, e);
}
