/* init.h - what the parts of the first process know of each other. Private to knetd/init.
 *
 * The first process must not end, so nothing in here gives up: what goes wrong is said on the
 * console and left out. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <knetd/conf.h>
#include <knetd/loop.h>

/* A line on the console: "init: SECONDS.MILLISECONDS TEXT". */
void init_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- cmdline.c: what the kernel's command line says to us --------------------------------------
 */

#define INIT_PARAMETERS 32
struct init_cmdline {
	char text[4096];  /* what the others point into */
	const char *conf; /* knetd.conf=PATH */
	bool rescue;      /* knetd.rescue */
	unsigned n;
	const char *parameters[INIT_PARAMETERS + 1]; /* "SECTION.KEY=VALUE", NULL-ended */
	unsigned dropped;                            /* did not fit */
};
/* Words are parted by blanks outside double quotes; what is not "knetd." is somebody else's. */
void init_cmdline_parse(const char *line, struct init_cmdline *out);

/* ---- mounts.c, files.c: what a machine has before anything runs --------------------------------
 */

void init_mount_kernel(void); /* /proc, /sys, /dev, /run, /tmp ... */
void init_make_files(void);   /* /etc/passwd, hosts, resolv.conf ... where they are missing */
void init_set_hostname(void);

/* ---- modules.c ---------------------------------------------------------------------------------
 */

void init_load_modules(const char *dir);

/* ---- disks.c: [init] mount ---------------------------------------------------------------------
 */

void init_mount_disks(void);
/* Everything that holds files for good: taken away, or at least made read-only. */
void init_unmount_all(void);

/* ---- programs.c: what is kept running ----------------------------------------------------------
 */

#define INIT_PROGRAMS (CONF_INIT + 4)
#define INIT_WORDS 80
#define INIT_DHCP_USER 100

struct init_program {
	const char *words[INIT_WORDS + 1]; /* NULL-ended; [0] is its path */
	bool console;                      /* has the console, as a terminal of its own */
	unsigned user;                     /* 0: root, with everything */
	uint32_t capabilities;             /* for another user, bits */
	pid_t pid;                         /* 0: does not run */
	uint64_t began;                    /* loop_now() */
	unsigned pause; /* milliseconds until the next start, doubled each time */
	struct timer again;
};
struct init_program *init_program_add(const char *path, bool console);
void init_program_word(struct init_program *p, const char *word);
/* Words of a command line, parted by blanks. */
struct init_program *init_program_line(const char *line);
void init_program_start(struct init_program *p);
/* Takes every ended process, ours and those whose parent is gone; ours are started again. */
void init_reap(void);
/* From now on nothing is started; ours are asked to end. */
void init_programs_end(void);
unsigned init_programs_alive(void);

/* ---- dhcp.c, clock.c ----------------------------------------------------------------------------
 */

void init_start_dhcp(const char *self); /* self: this binary, for the hook */
void init_clock_floor(void);            /* not before the newest moment that is known */
void init_clock_stamp(void);            /* that is now */
void init_clock_keep(void);             /* from now on now and then */

/* ---- power.c: how it ends ----------------------------------------------------------------------
 */

/* reboot: start the machine again; otherwise power off. Returns at once; what follows is the
 * loop's. */
void init_end(bool reboot);
bool init_ending(void);
void init_end_look(void);      /* a process has ended: perhaps it was the last */
void init_watch_buttons(void); /* the power button of /dev/input */
