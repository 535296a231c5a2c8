/* ingress_client.c - one client connection of the proxy, request by request.
 *
 *   HEAD     the request's head is being read
 *   RELAY    it was routed: its body goes up while the answer comes down, in any order
 *   TUNNEL   after 101: bytes both ways until either side ends
 *   CLOSING  the last bytes are being written
 *
 * Nothing is asked of the kernel that is not needed: reads and writes are tried at once, epoll is
 * told only when something has to wait. A request is tried on another endpoint while nothing of an
 * answer came and all that was sent can be sent again: its head, when it has no body. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "ingress_proxy.h"

enum phase { HEAD, RELAY, TUNNEL, CLOSING };

struct client {
	struct side side;
	struct list in_all;
	struct timer timer;
	enum phase phase;
	bool keep_alive, answer_begun, sent_body;
	bool head_method, old_version; /* of the request: HEAD, HTTP/1.0 */
	bool wants_upgrade;
	bool served; /* at least one request was read */
	char ip[INET6_ADDRSTRLEN], port[6];
	struct upstream *up;
	struct buf request; /* the head as sent up, kept for another try */
	struct body up_body, down_body;
	uint32_t backend;
	uint32_t answer_ms; /* of the routes that the request met */
	struct route_endpoint tried[TRIES_MAX];
	unsigned tries;
};

struct worker *proxy_worker;
struct route_table proxy_routes;
static struct list all = LIST_INIT(all);
static unsigned n_clients, turn;

unsigned clients_open(void)
{
	return n_clients;
}

static void client_free(struct client *c)
{
	if (c->up)
		upstream_free(c->up);
	timer_del(&c->timer);
	list_del(&c->in_all);
	side_free(&c->side);
	buf_free(&c->request);
	free(c);
	n_clients--;
	if (proxy_worker->draining && !n_clients)
		worker_exit();
}

/* ---- answers of our own --------------------------------------------------------------------- */

static void close_after(struct client *c)
{
	c->phase = CLOSING;
	c->keep_alive = false;
	timer_set(&c->timer, HEAD_MS);
}

static void answer(struct client *c, unsigned status, const char *text)
{
	size_t n = strlen(text) + 1;

	if (c->up)
		upstream_free(TAKE(c->up));
	count_up(COUNT_STATUS_0 + status / 100);
	/* a body that is still to come would be taken for the next request */
	c->keep_alive = c->keep_alive && c->up_body.done && !proxy_worker->draining;
	buf_printf(&c->side.out,
	           "HTTP/1.1 %u %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
	           "%zu\r\n%s\r\n",
	           status, http_reason(status), n, c->keep_alive ? "" : "Connection: close\r\n");
	if (!c->head_method)
		buf_printf(&c->side.out, "%s\n", text);
	c->phase = HEAD;
	if (!c->keep_alive)
		close_after(c);
}

static void refuse(struct client *c, unsigned status, const char *why)
{
	count_up(COUNT_REFUSED);
	c->keep_alive = false;
	c->head_method = false;
	answer(c, status, why);
}

/* ---- up: the request ------------------------------------------------------------------------ */

static bool was_tried(const struct client *c, const struct route_endpoint *ep)
{
	for (unsigned i = 0; i < c->tries; i++)
		if (route_endpoint_equal(&c->tried[i], ep))
			return true;
	return false;
}

/* Round robin; endpoints that just refused are left out while there is another. */
static const struct route_endpoint *choose(const struct client *c)
{
	const struct route_backend *b = &proxy_routes.backends[c->backend];
	const struct route_endpoint *resting = NULL;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct route_endpoint *ep = &proxy_routes.endpoints[b->first + turn++ % b->n];

		if (was_tried(c, ep))
			continue;
		if (!endpoint_resting(ep))
			return ep;
		resting = ep;
	}
	return resting;
}

