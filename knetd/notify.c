/* notify.c - sd_notify's datagram: a few words to the socket that NOTIFY_SOCKET names. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/notify.h>

static socklen_t address(struct sockaddr_un *at)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(at->sun_path) || (*path != '/' && *path != '@'))
		return 0;
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(at->sun_path, path, n);
	if (*path == '@') /* a name without a file */
		at->sun_path[0] = '\0';
	return offsetof(struct sockaddr_un, sun_path) + n;
}

bool notify_wanted(void)
{
	struct sockaddr_un at;

	return address(&at) > 0;
}

static void add_descriptor(struct msghdr *m, int fd)
{
	struct cmsghdr *c = m->msg_control;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	m->msg_controllen = CMSG_SPACE(sizeof(fd));
}

void notify_pass(const char *lines, int fd)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(fd))] = { 0 };
	struct iovec text = { (char *)lines, strlen(lines) };
	struct sockaddr_un at;
	struct msghdr m = { .msg_name = &at, .msg_iov = &text, .msg_iovlen = 1 };
	auto_close int to = -1;

	m.msg_namelen = address(&at);
	if (!m.msg_namelen)
		return;
	m.msg_control = room;
	if (fd >= 0)
		add_descriptor(&m, fd);
	to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (to >= 0)
		(void)!sendmsg(to, &m, MSG_NOSIGNAL);
}

void notify_tell(const char *lines)
{
	notify_pass(lines, -1);
}

void notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
	         now.tv_sec * 1000000ull + (unsigned long)now.tv_nsec / 1000);
	notify_tell(text);
}
