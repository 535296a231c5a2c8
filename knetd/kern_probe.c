/* kern_probe.c - one feature of the kernel tried: see kern_check.h.
 *
 * Everything here happens in a network namespace that nobody else sees and that ends with the
 * process: tables, links and rules need no clearing away. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "kern_check.h"

#define TABLE "knetd_probe"
#define CHAIN "probe"
#define LO_IFINDEX 1
#define ROOM 4096

static int opened(int fd)
{
	auto_close int held = fd;

	return held < 0 ? -errno : 0;
}

/* ---- processes and files -------------------------------------------------------------------- */

static int try_events(void)
{
	int ret = opened(epoll_create1(EPOLL_CLOEXEC));
	sigset_t none;

	sigemptyset(&none);
	if (!ret)
		ret = opened(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	return ret ? ret : opened(signalfd(-1, &none, SFD_CLOEXEC));
}

static int try_memfd(void)
{
	auto_close int fd = memfd_create("knetd-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0 ? -errno : 0;
}

/* As the workers do it, without a filter: EFAULT where there could be one. The call of that name
 * is more than the systemd unit lets through. */
static int try_seccomp(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT)
		return 0;
	return -errno;
}

static int try_reuseport(void)
{
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ? -errno : 0;
}

/* The directory itself, or the nearest above it that there is. */
static int make_file(const char *dir)
{
	char path[160];
	char *slash;
	int fd;

	if (snprintf(path, sizeof(path) - 32, "%s", dir) >= (int)sizeof(path) - 32)
		return -1;
	while (access(path, F_OK) < 0 && (slash = strrchr(path, '/')) && slash != path)
		*slash = '\0';
	snprintf(path + strlen(path), 32, "/.knetd-probe.%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* What LMDB does: a file that is mapped, shared and written to; and what locks the directory. */
static int try_state_files(const char *dir)
{
	auto_close int fd = make_file(dir);
	char *room;

	if (fd < 0 || ftruncate(fd, ROOM) < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (room == MAP_FAILED)
		return -errno;
	room[0] = 1;
	munmap(room, ROOM);
	return 0;
}

static int there(const char *path)
{
	return access(path, F_OK) < 0 ? -errno : 0;
}

/* The file says it for less: the kernel waits 10 ms for everybody when such a socket is closed. But
 * it is there only when the module is. */
static int try_packet(void)
{
	return there("/proc/self/net/packet") == 0
	               ? 0
	               : opened(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/* ---- nftables ------------------------------------------------------------------------------- */

/* Dormant: its chains are made and never hooked in, which would cost milliseconds. */
static struct nft_txn *begin(void)
{
	struct nft_txn *t = nft_begin();

	nft_table_add_dormant(t, TABLE);
	return t;
}

static int end(struct nft_txn *t)
{
	nft_table_del(t, TABLE);
	return nft_commit(t, NULL);
}

static int try_rule(void (*fill)(struct nft_rule *r))
{
	struct nft_rule *r = nft_rule_new(TABLE, CHAIN);
	struct nft_txn *t = begin();

	nft_chain_add(t, TABLE, CHAIN, NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
	nft_named_counter_add(t, TABLE, CHAIN);
	fill(r);
	nft_rule_add(t, r);
	return end(t);
}

static int try_set(const struct nft_set_def *def)
{
	struct nft_txn *t = begin();

	nft_set_add(t, TABLE, def);
	return end(t);
}

static int try_tables(void)
{
	struct nft_txn *t = begin();

	nft_chain_add(t, TABLE, CHAIN, NFT_HOOK_FORWARD, NFT_CHAIN_FILTER, 0);
	return end(t);
}

static int try_owner(void)
{
	struct nft_txn *t = nft_begin();

	nft_table_own(t, TABLE);
	return end(t);
}

static int try_arp(void)
{
	struct nft_txn *t = nft_begin_arp();

	nft_table_add_dormant(t, TABLE);
	nft_chain_add(t, TABLE, CHAIN, NFT_HOOK_INPUT, NFT_CHAIN_FILTER, 0);
	nft_table_del(t, TABLE);
	return nft_commit(t, NULL);
}

static int try_flow_table(void)
{
	static const char *const links[] = { "lo" };
	struct nft_rule *r = nft_rule_new(TABLE, CHAIN);
	struct nft_txn *t = begin();

	nft_flowtable_add(t, TABLE, CHAIN, links, 1);
	nft_chain_add(t, TABLE, CHAIN, NFT_HOOK_FORWARD, NFT_CHAIN_FILTER, 0);
	nft_flow_add(r, CHAIN);
	nft_rule_add(t, r);
	return end(t);
}

/* In the chain of a hook: there the kernel asks more of it. */
static int try_nat(void (*fill)(struct nft_rule *r))
{
	struct nft_rule *r = nft_rule_new(TABLE, CHAIN);
	struct nft_txn *t = begin();

	nft_chain_add(t, TABLE, CHAIN, NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT, 100);
	fill(r);
	nft_rule_add(t, r);
	return end(t);
}

static void fill_snat(struct nft_rule *r)
{
	static const struct ip to = { 4, { 192, 0, 2, 1 } };

	nft_family(r, 4);
	nft_snat(r, &to);
}

static void fill_ct(struct nft_rule *r)
{
	nft_ct_state_new(r);
	nft_notrack(r);
}

static void fill_random(struct nft_rule *r)
{
	nft_load_random(r, 2, 0, 0);
}

static void fill_count(struct nft_rule *r)
{
	nft_count(r, CHAIN);
}

static void fill_limit(struct nft_rule *r)
{
	nft_limit(r, 1);
}

static void fill_log(struct nft_rule *r)
{
	nft_log(r, 1, CHAIN, 64);
}

static const struct nft_set_def map = { .name = "map",
	                                .key = { NFT_IPV4, NFT_PROTO, NFT_PORT },
	                                .data = { NFT_MARK } };
static const struct nft_set_def ranges = { .name = "ranges",
	                                   .key = { NFT_IPV4, NFT_PROTO, NFT_PORT },
	                                   .interval = true };
static const struct nft_set_def dynamic = {
	.name = "dynamic", .key = { NFT_IPV4 }, .dynamic = true, .timeout = 60, .size = 16
};

/* ---- links, addresses, routes --------------------------------------------------------------- */

static int flushed(struct rt *rt)
{
	int ret = rt_flush(rt, NULL);

	rt_close(rt);
	return ret;
}

static int try_veth(struct rt *rt)
{
	const struct rt_veth v = { .name = "knetprobe",
		                   .peer = "knetpeer",
		                   .mac = { 2, 0, 0, 0, 0, 1 },
		                   .peer_mac = { 2, 0, 0, 0, 0, 2 },
		                   .peer_netns_fd = -1,
		                   .mtu = 1500 };

	rt_veth_add(rt, &v);
	return flushed(rt);
}

static int try_tbf(struct rt *rt)
{
	const struct rt_tbf t = { .rate = 1000000, .burst = 10000 };

	rt_tbf_set(rt, LO_IFINDEX, &t);
	return flushed(rt);
}

static int try_policy_routing(struct rt *rt, const struct ip *from)
{
	rt_rule_add(rt, from, 10700);
	return flushed(rt);
}

static void look_at_mark(const struct rt_addr *a, void *arg)
{
	if (a->proto == RT_ADDR_SERVED)
		*(bool *)arg = true;
}

/* An older kernel takes the attribute and forgets it. */
static int try_ifa_proto(struct rt *rt)
{
	static const struct ip served = { 4, { 192, 0, 2, 1 } };
	bool marked = false;
	int ret;

	rt_addr_serve(rt, LO_IFINDEX, &served);
	ret = rt_flush(rt, NULL);
	if (!ret)
		ret = rt_addr_each(rt, look_at_mark, &marked, NULL);
	rt_close(rt);
	return ret ? ret : marked ? 0 : -EOPNOTSUPP;
}

/* A kernel told `ipv6.disable=1` has the sockets and no addresses. */
static int try_ipv6(void)
{
	int ret = opened(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	return ret ? ret : there("/proc/sys/net/ipv6/conf");
}

static int try_routing(enum kern_feature f)
{
	static const struct ip from = { 4, { 192, 0, 2, 1 } },
			       from6 = { 16, { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	struct err e = { 0 };
	struct rt *rt = rt_open(-1, &e);

	if (!rt)
		return -e.code;
	if (f == KERN_VETH)
		return try_veth(rt);
	if (f == KERN_TBF)
		return try_tbf(rt);
	if (f == KERN_IFA_PROTO)
		return try_ifa_proto(rt);
	return try_policy_routing(rt, f == KERN_RULES ? &from : &from6);
}

/* ---- all of them ---------------------------------------------------------------------------- */

int kern_probe(enum kern_feature f, const char *state_dir)
{
	switch (f) {
	case KERN_NETNS: /* we are in one */
		return 0;
	case KERN_EVENTS:
		return try_events();
	case KERN_PIDFD:
		return opened((int)syscall(SYS_pidfd_open, getpid(), 0));
	case KERN_MEMFD:
		return try_memfd();
	case KERN_SECCOMP:
		return try_seccomp();
	case KERN_REUSEPORT:
		return try_reuseport();
	case KERN_STATE_FILES:
		return try_state_files(state_dir);
	case KERN_SYSCTL:
		return there("/proc/sys/net/ipv4/ip_forward");
	case KERN_NF_TABLES:
		return try_tables();
	case KERN_NFT_SETS:
		return try_set(&map);
	case KERN_NFT_RANGES:
		return try_set(&ranges);
	case KERN_NFT_DYNAMIC:
		return try_set(&dynamic);
	case KERN_NFT_CT:
		return try_rule(fill_ct);
	case KERN_NFT_NAT:
		return try_nat(fill_snat);
	case KERN_NFT_MASQ:
		return try_nat(nft_masquerade);
	case KERN_CT_NETLINK:
		return conntrack_probe();
	case KERN_NFT_NUMGEN:
		return try_rule(fill_random);
	case KERN_NFT_REJECT:
		return try_rule(nft_reject_tcp_reset);
	case KERN_NFT_FIB:
		return try_rule(nft_fib_local);
	case KERN_NFT_OBJREF:
		return try_rule(fill_count);
	case KERN_NFT_LIMIT:
		return try_rule(fill_limit);
	case KERN_NFT_LOG:
		return try_rule(fill_log);
	case KERN_NFLOG:
		return nflog_probe();
	case KERN_NFT_OWNER:
		return try_owner();
	case KERN_NFT_ARP:
		return try_arp();
	case KERN_CT_SCTP:
		return there("/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established");
	case KERN_IPV6:
		return try_ipv6();
	case KERN_PACKET:
		return try_packet();
	case KERN_FLOW_TABLES:
		return try_flow_table();
	case KERN_VETH:
	case KERN_TBF:
	case KERN_IFA_PROTO:
	case KERN_RULES:
	case KERN_RULES6:
		return try_routing(f);
	case KERN_FEATURES:
		break;
	}
	return -ENOSYS;
}
