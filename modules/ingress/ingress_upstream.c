/* ingress_upstream.c - connections to pods: new ones, and a bounded pool of idle ones. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <knetd/auto.h>

#include "ingress_proxy.h"

#define REST_MS 1000
#define RESTING_MAX 32

static struct list pool = LIST_INIT(pool); /* newest last */
static unsigned n_pool;

static struct { /* endpoints that refused a moment ago */
	struct route_endpoint endpoint;
	uint64_t until;
} resting[RESTING_MAX];
static unsigned next_resting;

bool endpoint_resting(const struct route_endpoint *ep)
{
	for (unsigned i = 0; i < RESTING_MAX; i++)
		if (resting[i].until > loop_now() && route_endpoint_equal(&resting[i].endpoint, ep))
			return true;
	return false;
}

void endpoint_rest(const struct route_endpoint *ep)
{
	resting[next_resting].endpoint = *ep;
	resting[next_resting].until = loop_now() + REST_MS;
	next_resting = (next_resting + 1) % RESTING_MAX;
}

void upstream_free(struct upstream *u)
{
	if (!u->client) {
		list_del(&u->in_pool);
		n_pool--;
	}
	timer_del(&u->idle);
	side_free(&u->side);
	free(u);
}

static void on_idle(struct timer *t)
{
	upstream_free(container_of(t, struct upstream, idle));
}

static bool connect_failed(struct upstream *u)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(u->side.ev.fd, SOL_SOCKET, SO_ERROR, &error, &n) || error;
}

static void on_event(struct event *ev, uint32_t events)
{
	struct upstream *u = container_of(ev, struct upstream, side.ev);

	if (!u->client) { /* idle: whatever comes, it is no longer of use */
		upstream_free(u);
		return;
	}
	if (u->connecting) {
		if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			return;
		u->connecting = false;
		if (connect_failed(u)) {
			proxy_upstream_event(u, true);
			return;
		}
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		side_read(&u->side);
	proxy_upstream_event(u, false);
}

static bool begin_connect(struct upstream *u)
{
	const struct route_endpoint *ep = &u->endpoint;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(ep->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(ep->port) };
	bool six = ep->ip.len == 16;
	int one = 1;
	struct err e;

	u->side.ev.fd =
		socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->side.ev.fd < 0)
		return false;
	setsockopt(u->side.ev.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	memcpy(six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, ep->ip.b, ep->ip.len);
	u->connecting = true;
	if (connect(u->side.ev.fd, six ? (void *)&v6 : (void *)&v4, six ? sizeof(v6) : sizeof(v4)) <
	            0 &&
	    errno != EINPROGRESS)
		return false;
	return loop_add(&u->side.ev, EPOLLOUT, &e) == 0;
}

static struct upstream *from_pool(const struct route_endpoint *ep)
{
	for (struct list *l = pool.prev; l != &pool; l = l->prev) {
		struct upstream *u = container_of(l, struct upstream, in_pool);

		if (!route_endpoint_equal(&u->endpoint, ep))
			continue;
		list_del(&u->in_pool);
		n_pool--;
		timer_del(&u->idle);
		u->reused = true;
		return u;
	}
	return NULL;
}

struct upstream *upstream_get(const struct route_endpoint *ep, struct client *c, bool fresh)
{
	struct upstream *u = fresh ? NULL : from_pool(ep);

	if (u) {
		u->client = c;
		return u;
	}
	u = xcalloc(1, sizeof(*u));
	u->endpoint = *ep;
	u->client = c;
	u->side.ev = (struct event){ .fd = -1, .fn = on_event };
	u->idle.fn = on_idle;
	list_init(&u->in_pool);
	proxy_worker->counters[COUNT_UPSTREAM_CONNECTS]++;
	if (begin_connect(u))
		return u;
	upstream_free(u);
	return NULL;
}

void upstream_release(struct upstream *u)
{
	if (n_pool == POOL_MAX)
		upstream_free(container_of(pool.next, struct upstream, in_pool));
	u->client = NULL;
	list_add_tail(&pool, &u->in_pool);
	n_pool++;
	timer_set(&u->idle, POOL_IDLE_MS);
	loop_mod(&u->side.ev, EPOLLIN | EPOLLRDHUP);
}
