/* proxy_hello.c - connections that begin with a ClientHello: it is read before anybody answers, and
 * the name in it tells whose they are. What is not ended here goes on with these very bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/tls_hello.h>

#include "proxy_secure.h"

struct hello {
	struct client client;
	struct grave grave;
	struct arrival arrival;
	struct event ev;
	struct timer limit;
	struct buf in;
	bool dead;
};

static void hello_free(struct grave *g)
{
	struct hello *h = container_of(g, struct hello, grave);

	buf_free(&h->in);
	free(h);
}

/* Gives up its descriptor, which goes on in other hands; what was read lives until the turn ends.
 */
static int leave(struct hello *h)
{
	h->dead = true;
	loop_del(&h->ev);
	timer_del(&h->limit);
	client_leaves(&h->client);
	bury(&h->grave, hello_free);
	return h->ev.fd;
}

/* Nobody's: closed without a word, as if nothing listened for that name. */
static void refuse(struct hello *h, enum proxy_counter what)
{
	count_up(what);
	client_reset(leave(h));
}

static void go_on(struct hello *h, const struct tls_hello *said)
{
	const struct table_port *port = proxy_port(h->arrival.door);
	const struct table_listener *l =
		port ? match_listener(port, (struct span){ said->sni, strlen(said->sni) }) : NULL;

	if (!l) {
		refuse(h, COUNT_NO_ROUTE);
		return;
	}
	h->arrival.tls = !l->passthrough;
	memcpy(h->arrival.sni, said->sni, sizeof(h->arrival.sni));
	clients_stay(+1);
	if (l->passthrough)
		tcp_new(leave(h), NULL, &h->arrival, l, h->in.data, h->in.len);
	else
		secure_begin(leave(h), &h->arrival, l, said, h->in.data, h->in.len);
	clients_stay(-1);
}

static void look(struct hello *h)
{
	struct tls_hello said;
	int used = tls_hello_read(&said, h->in.data, h->in.len);

	if (used > 0)
		go_on(h, &said);
	else if (used == -EPROTO)
		secure_refuse_plain(leave(h), h->in.data, h->in.len);
	else if (used < 0)
		refuse(h, COUNT_REFUSED);
}

static void on_read(struct event *ev, uint32_t events)
{
	struct hello *h = container_of(ev, struct hello, ev);
	char *room = buf_room(&h->in, 2048);
	ssize_t n = recv(ev->fd, room, 2048, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(leave(h));
		return;
	}
	h->in.len += n;
	look(h);
}

static void on_limit(struct timer *t)
{
	refuse(container_of(t, struct hello, limit), COUNT_REFUSED);
}

static void on_close(struct client *client)
{
	refuse(container_of(client, struct hello, client), COUNT_REFUSED);
}

static void on_drain(struct client *client)
{
	(void)client;
}

void hello_new(int fd, const struct arrival *a, const void *read, size_t n)
{
	struct hello *h = xcalloc(1, sizeof(*h));
	struct err e;

	h->arrival = *a;
	h->client.drain = on_drain;
	h->client.close = on_close;
	h->ev = (struct event){ .fd = fd, .fn = on_read };
	h->limit.fn = on_limit;
	client_joins(&h->client);
	client_idle(&h->client, true); /* it is waited for */
	timer_set(&h->limit, HEAD_MS);
	buf_add(&h->in, read, n);
	if (loop_add(&h->ev, EPOLLIN, &e))
		close(leave(h));
	else if (n)
		look(h);
}
