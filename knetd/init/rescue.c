/* rescue.c - the rescue console: a prompt for a machine that has no shell. Its words are knetctl's
 * commands and a few that look at the machine; each runs in a child, so that none can end it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/ctl.h>
#include <knetd/init.h>
#include <knetd/kern.h>

#define WORDS 32
#define LINE 1024

/* ---- looking at files ------------------------------------------------------------------------ */

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static int do_cat(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (fd < 0)
		return fail(path);
	while ((n = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)n, stdout);
	return n < 0 ? fail(path) : 0;
}

static void list_one(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	char target[256];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		return;
	n = S_ISLNK(st.st_mode) ? readlink(path, target, sizeof(target)) : 0;
	printf("%c%04o %10lld %s",
	       S_ISDIR(st.st_mode)   ? 'd'
	       : S_ISLNK(st.st_mode) ? 'l'
	                             : '-',
	       st.st_mode & 07777, (long long)st.st_size, name);
	if (n > 0)
		printf(" -> %.*s", (int)n, target);
	putchar('\n');
}

static int do_ls(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);

	if (n < 0)
		return fail(path);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.')
			list_one(path, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}

static int do_mount(const char *unused)
{
	(void)unused;
	return do_cat("/proc/self/mounts");
}

static int do_dmesg(const char *unused)
{
	enum { READ_ALL = 3, SIZE = 10 };
	int size = klogctl(SIZE, NULL, 0), n;
	auto_free char *text = size > 0 ? xmalloc((size_t)size) : NULL;

	(void)unused;
	n = text ? klogctl(READ_ALL, text, size) : -1;
	if (n < 0)
		return fail("dmesg");
	fwrite(text, 1, (size_t)n, stdout);
	return 0;
}

/* ---- looking at the network ------------------------------------------------------------------ */

static void print_link(const struct rt_link *l, void *arg)
{
	char mac[18];

	(void)arg;
	printf("%u %s %s%s mtu %u %s %s\n", l->ifindex, l->name, l->flags & IFF_UP ? "up" : "down",
	       l->flags & IFF_RUNNING ? " carrier" : "", l->mtu, mac_text(l->mac, mac), l->alias);
}

static void print_addr(const struct rt_addr *a, void *arg)
{
	char name[IF_NAMESIZE] = "?", text[IP_TEXT];

	(void)arg;
	if_indextoname(a->ifindex, name);
	printf("%s %s/%u\n", name, ip_text(&a->ip, text), a->bits);
}

static void print_route(const struct rt_route *r, void *arg)
{
	char name[IF_NAMESIZE] = "?", text[CIDR_TEXT], via[IP_TEXT];

	(void)arg;
	if (r->local)
		return;
	if_indextoname(r->ifindex, name);
	printf("%s", r->dst.bits ? cidr_text(&r->dst, text) : "default");
	if (r->via.len)
		printf(" via %s", ip_text(&r->via, via));
	printf(" dev %s\n", name);
}

static int with_rt(int (*ask)(struct rt *rt, struct err *e))
{
	struct err e = { 0 };
	struct rt *rt = rt_open(-1, &e);
	int ret = rt ? ask(rt, &e) : -e.code;

	rt_close(rt);
	if (ret)
		fprintf(stderr, "%s\n", e.text);
	return ret != 0;
}

static int ask_links(struct rt *rt, struct err *e)
{
	return rt_link_each(rt, print_link, NULL, e);
}

static int ask_addresses(struct rt *rt, struct err *e)
{
	return rt_addr_each(rt, print_addr, NULL, e);
}

static int ask_routes(struct rt *rt, struct err *e)
{
	return rt_route_each(rt, print_route, NULL, e);
}

static int do_links(const char *unused)
{
	(void)unused;
	return with_rt(ask_links);
}

static int do_addresses(const char *unused)
{
	(void)unused;
	return with_rt(ask_addresses);
}

static int do_routes(const char *unused)
{
	(void)unused;
	return with_rt(ask_routes);
}

/* ---- the machine ------------------------------------------------------------------------------
 */

static int do_poweroff(const char *unused)
{
	(void)unused;
	return kill(1, SIGTERM) < 0 ? fail("poweroff") : 0;
}

static int do_reboot(const char *unused)
{
	(void)unused;
	return kill(1, SIGINT) < 0 ? fail("reboot") : 0;
}

static const struct word {
	const char *name, *argument; /* what stands for it in the help; NULL: it takes none */
	const char *standard;        /* without one; NULL: it must be there */
	int (*run)(const char *argument);
	const char *doc;
} words[] = {
	{ "ls", "DIRECTORY", "/", do_ls, "the files of a directory" },
	{ "cat", "FILE", NULL, do_cat, "a file" },
	{ "dmesg", NULL, NULL, do_dmesg, "what the kernel has said" },
	{ "mount", NULL, NULL, do_mount, "what is mounted" },
	{ "links", NULL, NULL, do_links, "network links" },
	{ "addresses", NULL, NULL, do_addresses, "their addresses" },
	{ "routes", NULL, NULL, do_routes, "routes of the main table" },
	{ "poweroff", NULL, NULL, do_poweroff, "end everything and switch the machine off" },
	{ "reboot", NULL, NULL, do_reboot, "end everything and start the machine again" },
};

static int help(void)
{
	char *const argv[] = { "knetctl", "--help", NULL };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		printf("  %-9s %-10s %s\n", words[i].name,
		       words[i].argument ? words[i].argument : "", words[i].doc);
	printf("  %-20s %s\n\nAll else is knetctl's:\n\n", "exit", "a new prompt");
	return ctl_main(2, (char **)argv);
}

static int run(int argc, char **argv)
{
	if (!strcmp(argv[1], "help") && argc == 2)
		return help();
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct word *w = &words[i];

		if (strcmp(argv[1], w->name) != 0)
			continue;
		if (argc > (w->argument ? 3 : 2) || (w->argument && argc < 3 && !w->standard)) {
			fprintf(stderr, "usage: %s %s\n", w->name, w->argument ? w->argument : "");
			return 2;
		}
		return w->run(argc > 2 ? argv[2] : w->standard);
	}
	return ctl_main(argc, argv);
}

static void run_in_child(int argc, char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int ret;

		signal(SIGINT, SIG_DFL);
		ret = run(argc, argv);
		fflush(stdout);
		_exit(ret);
	}
	if (pid < 0)
		fail("fork");
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int rescue_main(void)
{
	char line[LINE], *argv[WORDS + 2] = { "knetctl" };

	signal(SIGINT, SIG_IGN); /* ends the command, not the prompt */
	puts("\nknetd's rescue console: help tells the words.");
	for (;;) {
		char *rest = NULL, *w;
		int argc = 1;

		printf("knetd> ");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		for (w = strtok_r(line, " \t\n", &rest); w && argc <= WORDS;
		     w = strtok_r(NULL, " \t\n", &rest))
			argv[argc++] = w;
		argv[argc] = NULL;
		if (argc == 1)
			continue;
		if (!strcmp(argv[1], "exit"))
			return 0;
		run_in_child(argc, argv);
	}
}
