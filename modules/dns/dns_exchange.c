/* dns_exchange.c - see dns_exchange.h */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "dns_exchange.h"
#include "dns_stream.h"
#include "dns_worker.h"

#define DATAGRAM_MAX 4096

static void on_datagram(struct event *ev, uint32_t mask)
{
	struct dns_exchange *x = container_of(ev, struct dns_exchange, ev);
	static uint8_t p[DATAGRAM_MAX];
	ssize_t n = recv(ev->fd, p, sizeof(p), MSG_DONTWAIT);

	(void)mask;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		x->error = errno; /* refused: nobody listens there */
		dns_exchange_end(x);
		x->done(x, NULL, 0);
	} else if (n >= DNS_HEADER && dns_get16(p) == x->id) {
		x->done(x, p, (size_t)n);
	}
}

static bool send_datagram(struct dns_exchange *x, uint8_t *query, size_t n)
{
	dns_put16(query, x->id);
	if (send(x->ev.fd, query, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n)
		return true;
	x->error = errno;
	return false;
}

static bool start_datagram(struct dns_exchange *x, uint8_t *query, size_t n)
{
	union dns_sockaddr at;
	socklen_t len = dns_peer_address(x->peer, &at);

	x->ev.fn = on_datagram;
	x->ev.fd = socket(at.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (x->ev.fd < 0 || connect(x->ev.fd, &at.any, len) < 0) {
		x->error = errno;
		return false;
	}
	if (loop_add(&x->ev, EPOLLIN, NULL)) {
		x->error = ENOMEM;
		return false;
	}
	return send_datagram(x, query, n);
}

/* From the kernel, many at a time; each is used once. */
static bool random_id(uint16_t *id)
{
	static uint16_t pool[128];
	static unsigned left;

	if (!left && getrandom(pool, sizeof(pool), 0) != sizeof(pool))
		return false;
	left = left ? left - 1 : ARRAY_LEN(pool) - 1;
	*id = pool[left];
	return true;
}

bool dns_exchange_start(struct dns_exchange *x, struct dns_peer *peer, bool stream, uint8_t *query,
                        size_t n)
{
	bool ok;

	dns_exchange_end(x);
	x->peer = peer;
	x->stream = stream || peer->up.tls;
	x->ev.fd = -1;
	if (!random_id(&x->id)) {
		x->error = EAGAIN;
		ok = false;
	} else {
		ok = x->stream ? dns_stream_start(x, query, n) : start_datagram(x, query, n);
	}
	if (!ok)
		dns_exchange_end(x);
	return ok;
}

bool dns_exchange_again(struct dns_exchange *x, uint8_t *query, size_t n)
{
	return x->peer && !x->stream && send_datagram(x, query, n);
}

void dns_exchange_late(struct dns_exchange *x)
{
	if (x->peer && x->stream)
		dns_stream_doubt(x);
}

void dns_exchange_end(struct dns_exchange *x)
{
	if (!x->peer)
		return;
	if (x->stream) {
		dns_stream_end(x);
	} else {
		loop_del(&x->ev);
		if (x->ev.fd >= 0)
			close(x->ev.fd);
	}
	x->peer = NULL;
}
