/* nl_news.h - listening to routing netlink's notifications. Private to knetd/kern. */
#pragma once

#include <linux/filter.h>

#include <libmnl/libmnl.h>

#include <knetd/err.h>
#include <knetd/loop.h>

struct nl_news { /* static: it stays as long as the daemon */
	struct event event;
	void (*fn)(const struct nlmsghdr *h); /* NULL: some were lost */
};
/* fn is called from the loop for each message of the groups (bits by RTNLGRP_) that the filter lets
 * pass. */
int nl_listen(struct nl_news *news, unsigned groups, const struct sock_fprog *filter,
              struct err *e);
