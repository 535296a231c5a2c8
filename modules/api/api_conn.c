/* api_conn.c - the API's connections: a fixed table, one request at a time on each.
 *
 * An answer is made while the request is read, but leaves after the turn: by then every module has
 * brought the kernel and the workers up to date, so what an answer says is in force when it
 * arrives. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "api_conn.h"

#define CONNS_MAX 512

static struct conn conns[CONNS_MAX];
static unsigned n_open;

void conn_close(struct conn *c)
{
	if (c->watch)
		watch_stop(c->watch);
	c->watch = NULL;
	loop_del(&c->ev);
	timer_del(&c->timer);
	close(c->ev.fd);
	buf_free(&c->in);
	buf_free(&c->body);
	buf_free(&c->out);
	buf_free(&c->answer.body);
	buf_free(&c->answer.headers);
	c->phase = FREE;
	n_open--;
}

static void on_timeout(struct timer *t)
{
	conn_close(container_of(t, struct conn, timer));
}

static void on_event(struct event *ev, uint32_t events)
{
	struct conn *c = container_of(ev, struct conn, ev);
	char byte;

	switch (c->phase) {
	case READ_HEAD:
	case READ_BODY:
		conn_read(c);
		break;
	case WRITE:
		if (events & (EPOLLERR | EPOLLHUP))
			conn_close(c);
		else
			conn_write(c);
		break;
	case STREAM:
		if ((events & EPOLLIN) && recv(ev->fd, &byte, 1, MSG_DONTWAIT) == 0)
			conn_close(c);
		else
			conn_stream_write(c);
		break;
	case LINGER:
		conn_throw_away(c);
		break;
	case HELD: /* the client went away: its request was served all the same */
		loop_mod(ev, EPOLLERR);
		break;
	case FREE:
		break;
	}
}

/* After the turn: what modules had to do is done. */
static void after_turn(void)
{
	watches_feed();
	for (unsigned i = 0; n_open && i < CONNS_MAX; i++) {
		struct conn *c = &conns[i];

		if (c->phase == HELD)
			conn_flush(c);
		else if (c->phase == STREAM && (c->out.len || c->ended) && !(c->ev.mask & EPOLLOUT))
			conn_stream_write(c);
	}
}

static struct conn *conn_new(void)
{
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (conns[i].phase == FREE)
			return &conns[i];
	return NULL;
}

static unsigned peer_uid(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) ? 65534 : cred.uid;
}

void conn_open(int fd, bool tcp)
{
	static struct log_rate rate;
	struct conn *c = conn_new();
	struct err e = { 0 };
	int one = 1;

	if (!c) {
		if (log_may(&rate))
			log_warn("api: %d connections are open: one more is refused", CONNS_MAX);
		close(fd);
		return;
	}
	*c = (struct conn){ .ev = { .fd = fd, .fn = on_event },
		            .timer.fn = on_timeout,
		            .phase = READ_HEAD,
		            .tcp = tcp };
	c->in.max = API_APPLY_MAX + HTTP_HEAD_MAX + 65536;
	if (tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		c->uid = peer_uid(fd);
	n_open++;
	if (loop_add(&c->ev, EPOLLIN, &e)) {
		log_err("api: %s", e.text);
		conn_close(c);
		return;
	}
	timer_set(&c->timer, HEAD_MS);
}

void conns_start(void)
{
	loop_after(after_turn);
}

void conns_close(void)
{
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (conns[i].phase != FREE)
			conn_close(&conns[i]);
}

unsigned conns_count(void)
{
	return n_open;
}
