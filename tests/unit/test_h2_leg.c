/* Tries over HTTP/2: what becomes of the answers, refusals and ends of a backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "h2_leg_bench.h"

#define GET "GET / HTTP/1.1\r\nHost: a.example\r\nX-A: b\r\n\r\n"
#define POST "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define OK "\x88" /* :status 200 */

static void tell(unsigned type, unsigned flags, unsigned id, const char *p, size_t n)
{
	uint8_t frame[9 + 200] = { 0, 0, (uint8_t)n, (uint8_t)type, (uint8_t)flags,
		                   0, 0, 0,          (uint8_t)id };

	memcpy(frame + 9, p, n);
	bench_tell(frame, 9 + n);
}

#define TELL(type, flags, id, text) tell(type, flags, id, text, sizeof(text) - 1)

static void start(void)
{
	bench_start();
}

static void stop(void)
{
	bench_stop();
	assert_int_equal(bench.under_way, 0);
	assert_int_equal(bench_peer.refs, 1);
	assert_int_equal(bench_peer.busy, 0);
	assert_int_equal(n_links, 0);
	assert_int_equal(h2_held, 0);
}

static bool sent(const char *what, size_t n)
{
	static char got[65536];
	ssize_t len = read(bench_pair[0], got, sizeof(got));

	return len > 0 && memmem(got, (size_t)len, what, n);
}

static void test_answer(void **state)
{
	struct exchange x;

	(void)state;
	start();
	assert_non_null(bench_ask(&x, GET));
	assert_true(x.leg->connecting);
	bench_connect();
	assert_int_equal(x.phase, EXCHANGE_ASKS);
	assert_true(sent("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24));
	TELL(4, 0, 0, "");
	TELL(1, 4, 1, OK);
	TELL(0, 0, 1, "hello");
	TELL(1, 5, 1, "\x00\x0bgrpc-status\x01\x30\x00\x04host\x01z");
	assert_string_equal(bench.log, "200 body=2\nend grpc-status=0\n");
	assert_int_equal(bench.taken, 5);
	/* the next one shares the connection */
	assert_non_null(bench_ask(&x, GET));
	assert_false(x.leg->connecting);
	assert_int_equal(n_links, 1);
	TELL(1, 5, 3, "\x89");
	stop();
	assert_non_null(strstr(bench.log, "204 body=0\nend\n"));
}

static void test_full(void **state)
{
	struct exchange x;

	(void)state;
	start();
	bench_ask(&x, GET);
	bench_connect();
	TELL(4, 0, 0, "");
	TELL(1, 4, 1, OK);
	bench.stopped = true;
	TELL(0, 0, 1, "hello");
	TELL(0, 1, 1, "world");
	assert_int_equal(bench.taken, 0);
	assert_int_equal(h2_held, 10);
	/* the answer is whole: the connection's end takes nothing of it */
	link_end(bench_link, LEG_LOST);
	bench_turn();
	assert_int_equal(bench.under_way, 1);
	bench.stopped = false;
	x.leg->ops->resume(x.leg);
	bench_turn();
	assert_int_equal(bench.taken, 10);
	assert_non_null(strstr(bench.log, "end\n"));
	stop();
}

static void test_declined(void **state)
{
	struct exchange a, b;

	(void)state;
	start();
	bench_ask(&a, GET);
	bench_ask(&b, POST);
	assert_int_equal(n_links, 1);
	bench_connect();
	TELL(4, 0, 0, "");
	TELL(3, 0, 3, "\0\0\0\x07"); /* RST_STREAM, REFUSED_STREAM */
	assert_string_equal(bench.log, "trouble 4\n");
	bench_ask(&b, GET);
	TELL(7, 0, 0, "\0\0\0\1\0\0\0\0"); /* GOAWAY, the first is the last */
	assert_string_equal(bench.log, "trouble 4\ntrouble 4\n");
	TELL(1, 5, 1, OK);
	assert_non_null(strstr(bench.log, "200 body=0\nend\n"));
	bench_turn();
	assert_int_equal(n_links, 0); /* no more comes over it */
	stop();
}

static void test_lost(void **state)
{
	struct exchange a, b;

	(void)state;
	start();
	bench_ask(&a, GET);
	bench_connect();
	TELL(4, 0, 0, "");
	TELL(1, 4, 1, OK);
	bench_ask(&b, GET);
	assert_true(b.leg->reused);
	link_end(bench_link, LEG_LOST);
	/* the first had begun; of the second nothing was heard: it may only have come too late */
	assert_string_equal(bench.log, "200 body=2\ntrouble 2\ntrouble 1\n");
	stop();
	start();
	bench_ask(&a, GET);
	bench_connect();
	TELL(4, 0, 0, "");
	TELL(1, 4, 1,
	     "\x08\x03"
	     "099"); /* no status that there is */
	assert_string_equal(bench.log, "trouble 3\n");
	stop();
}

static void test_one_at_a_time(void **state)
{
	struct exchange a, b;
	struct h2_link *first;

	(void)state;
	start();
	bench_ask(&a, GET);
	bench_connect();
	TELL(4, 0, 0, "\0\3\0\0\0\1"); /* MAX_CONCURRENT_STREAMS 1 */
	first = bench_link;
	bench_ask(&b, GET);
	assert_int_equal(n_links, 2);
	assert_ptr_not_equal(bench_link, first);
	bench_end(&b);
	bench_turn(); /* nobody waits for that connection any more */
	assert_int_equal(n_links, 1);
	bench_link = first;
	bench_end(&a);
	stop();
}

static void test_tunnel(void **state)
{
	struct exchange x;

	(void)state;
	start();
	bench_ask(&x, GET);
	bench_connect();
	TELL(4, 0, 0, "\0\x08\0\0\0\1"); /* ENABLE_CONNECT_PROTOCOL */
	TELL(1, 5, 1, OK);
	bench_ask(&x,
	          "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
	          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	TELL(1, 4, 3, OK);
	assert_non_null(strstr(bench.log, "101 body=0 connection=upgrade upgrade=websocket "
	                                  "sec-websocket-accept=s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"));
	TELL(0, 1, 3, "bytes");
	assert_int_equal(bench.taken, 5);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),        cmocka_unit_test(test_full),
		cmocka_unit_test(test_declined),      cmocka_unit_test(test_lost),
		cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
