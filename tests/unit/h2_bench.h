/* h2_bench.h - a connection of HTTP/2 on the workbench: the front's own sources, an exchange that
 * answers by the path, and the other end of the socket in the hands of the test. */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../modules/ingress/proxy_grave.c"
#include "../../modules/ingress/proxy_h2_wire.c"
#include "../../modules/ingress/proxy_h2.c"

/* ---- what is not there
 * --------------------------------------------------------------------------- */

static _Atomic uint64_t bench_counters[WORKER_COUNTERS];
static struct worker bench_worker = { .counters = bench_counters };
struct worker *proxy_worker = &bench_worker;
static unsigned bench_open;

void client_joins(struct client *c)
{
	list_init(&c->in_all);
	bench_open++;
}

void client_leaves(struct client *c)
{
	(void)c;
	bench_open--;
}

void client_idle(struct client *c, bool idle)
{
	c->idle = idle;
}

/* ---- exchanges that answer by their path
 * --------------------------------------------------------- */

static struct {
	char log[1 << 16]; /* what the exchanges were told, a line each */
	bool stopped;      /* full: nothing more of any request is taken */
	size_t taken;
	unsigned alive, gone;
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

static struct span text_span(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static void bench_answer(struct exchange *x, unsigned status, enum http_body body)
{
	static struct http_head h;

	memset(&h, 0, sizeof(h));
	h.status = status;
	h.body = body;
	h.headers[0] = (struct http_header){ text_span("X-Answer"), text_span("yes") };
	h.headers[1] = (struct http_header){ text_span("Connection"), text_span("close") };
	h.n_headers = 2;
	x->answered = status >= 200;
	x->front->head(x, &h);
}

static void bench_end(struct exchange *x, bool trailers)
{
	struct http_header t = { text_span("X-Trailer"), text_span("last") };

	x->phase = EXCHANGE_IDLE;
	bench.alive--;
	x->front->end(x, &t, trailers);
}

static void bench_pour(struct exchange *x)
{
	static char piece[PIECE_MAX];

	while (x->phase == EXCHANGE_RELAYS && x->bytes_down && !x->front->full(x)) {
		size_t n = x->bytes_down < sizeof(piece) ? x->bytes_down : sizeof(piece);

		x->bytes_down -= n;
		x->front->body(x, piece, n);
		if (!x->bytes_down)
			bench_end(x, false);
	}
}

static bool path_is(const struct http_head *h, const char *path)
{
	return span_is(h->path, path);
}

void exchange_begin(struct exchange *x, struct http_head *h)
{
	note("%.*s %.*s host=%.*s body=%d", (int)h->method.n, h->method.p, (int)h->target.n,
	     h->target.p, (int)h->host.n, h->host.p, h->body);
	for (size_t i = 1; i < h->n_headers; i++)
		note(" %.*s=%.*s", (int)h->headers[i].name.n, h->headers[i].name.p,
		     (int)h->headers[i].value.n, h->headers[i].value.p);
	note("\n");
	bench.alive++;
	x->head_method = span_is(h->method, "HEAD");
	x->phase = EXCHANGE_ASKS;
	x->began_ns = path_is(h, "/echo") ? 1 : 0;
	if (h->upgrade) {
		static struct http_head up;
		static char answer[H2_KEY_ANSWER];

		h2_key_answer(*http_header(h, "sec-websocket-key"), answer);
		memset(&up, 0, sizeof(up));
		up.status = 101;
		up.headers[0] = (struct http_header){ text_span("sec-websocket-accept"),
			                              text_span(answer) };
		up.n_headers = 1;
		x->phase = EXCHANGE_RELAYS;
		x->tunnel = true;
		x->began_ns = 1;
		x->front->head(x, &up);
	} else if (path_is(h, "/echo")) {
		x->phase = EXCHANGE_RELAYS;
		bench_answer(x, 200, HTTP_BODY_CHUNKED);
	} else if (path_is(h, "/big")) {
		x->phase = EXCHANGE_RELAYS;
		x->bytes_down = 1 << 20;
		bench_answer(x, 200, HTTP_BODY_CHUNKED);
		bench_pour(x);
	} else if (path_is(h, "/cut")) {
		bench_answer(x, 200, HTTP_BODY_CHUNKED);
		x->front->body(x, "half", 4);
		x->phase = EXCHANGE_IDLE;
		bench.alive--;
		x->front->cut(x);
	} else if (path_is(h, "/hints")) {
		bench_answer(x, 103, HTTP_BODY_NONE);
		bench_answer(x, 204, HTTP_BODY_NONE);
		bench_end(x, false);
	} else if (!path_is(h, "/wait")) {
		bench_answer(x, 200, HTTP_BODY_LENGTH);
		x->front->body(x, "hello", 5);
		bench_end(x, false);
	}
}

bool exchange_request_full(const struct exchange *x)
{
	(void)x;
	return bench.stopped;
}

void exchange_request_body(struct exchange *x, const char *p, size_t n)
{
	bench.taken += n;
	if (x->began_ns && x->phase == EXCHANGE_RELAYS)
		x->front->body(x, p, n);
}

void exchange_request_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	note("end");
	for (size_t i = 0; i < n; i++)
		note(" %.*s=%.*s", (int)trailers[i].name.n, trailers[i].name.p,
		     (int)trailers[i].value.n, trailers[i].value.p);
	note("\n");
	if (x->began_ns && x->phase == EXCHANGE_RELAYS)
		bench_end(x, true);
}

void exchange_room(struct exchange *x)
{
	bench_pour(x);
}

void exchange_gone(struct exchange *x)
{
	if (x->phase != EXCHANGE_IDLE)
		bench.alive--;
	x->phase = EXCHANGE_IDLE;
	bench.gone++;
}

void exchange_free(struct exchange *x)
{
	(void)x;
}

void exchange_refuse(struct exchange *x, unsigned status, const char *text)
{
	note("refuse %u %s\n", status, text);
	bench.alive++;
	bench_answer(x, status, HTTP_BODY_LENGTH);
	x->front->body(x, text, strlen(text));
	bench_end(x, false);
}

/* ---- the other end
 * -------------------------------------------------------------------------------- */

struct h2_far {
	int fd;
	struct h2_client *client;
	struct buf got;
	nghttp2_hd_deflater *deflater;
	nghttp2_hd_inflater *inflater;
};

static void bench_turn(void)
{
	write_dirty();
	write_dirty();
	free_all();
}

static void far_open(struct h2_far *f)
{
	static struct arrival arrival = { .ip = "192.0.2.1", .port = "80" };
	static bool begun;
	int pair[2], size = 4 << 20;
	struct err e;

	if (!begun && loop_init(&e))
		abort();
	begun = true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
		abort();
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	memset(&bench, 0, sizeof(bench));
	*f = (struct h2_far){ .fd = pair[0] };
	nghttp2_hd_deflate_new(&f->deflater, 4096);
	nghttp2_hd_inflate_new(&f->inflater);
	h2_new(pair[1], NULL, &arrival, "", 0);
	f->client = container_of(dirty.next, struct h2_client, wire.dirty);
	bench_turn();
}

static void far_close(struct h2_far *f)
{
	if (bench_open)
		client_end(f->client);
	bench_turn();
	nghttp2_hd_deflate_del(f->deflater);
	nghttp2_hd_inflate_del(f->inflater);
	buf_free(&f->got);
	close(f->fd);
}

static void far_read(struct h2_far *f)
{
	ssize_t n;

	bench_turn();
	while ((n = read(f->fd, buf_room(&f->got, 65536), 65536)) > 0) {
		f->got.len += (size_t)n;
		if (bench_open)
			h2_wire_stir(&f->client->wire);
		bench_turn();
	}
}

static void far_send(struct h2_far *f, const void *p, size_t n)
{
	if (bench_open)
		h2_wire_take(&f->client->wire, p, n);
	bench_turn();
}