static void send_up(struct client *c, bool fresh)
{
	while (c->tries < TRIES_MAX) {
		const struct route_endpoint *ep =
			fresh && c->tries ? &c->tried[--c->tries] : choose(c);

		if (!ep)
			break;
		if (ep != &c->tried[c->tries])
			c->tried[c->tries] = *ep;
		c->tries++;
		c->up = upstream_get(&c->tried[c->tries - 1], c, fresh);
		fresh = false;
		if (!c->up) {
			count_up(COUNT_UPSTREAM_ERRORS);
			continue;
		}
		buf_add(&c->up->side.out, c->request.data, c->request.len);
		timer_set(&c->timer, c->up->connecting ? CONNECT_MS : c->answer_ms);
		return;
	}
	if (c->tries)
		answer(c, 502, "no endpoint of the backend could be reached");
	else
		answer(c, 503, "the backend has no endpoints");
}

/* The routes may have changed since the first try: then the backend's number means nothing now. */
static void try_again(struct client *c, bool same_endpoint)
{
	upstream_free(TAKE(c->up));
	if (!proxy_routes.header || c->backend >= proxy_routes.header->n_backends)
		answer(c, 503, "the route has just changed");
	else
		send_up(c, same_endpoint);
}

static size_t lower_host(struct span host, char *out, size_t size)
{
	size_t n = 0;

	for (; n < host.n && n < size; n++)
		out[n] = host.p[n] >= 'A' && host.p[n] <= 'Z' ? host.p[n] + 32 : host.p[n];
	return n && out[n - 1] == '.' ? n - 1 : n; /* "a.example." is a.example */
}

static void route_request(struct client *c, const struct http_head *h)
{
	static char path[8192 + 1];
	char host[256];
	size_t path_n, host_n = lower_host(h->host, host, sizeof(host));

	worker_fresh(proxy_worker);
	if (!route_path(h->path, path, sizeof(path), &path_n)) {
		refuse(c, 400, "this path can be read in more than one way");
		return;
	}
	if (route_find(&proxy_routes, (struct span){ host, host_n }, (struct span){ path, path_n },
	               &c->backend) == ROUTE_NONE) {
		count_up(COUNT_NO_ROUTE);
		answer(c, 404, "no route for this host and path");
		return;
	}
	c->answer_ms = proxy_routes.header->answer_ms;
	buf_reset(&c->request);
	head_request(&c->request, h, &(struct forwarded){ c->ip, c->port });
	c->phase = RELAY;
	send_up(c, false);
}

static bool begin_request(struct client *c)
{
	static struct http_head h;
	const char *why = "";
	int n = http_parse_request(&h, c->side.in.data, c->side.in.len, &why);

	if (n == 0)
		return false;
	c->tries = 0;
	c->served = true;
	c->answer_begun = c->sent_body = false;
	if (n < 0) {
		c->up_body = (struct body){ .done = true };
		refuse(c, -n, why);
		return true;
	}
	c->keep_alive = h.keep_alive && !proxy_worker->draining;
	c->head_method = span_is(h.method, "HEAD");
	c->old_version = !h.minor;
	c->wants_upgrade = h.upgrade;
	body_begin(&c->up_body, &h, h.body == HTTP_BODY_CHUNKED);
	route_request(c, &h);
	buf_drop(&c->side.in, n);
	return true;
}

/* ---- down: the answer ----------------------------------------------------------------------- */

static void begin_tunnel(struct client *c)
{
	c->phase = TUNNEL;
	c->keep_alive = false;
	timer_set(&c->timer, IDLE_MS * 60);
}

/* Takes one head off the upstream's bytes. False when it is not whole or was refused. */
static bool begin_answer(struct client *c)
{
	static struct http_head h;
	struct side *up = &c->up->side;
	const char *why = "";
	bool chunk;
	int n = http_parse_response(&h, up->in.data, up->in.len, c->head_method, &why);

	if (n == 0)
		return false;
	if (n < 0 || (h.status == 101 && !c->wants_upgrade)) {
		count_up(COUNT_UPSTREAM_ERRORS);
		answer(c, 502, "the backend's answer cannot be understood");
		return false;
	}
	chunk = !c->old_version && (h.body == HTTP_BODY_CHUNKED || h.body == HTTP_BODY_UNTIL_CLOSE);
	body_begin(&c->down_body, &h, chunk);
	if (c->old_version && (h.body == HTTP_BODY_CHUNKED || h.body == HTTP_BODY_UNTIL_CLOSE))
		c->keep_alive = false;
	if (h.status >= 200) {
		c->answer_begun = true;
		c->up->keep = h.keep_alive;
		count_up(COUNT_STATUS_0 + h.status / 100);
	}
	if (h.status != 101 || c->wants_upgrade)
		head_response(&c->side.out, &h, &c->down_body, c->keep_alive && c->up_body.done,
		              h.status == 101);
	buf_drop(&up->in, n);
	if (h.status == 101)
		begin_tunnel(c);
	return true;
}

