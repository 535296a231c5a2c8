/* proxy_knock.c - the PROXY header that connections to some ports begin with (proxy_header.h),
 * where their sender is believed. Who is not, or sends none, is turned away: bytes of a port that
 * speaks PROXY have one reading only. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "proxy.h"
#include "proxy_header.h"

struct knock {
	struct client client;
	struct grave grave;
	struct arrival arrival;
	struct event ev;
	struct timer limit;
	size_t n;
	bool dead;
	char read[PROXY_HEADER_MAX];
};

static void knock_free(struct grave *g)
{
	free(container_of(g, struct knock, grave));
}

/* Gives up its descriptor, which goes on in other hands. */
static int leave(struct knock *k)
{
	k->dead = true;
	loop_del(&k->ev);
	timer_del(&k->limit);
	client_leaves(&k->client);
	bury(&k->grave, knock_free);
	return k->ev.fd;
}

static void refuse(struct knock *k, const char *why)
{
	static struct log_rate rate;

	count_up(COUNT_REFUSED);
	if (log_may(&rate))
		log_warn("ingress: a connection from %s is refused: %s", k->arrival.ip, why);
	client_reset(leave(k));
}

static void go_on(struct knock *k, const struct proxy_header *h, size_t used)
{
	struct arrival *a = &k->arrival;
	int fd;

	if (h->known) {
		a->from = h->from;
		a->at.ip = h->to.ip;
		ip_text(&a->from.ip, a->ip);
	}
	clients_stay(+1); /* between the two nobody may think that it was the last one */
	fd = leave(k);
	client_begin(fd, a, k->read + used, k->n - used);
	clients_stay(-1);
}

static void on_read(struct event *ev, uint32_t events)
{
	struct knock *k = container_of(ev, struct knock, ev);
	ssize_t n = recv(ev->fd, k->read + k->n, sizeof(k->read) - k->n, MSG_DONTWAIT);
	struct proxy_header h;
	int used;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(leave(k));
		return;
	}
	k->n += n;
	used = proxy_header_read(&h, k->read, k->n);
	if (used > 0)
		go_on(k, &h, used);
	else if (used == -EPROTO)
		refuse(k, "it does not begin with a PROXY header");
	else if (used < 0)
		refuse(k, "its PROXY header is broken");
}

static void on_limit(struct timer *t)
{
	refuse(container_of(t, struct knock, limit), "its PROXY header did not come in time");
}

static void on_drain(struct client *client)
{
	(void)client;
}

static bool believed(const struct ip *from)
{
	const struct table *t = proxy_table();

	for (uint32_t i = 0; i < t->n_trusted; i++)
		if (cidr_has(&t->trusted[i], from))
			return true;
	return false;
}

void knock_new(int fd, const struct arrival *a)
{
	struct knock *k = xcalloc(1, sizeof(*k));
	struct err e;

	k->arrival = *a;
	k->client.drain = on_drain;
	k->ev = (struct event){ .fd = fd, .fn = on_read };
	k->limit.fn = on_limit;
	client_joins(&k->client);
	timer_set(&k->limit, HEAD_MS);
	if (!believed(&a->from.ip))
		refuse(k, "PROXY headers are not believed from there ([ingress] trusted)");
	else if (loop_add(&k->ev, EPOLLIN, &e))
		close(leave(k));
}
