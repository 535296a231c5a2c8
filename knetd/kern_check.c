/* kern_check.c - the table of what knetd uses of the kernel, and how it is asked and told: see
 * kern_check.h. How one feature is tried is in kern_probe.c. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "kern_check.h"

static const struct row {
	const char *name, *options, *used_by;
	const char *without; /* "without it ..." */
	bool necessary;
} rows[KERN_FEATURES] = {
	[KERN_NETNS] = { "network namespaces", "CONFIG_NET_NS", "pods", "there are no pods", true },
	[KERN_EVENTS] = { "epoll, timers, signals", "CONFIG_EPOLL, CONFIG_TIMERFD, CONFIG_SIGNALFD",
	                  "everything", "knetd does not start", true },
	[KERN_PIDFD] = { "process descriptors", "Linux 5.3", "DNS, Ingress, pods",
	                 "workers are not watched, links of pods are not taken away", true },
	[KERN_MEMFD] = { "sealed memory files", "CONFIG_MEMFD_CREATE, CONFIG_SHMEM", "DNS, Ingress",
	                 "cluster DNS and Ingress do not answer", true },
	[KERN_SECCOMP] = { "system call filters", "CONFIG_SECCOMP_FILTER", "DNS, Ingress",
	                   "their workers do not start: cluster DNS and Ingress do not answer",
	                   true },
	[KERN_REUSEPORT] = { "ports that workers share", "Linux 3.9", "DNS, Ingress",
	                     "cluster DNS and Ingress do not answer", true },
	[KERN_STATE_FILES] = { "files that are mapped and locked",
	                       "CONFIG_MMU, CONFIG_FILE_LOCKING, and a file system for [node] "
	                       "state_dir that can",
	                       "the store", "knetd does not start", true },
	[KERN_SYSCTL] = { "settings under /proc/sys", "CONFIG_PROC_FS, CONFIG_SYSCTL", "pods",
	                  "nothing is forwarded", true },
	[KERN_NF_TABLES] = { "nftables, family inet", "CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET",
	                     "pods, Services, policies, DNS", "nothing but the API works", true },
	[KERN_NFT_SETS] = { "maps of several parts", "Linux 4.1", "Services, policies",
	                    "neither Services nor policies are in force", true },
	[KERN_NFT_RANGES] = { "sets of ranges over several parts", "Linux 5.6",
	                      "policies, loadBalancerSourceRanges",
	                      "neither Services nor policies are in force", true },
	[KERN_NFT_DYNAMIC] = { "sets that packets fill", "Linux 4.3", "Services, policies",
	                       "neither Services nor policies are in force", true },
	[KERN_NFT_CT] = { "connection tracking in rules", "CONFIG_NF_CONNTRACK, CONFIG_NFT_CT",
	                  "Services, policies, DNS", "neither Services nor policies are in force",
	                  true },
	[KERN_NFT_NAT] = { "address translation", "CONFIG_NF_NAT, CONFIG_NFT_NAT",
	                   "Services, pods, host ports",
	                   "there are no Services, and pods reach nobody outside", true },
	[KERN_CT_NETLINK] = { "connections that can be listed and ended", "CONFIG_NF_CT_NETLINK",
	                      "policies, Services, pods",
	                      "what a policy forbids goes on where it was established, UDP stays "
	                      "with endpoints that are gone",
	                      true },
	[KERN_VETH] = { "pairs of virtual links", "CONFIG_VETH", "pods", "no pod can be attached",
	                false },
	[KERN_NFT_MASQ] = { "masquerading", "CONFIG_NFT_MASQ", "pods, Services",
	                    "pods leave under their own addresses; Services work from pods to "
	                    "other pods only",
	                    false },
	[KERN_NFT_NUMGEN] = { "random numbers in rules", "CONFIG_NFT_NUMGEN", "Services",
	                      "every new connection goes to a Service's first endpoint", false },
	[KERN_NFT_REJECT] = { "refusals", "CONFIG_NFT_REJECT, CONFIG_NFT_REJECT_INET",
	                      "Services, load balancers",
	                      "clients of a Service without endpoints wait in place of being "
	                      "refused",
	                      false },
	[KERN_NFT_FIB] = { "routes looked up by rules",
	                   "CONFIG_NFT_FIB, CONFIG_NFT_FIB_INET, CONFIG_NFT_FIB_IPV4, "
	                   "CONFIG_NFT_FIB_IPV6",
	                   "pods, node ports, host ports",
	                   "there are no node ports and no host ports, and a pod can send IPv6 "
	                   "under another's address",
	                   false },
	[KERN_NFT_OBJREF] = { "counters with a name in rules", "CONFIG_NFT_OBJREF", "policies",
	                      "what policies deny is not counted", false },
	[KERN_NFT_LIMIT] = { "limits in rules", "CONFIG_NFT_LIMIT", "[policy] log",
	                     "denied packets are not logged", false },
	[KERN_NFLOG] = { "logged packets that can be read", "CONFIG_NETFILTER_NETLINK_LOG",
	                 "[policy] log", "denied packets are not logged", false },
	[KERN_NFT_LOG] = { "logging in rules", "CONFIG_NFT_LOG", "[policy] log",
	                   "denied packets are not logged", false },
	[KERN_NFT_OWNER] = { "tables that others cannot flush", "Linux 6.9", "policies",
	                     "what policies close is open for some milliseconds when somebody "
	                     "flushes the ruleset",
	                     false },
	[KERN_NFT_ARP] = { "nftables, family arp", "CONFIG_NF_TABLES_ARP", "load balancers",
	                   "load-balancer addresses of IPv4 are answered for on every link",
	                   false },
	[KERN_CT_SCTP] = { "SCTP in connection tracking", "CONFIG_NF_CT_PROTO_SCTP", "Services",
	                   "Services of SCTP do not work", false },
	[KERN_IPV6] = { "IPv6", "CONFIG_IPV6, not ipv6.disable=1", "pods, Services, DNS, Ingress",
	                "all is IPv4 alone", false },
	[KERN_PACKET] = { "packet sockets", "CONFIG_PACKET", "load balancers",
	                  "load-balancer addresses are not announced to the neighbours", false },
	[KERN_IFA_PROTO] = { "addresses that say whose they are", "Linux 5.18", "load balancers",
	                     "load-balancer addresses that an earlier run left are not found",
	                     false },
	[KERN_RULES] = { "routing by source", "CONFIG_IP_MULTIPLE_TABLES",
	                 "pods of several interfaces", "a pod has one interface", false },
	[KERN_RULES6] = { "routing by source, IPv6", "CONFIG_IPV6_MULTIPLE_TABLES",
	                  "pods of several interfaces", "a pod has one interface of IPv6", false },
	[KERN_TBF] = { "token buckets", "CONFIG_NET_SCHED, CONFIG_NET_SCH_TBF", "bandwidth of pods",
	               "a pod that asks for a bandwidth is refused", false },
	[KERN_FLOW_TABLES] = { "flow tables", "CONFIG_NF_FLOW_TABLE_INET, CONFIG_NFT_FLOW_OFFLOAD",
	                       "[podnet] flow_tables",
	                       "every packet that is forwarded passes all chains", false },
};

