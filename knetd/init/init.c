/* init.c - theory of operation. The knetd binary as the first process of a machine that is a
 * kernel, kernel modules and an INI file.
 *
 *   1. what the kernel offers is mounted, its modules are loaded in the order of their names
 *   2. the configuration is read, with what the kernel's command line says over it
 *   3. files of /etc that are missing are made, disks mounted, the host named, lo brought up
 *   4. the ordinary control process is started as a child, and what [init] run names
 *
 * From then on it reaps, starts again what ends, and waits for the end: SIGTERM, SIGUSR2 and the
 * power button switch off, SIGINT (which Ctrl-Alt-Del is made to be) starts the machine again.
 *
 * Nothing in here is a reason to stop: what goes wrong is a line on the console, and left out. The
 * network beyond lo is the control process's (modules/uplink). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/file.h>
#include <knetd/init.h>
#include <knetd/isolate.h>
#include <knetd/kern.h>
#include <knetd/log.h>

#include "init.h"

#define DEFAULT_CONF "/etc/knetd.ini"
#define SELF "/sbin/knetd" /* when /proc does not say */

static struct init_cmdline cmdline;
static char self[256] = SELF;

/* ---- what is to be ----------------------------------------------------------------------------
 */

static void read_cmdline(void)
{
	auto_buf struct buf b = { 0 };
	struct err e;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0)
		self[n] = 0;
	if (file_read("/proc/cmdline", sizeof(cmdline.text) - 1, &b, &e)) {
		init_say("%s", e.text);
		return;
	}
	init_cmdline_parse(b.data, &cmdline);
	if (cmdline.dropped)
		init_say("knetd.%s and further parameters are left out: at most %u",
		         cmdline.parameters[INIT_PARAMETERS - 1], INIT_PARAMETERS);
}

static const char *conf_path(void)
{
	if (cmdline.conf)
		return cmdline.conf;
	return access(DEFAULT_CONF, F_OK) == 0 ? DEFAULT_CONF : NULL;
}

/* The kernel's own name for a machine without one is no name for a Node. */
static void name_unnamed(void)
{
	char name[65];

	if (gethostname(name, sizeof(name)) == 0 && (!name[0] || name[0] == '('))
		sethostname("knetd", 5);
}

/* A configuration that is wrong keeps knetd from running, and says so again and again; for the
 * machine itself the defaults have to do. */
static void read_conf(void)
{
	struct err e = { 0 };

	name_unnamed();
	conf_override(cmdline.parameters);
	if (conf_load(conf_path(), &e) == 0)
		return;
	init_say("%s", e.text);
	conf_override(NULL);
	if (conf_load(NULL, &e))
		init_say("%s", e.text);
}

static void lo_up(void)
{
	struct err e;
	struct rt *rt = rt_open(-1, &e);

	if (!rt) {
		init_say("lo: %s", e.text);
		return;
	}
	rt_link_up(rt, "lo");
	if (rt_flush(rt, &e))
		init_say("lo: %s", e.text);
	rt_close(rt);
}

/* ---- programs ---------------------------------------------------------------------------------
 */

static void start_knetd(void)
{
	struct init_program *p = init_program_add(self, false);

	if (conf_path()) {
		init_program_word(p, "-c");
		init_program_word(p, conf_path());
	}
	for (unsigned i = 0; i < cmdline.n; i++) {
		init_program_word(p, "-o");
		init_program_word(p, cmdline.parameters[i]);
	}
	init_program_start(p);
}

static void start_others(void)
{
	for (unsigned i = 0; i < conf.init.n_runs; i++)
		init_program_start(init_program_line(conf.init.runs[i]));
}

/* With a terminal of its own; it is started again when it ends, as a login would be. */
static void start_console(void)
{
	bool rescue = cmdline.rescue || !strcmp(conf.init.console, "rescue");
	struct init_program *p;

	if (!rescue && !strcmp(conf.init.console, "no"))
		return;
	p = init_program_add(rescue ? self : conf.init.console, true);
	if (rescue)
		init_program_word(p, "--rescue");
	init_program_start(p);
}

/* ---- signals ----------------------------------------------------------------------------------
 */

static void on_signal(struct event *ev, uint32_t mask)
{
	struct signalfd_siginfo info;

	(void)mask;
	while (read(ev->fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			init_end(info.ssi_signo == SIGINT);
	init_reap();
	init_end_look();
}

static int catch_signals(struct err *e)
{
	static const int ours[] = { SIGCHLD, SIGTERM, SIGINT, SIGUSR2 };
	static struct event signals = { .fn = on_signal };

	return loop_signals(&signals, ours, ARRAY_LEN(ours), e);
}

int init_main(int argc, char **argv)
{
	struct err e = { 0 };

	(void)argc;
	(void)argv;
	init_mount_kernel();
	init_say("mounted");
	read_cmdline();
	read_conf();
	init_load_modules(conf.init.modules);
	init_say("modules loaded");
	init_make_files();
	init_set_hostname();
	init_mount_disks();
	init_clock_floor();
	lo_up();
	reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del: a signal to us instead */
	if (loop_init(&e) || catch_signals(&e))
		init_say("%s", e.text);
	init_watch_buttons();
	start_knetd();
	init_say("knetd started");
	init_start_dhcp(self);
	start_others();
	start_console();
	init_clock_keep();
	loop_run();
	for (;;)
		pause();
}
