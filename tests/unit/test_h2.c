/* The front that speaks HTTP/2, frame by frame: what it takes, what it refuses, and when it has had
 * enough. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "h2_bench.h"

/* ---- frames
 * ---------------------------------------------------------------------------------------- */

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define ES NGHTTP2_FLAG_END_STREAM
#define EH NGHTTP2_FLAG_END_HEADERS

static void put_frame(struct buf *b, unsigned type, unsigned flags, uint32_t id, const void *p,
                      size_t n)
{
	uint8_t head[9] = { (uint8_t)(n >> 16),  (uint8_t)(n >> 8),  (uint8_t)n,
		            (uint8_t)type,       (uint8_t)flags,     (uint8_t)(id >> 24),
		            (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id };

	buf_add(b, head, sizeof(head));
	buf_add(b, p, n);
}

static void send_frame(struct h2_far *f, unsigned type, unsigned flags, uint32_t id, const void *p,
                       size_t n)
{
	auto_buf struct buf b = { 0 };

	put_frame(&b, type, flags, id, p, n);
	far_send(f, b.data, b.len);
}

/* "name: value" lines; HEADERS, and CONTINUATION when it is large. */
static void send_head(struct h2_far *f, uint32_t id, unsigned flags, const char *text)
{
	auto_buf struct buf block = { 0 };
	auto_free char *copy = strdup(text);
	nghttp2_nv nv[300];
	char *save, *line;
	size_t n = 0, room, at = 0;
	nghttp2_ssize used;

	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strstr(line, ": ");

		*value = 0;
		nv[n++] = (nghttp2_nv){ (uint8_t *)line, (uint8_t *)value + 2, strlen(line),
			                strlen(value + 2), 0 };
	}
	room = nghttp2_hd_deflate_bound(f->deflater, nv, n);
	used = nghttp2_hd_deflate_hd2(f->deflater, (uint8_t *)buf_room(&block, room), room, nv, n);
	assert_true(used > 0);
	block.len = (size_t)used;
	do {
		size_t piece = block.len - at > 16384 ? 16384 : block.len - at;
		unsigned last = at + piece == block.len ? EH : 0;

		send_frame(f, at ? NGHTTP2_CONTINUATION : NGHTTP2_HEADERS, (at ? 0 : flags) | last,
		           id, block.data + at, piece);
		at += piece;
	} while (at < block.len);
}

#define GET(path) ":method: GET\n:scheme: http\n:path: " path "\n:authority: a.example\n"

static void start(struct h2_far *f)
{
	far_open(f);
	far_send(f, PREFACE, 24);
	send_frame(f, NGHTTP2_SETTINGS, 0, 0, "", 0);
}

/* The frames that came, as text: "HEADERS 1 ES :status=200 ...", a line each. */
static void told(struct h2_far *f, char *out, size_t size)
{
	static const char *const names[] = {
		"DATA", "HEADERS", "PRIORITY", "RST",    "SETTINGS",
		"PUSH", "PING",    "GOAWAY",   "WINDOW", "CONTINUATION"
	};
	size_t at = 0, n = 0;

	far_read(f);
	out[0] = 0;
	while (at + 9 <= f->got.len) {
		const uint8_t *p = (const uint8_t *)f->got.data + at;
		size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
		uint32_t id =
			(uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8];
		const uint8_t *body = p + 9;

		at += 9 + len;
		assert_true(at <= f->got.len && p[3] < ARRAY_LEN(names));
		n += (size_t)snprintf(out + n, size - n, "%s %u%s%s", names[p[3]], id,
		                      p[3] <= NGHTTP2_HEADERS && p[4] & ES ? " ES" : "",
		                      p[3] >= NGHTTP2_SETTINGS && p[4] & 1 ? " ACK" : "");
		if (p[3] == NGHTTP2_HEADERS) {
			size_t left = len;

			while (true) {
				nghttp2_nv nv;
				int flags = 0;
				nghttp2_ssize used = nghttp2_hd_inflate_hd3(f->inflater, &nv,
				                                            &flags, body, left, 1);

				assert_true(used >= 0);
				body += used;
				left -= (size_t)used;
				if (flags & NGHTTP2_HD_INFLATE_EMIT)
					n += (size_t)snprintf(out + n, size - n, " %.*s=%.*s",
					                      (int)nv.namelen, nv.name,
					                      (int)nv.valuelen, nv.value);
				if (flags & NGHTTP2_HD_INFLATE_FINAL)
					break;
			}
			nghttp2_hd_inflate_end_headers(f->inflater);
		} else if (p[3] == NGHTTP2_DATA) {
			n += (size_t)snprintf(out + n, size - n, " %zu", len);
		} else if (p[3] == NGHTTP2_RST_STREAM) {
			n += (size_t)snprintf(out + n, size - n, " code=%u", body[3]);
		} else if (p[3] == NGHTTP2_GOAWAY) {
			n += (size_t)snprintf(out + n, size - n, " last=%u code=%u",
			                      body[2] << 8 | body[3], body[7]);
		}
		n += (size_t)snprintf(out + n, size - n, "\n");
		assert_true(n < size);
	}
	buf_drop(&f->got, at);
}