/* ---- asking --------------------------------------------------------------------------------- */

/* An errno that says: there is no such thing. nfnetlink and old kernels say EINVAL. */
static bool says_missing(int code)
{
	return code == -ENOENT || code == -EOPNOTSUPP || code == -EPROTONOSUPPORT ||
	       code == -EAFNOSUPPORT || code == -ENOSYS || code == -EINVAL || code == -ENODEV;
}

/* Somebody who is not root has one in a user namespace of his own. */
static int into_namespace(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	return errno == EPERM && unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : -errno;
}

static void judge(struct kern_finding *f, int code)
{
	f->code = (int16_t)code;
	f->state = !code ? KERN_THERE : says_missing(code) ? KERN_MISSING : KERN_UNKNOWN;
}

/* What a feature cannot be had without, and does not say by itself; its own number: nothing. */
static enum kern_feature rests_on(enum kern_feature f)
{
	if (f == KERN_RULES6)
		return KERN_IPV6;
	if (f == KERN_NFT_LOG)
		return KERN_NFLOG;
	if (f == KERN_FLOW_TABLES || (f > KERN_NF_TABLES && f <= KERN_NFT_NAT) ||
	    (f >= KERN_NFT_MASQ && f <= KERN_NFT_ARP))
		return KERN_NF_TABLES;
	return f;
}

/* In the child. What rests on something that is missing is not asked: it would say nothing new. */
static void ask_all(struct kern_finding *found, const char *state_dir)
{
	int code = into_namespace();

	if (code) {
		judge(&found[KERN_NETNS], code);
		return;
	}
	for (unsigned f = 0; f < KERN_FEATURES; f++)
		if (found[rests_on(f)].state != KERN_MISSING)
			judge(&found[f], kern_probe(f, state_dir));
}

static pid_t child; /* not waited for yet, 0: none */
static struct event ended = { .fd = -1 };