/* Answer and request are through: on to the next one, or the end. */
static void end_request(struct client *c)
{
	struct upstream *u = TAKE(c->up);

	if (c->up_body.done && u->keep && !u->side.eof && !u->side.in.len &&
	    !side_waiting(&u->side))
		upstream_release(u);
	else
		upstream_free(u);
	if (c->keep_alive && c->up_body.done && !proxy_worker->draining) {
		c->phase = HEAD;
		timer_set(&c->timer, c->side.in.len ? HEAD_MS : IDLE_MS);
	} else {
		close_after(c);
	}
}

/* The upstream ended before it answered. A pooled connection may simply have been closed meanwhile.
 */
static bool upstream_lost(struct client *c)
{
	if (!c->sent_body && c->up_body.done && c->up->reused) {
		try_again(c, true);
		return true;
	}
	count_up(COUNT_UPSTREAM_ERRORS);
	answer(c, 502, "the backend closed the connection without an answer");
	return true;
}

/* Moves the answer down. False when the client was freed. */
static bool relay_down(struct client *c)
{
	while (c->up && c->phase == RELAY && !c->answer_begun && c->up->side.in.len)
		if (!begin_answer(c))
			break;
	if (!c->up || c->phase != RELAY)
		return true;
	if (!c->answer_begun)
		return !c->up->side.eof || upstream_lost(c);
	if (body_move(&c->down_body, &c->up->side, &c->side))
		return true;
	client_free(c); /* the client must see that the body is not whole */
	return false;
}

static void tunnel(struct client *c)
{
	struct side *up = &c->up->side;

	buf_add(&up->out, c->side.in.data, c->side.in.len);
	buf_reset(&c->side.in);
	buf_add(&c->side.out, up->in.data, up->in.len);
	buf_reset(&up->in);
	side_write(up);
	if ((c->side.eof && !side_waiting(up)) || up->eof || up->broken)
		close_after(c);
	else
		timer_set(&c->timer, IDLE_MS * 60);
}

/* ---- the machine ---------------------------------------------------------------------------- */

static void watch_both(struct client *c)
{
	bool flowing = c->up && side_waiting(&c->up->side) < OUT_HIGH;

	/* while an answer is awaited, a client that sends ahead is read up to a bound, no further
	 */
	side_watch(&c->side, c->phase == HEAD || flowing);
	if (c->up && !c->up->connecting)
		side_watch(&c->up->side, side_waiting(&c->side) < OUT_HIGH);
}

/* Moves the request's body up. False when the client was freed. */
static bool relay_up(struct client *c)
{
	if (!body_move(&c->up_body, &c->side, &c->up->side)) {
		if (c->answer_begun || c->side.eof) {
			client_free(c);
			return false;
		}
		refuse(c, 400, "broken request body");
		return true;
	}
	c->sent_body |= c->up->side.out.len > c->request.len;
	if (!c->up->connecting)
		side_write(&c->up->side);
	return true;
}

static bool over(const struct client *c)
{
	bool written = !side_waiting(&c->side);

	return c->side.broken ||
	       (written && (c->phase == CLOSING || (c->phase == HEAD && c->side.eof)));
}

/* Everything that can be done now, then what to wait for. The client may be gone afterwards. */
static void advance(struct client *c)
{
	while (c->phase == HEAD && c->side.in.len && side_waiting(&c->side) < OUT_HIGH &&
	       begin_request(c))
		;
	if (c->phase == RELAY && c->up && !relay_up(c))
		return;
	side_write(&c->side);
	if (over(c))
		client_free(c);
	else
		watch_both(c);
}

