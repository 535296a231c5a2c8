/* api_conn.c - the API's connections: which are open, and one request at a time on each.
 *
 * An answer is made while the request is read, but leaves after the turn: by then every module has
 * brought the kernel and the workers up to date, so what an answer says is in force when it
 * arrives.
 *
 * Nobody starves anybody: each door (unix socket, plain, TLS) has CONNS_MAX places of its own and,
 * in each turn of the loop, a share of requests and of time; what goes beyond is read in a later
 * turn (epoll takes ready descriptors in rotation). CNI calls on the unix socket do not wait: the
 * socket is looked at between two requests, the turn that serves a call serves nothing else after
 * it, and the call's answer leaves before the others. So that a crowd of calls starves nobody
 * either, the turn behind such a turn gives everybody his share. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/handover.h>
#include <knetd/log.h>

#include "api_conn.h"
#include "api_pki.h"

#define TURN_REQUESTS 64 /* of one door */
#define TURN_US 5000

static struct list all = LIST_INIT(all), aside = LIST_INIT(aside), held = LIST_INIT(held),
		   held_cni = LIST_INIT(held_cni), ready = LIST_INIT(ready), dead = LIST_INIT(dead);
static struct {
	unsigned open;
	unsigned requests; /* this turn */
	uint64_t us;
} doors[HTTP_DOORS];
static bool leaving;
static struct conn *conn_new(int fd, enum http_door door);
static bool has_cni,
	gave_way; /* a CNI call was served this turn; the turn before gave way to one */

/* Freed when the turn ends: callers up the stack still look at it. */
void conn_close(struct conn *c)
{
	if (c->phase == CLOSED)
		return;
	if (c->watch)
		watch_stop(c->watch);
	c->watch = NULL;
	loop_del(&c->ev);
	timer_del(&c->timer);
	if (c->tls && c->phase != LINGER)
		tls_end(c->tls, c->ev.fd);
	tls_free(TAKE(c->tls));
	close(c->ev.fd);
	conn_forget_request(c);
	buf_free(&c->in);
	buf_free(&c->out);
	c->phase = CLOSED;
	doors[c->door].open--;
	list_del(&c->in_all);
	list_del(&c->in_work);
	list_add_tail(&dead, &c->in_work);
}

static void bury(void)
{
	struct list *l, *next;

	list_each (l, next, &dead)
		free(container_of(l, struct conn, in_work));
	list_init(&dead);
}

ssize_t conn_recv(struct conn *c, void *p, size_t n)
{
	return c->tls ? tls_recv(c->tls, c->ev.fd, p, n) : recv(c->ev.fd, p, n, MSG_DONTWAIT);
}

ssize_t conn_send(struct conn *c, struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };

	if (c->tls)
		return tls_send(c->tls, c->ev.fd, iov, n);
	return sendmsg(c->ev.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool conn_unsent(const struct conn *c)
{
	return c->tls && tls_unsent(c->tls);
}

/* ---- shares of a turn ----------------------------------------------------------------------- */

uint64_t conn_work_begin(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void conn_work_end(const struct conn *c, uint64_t begun)
{
	has_cni |= c->urgent;
	doors[c->door].requests++;
	doors[c->door].us += conn_work_begin() - begun;
}

static bool is_cni(const struct conn *c)
{
	static const char cni[] = "POST /cni/";
	char begin[sizeof(cni) - 1];

	if (c->door != HTTP_DOOR_UNIX || c->phase != READ_HEAD || c->in.len)
		return c->urgent;
	return recv(c->ev.fd, begin, sizeof(begin), MSG_PEEK | MSG_DONTWAIT) == sizeof(begin) &&
	       !memcmp(begin, cni, sizeof(begin));
}

bool conn_may(const struct conn *c)
{
	bool give_way = has_cni && !gave_way;

	if (!give_way && doors[c->door].requests < TURN_REQUESTS && doors[c->door].us < TURN_US)
		return true;
	return is_cni(c);
}

/* ---- leaving --------------------------------------------------------------------------------- */

/* Between two requests: whoever has the socket can go on with it. */
static bool is_between(const struct conn *c)
{
	return c->phase == READ_HEAD && !c->in.len;
}

/* What comes now is for the next one to read. */
static void park(struct conn *c, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		conn_close(c);
	else
		loop_mod(&c->ev, EPOLLERR);
}

bool conns_leaving(void)
{
	return leaving;
}

static void leave_begin(void)
{
	leaving = true;
	doors_pause(true);
}

/* They end last, with nobody left who could write: so each has told everything. */
static void end_watches(void)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		struct conn *c = container_of(l, struct conn, in_all);

		if (c->watch && !c->ended)
			watch_end(c->watch);
	}
}