static void in_child(struct kern_finding *found, const char *state_dir, int done)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGALRM, SIG_DFL);
	alarm(KERN_CHECK_SECONDS);
	ask_all(found, state_dir);
	if (write(done, "", 1) < 0)
		_exit(1);
	_exit(0);
}

static void reap(void)
{
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	child = 0;
}

/* Until the child has asked, or is gone. Its end is not waited for: the kernel takes 20 ms to close
 * its sockets. */
static void ask(struct kern_finding *found, const char *state_dir)
{
	int done[2];
	char byte;

	reap();
	if (pipe2(done, O_CLOEXEC) < 0)
		return;
	child = fork();
	if (child == 0)
		in_child(found, state_dir, done[1]);
	close(done[1]);
	while (read(done[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(done[0]);
}

void kern_check(const char *state_dir)
{
	size_t size = sizeof(kern_findings);
	struct kern_finding *found =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (found == MAP_FAILED)
		return;
	memset(kern_findings, 0, size);
	ask(found, state_dir);
	memcpy(kern_findings, found, size);
	munmap(found, size);
}

static void on_end(struct event *ev, uint32_t mask)
{
	(void)mask;
	loop_del(ev);
	close(ev->fd);
	reap();
}

void kern_check_watch(void)
{
	ended = (struct event){ .fd = (int)syscall(SYS_pidfd_open, child, 0), .fn = on_end };
	if (ended.fd < 0 || loop_add(&ended, EPOLLIN, NULL))
		reap();
}

/* ---- telling -------------------------------------------------------------------------------- */

/* What nobody has asked for is no reason to be warned. */
static enum log_level level_of(enum kern_feature f)
{
	bool of_log = f == KERN_NFT_LIMIT || f == KERN_NFT_LOG || f == KERN_NFLOG;

	if (rows[f].necessary)
		return LOG_LEVEL_ERR;
	if ((of_log && !conf.policy.log) || (f == KERN_FLOW_TABLES && !conf.podnet.flow_tables))
		return LOG_LEVEL_INFO;
	return LOG_LEVEL_WARN;
}

void kern_check_log(void)
{
	for (unsigned i = 0; i < KERN_FEATURES; i++)
		if (kern_lacks(i))
			log_line(level_of(i), "kernel: no %s (%s): %s", rows[i].name,
			         rows[i].options, rows[i].without);
}

static const char *word_of(const struct kern_finding *f)
{
	return f->state == KERN_THERE ? "ok" : f->state == KERN_MISSING ? "MISSING" : "unknown";
}

static void print_row(struct buf *out, unsigned i)
{
	const struct kern_finding *f = &kern_findings[i];

	buf_printf(out, "%-8s %-41s for %s\n", word_of(f), rows[i].name, rows[i].used_by);
	if (f->state == KERN_UNKNOWN && f->code)
		buf_printf(out, "         it could not be asked: %s\n", strerror(-f->code));
	if (f->state == KERN_MISSING)
		buf_printf(out, "         it needs %s\n         without it: %s%s\n",
		           rows[i].options, rows[i].without,
		           rows[i].necessary ? " (knetd cannot do without it)" : "");
}

bool kern_check_print(struct buf *out)
{
	unsigned missing = 0, necessary = 0, unknown = 0;
	struct utsname u = { 0 };

	uname(&u);
	buf_printf(out, "%s %s, %s\n", u.sysname, u.release, u.machine);
	for (unsigned i = 0; i < KERN_FEATURES; i++) {
		print_row(out, i);
		missing += kern_lacks(i);
		necessary += kern_lacks(i) && rows[i].necessary;
		unknown += kern_findings[i].state == KERN_UNKNOWN;
	}
	buf_printf(out, "%u of %u are missing, %u of them necessary", missing,
	           (unsigned)KERN_FEATURES, necessary);
	if (unknown)
		buf_printf(out, "; %u could not be asked%s", unknown,
		           geteuid() ? ": try it as root" : "");
	buf_str(out, "\n");
	return !necessary;
}

void kern_check_json(struct buf *out)
{
	struct utsname u = { 0 };
	const char *sep = "";

	uname(&u);
	buf_str(out, "{\"release\":");
	buf_json(out, u.release, strlen(u.release));
	buf_str(out, ",\"missing\":[");
	for (unsigned i = 0; i < KERN_FEATURES; i++) {
		if (!kern_lacks(i))
			continue;
		buf_printf(out,
		           "%s{\"name\":\"%s\",\"options\":\"%s\",\"necessary\":%s,"
		           "\"without\":\"%s\"}",
		           sep, rows[i].name, rows[i].options, rows[i].necessary ? "true" : "false",
		           rows[i].without);
		sep = ",";
	}
	buf_str(out, "]}");
}