static char text[1 << 16];
#define HAS(what) has(text, what, __LINE__)
#define HAS_NOT(what) has_not(text, what, __LINE__)
#define LOG(what) has(bench.log, what, __LINE__)
static void has(const char *in, const char *what, int line)
{
	if (!strstr(in, what))
		fail_msg("line %d: no \"%s\" in:\n%s", line, what, in);
}

static void has_not(const char *in, const char *what, int line)
{
	if (strstr(in, what))
		fail_msg("line %d: \"%s\" in:\n%s", line, what, in);
}

/* ---- requests and answers
 * --------------------------------------------------------------------------- */

static void test_get(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	send_head(&f, 1, ES, GET("/x?q=1") "cookie: a=1\nx-a: b\ncookie: c=2\nte: trailers\n");
	told(&f, text, sizeof(text));
	LOG("GET /x?q=1 host=a.example body=0 x-a=b te=trailers cookie=a=1; c=2\n");
	HAS("SETTINGS 0\n");
	HAS("SETTINGS 0 ACK\n");
	HAS("HEADERS 1 :status=200 x-answer=yes\nDATA 1 ES 5\n");
	HAS_NOT("connection");
	assert_int_equal(bench.alive, 0);
	assert_int_equal(streams_all, 0);
	far_close(&f);
	assert_int_equal(h2_held, 0);
}

static void test_bodies(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	send_head(&f, 1, 0, ":method: POST\n:scheme: http\n:path: /echo\n:authority: a.example\n");
	send_frame(&f, NGHTTP2_DATA, 0, 1, "abc", 3);
	send_frame(&f, NGHTTP2_DATA, 0, 1, "defg", 4);
	send_head(&f, 1, ES, "x-sum: 7\nauthorization: no\n");
	told(&f, text, sizeof(text));
	LOG("body=2");
	LOG("end x-sum=7\n");
	HAS("DATA 1 3\n");
	HAS("DATA 1 4\n");
	HAS("HEADERS 1 ES x-trailer=last\n");
	assert_int_equal(bench.taken, 7);
	send_head(&f, 3, ES, ":method: HEAD\n:scheme: http\n:path: /\n:authority: a.example\n");
	send_head(&f, 5, ES, GET("/hints"));
	told(&f, text, sizeof(text));
	HAS("HEADERS 3 ES :status=200");
	HAS("HEADERS 5 :status=103 x-answer=yes\nHEADERS 5 ES :status=204");
	far_close(&f);
}

