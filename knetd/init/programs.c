/* programs.c - what the first process keeps running: knetd itself, and what [init] run names. One
 * that ends is started again; one that ends soon is waited for longer each time. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/isolate.h>

#include "init.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 30000
#define LIVED_MS 30000 /* one that has lived so long is well: the pause is short again */

static struct init_program programs[INIT_PROGRAMS];
static unsigned n_programs;
static bool ending;

static void on_again(struct timer *t)
{
	init_program_start(container_of(t, struct init_program, again));
}

struct init_program *init_program_add(const char *path, bool console)
{
	struct init_program *p = &programs[n_programs++]; /* the keys have their maxima */

	*p = (struct init_program){ .words = { path }, .console = console };
	p->again.fn = on_again;
	return p;
}

void init_program_word(struct init_program *p, const char *word)
{
	unsigned n = 0;

	while (p->words[n])
		n++;
	if (n < INIT_WORDS)
		p->words[n] = word;
}

struct init_program *init_program_line(const char *line)
{
	char *rest = NULL, *word = strtok_r(xstrdup(line), " \t", &rest); /* kept for good */
	struct init_program *p = init_program_add(word, false);

	while ((word = strtok_r(NULL, " \t", &rest)))
		init_program_word(p, word);
	return p;
}

/* ---- start ---------------------------------------------------------------------------------- */

static void take_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	ioctl(fd, TIOCSCTTY, 1);
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void become(const struct init_program *p)
{
	static char *const environment[] = { "PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root",
		                             "TERM=linux", NULL };
	sigset_t none;
	struct err e;

	setsid();
	if (p->console)
		take_console();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (p->user && isolate_program(p->user, p->capabilities, &e)) {
		init_say("%s: %s", p->words[0], e.text);
		_exit(127);
	}
	execve(p->words[0], (char *const *)p->words, environment);
	init_say("%s: %m", p->words[0]);
	_exit(127);
}

static void later(struct init_program *p)
{
	bool lived = p->began && loop_now() - p->began >= LIVED_MS;

	p->pause = lived || !p->pause ? PAUSE_FIRST_MS : p->pause * 2;
	if (p->pause > PAUSE_MAX_MS)
		p->pause = PAUSE_MAX_MS;
	timer_set(&p->again, p->pause);
}

void init_program_start(struct init_program *p)
{
	if (ending || p->pid > 0)
		return;
	p->began = loop_now();
	p->pid = fork();
	if (p->pid == 0)
		become(p);
	if (p->pid > 0)
		return;
	init_say("%s: fork: %m", p->words[0]);
	p->pid = 0;
	later(p);
}

/* ---- end ------------------------------------------------------------------------------------ */

static void ended(struct init_program *p, int status)
{
	p->pid = 0;
	if (WIFSIGNALED(status))
		init_say("%s ended by signal %d", p->words[0], WTERMSIG(status));
	else
		init_say("%s ended with status %d", p->words[0], WEXITSTATUS(status));
	if (!ending)
		later(p);
}

void init_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < n_programs; i++)
			if (programs[i].pid == pid)
				ended(&programs[i], status);
}

void init_programs_end(void)
{
	ending = true;
	for (unsigned i = 0; i < n_programs; i++) {
		timer_del(&programs[i].again);
		if (programs[i].pid > 0)
			kill(programs[i].pid, programs[i].console ? SIGHUP : SIGTERM);
	}
}

unsigned init_programs_alive(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_programs; i++)
		n += programs[i].pid > 0;
	return n;
}
