/* test_http.c - the strict parser: what is taken, and everything that has to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/http.h>

static struct http_head head;

static int request(const char *text)
{
	const char *why;

	return http_parse_request(&head, text, strlen(text), &why);
}

#define OK_HOST "Host: a.example\r\n\r\n"

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		int status;
	} rows[] = {
		/* smuggling: more than one opinion about the length */
		{ "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" OK_HOST,
		  400 },
		{ "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nContent-Length: +1\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nContent-Length:\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		  "chunked\r\n" OK_HOST,
		  400 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" OK_HOST, 400 },
		{ "POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n" OK_HOST, 400 },
		/* lines */
		{ "GET / HTTP/1.1\nHost: a\n\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nA: b\rc\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA: b\r\n folded\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\n A: b\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\n: b\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA B: c\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nno colon\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA: \x01\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA: \x7f\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA: b\r\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA: b\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA\t: b\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\n\tA: b\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA(: b\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\n\x80: b\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\nA: a long value with one \x1f in the middle\r\n" OK_HOST,
		  400 },
		{ "GET / HTTP/1.1\r\nA: a long value with one \x7f in the middle\r\n" OK_HOST,
		  400 },
		{ "GET / HTTP/1.1\r\nA: a long value with a bare \n in the middle\r\n" OK_HOST,
		  400 },
		{ "GET / HTTP/1.1\r\nContent-Length\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\r\n=: b\r\n" OK_HOST, 400 },
		/* request line */
		{ "GET / HTTP/1.1\rHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\r\n" OK_HOST, 400 },
		{ "GET\t/ HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /\tHTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1\t\r\n" OK_HOST, 400 },
		{ "GET /  HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1\r\n" OK_HOST, 400 },
		{ "GET / HTTP/01.1\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.10\r\n" OK_HOST, 400 },
		{ "GET / HTTP/0.9\r\n" OK_HOST, 505 },
		{ "GET HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET / \r\n" OK_HOST, 400 },
		{ "\r\n", 0 },
		{ "\r", 0 },
		{ "\n", 400 },
		{ "\rGET / HTTP/1.1\r\n" OK_HOST, 400 },
		{ "/ HTTP/1.1\r\n" OK_HOST, 400 },
		{ "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /a|b HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /a\\b HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /?a#b HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /?\"a\" HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET  / HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /a b HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /#frag HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /\xc3\xa4 HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /\x7f HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /<> HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET a/b HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET * HTTP/1.1\r\n" OK_HOST, 400 },
		{ "CONNECT a:80 HTTP/1.1\r\n" OK_HOST, 400 },
		{ "CONNECT / HTTP/1.1\r\n" OK_HOST, 400 },
		{ "G(T / HTTP/1.1\r\n" OK_HOST, 400 },
		{ " GET / HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET /\r\n" OK_HOST, 400 },
		{ "GET / HTTP/2.0\r\n" OK_HOST, 505 },
		{ "GET / HTTP/1.2\r\n" OK_HOST, 505 },
		{ "GET / http/1.1\r\n" OK_HOST, 400 },
		{ "GET / HTTP/1.1 \r\n" OK_HOST, 400 },
		{ "\r\n\r\n\r\nGET / HTTP/1.1\r\n" OK_HOST, 400 },
		/* Host */
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: .a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: []\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400 },
		{ "GET http:/// HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET http://u@a.example/ HTTP/1.1\r\nHost: u@a.example\r\n\r\n", 400 },
		{ "GET http://a.example?/ HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET http://b.example/ HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET https://a.example/ HTTP/1.1\r\n" OK_HOST, 400 },
		{ "GET http://a.example HTTP/1.1\r\n" OK_HOST, 400 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (request(rows[i].text) != -rows[i].status)
			fail_msg("row %zu: %d for %s", i, request(rows[i].text), rows[i].text);
}

