/* h2_leg_bench.h - a connection of HTTP/2 to a backend on the workbench: the leg's own sources, an
 * exchange that notes what it is told, and the backend's end of the socket in the hands of the
 * test. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bench_pair[2];
static int bench_socket(void)
{
	int size = 4 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, bench_pair))
		abort();
	setsockopt(bench_pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return bench_pair[1];
}

#include "../../modules/ingress/proxy_grave.c"
#include "../../modules/ingress/proxy_h2_wire.c"
#define dial(at, type) bench_socket()
#include "../../modules/ingress/proxy_leg_h2.c"
#undef dial

static _Atomic uint64_t bench_counters[WORKER_COUNTERS];
static struct worker bench_worker = { .counters = bench_counters };
struct worker *proxy_worker = &bench_worker;

static struct peer bench_peer;
static struct table_backend bench_backend = { .uid = 1, .protocol = BACKEND_H2 };

static struct {
	char log[1 << 14];
	bool stopped;
	unsigned under_way; /* exchanges that wait for an answer or its end */
	size_t taken;
} bench;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	size_t n = strlen(bench.log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(bench.log + n, sizeof(bench.log) - n, fmt, ap);
	va_end(ap);
}

struct peer *peer_ref(struct peer *p)
{
	p->refs++;
	return p;
}

void peer_unref(struct peer *p)
{
	p->refs--;
}

struct tls *secure_backend(const struct table_backend *b)
{
	(void)b;
	return NULL;
}

int secure_backend_shake(struct tls *t, int fd, const struct endpoint *at, uint32_t protocol)
{
	(void)t;
	(void)fd;
	(void)at;
	(void)protocol;
	return 1;
}

void exchange_connected(struct exchange *x)
{
	x->phase = EXCHANGE_ASKS;
}

void exchange_moved(struct exchange *x)
{
	(void)x;
}

static void over(struct exchange *x)
{
	if (x->phase == EXCHANGE_IDLE)
		abort(); /* told twice */
	x->phase = EXCHANGE_IDLE;
	x->leg = NULL;
	bench.under_way--;
}

void exchange_answer(struct exchange *x, struct http_head *h)
{
	if (x->phase == EXCHANGE_IDLE || x->answered)
		abort();
	x->answered = h->status >= 200 || h->status == 101;
	note("%u body=%d", h->status, h->body);
	for (size_t i = 0; i < h->n_headers; i++)
		note(" %.*s=%.*s", (int)h->headers[i].name.n, h->headers[i].name.p,
		     (int)h->headers[i].value.n, h->headers[i].value.p);
	note("\n");
}

bool exchange_answer_full(const struct exchange *x)
{
	(void)x;
	return bench.stopped;
}

void exchange_answer_body(struct exchange *x, const char *p, size_t n)
{
	if (x->phase == EXCHANGE_IDLE || !x->answered)
		abort();
	bench.taken += n + (p[0] & 0);
}

void exchange_answer_flush(struct exchange *x)
{
	(void)x;
}

void exchange_answer_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	note("end");
	for (size_t i = 0; i < n; i++)
		note(" %.*s=%.*s", (int)trailers[i].name.n, trailers[i].name.p,
		     (int)trailers[i].value.n, trailers[i].value.p);
	note("\n");
	over(x);
}

void exchange_leg_room(struct exchange *x)
{
	(void)x;
}

void exchange_trouble(struct exchange *x, enum leg_trouble what)
{
	note("trouble %d\n", what);
	over(x);
}

/* ---- one connection and its requests
 * -------------------------------------------------------------- */

static struct h2_link *bench_link;

static void bench_turn(void)
{
	write_dirty();
	write_dirty();
	free_all();
}

static void bench_start(void)
{
	static bool begun;
	struct err e;

	if (!begun && loop_init(&e))
		abort();
	begun = true;
	memset(&bench, 0, sizeof(bench));
	bench_peer = (struct peer){ .refs = 1, .at.ip.len = 4 };
	list_init(&bench_peer.idle);
	list_init(&bench_peer.multi);
	bench_link = NULL;
}

static bool link_lives(void)
{
	return !list_empty(&bench_peer.multi);
}

static struct leg *bench_ask(struct exchange *x, const char *head)
{
	memset(x, 0, sizeof(*x));
	buf_str(&x->head, head);
	x->phase = EXCHANGE_ASKS;
	x->leg = leg_h2_begin(x, &bench_peer, &bench_backend);
	if (x->leg) {
		bench.under_way++;
		bench_link = leg_of(x->leg)->link;
	} else {
		x->phase = EXCHANGE_IDLE;
	}
	buf_free(&x->head);
	bench_turn();
	return x->leg;
}

static void bench_connect(void)
{
	on_event(&bench_link->wire.side.ev, EPOLLOUT);
	bench_turn();
}

static void bench_tell(const void *p, size_t n)
{
	if (link_lives())
		h2_wire_take(&bench_link->wire, p, n);
	bench_turn();
}

static void bench_end(struct exchange *x)
{
	if (x->phase == EXCHANGE_IDLE || !x->leg)
		return;
	x->phase = EXCHANGE_IDLE;
	bench.under_way--;
	x->leg->ops->drop(x->leg);
	x->leg = NULL;
}

static void bench_stop(void)
{
	bench_turn();
	if (link_lives())
		link_end(bench_link, LEG_LOST);
	bench_turn();
	close(bench_pair[0]);
}
