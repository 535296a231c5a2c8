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
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/cni_plugin.h>
#include <knetd/conf.h>
#include <knetd/ctl.h>
#include <knetd/file.h>
#include <knetd/handover.h>
#include <knetd/init.h>
#include <knetd/isolate.h>
#include <knetd/kern_check.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/notify.h>
#include <knetd/store.h>
#include <knetd/upgrade.h>
#include <knetd/view.h>
#include <knetd/worker.h>

#include "registry.h"

#define DEFAULT_CONF "/etc/knetd.ini"

static const char usage[] =
	"usage: knetd [-c FILE] [-k] [-o SECTION.KEY=VALUE] [-t] [-T] [-x] [-V]\n"
	"       knetd ctl COMMAND ...  the command line, as knetctl\n"
	"  -c FILE  configuration (default " DEFAULT_CONF ", which may be missing)\n"
	"  -k       tell what the kernel offers of what knetd uses, and end\n"
	"  -o KEY   a key in force over the file: -o node.log_level=debug; may stand more than "
	"once\n"
	"  -t       check the configuration and end\n"
	"  -T       also check that it can take over from the knetd that runs here, and end\n"
	"  -x       on SIGTERM also remove what was made: links, rules, addresses\n"
	"  -V       print the version and end\n";

#define OVERRIDES 32
#define PAY_MS 2000

struct options {
	const char *conf;
	const char *overrides[OVERRIDES + 1]; /* NULL-ended */
	unsigned n_overrides;
	bool kernel, test, take_over, remove;
};

static struct event signals;

static void on_signal(struct event *ev, uint32_t mask)
{
	struct signalfd_siginfo info;

	(void)mask;
	while (read(ev->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			struct err e = { 0 };

			notify_reloading();
			if (conf_reload(&e))
				log_err("%s; what was configured before stays", e.text);
			modules_reload();
			notify_tell("READY=1");
			continue;
		}
		if (info.ssi_signo == SIGUSR2) {
			struct err e = { 0 };

			if (upgrade_begin(NULL, &e))
				log_err("upgrade: %s", e.text);
			continue;
		}
		log_info("signal %u: ending", info.ssi_signo);
		notify_tell("STOPPING=1");
		loop_stop();
	}
}

static int catch_signals(struct err *e)
{
	static const int ours[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR2 };

	signals.fn = on_signal;
	return loop_signals(&signals, ours, ARRAY_LEN(ours), e);
}

/* A child of one that was killed while it was born may have the lock for a moment more. */
static bool lock_file(int fd)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK || tries == 50)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

/* Two daemons on one state would undo each other's work: the second says so and ends. */
static int lock_dir(const char *dir, struct err *e)
{
	char path[128], name[HANDOVER_NAME];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", dir);
	snprintf(name, sizeof(name), "lock %s", path);
	fd = handover_take(name);
	if (fd < 0)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	if (!lock_file(fd)) {
		close(fd);
		return err_set(e, EBUSY, "%s is held: another knetd runs with this directory",
		               path);
	}
	handover_keep(name, fd);
	return 0; /* held until the process ends */
}

static int prepare_dirs(struct err *e)
{
	int ret = file_make_dirs(conf.node.state_dir, 0755, e);

	if (!ret)
		ret = file_make_dirs(conf.node.run_dir, 0755, e);
	if (!ret)
		ret = lock_dir(conf.node.state_dir, e);
	if (!ret && strcmp(conf.node.state_dir, conf.node.run_dir) != 0)
		ret = lock_dir(conf.node.run_dir, e);
	return ret;
}

/* As long as the disk is full. */
static void pay(struct timer *t)
{
	store_pay();
	if (store_owes())
		timer_set(t, PAY_MS);
}
static struct timer pay_timer = { .fn = pay };

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
	if (store_owes() && !pay_timer.heap)
		timer_set(&pay_timer, PAY_MS);
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
	kern_check(conf.node.state_dir);
	kern_check_watch();
	kern_check_log();
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
		upgrade_give_back(e.text);
		return 1;
	}
	upgrade_ready();
	log_info("knetd %s: ready on %s", KNETD_VERSION, conf.api.socket);
	notify_tell("READY=1");
	loop_again();
	loop_run();
	modules_stop(o->remove);
	store_close();
	return 0;
}

/* For the one that runs here, before it makes place for us. */
static int check_takeover(void)
{
	struct err e = { 0 };

	if (store_check(conf.node.state_dir, conf.node.run_dir, &e)) {
		fprintf(stderr, "knetd: %s\n", e.text);
		return 1;
	}
	puts(UPGRADE_YES KNETD_VERSION);
	return 0;
}

static int load(struct options *o)
{
	struct err e = { 0 };
	const char *path = o->conf;

	if (!path && access(DEFAULT_CONF, F_OK) == 0)
		path = DEFAULT_CONF;
	if (!o->test)
		path = upgrade_conf(path);
	conf_override(o->overrides);
	if (conf_load(path, &e)) {
		fprintf(stderr, "knetd: %s\n", e.text);
		upgrade_give_back(e.text);
		return 1;
	}
	log_set_level(conf.node.log_level);
	if (o->test && !o->take_over)
		printf("%s: ok\n", path ? path : "defaults");
	return 0;
}

static int tell_kernel(void)
{
	auto_buf struct buf text = { 0 };
	bool enough;

	kern_check(conf.node.state_dir);
	enough = kern_check_print(&text);
	fwrite(text.data, 1, text.len, stdout);
	return !enough;
}

static int daemon_main(int argc, char **argv)
{
	static struct options o;
	int opt;

	while ((opt = getopt(argc, argv, "c:ko:tTxVh")) != -1) {
		switch (opt) {
		case 'c':
			o.conf = optarg;
			break;
		case 'k':
			o.kernel = true;
			break;
		case 'o':
			if (o.n_overrides == OVERRIDES) {
				fprintf(stderr, "knetd: -o: at most %d of them\n", OVERRIDES);
				return 2;
			}
			o.overrides[o.n_overrides++] = optarg;
			break;
		case 't':
			o.test = true;
			break;
		case 'T':
			o.test = o.take_over = true;
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
	if (!o.test && !o.kernel)
		upgrade_start(argv);
	if (load(&o))
		return 1;
	if (o.kernel)
		return tell_kernel();
	if (o.take_over)
		return check_takeover();
	return o.test ? 0 : run(&o);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

	isolate_protect_relro();
	if (getpid() == 1 && !strcmp(name, "init"))
		return init_main(argc, argv);
	if (!strcmp(name, DHCP_HOOK_NAME))
		return dhcp_hook_main();
	if (!strcmp(name, "knet"))
		return cni_plugin_main(argc, argv);
	if (!strcmp(name, "loopback"))
		return cni_loopback_main(argc, argv);
	if (!strcmp(name, "knetctl"))
		return ctl_main(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "ctl"))
		return ctl_main(argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], "--rescue"))
		return rescue_main();
	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main(argc, argv);
	return daemon_main(argc, argv);
}
