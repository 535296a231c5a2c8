/* bare_veth.c - the kernel's own price of attaching a pod: the same netlink messages that knetd
 * sends, from one process, with nothing around them. Standard C library only, so that the yardstick
 * shares no code with what it measures.
 *
 *   bare_veth NETNS...    attaches one pair into each, prints the microseconds of each as JSON
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char batch[16384];
static size_t used;
static unsigned messages;
static int own_netns;

static void die(const char *what)
{
	fprintf(stderr, "bare_veth: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- a batch of messages ----------------------------------------------------------------------
 */

static struct nlmsghdr *message(unsigned type, unsigned flags, const void *head, size_t n)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(batch + used);

	memset(h, 0, NLMSG_SPACE(n));
	h->nlmsg_len = NLMSG_LENGTH(n);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	memcpy(NLMSG_DATA(h), head, n);
	used += NLMSG_SPACE(n);
	messages++;
	return h;
}

static struct rtattr *attribute(struct nlmsghdr *h, unsigned type, const void *data, size_t n)
{
	struct rtattr *a = (struct rtattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));

	memset(a, 0, RTA_SPACE(n));
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(a), data, n);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_SPACE(n);
	used = (char *)h + h->nlmsg_len - batch;
	return a;
}

static void nest_end(struct nlmsghdr *h, struct rtattr *a)
{
	a->rta_len = (char *)h + h->nlmsg_len - (char *)a;
}

static void flush(int fd)
{
	char in[16384];

	if (send(fd, batch, used, 0) < 0)
		die("send");
	while (messages) {
		ssize_t n = recv(fd, in, sizeof(in), 0);

		for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
			if (h->nlmsg_type != NLMSG_ERROR || errno)
				die("netlink");
			messages--;
		}
	}
	used = 0;
}

/* ---- the messages of one attach -----------------------------------------------------------------
 */

static void add_pair(const char *name, const uint8_t *mac, const uint8_t *peer_mac, int netns)
{
	struct ifinfomsg info = { 0 };
	uint32_t mtu = 1500;
	struct nlmsghdr *h = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	struct rtattr *linkinfo, *data, *peer;

	attribute(h, IFLA_IFNAME, name, strlen(name) + 1);
	attribute(h, IFLA_MTU, &mtu, 4);
	attribute(h, IFLA_ADDRESS, mac, 6);
	attribute(h, IFLA_IFALIAS, "bare", 4);
	linkinfo = attribute(h, IFLA_LINKINFO, NULL, 0);
	attribute(h, IFLA_INFO_KIND, "veth", 4);
	data = attribute(h, IFLA_INFO_DATA, NULL, 0);
	peer = attribute(h, VETH_INFO_PEER, NULL, 0);
	memset((char *)h + h->nlmsg_len, 0, sizeof(info));
	h->nlmsg_len += sizeof(info);
	attribute(h, IFLA_IFNAME, "eth0", 5);
	attribute(h, IFLA_MTU, &mtu, 4);
	attribute(h, IFLA_ADDRESS, peer_mac, 6);
	attribute(h, IFLA_NET_NS_FD, &netns, 4);
	nest_end(h, peer);
	nest_end(h, data);
	nest_end(h, linkinfo);
}

static void link_up(int ifindex)
{
	struct ifinfomsg info = { .ifi_index = ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	message(RTM_NEWLINK, 0, &info, sizeof(info));
}

static void add_address(int ifindex, int family, const void *ip, size_t n, unsigned bits)
{
	struct ifaddrmsg info = { .ifa_family = family,
		                  .ifa_prefixlen = bits,
		                  .ifa_flags = IFA_F_NODAD,
		                  .ifa_index = ifindex };
	struct nlmsghdr *h = message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));

	attribute(h, IFA_LOCAL, ip, n);
	attribute(h, IFA_ADDRESS, ip, n);
}

static void add_route(int ifindex, int family, const void *dst, size_t n, const void *via)
{
	struct rtmsg info = { .rtm_family = family,
		              .rtm_dst_len = dst ? n * 8 : 0,
		              .rtm_table = RT_TABLE_MAIN,
		              .rtm_protocol = RTPROT_STATIC,
		              .rtm_scope = via ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		              .rtm_type = RTN_UNICAST };
	struct nlmsghdr *h =
		message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));

	if (dst)
		attribute(h, RTA_DST, dst, n);
	if (via)
		attribute(h, RTA_GATEWAY, via, n);
	attribute(h, RTA_OIF, &ifindex, 4);
}

