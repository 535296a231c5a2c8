/* handover.c - see handover.h. The names are lines of a memory file, "fd NUMBER NAME" and "text KEY
 * VALUE", whose number is in the environment.
 *
 * What is taken is a copy: until handover_end the originals stay as they came, so that a binary
 * which fails half-way through its start gives all of them back. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/file.h>
#include <knetd/handover.h>

#define VARIABLE "KNETD_HANDOVER"
#define WHY "KNETD_HANDOVER_FAILED"
#define GIVERS 8
#define TEXT_MAX (8 << 20)
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#define VARIABLES 256

struct entry {
	char name[HANDOVER_NAME];
	int fd; /* -1: it is a word */
	bool taken;
	char *text;
};
struct entries {
	struct entry *v;
	size_t n, cap;
};
static struct entries found, kept;
static int found_file = -1;
static const struct handover_giver *givers[GIVERS];
static unsigned n_givers;
extern char **environ;

static struct entry *entry_new(struct entries *to, const char *name, size_t n)
{
	struct entry *e;

	if (to->n == to->cap) {
		to->cap = to->cap ? to->cap * 2 : 32;
		to->v = xrealloc(to->v, to->cap * sizeof(*to->v));
	}
	e = &to->v[to->n++];
	memset(e, 0, sizeof(*e));
	n = n < sizeof(e->name) - 1 ? n : sizeof(e->name) - 1;
	memcpy(e->name, name, n);
	e->fd = -1;
	return e;
}

static void entries_free(struct entries *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i].text);
	free(all->v);
	*all = (struct entries){ 0 };
}

static void set_cloexec(int fd, bool on)
{
	fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}

/* ---- taking --------------------------------------------------------------------------------- */

void handover_found(const char *name, int fd)
{
	if (fd <= STDERR_FILENO || fcntl(fd, F_GETFD) < 0)
		return;
	set_cloexec(fd, true);
	entry_new(&found, name, strlen(name))->fd = fd;
}

static void read_line(char *line)
{
	int fd = -1, at = 0;

	if (sscanf(line, "fd %d %n", &fd, &at) == 1 && at) {
		handover_found(line + at, fd);
	} else if (!strncmp(line, "text ", 5)) {
		size_t n = strcspn(line + 5, " ");

		if (line[5 + n])
			entry_new(&found, line + 5, n)->text = xstrdup(line + 5 + n + 1);
	}
}

static void read_file(int fd)
{
	auto_buf struct buf b = { .max = TEXT_MAX };
	ssize_t n = 0;
	char *room, *next;

	lseek(fd, 0, SEEK_SET);
	while ((room = buf_room(&b, 4096)) && (n = read(fd, room, 4095)) > 0)
		b.len += n;
	buf_add(&b, "", 1);
	for (char *line = b.failed ? NULL : b.data; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		read_line(line);
	}
}

bool handover_begin(void)
{
	const char *number = getenv(VARIABLE), *why = getenv(WHY);
	int fd = number ? atoi(number) : -1;

	if (fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0) {
		set_cloexec(fd, true);
		found_file = fd;
		read_file(fd);
		if (why)
			entry_new(&found, "failed", 6)->text =
				xstrdup(*why ? why : "it does not say why");
	}
	unsetenv(VARIABLE);
	unsetenv(WHY);
	return found_file >= 0;
}

int handover_take(const char *name)
{
	for (size_t i = 0; i < found.n; i++) {
		struct entry *e = &found.v[i];

		if (e->fd < 0 || e->taken || strcmp(e->name, name) != 0)
			continue;
		e->taken = true;
		return fcntl(e->fd, F_DUPFD_CLOEXEC, 3);
	}
	return -1;
}

const char *handover_text(const char *key)
{
	for (size_t i = 0; i < found.n; i++)
		if (found.v[i].text && !strcmp(found.v[i].name, key))
			return found.v[i].text;
	return "";
}

void handover_end(void)
{
	for (size_t i = 0; i < found.n; i++)
		if (found.v[i].fd >= 0)
			close(found.v[i].fd);
	entries_free(&found);
	if (found_file >= 0)
		close(found_file);
	found_file = -1;
}

/* ---- leaving -------------------------------------------------------------------------------- */

void handover_keep(const char *name, int fd)
{
	entry_new(&kept, name, strlen(name))->fd = fd;
}

