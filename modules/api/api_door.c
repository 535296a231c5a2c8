/* api_door.c - the listening sockets of the API: the unix socket, HTTPS, and loopback ports without
 * TLS where they are configured. */
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/fd_store.h>
#include <knetd/handover.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/notify.h>

#include "api.h"

#define ACCEPTS 128 /* a turn, of each listening socket */

static struct door {
	struct event ev;
	enum http_door kind;
	unsigned accepts; /* this turn */
} doors[2 * CONF_ADDRS + 1];
static unsigned n_doors;
static bool paused; /* who comes waits in the queues */

static void on_accept(struct event *ev, uint32_t events)
{
	struct door *door = container_of(ev, struct door, ev);

	(void)events;
	for (; !paused && door->accepts < ACCEPTS; door->accepts++) {
		int fd = accept4(ev->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		conn_open(fd, door->kind);
	}
}

/* Asked first: an accept makes a socket before it finds nobody, which costs far more. */
void doors_look(void)
{
	struct pollfd door = { .fd = n_doors ? doors[0].ev.fd : -1, .events = POLLIN };

	if (!paused && poll(&door, 1, 0) > 0)
		on_accept(&doors[0].ev, EPOLLIN);
}

void doors_turn(void)
{
	for (unsigned i = 0; i < n_doors; i++)
		doors[i].accepts = 0;
}

static int open_door(int fd, enum http_door kind, const char *name, const char *what, struct err *e)
{
	struct door *door = &doors[n_doors];

	handover_keep(name, fd);
	if (listen(fd, 1024) < 0) {
		handover_drop(fd);
		close(fd);
		return err_set(e, errno, "%s: listen: %s", what, strerror(errno));
	}
	*door = (struct door){ .ev = { .fd = fd, .fn = on_accept }, .kind = kind };
	n_doors++;
	fd_store_keep(name, fd);
	return loop_add(&door->ev, EPOLLIN, e);
}

static void give_to_group(const char *path)
{
	struct group *g = *conf.api.socket_group ? getgrnam(conf.api.socket_group) : NULL;

	if (g && chown(path, 0, g->gr_gid) < 0)
		log_warn("api: %s: group %s: %s", path, conf.api.socket_group, strerror(errno));
	if (chmod(path, 0660) < 0)
		log_warn("api: %s: %s", path, strerror(errno));
}

/* Somebody may have taken its name away: whoever knocks at the path has to come to us. */
static bool is_reached(int listener, const struct sockaddr_un *sun)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred cred = { 0 };
	socklen_t n = sizeof(cred);

	(void)listen(listener, 1024);
	return fd >= 0 && !connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) &&
	       !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) && cred.pid == getpid();
}

static int open_unix(struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char name[HANDOVER_NAME];
	mode_t mask;
	int fd;

	strcpy(sun.sun_path, conf.api.socket);
	snprintf(name, sizeof(name), "api unix %s", conf.api.socket);
	fd = handover_take(name);
	if (fd >= 0 && is_reached(fd, &sun)) {
		give_to_group(conf.api.socket);
		return open_door(fd, HTTP_DOOR_UNIX, name, conf.api.socket, e);
	}
	if (fd >= 0)
		close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(conf.api.socket); /* the lock of the run directory says nobody else serves it */
	mask = umask(0177);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		err_set(e, errno, "%s: %s", conf.api.socket, strerror(errno));
		umask(mask);
		if (fd >= 0)
			close(fd);
		return -e->code;
	}
	umask(mask);
	give_to_group(conf.api.socket);
	return open_door(fd, HTTP_DOOR_UNIX, name, conf.api.socket, e);
}

static int open_tcp(const struct endpoint *ep, enum http_door kind, struct err *e)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(ep->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(ep->port) };
	const char *key = kind == HTTP_DOOR_TLS ? "listen" : "insecure_listen";
	bool six = ep->ip.len == 16;
	char text[IP_TEXT], name[HANDOVER_NAME];
	int one = 1, fd;

	snprintf(name, sizeof(name), "api tcp %s %u", ip_text(&ep->ip, text), ep->port);
	fd = handover_take(name);
	if (fd >= 0)
		return open_door(fd, kind, name, key, e);
	fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	memcpy(six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, ep->ip.b, ep->ip.len);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		/* the link of an address that is no loopback may come later */
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
		if (six)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	}
	if (fd < 0 ||
	    bind(fd, six ? (void *)&v6 : (void *)&v4, six ? sizeof(v6) : sizeof(v4)) < 0) {
		err_set(e, errno, "[api] %s %s port %u: %s", key, ip_text(&ep->ip, text), ep->port,
		        strerror(errno));
		if (fd >= 0)
			close(fd);
		return -e->code;
	}
	return open_door(fd, kind, name, key, e);
}

int doors_open(struct err *e)
{
	int ret = open_unix(e);

	for (unsigned i = 0; !ret && i < conf.api.insecure_listen.n; i++)
		ret = open_tcp(&conf.api.insecure_listen.v[i], HTTP_DOOR_PLAIN, e);
	for (unsigned i = 0; !ret && i < conf.api.listen.n; i++)
		ret = open_tcp(&conf.api.listen.v[i], HTTP_DOOR_TLS, e);
	return ret;
}

void doors_pause(bool pause)
{
	for (unsigned i = 0; i < n_doors; i++)
		loop_mod(&doors[i].ev, pause ? EPOLLERR : EPOLLIN);
	paused = pause;
}

void doors_close(void)
{
	while (n_doors > 0) {
		n_doors--;
		loop_del(&doors[n_doors].ev);
		handover_drop(doors[n_doors].ev.fd);
		close(doors[n_doors].ev.fd);
	}
	if (!notify_wanted()) /* the next start may have the socket from who has kept it */
		unlink(conf.api.socket);
}
