/* proxy_worker.c - the role: listening sockets, the tables, the end. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>
#include <knetd/log.h>

#include "proxy.h"
#include "proxy_certs.h"
#include "proxy_log.h"
#include "proxy_udp.h"

#define ACCEPTS_A_TURN 64
#define BLOCKS_KEPT (1024 * 1024) /* bytes */

struct worker *proxy_worker;

/* One that is closed is remembered until its place is taken: connections that came by it go on. */
static struct door {
	struct event ev;
	struct worker_socket socket;
	const struct table_port *port; /* NULL: nothing is served there now */
	char number[6];                /* of it, as text */
} doors[WORKER_SOCKETS];

/* ---- tables --------------------------------------------------------------------------------- */

const struct table_port *proxy_port(unsigned door)
{
	const struct door *d = &doors[door % WORKER_SOCKETS];

	return d->socket.id == door ? d->port : NULL;
}

static void find_port(struct door *d)
{
	const struct table *t = proxy_table();
	const struct table_port *end = t->ports + t->n_ports;

	for (d->port = t->ports; d->port < end; d->port++)
		if (worker_socket_is(&d->socket, &d->port->at, !d->port->udp))
			return;
	d->port = NULL;
}

/* Once for all shards of backends that came together. */
static void on_forget_peers(struct timer *t)
{
	(void)t;
	peers_changed();
}

static struct timer forget_peers = { .fn = on_forget_peers };

static void changed(struct worker *w, unsigned slot)
{
	tables_take(slot, w->slots[slot]);
	udp_changed();
	if (slot == TABLE_ROUTES)
		for (unsigned i = 0; i < w->n_sockets; i++)
			find_port(&doors[i]);
	if (slot == TABLE_CERTS)
		certs_changed();
	else if (slot >= TABLE_BACKENDS && slot < TABLE_RULES)
		timer_set(&forget_peers, 0);
	else
		route_count_changed();
}

/* ---- connections ---------------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static void read_address(const union address *from, struct endpoint *out)
{
	ip_of_sockaddr(&out->ip, &from->any);
	out->port = ntohs(from->any.sa_family == AF_INET ? from->v4.sin_port : from->v6.sin6_port);
}

static void accepted(int fd, const union address *from, const struct door *d)
{
	static struct log_rate rate;
	struct arrival a = { .door = d->socket.id, .at = d->socket.at, .fd = fd };

	if (!client_has_room()) {
		count_up(COUNT_TURNED_AWAY);
		close(fd);
		if (log_may(&rate))
			log_warn("ingress: %d connections are open: none of them idle: one more is "
			         "refused",
			         CLIENTS_MAX);
		return;
	}
	count_up(COUNT_CONNECTIONS); /* once, however often it changes hands */
	read_address(from, &a.from);
	ip_text(&a.from.ip, a.ip);
	memcpy(a.port, d->number, sizeof(a.port));
	if (d->port && d->port->proxy_protocol)
		knock_new(fd, &a);
	else
		client_begin(fd, &a, NULL, 0);
}

/* False when nobody waits any more, or the door is closed by now. */
static bool accept_some(struct door *d)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		union address from = { 0 };
		socklen_t n = sizeof(from);
		int fd = accept4(d->ev.fd, &from.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return false;
		accepted(fd, &from, d);
	}
	return true;
}

static void on_accept(struct event *ev, uint32_t events)
{
	(void)events;
	worker_fresh(proxy_worker);
	accept_some(container_of(ev, struct door, ev));
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static void on_datagrams(struct event *ev, uint32_t events)
{
	struct door *d = container_of(ev, struct door, ev);

	(void)events;
	worker_fresh(proxy_worker);
	if (ev->fd >= 0)
		udp_readable(d->socket.id, ev->fd);
}

static int start(struct worker *w, struct err *e)
{
	(void)e;
	proxy_worker = w;
	blocks_keep(BLOCKS_KEPT);
	proxy_log_start(w);
	for (unsigned i = 0; i < WORKER_SOCKETS; i++)
		doors[i].socket.id = UINT32_MAX;
	return 0;
}

static int listening(struct worker *w, struct worker_socket *s, struct err *e)
{
	struct door *d = &doors[s - w->sockets];

	*d = (struct door){ .socket = *s };
	d->ev = (struct event){ .fd = s->fd, .fn = s->stream ? on_accept : on_datagrams };
	snprintf(d->number, sizeof(d->number), "%u", s->at.port);
	if (s->stream) /* whoever is accepted inherits it */
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	find_port(d);
	return loop_add(&d->ev, EPOLLIN, e);
}

/* Who waits is taken in. */
static void closing(struct worker *w, struct worker_socket *s)
{
	struct door *d = &doors[s - w->sockets];

	if (s->stream) {
		while (accept_some(d))
			;
	} else {
		udp_readable(s->id, s->fd);
		udp_door_closes(s->id);
	}
	loop_del(&d->ev);
	d->ev.fd = -1;
}

static void drain(struct worker *w)
{
	(void)w;
	clients_drain();
}

const struct worker_role ingress_role = {
	.name = "ingress",
	.slots = TABLE_SLOTS,
	.start = start,
	.changed = changed,
	.listening = listening,
	.closing = closing,
	.drain = drain,
};
