/* fuzz_proxy.c - bytes of a client and of a backend through the real HTTP/1.1 front, exchange and
 * leg, over socket pairs: only the network is played here.
 *
 * Bytes are acts: one with the kind in its lower two bits and the length of what follows in the
 * others. 0: the client sends; 1: the backend sends, on the connection it was asked on last; 2: the
 * client sends no more; 3: the backend closes. What a backend gets must be requests that a strict
 * parser reads, whatever the client sent: else something was smuggled. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "../../modules/ingress/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BACKENDS 8
#define AFTER_TURNS 6

static struct {
	const uint8_t *p, *end;
	int client;
	int backend[BACKENDS]; /* the backend's ends, -1: closed */
	struct buf got[BACKENDS];
	bool checked_off[BACKENDS]; /* a tunnel: no requests */
	unsigned n_backends, left;
} play;

/* ---- what proxy_worker.c and worker.c are otherwise
 * ----------------------------------------------- */

static _Atomic uint64_t counters[WORKER_COUNTERS];
static struct snapshot *slots[TABLE_SLOTS];
static struct worker me = { .counters = counters, .slots = slots };
struct worker *proxy_worker = &me;

static const struct table_filter filters[] = {
	{ .type = FILTER_REQUEST_SET, .name = { "X-Set", 5 }, .value = { "1", 1 } },
	{ .type = FILTER_RESPONSE_REMOVE, .name = { "X-Gone", 6 } },
};
static const struct table_choice choice = { .backend = 0, .weight = 1 };
static const struct table_retry retry = { .attempts = 1, .connection = true };
static const struct table_action action = { .route = { "r", 1 },
	                                    .filters = filters,
	                                    .n_filters = 2,
	                                    .choices = &choice,
	                                    .n_choices = 1,
	                                    .retry = &retry };
static const struct table_rule rule = { .path = { "", 0 }, .action = &action };
static const struct table_place places[] = {
	{ .host.name = { "", 0 }, .whole = true, .path = { "", 0 } },
	{ .host.name = { "", 0 }, .path = { "", 0 }, .rules = &rule, .n_rules = 1 }
};
static const uint32_t places_slots[] = { 1, 2 };
static const struct table_shard shard = {
	.places = places, .n_places = 2, .slots = places_slots, .n_slots = 2
};
static const struct table_listener listener = { .host = { "", 0 }, .client_ca = TABLE_NONE };
static const struct table_port port = { .listeners = &listener, .n_listeners = 1 };
static const struct table table = { .ports = &port, .n_ports = 1, .answer_ms = 60000 };
static const struct table_endpoint endpoint = { .at = { .ip = { .len = 4, .b = { 10, 0, 0, 1 } },
	                                                .port = 80 } };
static const struct table_backend backend = { .uid = 1, .endpoints = &endpoint, .n_endpoints = 1 };
static const struct table_certs certs;

const struct table *proxy_table(void)
{
	return &table;
}
const struct table_shard *proxy_shard(uint32_t i)
{
	(void)i;
	return &shard;
}

struct routes *routes_hold(void)
{
	return NULL;
}

void routes_let_go(struct routes *r)
{
	(void)r;
}

const struct table_port *proxy_port(unsigned door)
{
	(void)door;
	return &port;
}
const struct table_backend *proxy_backend(uint32_t number)
{
	return number ? NULL : &backend;
}
bool proxy_backend_next(uint32_t *i, const struct table_backend **b)
{
	*b = &backend;
	return (*i)++ == 0;
}
const struct table_certs *proxy_certs(void)
{
	return &certs;
}
void worker_fresh(struct worker *w)
{
	(void)w;
}
void worker_exit(void)
{
}

/* Connections to backends: the other end is ours. */
int socket(int domain, int type, int protocol)
{
	int pair[2];

	(void)domain;
	(void)protocol;
	if (play.n_backends == BACKENDS || socketpair(AF_UNIX, type, 0, pair) < 0) {
		errno = EMFILE;
		return -1;
	}
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	play.backend[play.n_backends++] = pair[1];
	return pair[0];
}
int connect(int fd, const struct sockaddr *at, socklen_t n)
{
	(void)fd;
	(void)at;
	(void)n;
	return 0;
}

/* ---- what a backend got
 * --------------------------------------------------------------------------- */

static size_t check_body(const struct http_head *h, const char *p, size_t n)
{
	struct http_chunked c = { 0 };
	size_t at = 0;
	bool done = false;

	if (h->body != HTTP_BODY_CHUNKED)
		return h->body == HTTP_BODY_NONE ? 0 : h->length < n ? h->length : n;
	while (at < n && !done) {
		const char *data;
		size_t data_n;
		long used = http_chunked(&c, p + at, n - at, &data, &data_n, &done);

		if (used < 0)
			abort();
		at += (size_t)used;
	}
	return at;
}

static void check(unsigned i)
{
	static struct http_head h;
	struct buf *b = &play.got[i];
	const char *why;

	for (size_t at = 0; at < b->len && !play.checked_off[i];) {
		int n = http_parse_request(&h, b->data + at, b->len - at, &why);

		if (n < 0)
			abort();
		if (!n)
			return; /* a head that is still on its way, or was cut */
		play.checked_off[i] = h.upgrade;
		at += (size_t)n;
		at += check_body(&h, b->data + at, b->len - at);
	}
}

/* ---- the play
 * ------------------------------------------------------------------------------------- */

static void take(int fd, struct buf *into)
{
	char bytes[16384];
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		if (into)
			buf_add(into, bytes, (size_t)n);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void act(void)
{
	unsigned kind = *play.p & 3, n = *play.p >> 2;
	int *last = play.n_backends ? &play.backend[play.n_backends - 1] : NULL;

	play.p++;
	if (n > play.end - play.p)
		n = (unsigned)(play.end - play.p);
	if (kind == 0)
		n = send(play.client, play.p, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? n : n;
	else if (kind == 1 && last && *last >= 0)
		n = send(*last, play.p, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? n : n;
	else if (kind == 2)
		shutdown(play.client, SHUT_WR);
	else if (kind == 3 && last)
		shut(last);
	if (kind < 2)
		play.p += n;
}

static void on_turn(void)
{
	take(play.client, NULL);
	for (unsigned i = 0; i < play.n_backends; i++)
		take(play.backend[i], &play.got[i]);
	if (play.p < play.end)
		act();
	else if (play.left-- == AFTER_TURNS / 2)
		shut(&play.client);
	else if (!play.left)
		loop_stop();
	loop_again();
}

static void start(void)
{
	static bool started;
	struct err e;

	if (started)
		return;
	started = true;
	if (loop_init(&e))
		abort();
	loop_after(on_turn);
}

static void end(void)
{
	for (unsigned i = 0; i < play.n_backends; i++) {
		check(i);
		shut(&play.backend[i]);
		buf_free(&play.got[i]);
	}
	if (clients_open())
		abort(); /* the client is gone: nothing may be left of it */
	peers_changed();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arrival a = { .from = { .ip = { .len = 4, .b = { 10, 9, 9, 9 } }, .port = 9 },
		             .ip = "10.9.9.9",
		             .port = "80" };
	int pair[2];

	start();
	memset(&play, 0, sizeof(play));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	play.p = data;
	play.end = data + size;
	play.client = pair[1];
	play.left = AFTER_TURNS;
	h1_new(pair[0], NULL, &a, NULL, 0);
	loop_run();
	end();
	return 0;
}