static void test_cut(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	send_head(&f, 1, ES, GET("/cut"));
	told(&f, text, sizeof(text));
	HAS("RST 1 code=2\n");
	send_head(&f, 3, ES, GET("/wait"));
	assert_int_equal(bench.alive, 1);
	send_frame(&f, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\x08", 4);
	assert_int_equal(bench.alive, 0);
	assert_int_equal(bench.gone, 1);
	/* an answer before the body's end: the rest is not wanted */
	send_head(&f, 5, 0, ":method: POST\n:scheme: http\n:path: /\n:authority: a.example\n");
	told(&f, text, sizeof(text));
	HAS("DATA 5 ES 5\n");
	HAS("RST 5 code=0\n");
	far_close(&f);
}

static void test_tunnel(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	send_head(&f, 1, 0,
	          ":method: CONNECT\n:protocol: websocket\n:scheme: http\n:path: /chat\n"
	          ":authority: a.example\nsec-websocket-version: 13\n");
	send_frame(&f, NGHTTP2_DATA, 0, 1, "frame", 5);
	told(&f, text, sizeof(text));
	LOG("GET /chat");
	LOG("upgrade=websocket sec-websocket-key=");
	HAS("HEADERS 1 :status=200\nDATA 1 5\n");
	send_frame(&f, NGHTTP2_DATA, ES, 1, "last", 4);
	told(&f, text, sizeof(text));
	HAS("DATA 1 4\n");
	send_head(&f, 3, 0, ":method: CONNECT\n:authority: a.example:80\n");
	send_head(&f, 5, 0,
	          ":method: CONNECT\n:protocol: connect-udp\n:scheme: http\n:path: /\n"
	          ":authority: a.example\n");
	told(&f, text, sizeof(text));
	HAS("HEADERS 3 :status=405");
	HAS("HEADERS 5 :status=501");
	far_close(&f);
}

/* ---- what is refused
 * -------------------------------------------------------------------------------- */

static void test_strict(void **state)
{
	static const struct {
		const char *head, *answer;
	} rows[] = {
		{ GET("/") "Upper: x\n", "RST" },
		{ GET("/") "connection: close\n", "RST" },
		{ GET("/") "transfer-encoding: chunked\n", "RST" },
		{ GET("/") "keep-alive: 1\n", "RST" },
		{ GET("/") "proxy-connection: x\n", "RST" },
		{ GET("/") "upgrade: h2c\n", "RST" },
		{ GET("/") "te: gzip\n", "RST" },
		{ GET("/") "te: trailers\n", "HEADERS" },
		{ GET("/") ":late: x\n", "RST" },
		{ GET("/") ":path: /again\n", "RST" },
		{ GET("/") "a b: x\n", "RST" },
		{ GET("/") "x: a\rb\n", "RST" },
		{ GET("/") "x: \x01\n", "RST" },
		{ GET("/") "x:  padded\n", "RST" },
		{ GET("/") "x: padded \n", "RST" },
		{ GET("/") "content-length: 5\n", "RST" },
		{ GET("/") "content-length: x\n", "RST" },
		{ GET("/") "content-length: 0\ncontent-length: 0\n", "RST" },
		{ ":scheme: http\n:path: /\n:authority: a\n", "RST" },
		{ ":method: GET\n:path: /\n:authority: a\n", "RST" },
		{ ":method: GET\n:scheme: http\n:authority: a\n", "RST" },
		{ ":method: GET\n:scheme: http\n:path: /\n", "RST" },
		{ ":method: GET\n:scheme: http\n:path: x\n:authority: a\n", "RST" },
		{ ":method: GET\n:scheme: ftp\n:path: /\n:authority: a\n", ":status=400" },
		{ ":method: G T\n:scheme: http\n:path: /\n:authority: a\n", "RST" },
		{ ":method: GET\n:scheme: http\n:path: /\n:authority: a\nhost: b\n",
		  ":status=400" },
		{ ":method: GET\n:scheme: http\n:path: /\n:authority: a\nhost: A\n",
		  ":status=200" },
		{ ":method: GET\n:scheme: http\n:path: /\nhost: a\n", ":status=200" },
		{ ":method: GET\n:scheme: http\n:path: /\n:authority: u@a\n", "RST" },
		{ ":method: GET\n:scheme: http\n:path: /#f\n:authority: a\n", ":status=400" },
		{ ":method: GET\n:scheme: http\n:path: /\"\n:authority: a\n", ":status=400" },
		{ ":method: GET\n:scheme: http\n:path: http://a/\n:authority: a\n", "RST" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct h2_far f;

		start(&f);
		send_head(&f, 1, ES, rows[i].head);
		told(&f, text, sizeof(text));
		if (!strstr(text, rows[i].answer))
			fail_msg("%s\nis answered with\n%s", rows[i].head, text);
		/* the connection goes on */
		send_head(&f, 3, ES, GET("/next"));
		told(&f, text, sizeof(text));
		HAS("HEADERS 3 :status=200");
		far_close(&f);
	}
}

/* Who waits for nothing of ours makes room when others need it, and costs little meanwhile. */
static void test_idle(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	assert_true(f.client->client.idle);
	send_head(&f, 1, ES, GET("/wait"));
	assert_false(f.client->client.idle);
	send_frame(&f, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
	assert_true(f.client->client.idle);
	/* an answer that the client's window keeps here */
	send_frame(&f, NGHTTP2_SETTINGS, 0, 0, "\0\x04\0\0\0\0", 6);
	send_head(&f, 3, ES, GET("/"));
	told(&f, text, sizeof(text));
	HAS("HEADERS 3 :status=200");
	HAS_NOT("DATA 3");
	assert_true(f.client->client.idle);
	assert_int_equal(f.client->n_streams, 1);
	send_frame(&f, NGHTTP2_WINDOW_UPDATE, 0, 3, "\0\0\0\x10", 4);
	told(&f, text, sizeof(text));
	HAS("DATA 3 ES 5");

	assert_true(h2_wire_holds(&f.client->wire));
	assert_true(f.client->timer.at <= f.client->idle_at + REST_MS);
	f.client->idle_at -= 2 * REST_MS;
	on_timer(&f.client->timer);
	assert_false(h2_wire_holds(&f.client->wire));

	/* a head that is never whole */
	send_frame(&f, NGHTTP2_HEADERS, 0, 5, "\x82", 1);
	assert_true(f.client->client.idle);
	f.client->client.close(&f.client->client);
	assert_int_equal(bench_open, 0);
	assert_int_equal(streams_all, 0);
	told(&f, text, sizeof(text));
	HAS("GOAWAY 0 last=5 code=0");
	far_close(&f);
}

static void test_large_head(void **state)
{
	char head[65000];
	struct h2_far f;
	size_t n;

	(void)state;
	start(&f);
	n = (size_t)snprintf(head, sizeof(head), GET("/") "x: ");
	memset(head + n, 'x', 33000);
	strcpy(head + n + 33000, "\n");
	send_head(&f, 1, ES, head);
	told(&f, text, sizeof(text));
	HAS("HEADERS 1 :status=431");
	n = (size_t)snprintf(head, sizeof(head), GET("/"));
	for (int i = 0; i < 130; i++)
		n += (size_t)snprintf(head + n, sizeof(head) - n, "x-%d: y\n", i);
	send_head(&f, 3, ES, head);
	send_head(&f, 5, ES, GET("/"));
	told(&f, text, sizeof(text));
	HAS("HEADERS 3 :status=431");
	HAS("HEADERS 5 :status=200");
	far_close(&f);
}

/* One small frame, many times its size: fields of the table by their number. */
static void test_bomb(void **state)
{
	/* GET / of a, and a field of 3900 bytes that the table keeps */
	static const uint8_t head[] = { 0x82, 0x86, 0x84, 0x41, 1,    'a',
		                        0x40, 1,    'x',  0x7f, 0xbd, 0x1d };
	uint8_t first[sizeof(head) + 3900], bomb[4096];
	struct h2_far f;

	(void)state;
	start(&f);
	memcpy(first, head, sizeof(head));
	memset(first + sizeof(head), 'x', 3900);
	send_frame(&f, NGHTTP2_HEADERS, ES | EH, 1, first, sizeof(first));
	memset(bomb, 0x80 | 63, sizeof(bomb)); /* that field, behind the new :authority */
	memcpy(bomb, head, 6);
	send_frame(&f, NGHTTP2_HEADERS, ES | EH, 3, bomb, sizeof(bomb));
	told(&f, text, sizeof(text));
	HAS("HEADERS 1 :status=200");
	HAS("GOAWAY 0 last=");
	HAS("code=11\n");
	far_close(&f);
}

/* ---- backpressure
 * ------------------------------------------------------------------------------------ */

static void test_full(void **state)
{
	char piece[16384] = { 0 };
	struct h2_far f;

	(void)state;
	start(&f);
	send_head(&f, 1, 0, ":method: POST\n:scheme: http\n:path: /wait\n:authority: a.example\n");
	bench.stopped = true;
	for (int i = 0; i < 3; i++)
		send_frame(&f, NGHTTP2_DATA, 0, 1, piece, sizeof(piece));
	told(&f, text, sizeof(text));
	assert_int_equal(bench.taken, 0);
	assert_int_equal(h2_held, 3 * sizeof(piece));
	HAS_NOT("WINDOW 1");
	bench.stopped = false;
	f.client->streams.next != &f.client->streams ? (void)0 : fail();
	front_resume(&container_of(f.client->streams.next, struct h2_stream, in_client)->x);
	told(&f, text, sizeof(text));
	assert_int_equal(bench.taken, 3 * sizeof(piece));
	assert_int_equal(h2_held, 0);
	HAS("WINDOW 1");
	/* more than the window: its own fault */
	bench.stopped = true;
	for (int i = 0; i < 5; i++)
		send_frame(&f, NGHTTP2_DATA, 0, 1, piece, sizeof(piece));
	told(&f, text, sizeof(text));
	HAS("code=3\n");
	far_close(&f);
	assert_int_equal(h2_held, 0);
}

static void test_slow_reader(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	for (uint32_t id = 1; id < 40; id += 2)
		send_head(&f, id, ES, GET("/big"));
	/* its window takes 64 KB of all; no stream waits with more than its bound */
	assert_true(h2_held <= 20 * (OUT_HIGH + PIECE_MAX));
	assert_int_equal(bench.alive, 20);
	send_frame(&f, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x01\0\0\0", 4);
	send_frame(&f, NGHTTP2_WINDOW_UPDATE, 0, 1, "\x01\0\0\0", 4);
	told(&f, text, sizeof(text));
	HAS("DATA 1 ES");
	assert_int_equal(bench.alive, 19);
	far_close(&f);
	assert_int_equal(bench.alive, 0);
	assert_int_equal(h2_held, 0);
}

static void test_streams(void **state)
{
	struct h2_far f;

	(void)state;
	start(&f);
	for (uint32_t id = 1; id < 2 * (H2_STREAMS + 3); id += 2)
		send_head(&f, id, ES, GET("/wait"));
	told(&f, text, sizeof(text));
	assert_int_equal(bench.alive, H2_STREAMS);
	HAS("code=7\n");
	h2_held += H2_HELD_HIGH;
	send_frame(&f, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
	send_head(&f, 1001, ES, GET("/wait"));
	told(&f, text, sizeof(text));
	HAS("RST 1001 code=7\n");
	h2_held -= H2_HELD_HIGH;
	far_close(&f);
}

/* ---- floods
 * ------------------------------------------------------------------------------------------- */

/* How many rounds until the connection is ended for it. */
static unsigned survives(struct h2_far *f, void (*round)(struct h2_far *f, unsigned i))
{
	unsigned i = 0;

	while (bench_open && !f->client->wire.closing && i < 20000) {
		round(f, i++);
		far_read(f);
		if (f->got.len > 60000)
			buf_reset(&f->got);
	}
	return i;
}

static void one_ping(struct h2_far *f, unsigned i)
{
	(void)i;
	send_frame(f, NGHTTP2_PING, 0, 0, "12345678", 8);
}

static void one_settings(struct h2_far *f, unsigned i)
{
	(void)i;
	send_frame(f, NGHTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\1", 6);
}

static void one_priority(struct h2_far *f, unsigned i)
{
	send_frame(f, NGHTTP2_PRIORITY, 0, 2 * i + 1, "\0\0\0\0\1", 5);
}

static void one_window(struct h2_far *f, unsigned i)
{
	(void)i;
	send_frame(f, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
}

static void one_empty(struct h2_far *f, unsigned i)
{
	if (!i)
		send_head(f, 1, 0, ":method: POST\n:scheme: http\n:path: /wait\n:authority: a\n");
	send_frame(f, NGHTTP2_DATA, 0, 1, "", 0);
}

static void one_reset(struct h2_far *f, unsigned i)
{
	send_head(f, 2 * i + 1, ES, GET("/wait"));
	send_frame(f, NGHTTP2_RST_STREAM, 0, 2 * i + 1, "\0\0\0\x08", 4);
}

/* The server is made to reset it (CVE-2025-8671). */
static void one_made_reset(struct h2_far *f, unsigned i)
{
	send_head(f, 2 * i + 1, ES, GET("/wait"));
	send_frame(f, NGHTTP2_WINDOW_UPDATE, 0, 2 * i + 1, "\x7f\xff\xff\xff", 4);
}

static void one_malformed(struct h2_far *f, unsigned i)
{
	send_head(f, 2 * i + 1, ES, GET("/") "connection: x\n");
}

static void test_floods(void **state)
{
	static const struct {
		const char *name;
		void (*round)(struct h2_far *f, unsigned i);
		unsigned least, most;
	} rows[] = {
		{ "PING", one_ping, 900, 1100 },
		{ "SETTINGS", one_settings, 900, 1100 },
		{ "PRIORITY", one_priority, 900, 1100 },
		{ "WINDOW_UPDATE", one_window, 900, 1100 },
		{ "empty DATA", one_empty, 900, 1100 },
		{ "reset", one_reset, 300, 500 },
		{ "made reset", one_made_reset, 30, 500 },
		{ "malformed", one_malformed, 30, 500 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct h2_far f;
		unsigned n;

		start(&f);
		n = survives(&f, rows[i].round);
		if (n < rows[i].least || n > rows[i].most)
			fail_msg("%s: ended after %u", rows[i].name, n);
		far_read(&f);
		assert_int_equal(bench.alive, 0);
		far_close(&f);
		assert_int_equal(streams_all, 0);
	}
}

static void test_continuations(void **state)
{
	struct h2_far f;
	char byte = 0;

	(void)state;
	start(&f);
	send_frame(&f, NGHTTP2_HEADERS, 0, 1, "\x82", 1);
	for (int i = 0; i < 50 && bench_open && !f.client->wire.closing; i++)
		send_frame(&f, NGHTTP2_CONTINUATION, 0, 1, &byte, 0);
	told(&f, text, sizeof(text));
	HAS("GOAWAY");
	far_close(&f);
}

/* ---- the end
 * ------------------------------------------------------------------------------------------- */

static void test_drain(void **state)
{
	struct h2_far f;
	uint8_t ping[8];
	char *at;

	(void)state;
	start(&f);
	send_head(&f, 1, ES, GET("/wait"));
	told(&f, text, sizeof(text));
	f.client->client.drain(&f.client->client);
	far_read(&f);
	at = memmem(f.got.data, f.got.len, "\0\0\x08\x06\0", 5); /* the PING that is to come back */
	assert_non_null(at);
	memcpy(ping, at + 9, 8);
	told(&f, text, sizeof(text));
	HAS("GOAWAY 0 last=65535 code=0\n");
	send_head(&f, 3, ES, GET("/")); /* was under way */
	send_frame(&f, NGHTTP2_PING, 1, 0, ping, 8);
	told(&f, text, sizeof(text));
	HAS("HEADERS 3 :status=200");
	HAS("GOAWAY 0 last=3 code=0\n");
	assert_int_equal(bench.alive, 1);
	send_head(&f, 5, ES, GET("/late"));
	told(&f, text, sizeof(text));
	HAS_NOT("HEADERS 5");
	assert_false(f.client->wire.closing);
	send_frame(&f, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x08", 4);
	far_read(&f);
	assert_true(f.client->wire.closing);
	far_close(&f);
	assert_int_equal(bench_open, 0);
}

static void test_garbage(void **state)
{
	struct h2_far f;

	(void)state;
	far_open(&f);
	far_send(&f, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
	told(&f, text, sizeof(text));
	HAS("GOAWAY");
	far_close(&f);
	start(&f);
	send_head(&f, 1, ES, GET("/wait"));
	send_frame(&f, NGHTTP2_DATA, 0, 0, "x", 1); /* of no stream */
	told(&f, text, sizeof(text));
	HAS("GOAWAY 0 last=1 code=1\n");
	far_send(&f, "\0\0\x05\x03\0\0\0\0\1junk!", 14); /* a frame of the wrong size, after that */
	far_close(&f);
	assert_int_equal(bench.alive, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),           cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_cut),           cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_strict),        cmocka_unit_test(test_large_head),
		cmocka_unit_test(test_idle),          cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_full),          cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_streams),       cmocka_unit_test(test_floods),
		cmocka_unit_test(test_continuations), cmocka_unit_test(test_drain),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