/* A session of TLS cannot be handed on: the connection ends when its client has had an answer and
 * asks for nothing. */
static bool is_left(struct conn *c)
{
	struct pollfd p = { .fd = c->ev.fd, .events = POLLIN };

	if (c->phase == LINGER)
		return true;
	if (!c->tls || !is_between(c))
		return is_between(c);
	if (!c->head_n || tls_pending(c->tls) || poll(&p, 1, 0) > 0)
		return false;
	conn_close(c);
	return true;
}

static bool leave_quiet(void)
{
	struct list *l, *next;
	bool quiet = true, watched = false;

	list_each (l, next, &all) {
		struct conn *c = container_of(l, struct conn, in_all);

		watched |= c->phase == STREAM;
		quiet &= c->phase == STREAM || is_left(c);
	}
	bury();
	if (quiet)
		end_watches();
	return quiet && !watched;
}

static const char *const left_name[HTTP_DOORS] = {
	[HTTP_DOOR_UNIX] = "api conn unix",
	[HTTP_DOOR_PLAIN] = "api conn plain",
};

static void leave_give(void)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		struct conn *c = container_of(l, struct conn, in_all);

		if (is_between(c) && !c->tls)
			handover_keep(left_name[c->door], c->ev.fd);
	}
}

static void leave_resume(void)
{
	struct list *l, *next;

	leaving = false;
	doors_pause(false);
	handover_drop_all(left_name[HTTP_DOOR_UNIX]);
	handover_drop_all(left_name[HTTP_DOOR_PLAIN]);
	list_each (l, next, &all) {
		struct conn *c = container_of(l, struct conn, in_all);

		if (is_between(c))
			loop_mod(&c->ev, EPOLLIN);
	}
}

/* Read when the loop runs, not before every module stands. */
static void adopt(void)
{
	for (int door = 0; door < HTTP_DOORS; door++) {
		const char *name = left_name[door];
		int fd;

		while (name && (fd = handover_take(name)) >= 0)
			conn_new(fd, door);
	}
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_timeout(struct timer *t)
{
	conn_close(container_of(t, struct conn, timer));
}

/* A client of a stream says nothing more; its end is what matters. */
static void stream_event(struct conn *c, uint32_t events)
{
	char waste[256];
	ssize_t n = events & EPOLLIN ? conn_recv(c, waste, sizeof(waste)) : 1;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		conn_close(c);
	else if (events & (EPOLLERR | EPOLLHUP))
		conn_close(c);
	else
		conn_stream_write(c);
}

static void read_and_look(struct conn *c)
{
	unsigned before = doors[c->door].requests;

	conn_read(c);
	if (doors[c->door].requests != before)
		doors_look();
}

static void on_event(struct event *ev, uint32_t events)
{
	struct conn *c = container_of(ev, struct conn, ev);

	if (leaving && is_between(c) && !c->tls) {
		park(c, events);
		return;
	}
	switch (c->phase) {
	case READ_HEAD:
	case READ_BODY:
		read_and_look(c);
		break;
	case WRITE:
		if (events & (EPOLLERR | EPOLLHUP))
			conn_close(c);
		else
			conn_write(c);
		break;
	case STREAM:
		stream_event(c, events);
		break;
	case LINGER:
		conn_throw_away(c);
		break;
	case ASIDE:
	case HELD: /* the client went away: its request was served all the same */
		loop_mod(ev, EPOLLERR);
		break;
	case CLOSED:
		break;
	}
}

static void wait_on(struct list *work, struct conn *c, enum phase phase)
{
	c->phase = phase;
	loop_mod(&c->ev, EPOLLRDHUP);
	timer_del(&c->timer);
	list_del(&c->in_work);
	list_add_tail(work, &c->in_work);
	loop_again();
}

void conn_put_aside(struct conn *c)
{
	wait_on(&aside, c, ASIDE);
}

void conn_hold(struct conn *c)
{
	wait_on(c->urgent ? &held_cni : &held, c, HELD);
}

void conn_stream_ready(struct conn *c)
{
	list_del(&c->in_work);
	list_add_tail(&ready, &c->in_work);
}

/* What is put on the list meanwhile waits for the next turn. */
static void work_off(struct list *work, void (*one)(struct conn *c))
{
	struct list now;

	list_take(&now, work);
	while (!list_empty(&now)) {
		struct conn *c = container_of(now.next, struct conn, in_work);

		list_del(&c->in_work);
		one(c);
	}
}

static void undone(struct list *answers, const struct err *e)
{
	struct list *l, *next;

	list_each (l, next, answers) {
		struct conn *c = container_of(l, struct conn, in_work);
		struct http_answer *a = &c->answer;

		if (!c->rests)
			continue;
		buf_free(&a->body);
		buf_free(&a->headers);
		if (a->undone)
			a->undone(a, e);
		else
			status_error(&(struct call){ .answer = a }, e);
	}
}

/* What the turn wrote is not kept: answers that rest on it say so instead. */
void conns_undone(const struct err *e)
{
	undone(&held_cni, e);
	undone(&held, e);
}

/* What was written is durable, what modules had to do is done. */
static void after_turn(void)
{
	for (unsigned i = 0; i < HTTP_DOORS; i++)
		doors[i].requests = doors[i].us = 0;
	gave_way = has_cni && !gave_way;
	has_cni = false;
	doors_turn();
	work_off(&held_cni, conn_flush);
	work_off(&aside, conn_serve_aside);
	watches_feed();
	work_off(&held, conn_flush);
	work_off(&ready, conn_stream_write);
	bury();
}

/* ---- opening -------------------------------------------------------------------------------- */

static unsigned peer_uid(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) ? HTTP_NO_UID : cred.uid;
}