void handover_drop(int fd)
{
	for (size_t i = 0; i < kept.n; i++)
		if (kept.v[i].fd == fd && fd >= 0) {
			kept.v[i] = kept.v[--kept.n];
			return;
		}
}

void handover_drop_all(const char *name)
{
	for (size_t i = kept.n; i-- > 0;)
		if (kept.v[i].fd >= 0 && !strcmp(kept.v[i].name, name))
			kept.v[i] = kept.v[--kept.n];
}

static void forget_word(const char *key)
{
	for (size_t i = 0; i < kept.n; i++)
		if (kept.v[i].text && !strcmp(kept.v[i].name, key)) {
			free(kept.v[i].text);
			kept.v[i] = kept.v[--kept.n];
			return;
		}
}

void handover_say(const char *key, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	forget_word(key);
	entry_new(&kept, key, strlen(key))->text = xstrdup(text);
}

void handover_add_giver(const struct handover_giver *g)
{
	if (n_givers < GIVERS)
		givers[n_givers++] = g;
}

void handover_stop(void)
{
	for (unsigned i = 0; i < n_givers; i++)
		if (givers[i]->stop)
			givers[i]->stop();
}

bool handover_quiet(void)
{
	bool quiet = true;

	for (unsigned i = 0; i < n_givers; i++)
		quiet &= !givers[i]->quiet || givers[i]->quiet();
	return quiet;
}

void handover_give(void)
{
	for (unsigned i = 0; i < n_givers; i++)
		if (givers[i]->give)
			givers[i]->give();
}

void handover_resume(void)
{
	for (unsigned i = 0; i < n_givers; i++)
		if (givers[i]->resume)
			givers[i]->resume();
}

/* ---- exec ----------------------------------------------------------------------------------- */

/* "NAME=digits" without snprintf, which a signal handler may not use. */
static char *number_variable(char *out, int number)
{
	char digits[12];
	size_t n = sizeof(VARIABLE) - 1, count = 0;

	memcpy(out, VARIABLE, n);
	out[n++] = '=';
	do
		digits[count++] = '0' + number % 10;
	while (number /= 10);
	while (count)
		out[n++] = digits[--count];
	out[n] = 0;
	return out;
}

static void become(int exe, char *const *argv, int file, const struct entries *all, char *why)
{
	static char number[sizeof(VARIABLE) + 16];
	static char *variables[VARIABLES + 3];
	size_t n = 0;

	for (; environ && environ[n] && n < VARIABLES; n++)
		variables[n] = environ[n];
	variables[n++] = number_variable(number, file);
	if (why)
		variables[n++] = why;
	variables[n] = NULL;
	/* also what a library has opened without it */
	syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].fd >= 0)
			set_cloexec(all->v[i].fd, false);
	set_cloexec(file, false);
	syscall(SYS_execveat, exe, "", argv, variables, AT_EMPTY_PATH);
}

static int write_file(const struct entries *all)
{
	auto_close int fd = memfd_create("knetd-handover", MFD_CLOEXEC);
	auto_buf struct buf b = { .max = TEXT_MAX };

	for (size_t i = 0; i < all->n; i++) {
		const struct entry *e = &all->v[i];

		if (e->fd >= 0)
			buf_printf(&b, "fd %d %s\n", e->fd, e->name);
		else if (e->text)
			buf_printf(&b, "text %s %s\n", e->name, e->text);
	}
	if (fd < 0 || b.failed || file_write(fd, b.data, b.len))
		return -1;
	return TAKE_FD(fd);
}

int handover_exec(int exe, char *const *argv, struct err *e)
{
	int file = write_file(&kept), code;

	if (file < 0)
		return err_set(e, EIO, "what is handed over cannot be written");
	become(exe, argv, file, &kept, NULL);
	code = errno;
	for (size_t i = 0; i < kept.n; i++)
		if (kept.v[i].fd >= 0)
			set_cloexec(kept.v[i].fd, true);
	close(file);
	return err_set(e, code, "exec: %s", strerror(code));
}

void handover_back(int exe, char *const *argv, const char *why)
{
	static char text[sizeof(WHY) + 300];
	size_t n = sizeof(WHY) - 1;

	if (found_file < 0 || exe < 0)
		return;
	memcpy(text, WHY, n);
	text[n++] = '=';
	for (; *why && n < sizeof(text) - 1; why++)
		text[n++] = *why;
	text[n] = 0;
	become(exe, argv, found_file, &found, text);
}
