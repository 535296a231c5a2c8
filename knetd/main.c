/* main.c - the personalities of the one binary, and the life of the control process. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/cni_plugin.h>
#include <knetd/conf.h>
#include <knetd/ctl.h>
#include <knetd/isolate.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/store.h>
#include <knetd/view.h>
#include <knetd/worker.h>

#include "registry.h"

#define DEFAULT_CONF "/etc/knetd.ini"

static const char usage[] =
	"usage: knetd [-c FILE] [-t] [-x] [-V]\n"
	"       knetd ctl COMMAND ...  the command line, as knetctl\n"
	"  -c FILE  configuration (default " DEFAULT_CONF ", which may be missing)\n"
	"  -t       check the configuration and end\n"
	"  -x       on SIGTERM also remove what was made: links, rules, addresses\n"
	"  -V       print the version and end\n";

struct options {
	const char *conf;
	bool test, remove;
};

static struct event signals;

static void on_signal(struct event *ev, uint32_t mask)
{
	struct signalfd_siginfo info;

	(void)mask;
	while (read(ev->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			modules_reload();
			continue;
		}
		log_info("signal %u: ending", info.ssi_signo);
		loop_stop();
	}
}

static int catch_signals(struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = (struct event){ .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
		                  .fn = on_signal };
	if (signals.fd < 0)
		return err_set(e, errno, "signalfd: %s", strerror(errno));
	return loop_add(&signals, EPOLLIN, e);
}

static int make_dir(const char *path, mode_t mode, struct err *e)
{
	char part[128];

	for (const char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "%s: %s", part, strerror(errno));
		if (!*p)
			return 0;
	}
}

/* Two daemons on one state would undo each other's work: the second says so and ends. */
static int lock_dir(const char *dir, struct err *e)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return err_set(e, EBUSY, "%s is held: another knetd runs with this directory",
		               path);
	}
	return 0; /* held until the process ends */
}

static int prepare_dirs(struct err *e)
{
	int ret = make_dir(conf.node.state_dir, 0755, e);

	if (!ret)
		ret = make_dir(conf.node.run_dir, 0755, e);
	if (!ret)
		ret = lock_dir(conf.node.state_dir, e);
	if (!ret && strcmp(conf.node.state_dir, conf.node.run_dir) != 0)
		ret = lock_dir(conf.node.run_dir, e);
	return ret;
}

/* What the callbacks of a turn wrote becomes durable, then takes effect. What a sync writes is
 * written when it commits: later modules have to see it. */
static void end_turn(void)
{
	static struct log_rate rate;
	struct err e = { 0 };

	if (store_flush(&e) && log_may(&rate))
		log_err("%s", e.text);
	store_defer(false);
	modules_sync();
	view_forget();
	store_defer(true);
}

static int start(struct err *e)
{
	int ret = prepare_dirs(e);

	if (!ret)
		ret = loop_init(e);
	if (!ret)
		ret = catch_signals(e);
	if (!ret)
		ret = store_open(conf.node.state_dir, conf.node.run_dir, e);
	if (ret)
		return ret;
	/* Before the hooks of modules: answers leave when they are durable and in force. */
	loop_after(end_turn);
	ret = modules_start(e);
	if (ret)
		return ret;
	end_turn();
	return 0;
}

static int run(const struct options *o)
{
	struct err e = { 0 };

	if (start(&e)) {
		log_err("%s", e.text);
		return 1;
	}
	log_info("knetd %s: ready on %s", KNETD_VERSION, conf.api.socket);
	loop_again();
	loop_run();
	modules_stop(o->remove);
	store_close();
	return 0;
}

static int load(struct options *o)
{
	struct err e = { 0 };
	const char *path = o->conf;

	if (!path && access(DEFAULT_CONF, F_OK) == 0)
		path = DEFAULT_CONF;
	if (conf_load(path, &e)) {
		fprintf(stderr, "knetd: %s\n", e.text);
		return 1;
	}
	log_set_level(conf.node.log_level);
	if (o->test)
		printf("%s: ok\n", path ? path : "defaults");
	return 0;
}

static int daemon_main(int argc, char **argv)
{
	struct options o = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "c:txVh")) != -1) {
		switch (opt) {
		case 'c':
			o.conf = optarg;
			break;
		case 't':
			o.test = true;
			break;
		case 'x':
			o.remove = true;
			break;
		case 'V':
			printf("knetd %s\n", KNETD_VERSION);
			return 0;
		default:
			fputs(usage, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	if (load(&o))
		return 1;
	return o.test ? 0 : run(&o);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

	isolate_protect_relro();
	if (!strcmp(name, "knet"))
		return cni_plugin_main(argc, argv);
	if (!strcmp(name, "loopback"))
		return cni_loopback_main(argc, argv);
	if (!strcmp(name, "knetctl"))
		return ctl_main(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "ctl"))
		return ctl_main(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main(argc, argv);
	return daemon_main(argc, argv);
}