static bool has_place(enum http_door door)
{
	static const char *const names[] = { "unix socket", "insecure_listen", "listen" };
	static struct log_rate rate;

	if (doors[door].open < CONNS_MAX)
		return true;
	if (log_may(&rate))
		log_warn("api: %d connections are open on %s: one more is refused", CONNS_MAX,
		         names[door]);
	return false;
}

static struct conn *conn_new(int fd, enum http_door door)
{
	struct err e = { 0 };
	struct conn *c;
	int one = 1;

	if (!has_place(door) || (door == HTTP_DOOR_TLS && !pki_identity())) {
		close(fd);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->ev = (struct event){ .fd = fd, .fn = on_event };
	c->timer.fn = on_timeout;
	c->phase = READ_HEAD;
	c->door = door;
	c->in.max = API_APPLY_MAX + HTTP_HEAD_MAX + 65536;
	c->uid = door == HTTP_DOOR_UNIX ? peer_uid(fd) : HTTP_NO_UID;
	if (door == HTTP_DOOR_TLS)
		c->tls = tls_new(pki_identity());
	if (door != HTTP_DOOR_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	doors[door].open++;
	list_add_tail(&all, &c->in_all);
	list_init(&c->in_work);
	if (loop_add(&c->ev, EPOLLIN, &e)) {
		log_err("api: %s", e.text);
		conn_close(c);
		return NULL;
	}
	timer_set(&c->timer, HEAD_MS);
	return c;
}

void conn_open(int fd, enum http_door door)
{
	struct conn *c = conn_new(fd, door);

	if (c && door == HTTP_DOOR_UNIX) /* the request is often there already */
		conn_read(c);
}

void conns_start(void)
{
	static const struct handover_giver giver = { leave_begin, leave_quiet, leave_give,
		                                     leave_resume };

	loop_after(after_turn);
	handover_add_giver(&giver);
	adopt();
}

void conns_close(void)
{
	while (!list_empty(&all))
		conn_close(container_of(all.next, struct conn, in_all));
	bury();
}

void conns_close_door(enum http_door door)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		struct conn *c = container_of(l, struct conn, in_all);

		if (c->door == door)
			conn_close(c);
	}
}

unsigned conns_count(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HTTP_DOORS; i++)
		n += doors[i].open;
	return n;
}
