/* clock.c - a machine without a battery starts in 1970, and no certificate is valid there. The
 * clock is never before the day this binary was made, nor before the newest moment that the state
 * directory has a stamp of. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "init.h"

#ifndef KNETD_BUILD_TIME
#define KNETD_BUILD_TIME 0
#endif
#define STAMP_MS (10 * 60 * 1000)

static void on_stamp(struct timer *t);
static struct timer again = { .fn = on_stamp };

static char *stamp_path(void)
{
	return xasprintf("%s/clock", conf.node.state_dir);
}

void init_clock_floor(void)
{
	auto_free char *path = stamp_path();
	struct timespec floor = { .tv_sec = KNETD_BUILD_TIME };
	struct stat st;

	if (stat(path, &st) == 0 && st.st_mtim.tv_sec > floor.tv_sec)
		floor = st.st_mtim;
	if (time(NULL) >= floor.tv_sec)
		return;
	if (clock_settime(CLOCK_REALTIME, &floor) < 0)
		init_say("clock: %m");
	else
		init_say("the clock was before the last stamp, or this program: it is set there");
}

void init_clock_stamp(void)
{
	auto_free char *path = stamp_path();
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 ? futimens(fd, NULL) < 0 : errno != ENOENT) /* knetd makes the directory */
		init_say("%s: %m", path);
}

static void on_stamp(struct timer *t)
{
	init_clock_stamp();
	timer_set(t, STAMP_MS);
}

void init_clock_keep(void)
{
	timer_set(&again, STAMP_MS / 10);
}