void proxy_client_event(struct client *c)
{
	if (c->phase == TUNNEL)
		tunnel(c);
	else if (c->side.eof && c->side.broken && c->phase == RELAY) {
		client_free(c); /* the client is gone: nobody waits for the answer */
		return;
	}
	advance(c);
}

void proxy_upstream_event(struct upstream *u, bool failed)
{
	struct client *c = u->client;

	if (failed) {
		count_up(COUNT_UPSTREAM_ERRORS);
		endpoint_rest(&u->endpoint);
		try_again(c, false);
		advance(c);
		return;
	}
	side_write(&u->side);
	if (c->phase == TUNNEL) {
		tunnel(c);
	} else {
		timer_set(&c->timer, c->answer_begun ? STALL_MS : c->answer_ms);
		if (!relay_down(c))
			return;
		if (c->up && c->phase == RELAY && c->answer_begun && c->down_body.done)
			end_request(c);
		else if (c->up && c->phase == TUNNEL)
			tunnel(c);
	}
	advance(c);
}

static void on_timeout(struct timer *t)
{
	struct client *c = container_of(t, struct client, timer);

	if (c->phase == HEAD && c->side.in.len) {
		c->up_body = (struct body){ .done = true };
		refuse(c, 408, "the request did not come in time");
		advance(c);
	} else if (c->phase == RELAY && !c->answer_begun && c->up) {
		count_up(COUNT_UPSTREAM_TIMEOUTS);
		if (c->up->connecting)
			endpoint_rest(&c->up->endpoint);
		if (c->up->connecting && c->tries < TRIES_MAX &&
		    c->tries < proxy_routes.backends[c->backend].n)
			try_again(c, false);
		else
			answer(c, 504, "the backend did not answer in time");
		advance(c);
	} else {
		client_free(c);
	}
}

static void on_event(struct event *ev, uint32_t events)
{
	struct client *c = container_of(ev, struct client, side.ev);

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
		bool idle = c->phase == HEAD && !c->side.in.len;

		side_read(&c->side);
		if (idle && c->side.in.len)
			timer_set(&c->timer, HEAD_MS);
	}
	if (events & (EPOLLHUP | EPOLLERR))
		c->side.broken = c->side.eof = true;
	proxy_client_event(c);
}

static void peer_text(struct client *c, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in6 *six = (const void *)peer;
	const struct sockaddr_in *four = (const void *)peer;

	if (peer->ss_family == AF_INET)
		inet_ntop(AF_INET, &four->sin_addr, c->ip, sizeof(c->ip));
	else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], c->ip, sizeof(c->ip));
	else
		inet_ntop(AF_INET6, &six->sin6_addr, c->ip, sizeof(c->ip));
}

bool client_new(int fd, const struct sockaddr_storage *peer, uint16_t port)
{
	struct client *c;
	struct err e;

	if (n_clients == CLIENTS_MAX)
		return false;
	c = xcalloc(1, sizeof(*c));
	c->side.ev = (struct event){ .fd = fd, .fn = on_event };
	c->timer.fn = on_timeout;
	peer_text(c, peer);
	snprintf(c->port, sizeof(c->port), "%u", port);
	list_add_tail(&all, &c->in_all);
	n_clients++;
	count_up(COUNT_CONNECTIONS);
	if (loop_add(&c->side.ev, EPOLLIN | EPOLLRDHUP, &e)) {
		client_free(c);
		return true; /* fd is taken care of */
	}
	timer_set(&c->timer, HEAD_MS);
	return true;
}

/* A connection that has not brought its first request yet, or has just brought the next one, is
 * served. */
static void client_drain(struct client *c)
{
	c->keep_alive = false;
	if (c->phase != HEAD || side_waiting(&c->side))
		return;
	side_read(&c->side);
	if (c->side.in.len)
		proxy_client_event(c);
	else if (c->served || c->side.eof)
		client_free(c);
}

void clients_drain(void)
{
	struct list *l, *next;

	list_each (l, next, &all)
		client_drain(container_of(l, struct client, in_all));
	if (!n_clients)
		worker_exit();
}
