/* ingress_worker.c - the role: listening sockets, the routes' snapshot, the end. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "ingress_proxy.h"

static struct listener {
	struct event ev;
	uint16_t port;
} listeners[WORKER_SOCKETS];

#define ACCEPTS_A_TURN 64

static void on_accept(struct event *ev, uint32_t events)
{
	static struct log_rate rate;
	int one = 1;

	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t n = sizeof(peer);
		int fd =
			accept4(ev->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (client_new(fd, &peer, container_of(ev, struct listener, ev)->port))
			continue;
		close(fd);
		if (log_may(&rate))
			log_warn("ingress: %d connections are open: one more is refused",
			         CLIENTS_MAX);
	}
}

static void changed(struct worker *w, unsigned slot)
{
	const struct snapshot *s = w->slots[slot];

	if (s && !route_table_open(&proxy_routes, s->data, s->len))
		log_err("ingress: the routes cannot be read: none is served");
	else if (!s)
		proxy_routes = (struct route_table){ 0 };
}

static int start(struct worker *w, struct err *e)
{
	proxy_worker = w;
	for (unsigned i = 0; i < w->n_sockets; i++) {
		listeners[i].ev = (struct event){ .fd = w->sockets[i].fd, .fn = on_accept };
		listeners[i].port = w->sockets[i].port;
		if (loop_add(&listeners[i].ev, EPOLLIN, e))
			return -e->code;
	}
	return 0;
}

static void drain(struct worker *w)
{
	for (unsigned i = 0; i < w->n_sockets; i++)
		loop_del(&listeners[i].ev);
	clients_drain();
}

const struct worker_role ingress_role = {
	.name = "ingress",
	.slots = 1,
	.start = start,
	.changed = changed,
	.drain = drain,
};
