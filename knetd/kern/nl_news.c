/* nl_news.c - notifications of routing netlink that a filter on the socket lets pass, so that what
 * is everyday (pods that come and go) wakes nobody. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>

#include "nl.h"
#include "nl_news.h"

static void read_page(struct nl_news *news, const char *page, int n)
{
	for (const struct nlmsghdr *h = (const void *)page; mnl_nlmsg_ok(h, n);
	     h = mnl_nlmsg_next(h, &n))
		news->fn(h);
}

static void on_news(struct event *ev, uint32_t events)
{
	struct nl_news *news = container_of(ev, struct nl_news, event);
	_Alignas(8) char page[8192];
	ssize_t n;

	(void)events;
	while ((n = recv(ev->fd, page, sizeof(page), MSG_DONTWAIT)) != 0) {
		if (n > 0)
			read_page(news, page, (int)n);
		else if (errno == ENOBUFS)
			news->fn(NULL);
		else if (errno != EINTR)
			break;
	}
}

int nl_listen(struct nl_news *news, unsigned groups, const struct sock_fprog *filter, struct err *e)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int fd = s ? mnl_socket_get_fd(s) : -1;

	if (!s)
		return err_set(e, errno, "netlink notifications: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) < 0 ||
	    mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		err_set(e, errno, "netlink notifications: %s", strerror(errno));
		mnl_socket_close(s);
		return -e->code;
	}
	news->event = (struct event){ .fd = fd, .fn = on_news };
	return loop_add(&news->event, EPOLLIN, e); /* for as long as the daemon runs */
}
