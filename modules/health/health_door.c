/* health_door.c - see health_door.h */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/handover.h>
#include <knetd/list.h>

#include "health_door.h"

#define ACCEPTS 16 /* a turn, of one door */
#define HEAD_MS 5000
#define LINGER_MS 1000

struct conn {
	struct event ev;
	struct timer timer;
	struct list in_all;
	const struct health_door *door;
	bool answered; /* what still comes is thrown away */
	size_t n;
	char in[HEALTH_HEAD_MAX];
};

static struct list all = LIST_INIT(all); /* the oldest first */
static struct list doors = LIST_INIT(doors);
static unsigned n_conns;

static void conn_close(struct conn *c)
{
	loop_del(&c->ev);
	timer_del(&c->timer);
	close(c->ev.fd);
	list_del(&c->in_all);
	n_conns--;
	free(c);
}

static void on_timeout(struct timer *t)
{
	conn_close(container_of(t, struct conn, timer));
}

/* ---- answering ------------------------------------------------------------------------------ */

/* An answer fits into the buffer of a socket that nothing was written to. The client closes first,
 * or else is thrown out: closing while bytes of its still come could take the answer from it. */
static void send_answer(struct conn *c, const struct health_answer *a, bool head)
{
	char out[sizeof(*a) + 256];
	int n = snprintf(out, sizeof(out),
	                 "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
	                 "X-Content-Type-Options: nosniff\r\n%sContent-Length: %zu\r\n"
	                 "Connection: close\r\n\r\n%s",
	                 a->status, http_reason(a->status), a->headers, strlen(a->body),
	                 head ? "" : a->body);

	if (send(c->ev.fd, out, n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) {
		conn_close(c);
		return;
	}
	shutdown(c->ev.fd, SHUT_WR);
	c->answered = true;
	timer_set(&c->timer, LINGER_MS);
}

static void look_at_request(struct conn *c)
{
	struct health_answer a = { .status = 200 };
	struct http_head head = { 0 };
	const char *why = "";
	int used = http_parse_request(&head, c->in, c->n, &why);

	if (!used && c->n < sizeof(c->in))
		return;
	if (used <= 0)
		a.status = used ? -used : 431;
	else
		c->door->answer(c->door, head.path, &a);
	send_answer(c, &a, used > 0 && span_is(head.method, "HEAD"));
}

static void on_bytes(struct event *ev, uint32_t events)
{
	struct conn *c = container_of(ev, struct conn, ev);
	char waste[4096];
	ssize_t n = c->answered ? recv(ev->fd, waste, sizeof(waste), MSG_DONTWAIT)
	                        : recv(ev->fd, c->in + c->n, sizeof(c->in) - c->n, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c);
	} else if (!c->answered) {
		c->n += n;
		look_at_request(c);
	}
}

/* ---- leaving --------------------------------------------------------------------------------- */

static void listen_to_all(uint32_t mask)
{
	struct list *l, *next;

	list_each (l, next, &doors)
		loop_mod(&container_of(l, struct health_door, in_doors)->ev, mask);
}

static void leave_begin(void)
{
	listen_to_all(EPOLLERR); /* who comes waits for the next one */
}

static bool leave_quiet(void)
{
	struct list *l, *next;
	bool quiet = true;

	list_each (l, next, &all)
		quiet &= container_of(l, struct conn, in_all)->answered;
	return quiet;
}

static void leave_resume(void)
{
	listen_to_all(EPOLLIN);
}

void health_doors_start(void)
{
	static const struct handover_giver giver = { leave_begin, leave_quiet, NULL, leave_resume };

	handover_add_giver(&giver);
}

/* ---- doors ---------------------------------------------------------------------------------- */

/* The address that the client came to; an IPv4 one also behind a socket of both families. */
static struct ip own_address(int fd)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in6 *v6 = (void *)&at;
	socklen_t n = sizeof(at);
	struct ip ip = { 0 };

	getsockname(fd, (void *)&at, &n);
	if (at.ss_family == AF_INET6 && memcmp(&v6->sin6_addr, mapped, sizeof(mapped)) != 0) {
		ip.len = 16;
		memcpy(ip.b, &v6->sin6_addr, 16);
	} else {
		ip.len = 4;
		memcpy(ip.b,
		       at.ss_family == AF_INET6 ? (char *)&v6->sin6_addr + 12
		                                : (char *)&((struct sockaddr_in *)&at)->sin_addr,
		       4);
	}
	return ip;
}

/* As near as can be to nobody listening there. */
static void turn_away(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void conn_open(const struct health_door *door, int fd)
{
	struct conn *c;

	if (n_conns == HEALTH_CONNS)
		conn_close(container_of(all.next, struct conn, in_all));
	c = xcalloc(1, sizeof(*c));
	c->ev = (struct event){ .fd = fd, .fn = on_bytes };
	c->timer.fn = on_timeout;
	c->door = door;
	list_add_tail(&all, &c->in_all);
	n_conns++;
	if (loop_add(&c->ev, EPOLLIN, NULL))
		conn_close(c);
	else
		timer_set(&c->timer, HEAD_MS);
}

static void on_accept(struct event *ev, uint32_t events)
{
	struct health_door *door = container_of(ev, struct health_door, ev);

	(void)events;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd = accept4(ev->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct ip at;

		if (fd < 0)
			return;
		at = own_address(fd);
		if (door->open_at && !door->open_at(&at))
			turn_away(fd);
		else
			conn_open(door, fd);
	}
}

static int bind_to(int fd, const struct endpoint *at, bool six)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(at->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(at->port) };
	int yes = 1, only = at->ip.len != 0;

	memcpy(six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, at->ip.b, at->ip.len);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes)); /* the link may come later */
	if (six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (bind(fd, six ? (void *)&v6 : (void *)&v4, six ? sizeof(v6) : sizeof(v4)) < 0)
		return -1;
	return listen(fd, 64);
}

static int door_serve(struct health_door *door, int fd, const char *name, struct err *e)
{
	door->ev = (struct event){ .fd = fd, .fn = on_accept };
	if (loop_add(&door->ev, EPOLLIN, e)) {
		close(fd);
		return -e->code;
	}
	handover_keep(name, fd);
	list_add_tail(&doors, &door->in_doors);
	return 0;
}

int health_door_open(struct health_door *door, const struct endpoint *at, struct err *e)
{
	bool six = at->ip.len != 4;
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	char text[IP_TEXT], name[HANDOVER_NAME];
	int fd;

	ip_text(&at->ip, text);
	snprintf(name, sizeof(name), "health %s %u", at->ip.len ? text : "*", at->port);
	fd = handover_take(name);
	if (fd >= 0)
		return door_serve(door, fd, name, e);
	fd = socket(six ? AF_INET6 : AF_INET, type, 0);
	if (fd < 0 && !at->ip.len) { /* a machine without IPv6 */
		six = false;
		fd = socket(AF_INET, type, 0);
	}
	if (fd < 0 || bind_to(fd, at, six) < 0) {
		err_set(e, errno, "listen on %s port %u: %s", at->ip.len ? text : "all addresses",
		        at->port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -e->code;
	}
	return door_serve(door, fd, name, e);
}

void health_door_close(struct health_door *door)
{
	struct list *l, *next;

	loop_del(&door->ev);
	handover_drop(door->ev.fd);
	close(door->ev.fd);
	list_del(&door->in_doors);
	list_each (l, next, &all) {
		struct conn *c = container_of(l, struct conn, in_all);

		if (c->door == door)
			conn_close(c);
	}
}