static void test_taken(void **state)
{
	const char *text = "\r\nGET /a/b?x=%20y HTTP/1.1\r\nHost: A.example:8080\r\nX: \t v w "
			   "\t\r\nX:\r\n\r\nrest";

	(void)state;
	assert_int_equal(request(text), strlen(text) - 4);
	assert_true(span_is(head.method, "GET"));
	assert_true(span_is(head.path, "/a/b"));
	assert_true(span_is(head.query, "x=%20y"));
	assert_true(span_is(head.host, "A.example"));
	assert_true(span_is(head.host_port, "8080"));
	assert_true(span_is(*http_header(&head, "x"), "v w"));
	assert_int_equal(head.n_headers, 3);
	assert_int_equal(head.body, HTTP_BODY_NONE);
	assert_true(head.keep_alive);
	assert_true(request("GET http://a.example/p HTTP/1.1\r\n" OK_HOST) > 0);
	assert_true(span_is(head.path, "/p"));
	assert_true(request("OPTIONS * HTTP/1.1\r\n" OK_HOST) > 0);
	assert_true(request("GET / HTTP/1.1\r\nHost: [fd00::1]:80\r\n\r\n") > 0);
	assert_true(span_is(head.host, "[fd00::1]"));
	assert_true(request("GET / HTTP/1.1\r\nHost:\r\n\r\n") > 0);
	assert_true(request("GET / HTTP/1.1\r\nHost: my_host.a-b.example.:\r\n\r\n") > 0);
	assert_true(span_is(head.host, "my_host.a-b.example."));
	assert_true(request("GET /?q={a|b}&c=\\^` HTTP/1.1\r\nA:\xe4\tb\r\n" OK_HOST) > 0);
	assert_true(span_is(head.query, "q={a|b}&c=\\^`"));
	assert_true(span_is(head.headers[0].value, "\xe4\tb"));
	assert_true(request("GET http://a.example/p?http://b/ HTTP/1.1\r\n" OK_HOST) > 0);
	assert_true(span_is(head.path, "/p") && span_is(head.query, "http://b/"));
}

static void test_connection(void **state)
{
	(void)state;
	assert_true(request("GET / HTTP/1.1\r\nConnection: x, CLOSE\r\n" OK_HOST) > 0);
	assert_false(head.keep_alive);
	assert_true(request("GET / HTTP/1.0\r\n\r\n") > 0);
	assert_false(head.keep_alive);
	assert_true(request("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") > 0);
	assert_true(head.keep_alive);
	assert_true(request("GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
	                    "websocket\r\n" OK_HOST) > 0);
	assert_true(head.upgrade);
	assert_true(
		request("GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: a, H2C\r\n" OK_HOST) >
		0);
	assert_false(head.upgrade);
	assert_true(request("GET / HTTP/1.1\r\nUpgrade: websocket\r\n" OK_HOST) > 0);
	assert_false(head.upgrade);
	assert_true(request("POST / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: "
	                    "Chunked\r\n" OK_HOST) > 0);
	assert_true(head.expect_continue);
	assert_int_equal(head.body, HTTP_BODY_CHUNKED);
}

/* Every prefix of a good head asks for more, and says so without reading beyond it. */
static void test_every_prefix(void **state)
{
	const char *text = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", *why;
	size_t n = strlen(text);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char *copy = malloc(i + 1);

		memcpy(copy, text, i);
		assert_int_equal(http_parse_request(&head, copy, i, &why), 0);
		free(copy);
	}
	assert_int_equal(request(text), n);
	assert_int_equal(head.length, 5);
}

static void test_limits(void **state)
{
	static char text[3 * HTTP_HEAD_MAX];
	const char *why;
	int n;

	(void)state;
	n = sprintf(text, "GET /");
	memset(text + n, 'a', 9000);
	assert_int_equal(http_parse_request(&head, text, n + 9000, &why), -414);
	strcpy(text + n + 9000, " HTTP/1.1\r\n" OK_HOST);
	assert_int_equal(request(text), -414);
	n = sprintf(text, "GET / HTTP/1.1\r\nA: ");
	memset(text + n, 'a', 2 * HTTP_HEAD_MAX);
	assert_int_equal(http_parse_request(&head, text, n + 2 * HTTP_HEAD_MAX, &why), -431);
	n = sprintf(text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < HTTP_HEADERS_MAX; i++)
		n += sprintf(text + n, "A%d: b\r\n", i);
	strcpy(text + n, OK_HOST);
	assert_int_equal(request(text), -431);
}

static int response(const char *text, bool head_request)
{
	const char *why;

	return http_parse_response(&head, text, strlen(text), head_request, &why);
}

static void test_responses(void **state)
{
	(void)state;
	assert_true(response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", false) > 0);
	assert_int_equal(head.status, 200);
	assert_int_equal(head.length, 3);
	assert_true(response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true) > 0);
	assert_int_equal(head.body, HTTP_BODY_NONE);
	assert_true(response("HTTP/1.1 204\r\n\r\n", false) > 0);
	assert_int_equal(head.body, HTTP_BODY_NONE);
	assert_true(response("HTTP/1.0 200 OK\r\n\r\n", false) > 0);
	assert_int_equal(head.body, HTTP_BODY_UNTIL_CLOSE);
	assert_false(head.keep_alive);
	assert_int_equal(response("HTTP/1.1 200 OK\r\n", false), 0);
	assert_int_equal(response("HTTP/1.1 99 Low\r\n\r\n", false), -502);
	assert_int_equal(response("HTTP/1.1 2000 OK\r\n\r\n", false), -502);
	assert_int_equal(response("garbage\r\n\r\n", false), -502);
	assert_int_equal(
		response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	                 false),
		-502);
}

