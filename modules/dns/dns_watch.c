/* dns_watch.c - see dns_watch.h. The directories of the file, and of what its links lead to, also
 * when that is not there yet, are watched. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "dns_watch.h"

#define LINKS 6
#define SEEN (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE)

static void on_news(struct event *ev, uint32_t events);
static struct event news = { .fd = -1, .fn = on_news };
static const char *file;
static void (*tell)(void);
static unsigned n_names;
static char names[LINKS][NAME_MAX + 1]; /* last parts of what the links lead to */

/* The path that the link leads to, over it; false: it is none. */
static bool follow(char *path, size_t size)
{
	char target[PATH_MAX];
	const char *slash = strrchr(path, '/');
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	size_t dir = 0;

	if (n > 0 && target[0] != '/' && slash)
		dir = (size_t)(slash - path) + 1;
	if (n <= 0 || dir + (size_t)n >= size)
		return false;
	target[n] = '\0';
	memcpy(path + dir, target, (size_t)n + 1);
	return true;
}

static void watch(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!slash || strlen(slash + 1) > NAME_MAX)
		return;
	snprintf(dir, sizeof(dir), "%.*s", slash > path ? (int)(slash - path) : 1, path);
	/* one that is watched already stays so */
	if (inotify_add_watch(news.fd, dir, SEEN | IN_ONLYDIR) >= 0)
		strcpy(names[n_names++], slash + 1);
}

void dns_watch_again(void)
{
	char path[PATH_MAX];

	if (news.fd < 0)
		return;
	n_names = 0;
	snprintf(path, sizeof(path), "%s", file);
	do
		watch(path);
	while (n_names < LINKS && follow(path, sizeof(path)));
}

static bool is_named(const struct inotify_event *e)
{
	for (unsigned i = 0; e->len && i < n_names; i++)
		if (!strcmp(names[i], e->name))
			return true;
	return e->mask & IN_Q_OVERFLOW;
}

static void on_news(struct event *ev, uint32_t events)
{
	_Alignas(struct inotify_event) char page[4096];
	bool ours = false;
	ssize_t n;

	(void)events;
	while ((n = read(ev->fd, page, sizeof(page))) > 0)
		for (const char *at = page; at < page + n;) {
			const struct inotify_event *e = (const void *)at;

			ours |= is_named(e);
			at += sizeof(*e) + e->len;
		}
	if (!ours)
		return;
	dns_watch_again();
	tell();
}

void dns_watch_begin(const char *path, void (*changed)(void))
{
	struct err e;

	file = path;
	tell = changed;
	news.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (news.fd >= 0 && loop_add(&news, EPOLLIN, &e)) {
		close(news.fd);
		news.fd = -1;
	}
	if (news.fd < 0)
		log_warn("dns: inotify: %m: changes of %s are seen later", path);
	dns_watch_again();
}

void dns_watch_end(void)
{
	if (news.fd >= 0)
		loop_close(&news);
}
