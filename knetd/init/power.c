/* power.c - how the machine ends: our programs are asked to, then all others, then they are killed;
 * file systems are brought to rest; the power goes off, or everything begins again.
 *
 *   asked ---- all of ours ended, or ASKED_MS ----> rest: SIGTERM to everybody who is left
 *   rest  ---- nobody is left, or REST_MS --------> SIGKILL, file systems, reboot(2) */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/input.h>

#include "init.h"

#define ASKED_MS 30000
#define REST_MS 2000
#define BUTTONS 8

static enum { RUNS, ASKED, REST } stage;
static bool again;
static void on_patience(struct timer *t);
static struct timer patience = { .fn = on_patience };

bool init_ending(void)
{
	return stage != RUNS;
}

static void finish(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	init_clock_stamp();
	sync();
	init_unmount_all();
	init_say("%s", again ? "starting again" : "power off");
	reboot(again ? RB_AUTOBOOT : RB_POWER_OFF);
	reboot(RB_HALT_SYSTEM); /* no power to be switched off */
	for (;;)
		pause();
}

static void ask_the_rest(void)
{
	stage = REST;
	kill(-1, SIGTERM);
	timer_set(&patience, REST_MS);
	init_end_look();
}

static void on_patience(struct timer *t)
{
	(void)t;
	if (stage == REST)
		finish();
	init_say("%u programs do not end", init_programs_alive());
	ask_the_rest();
}

void init_end_look(void)
{
	if (stage == ASKED && !init_programs_alive())
		ask_the_rest();
	else if (stage == REST && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
		finish();
}

void init_end(bool reboot)
{
	if (stage != RUNS)
		return;
	stage = ASKED;
	again = reboot;
	init_say("%s", reboot ? "ending, to start again" : "powering off");
	init_programs_end();
	timer_set(&patience, ASKED_MS);
	init_end_look();
}

/* ---- the button ------------------------------------------------------------------------------ */

static void on_button(struct event *ev, uint32_t events)
{
	struct input_event in[16];
	ssize_t n = read(ev->fd, in, sizeof(in));

	(void)events;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		loop_close(ev); /* unplugged */
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(in[0]); i++)
		if (in[i].type == EV_KEY && in[i].code == KEY_POWER && in[i].value == 1)
			init_end(false);
}

static bool has_power_key(int fd)
{
	uint8_t keys[KEY_MAX / 8 + 1] = { 0 };

	return ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(keys)), keys) >= 0 &&
	       keys[KEY_POWER / 8] >> KEY_POWER % 8 & 1;
}

static int is_event(const struct dirent *d)
{
	return !strncmp(d->d_name, "event", 5);
}

void init_watch_buttons(void)
{
	static struct event buttons[BUTTONS];
	struct dirent **names;
	int n = scandir("/dev/input", &names, is_event, alphasort), used = 0;

	for (int i = 0; i < n; i++) {
		char path[sizeof("/dev/input/") + sizeof(names[i]->d_name)];
		int fd;

		snprintf(path, sizeof(path), "/dev/input/%s", names[i]->d_name);
		free(names[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (used < BUTTONS && has_power_key(fd)) {
			buttons[used] = (struct event){ .fd = fd, .fn = on_button };
			if (loop_add(&buttons[used], EPOLLIN, NULL) == 0) {
				used++;
				continue;
			}
		}
		close(fd);
	}
	if (n >= 0)
		free(names);
}
