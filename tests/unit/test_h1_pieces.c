/* test_h1_pieces.c - a head that comes in pieces is not read from its beginning for each of them:
 * the bytes that the parser looks at are counted. The real front of HTTP/1.1 and its exchange, over
 * a socket pair; nobody has told of any routes. */
#include <knetd/http.h>

#define http_parse_request parse_request
#include "../../knetd/http.c"
#undef http_parse_request

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../modules/ingress/proxy.h"

static size_t looked_at;

int http_parse_request(struct http_head *h, const char *p, size_t n, const char **why)
{
	looked_at += n;
	return parse_request(h, p, n, why);
}

/* ---- what proxy_worker.c and worker.c are otherwise ------------------------------------------ */

static _Atomic uint64_t counters[WORKER_COUNTERS];
static struct snapshot *slots[TABLE_SLOTS];
static struct worker me = { .counters = counters, .slots = slots };
struct worker *proxy_worker = &me;

static const struct table_port port;

const struct table_port *proxy_port(unsigned door)
{
	(void)door;
	return &port;
}

void worker_fresh(struct worker *w)
{
	(void)w;
}

void worker_exit(void)
{
}

/* ---- a head, piece by piece: one a turn of the loop ------------------------------------------ */

#define PIECE 10

static struct {
	char head[HTTP_HEAD_MAX];
	size_t len, sent;
	int fd, server; /* -1: the front has it */
	char answer[256];
	unsigned turns;
} client;

static void on_turn(void)
{
	static const struct arrival a = { .from = { .ip = { .len = 4, .b = { 10, 9, 9, 9 } } },
		                          .ip = "10.9.9.9",
		                          .port = "80" };
	size_t n = client.len - client.sent < PIECE ? client.len - client.sent : PIECE;

	if (client.server >= 0) /* in a turn: the loop has the time */
		h1_new(client.server, NULL, &a, NULL, 0);
	client.server = -1;
	if (n)
		assert_int_equal(send(client.fd, client.head + client.sent, n, 0), n);
	client.sent += n;
	client.turns++;
	if (!n && recv(client.fd, client.answer, sizeof(client.answer) - 1, MSG_DONTWAIT) > 0)
		loop_stop();
	assert_true(client.turns < HTTP_HEAD_MAX);
	loop_again();
}

static void add(const char *text, size_t n)
{
	assert_true(client.len + n <= sizeof(client.head));
	memcpy(client.head + client.len, text, n);
	client.len += n;
}

/* A request with that many fields, of values of that length. Returns how many bytes of it there
 * are; how many were looked at is in looked_at. */
static size_t ask(unsigned fields, size_t length)
{
	static char value[HTTP_HEAD_MAX];
	int pair[2];

	memset(&client, 0, sizeof(client));
	memset(value, 'y', sizeof(value));
	add("GET / HTTP/1.1\r\nHost: a.example\r\n", 33);
	for (unsigned i = 0; i < fields; i++) {
		add("X: ", 3);
		add(value, length);
		add("\r\n", 2);
	}
	add("\r\n", 2);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
	                 0);
	client.server = pair[0];
	client.fd = pair[1];
	looked_at = 0;
	loop_again();
	loop_run();
	assert_memory_equal(client.answer, "HTTP/1.1 404", 12); /* it was read, and to its end */
	assert_true(client.turns > client.len / PIECE);
	close(client.fd);
	return client.len;
}

/* What is looked at again: all that came, for each 2048 bytes of it. */
static void one_long_field(void **state)
{
	size_t n;

	(void)state;
	n = ask(1, 32000);
	assert_in_range(looked_at, n, n * (n / 2048 + 2));
}

/* And for each line, of which there are not many. */
static void many_fields(void **state)
{
	size_t n;

	(void)state;
	n = ask(100, 300);
	assert_in_range(looked_at, n, n * 104);
}

static void a_short_one(void **state)
{
	size_t n;

	(void)state;
	n = ask(0, 0);
	assert_in_range(looked_at, n, n * 4);
}

static int start(void **state)
{
	struct err e;

	(void)state;
	loop_after(on_turn);
	return loop_init(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_long_field),
		cmocka_unit_test(many_fields),
		cmocka_unit_test(a_short_one),
	};

	return cmocka_run_group_tests_name("h1_pieces", tests, start, NULL);
}