static void add_neighbour(int ifindex, int family, const void *ip, size_t n, const uint8_t *mac)
{
	struct ndmsg info = { .ndm_family = family,
		              .ndm_ifindex = ifindex,
		              .ndm_state = NUD_PERMANENT };
	struct nlmsghdr *h =
		message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));

	attribute(h, NDA_DST, ip, n);
	attribute(h, NDA_LLADDR, mac, 6);
}

/* Both indexes in one question: the peer's is the host side's IFLA_LINK. */
static void ask_indexes(int fd, const char *name, int *host, int *pod)
{
	struct ifinfomsg info = { 0 };
	struct nlmsghdr *h = message(RTM_GETLINK, 0, &info, sizeof(info));
	char in[16384];
	ssize_t n;

	h->nlmsg_flags = NLM_F_REQUEST;
	attribute(h, IFLA_IFNAME, name, strlen(name) + 1);
	if (send(fd, batch, used, 0) < 0 || (n = recv(fd, in, sizeof(in), 0)) < 0)
		die("getlink");
	used = messages = 0;
	h = (void *)in;
	*host = ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
	n = IFLA_PAYLOAD(h);
	for (struct rtattr *a = IFLA_RTA(NLMSG_DATA(h)); RTA_OK(a, n); a = RTA_NEXT(a, n))
		if (a->rta_type == IFLA_LINK)
			memcpy(pod, RTA_DATA(a), 4);
}

static int socket_in(int netns)
{
	int fd;

	if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
		die("setns");
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || (netns >= 0 && setns(own_netns, CLONE_NEWNET) < 0))
		die("netlink socket");
	return fd;
}

static void attach(int host, int netns, unsigned number)
{
	static const uint8_t gw4[4] = { 169, 254, 1, 1 }, gw6[16] = { 0xfe, 0x80, [15] = 1 };
	uint8_t ip4[4] = { 10, 244, 9, number + 2 },
		ip6[16] = { 0xfd, [14] = 9, [15] = number + 2 };
	uint8_t mac[6] = { 2, 0, 0, 0, 1, number }, peer_mac[6] = { 2, 0, 0, 0, 2, number };
	int index = 0, pod_index = 0, pod;
	char name[16];

	snprintf(name, sizeof(name), "bare%u", number);
	add_pair(name, mac, peer_mac, netns);
	flush(host);
	ask_indexes(host, name, &index, &pod_index);
	link_up(index);
	add_address(index, AF_INET, gw4, 4, 32);
	add_neighbour(index, AF_INET, ip4, 4, peer_mac);
	add_route(index, AF_INET, ip4, 4, NULL);
	add_address(index, AF_INET6, gw6, 16, 64);
	add_neighbour(index, AF_INET6, ip6, 16, peer_mac);
	add_route(index, AF_INET6, ip6, 16, NULL);
	flush(host);
	pod = socket_in(netns);
	link_up(1);
	link_up(pod_index);
	add_address(pod_index, AF_INET, ip4, 4, 32);
	add_neighbour(pod_index, AF_INET, gw4, 4, mac);
	add_route(pod_index, AF_INET, gw4, 4, NULL);
	add_route(pod_index, AF_INET, NULL, 4, gw4);
	add_address(pod_index, AF_INET6, ip6, 16, 128);
	add_neighbour(pod_index, AF_INET6, gw6, 16, mac);
	add_route(pod_index, AF_INET6, NULL, 16, gw6);
	flush(pod);
	close(pod);
}

static double microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	int host;

	own_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	host = socket_in(-1);
	printf("[");
	for (int i = 1; i < argc; i++) {
		double start = microseconds();
		int netns = open(argv[i], O_RDONLY | O_CLOEXEC);

		if (netns < 0)
			die(argv[i]);
		attach(host, netns, i);
		printf("%s%.1f", i > 1 ? "," : "", microseconds() - start);
		close(netns);
	}
	printf("]\n");
	return 0;
}