/* Feeds text in pieces of step bytes; the body goes to out. 1 done, 0 not yet, -1 broken. */
static int chunked(const char *text, size_t step, char *out)
{
	struct http_chunked c = { 0 };
	size_t n = strlen(text), at = 0, got = 0;
	bool done = false;

	while (at < n && !done) {
		size_t piece = n - at < step ? n - at : step, used = 0;

		while (used < piece && !done) {
			const char *data;
			size_t data_n;
			long ret = http_chunked(&c, text + at + used, piece - used, &data, &data_n,
			                        &done);

			if (ret < 0)
				return -1;
			memcpy(out + got, data, data_n);
			got += data_n;
			used += ret;
		}
		at += used;
	}
	out[got] = 0;
	return done;
}

static void test_chunked(void **state)
{
	static const char *const good[] = {
		"5\r\nhello\r\n0\r\n\r\n",
		"2;ext=1\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
		"0005\r\nhello\r\n00\r\n\r\n",
	};
	static const char *const bad[] = {
		"5 \r\nhello\r\n0\r\n\r\n",
		"5\nhello\r\n0\r\n\r\n",
		"5\r\nhelloX\r\n0\r\n\r\n",
		"g\r\n",
		"\r\n",
		"-1\r\n",
		"0x5\r\nhello\r\n",
		"ffffffffffffffffff\r\n",
		"5\r\nhello\n0\r\n\r\n",
		"0\r\n folded\r\n\r\n",
		"5;\x01\r\nhello\r\n",
		"5;a=\x7f\r\nhello\r\n",
		"5;a\n\r\nhello\r\n",
		"5;a\r\rhello\r\n",
		"5\r\nhello\r\n\r\n0\r\n\r\n",
		"+5\r\nhello\r\n0\r\n\r\n",
		"5,5\r\nhello\r\n",
		" 5\r\nhello\r\n",
		"00000000000000005\r\nhello\r\n0\r\n\r\n",
		"0\r\nno colon\r\n\r\n",
		"0\r\nGET / HTTP/1.1\r\n\r\n",
		"0\r\na b: c\r\n\r\n",
		"0\r\n: c\r\n\r\n",
		"0\r\na: b\n\r\n",
		"0\r\na: b\r\r\n",
		"0\r\n\n",
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		for (size_t step = 1; step < 9; step++) {
			assert_int_equal(chunked(good[i], step, out), 1);
			assert_string_equal(out, "hello");
		}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (chunked(bad[i], 3, out) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(chunked("5\r\nhel", 4, out), 0);
}

static void test_chunked_trailers_are_bounded(void **state)
{
	struct http_chunked c = { 0 };
	const char *data;
	size_t data_n;
	bool done;
	long ret = http_chunked(&c, "0\r\n", 3, &data, &data_n, &done);

	(void)state;
	for (int i = 0; i < 10000 && ret >= 0; i++)
		ret = http_chunked(&c, "A: b\r\n", 6, &data, &data_n, &done);
	assert_int_equal(ret, -1);
}

/* One byte a chunk with an extension each: paid for thousandfold, so there is a bound. Chunks of
 * one byte alone are slow, but nobody's fault. */
static void test_chunks_of_mostly_extension(void **state)
{
	static const char dear[] = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n";
	static const char small[] = "1\r\nx\r\n";
	struct http_chunked c = { 0 };
	const char *data;
	size_t data_n;
	bool done;
	int i, at;

	(void)state;
	for (i = 0; i < 1000; i++) {
		for (at = 0; at < (int)sizeof(dear) - 1;) {
			long ret = http_chunked(&c, dear + at, sizeof(dear) - 1 - at, &data,
			                        &data_n, &done);

			if (ret < 0)
				goto refused;
			at += (int)ret;
		}
	}
refused:
	assert_in_range(i, 100, 900);
	c = (struct http_chunked){ 0 };
	for (i = 0; i < 100000; i++)
		for (at = 0; at < (int)sizeof(small) - 1;) {
			long ret = http_chunked(&c, small + at, sizeof(small) - 1 - at, &data,
			                        &data_n, &done);

			assert_true(ret > 0);
			at += (int)ret;
		}
}

static void test_tokens(void **state)
{
	(void)state;
	assert_true(span_has_token((struct span){ " a ,\tB,c", 8 }, "b"));
	assert_false(span_has_token((struct span){ "ab,c", 4 }, "a"));
	assert_false(span_has_token((struct span){ "", 0 }, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_chunked_trailers_are_bounded),
		cmocka_unit_test(test_chunks_of_mostly_extension),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
