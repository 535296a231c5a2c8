/* test_tls.c - both sides of the engine over a socket pair: protocols, sessions, client
 * certificates, names that backends must prove, and data in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "../../knetd/tls_int.h"

static const char *const web[] = { "h2", "http/1.1" };

static struct lab {
	struct x509_key ca_key;
	uint8_t ca[X509_MAX];
	size_t ca_n;
	struct x509_info ca_info;
	struct buf trust, strangers;
	struct tls_anchors *anchors, *others;
	struct tls_identity *server, *client, *stranger;
	struct tls_sessions *sessions;
} lab;

static struct tls_identity *make_identity(const char *name, bool client, bool by_itself)
{
	struct x509_key key;
	struct x509_wish wish = { .common_name = name,
		                  .key = &key,
		                  .client = client,
		                  .not_before = time(NULL) - 60,
		                  .not_after = time(NULL) + 3600 };
	auto_buf struct buf pem = { 0 };
	struct tls_identity *id;
	uint8_t cert[X509_MAX];
	struct err e = { 0 };
	size_t n;

	x509_key_new(&key);
	x509_names_add(&wish.names, name);
	x509_names_add(&wish.names, "*.shop.test");
	n = x509_write(&wish, by_itself ? NULL : &lab.ca_info, by_itself ? NULL : &lab.ca_key,
	               cert);
	pem_write_key(&pem, &key);
	pem_write(&pem, "CERTIFICATE", cert, n);
	assert_int_equal(tls_identity_new(&id, pem.data, pem.len, &e), 0);
	return id;
}

static struct tls_anchors *make_anchors(const char *name, struct buf *bytes, bool keep)
{
	struct x509_key key;
	struct x509_wish wish = { .common_name = name,
		                  .key = &key,
		                  .ca = true,
		                  .not_before = time(NULL) - 60,
		                  .not_after = time(NULL) + 3600 };
	auto_buf struct buf pem = { 0 };
	uint8_t cert[X509_MAX];
	struct err e = { 0 };
	size_t n;

	x509_key_new(&key);
	n = x509_write(&wish, NULL, NULL, cert);
	if (keep) {
		lab.ca_key = key;
		memcpy(lab.ca, cert, n);
		assert_int_equal(x509_read(lab.ca, n, &lab.ca_info, &e), 0);
	}
	pem_write(&pem, "CERTIFICATE", cert, n);
	assert_int_equal(tls_anchors_read(bytes, pem.data, pem.len, &e), 0);
	return tls_anchors_open(bytes->data, bytes->len);
}

static int make(void **state)
{
	(void)state;
	lab.anchors = make_anchors("ca", &lab.trust, true);
	lab.others = make_anchors("others", &lab.strangers, false);
	lab.server = make_identity("a.test", false, false);
	lab.client = make_identity("client", true, false);
	lab.stranger = make_identity("stranger", true, true);
	lab.sessions = tls_sessions_new(8);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	tls_identity_unref(lab.server);
	tls_identity_unref(lab.client);
	tls_identity_unref(lab.stranger);
	tls_anchors_free(lab.anchors);
	tls_anchors_free(lab.others);
	tls_sessions_free(lab.sessions);
	buf_free(&lab.trust);
	buf_free(&lab.strangers);
	return 0;
}

struct pair {
	int fd[2]; /* server's, client's */
	struct tls *s, *c;
	bool s_broken, c_broken;
};

static bool step(struct tls *t, int fd)
{
	char byte;
	ssize_t got = tls_recv(t, fd, &byte, 1);

	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* True when both sides have agreed. */
static bool shake(struct pair *p)
{
	for (int i = 0; i < 50 && !(p->s_broken && p->c_broken); i++) {
		p->c_broken |= !step(p->c, p->fd[1]);
		p->s_broken |= !step(p->s, p->fd[0]);
		if (p->s_broken && !p->c_broken)
			shutdown(p->fd[0], SHUT_WR);
		if (p->c_broken && !p->s_broken)
			shutdown(p->fd[1], SHUT_WR);
	}
	return tls_is_open(p->s) && tls_is_open(p->c) && !p->s_broken && !p->c_broken;
}

static void open_pair(struct pair *p, const struct tls_terms *terms, const char *sni,
                      const struct tls_proof *proof)
{
	*p = (struct pair){ 0 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fd), 0);
	p->c = tls_connect(proof);
	p->s = tls_accept(terms, sni, "", 0);
}

static void close_pair(struct pair *p)
{
	tls_free(p->s);
	tls_free(p->c);
	close(p->fd[0]);
	close(p->fd[1]);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static bool agree(const struct tls_terms *terms, const struct tls_proof *proof, const char **why)
{
	struct pair p;
	bool good;

	open_pair(&p, terms, "", proof);
	good = shake(&p);
	if (why)
		*why = tls_trouble(p.c);
	close_pair(&p);
	return good;
}

static void test_names(void **state)
{
	const struct tls_terms terms = { .identity = lab.server };
	const struct tls_san exact = { false, "a.test" }, wild = { false, "x.shop.test" },
			     same = { false, "*.shop.test" }, deep = { false, "x.y.shop.test" },
			     uri = { true, "a.test" };
	struct tls_proof proof = { .name = "a.test", .anchors = lab.anchors };
	const char *why;

	(void)state;
	assert_true(agree(&terms, &proof, NULL));
	proof.name = "b.test";
	assert_false(agree(&terms, &proof, &why));
	assert_string_equal(why, "its certificate is not for that name");
	proof.anyone = true;
	assert_true(agree(&terms, &proof, NULL));
	proof.anyone = false;
	proof.n_names = 1; /* asked for b.test, proved by another */
	proof.names = &exact;
	assert_true(agree(&terms, &proof, NULL));
	proof.names = &wild;
	assert_true(agree(&terms, &proof, NULL));
	proof.names = &same;
	assert_true(agree(&terms, &proof, NULL));
	proof.names = &deep;
	assert_false(agree(&terms, &proof, &why));
	assert_string_equal(why, "its certificate is not for that name");
	proof.names = &uri;
	assert_false(agree(&terms, &proof, NULL));
	proof.names = &exact;
	proof.anchors = lab.others;
	assert_false(agree(&terms, &proof, &why));
	assert_string_equal(why, "its certificate is signed by no known authority");
	proof.anchors = NULL; /* nobody is believed */
	assert_false(agree(&terms, &proof, NULL));
}

static void test_protocols(void **state)
{
	struct tls_terms terms = { .identity = lab.server, .protocols = web, .n_protocols = 2 };
	const char *const old[] = { "http/1.1" };
	struct tls_proof proof = { .name = "a.test", .anchors = lab.anchors };
	struct pair p;

	(void)state;
	open_pair(&p, &terms, "", &proof);
	assert_true(shake(&p) && !tls_protocol(p.s) && !tls_protocol(p.c));
	close_pair(&p);
	proof.protocols = old;
	proof.n_protocols = 1;
	open_pair(&p, &terms, "", &proof);
	assert_true(shake(&p));
	assert_string_equal(tls_protocol(p.s), "http/1.1");
	assert_string_equal(tls_protocol(p.c), "http/1.1");
	close_pair(&p);
	proof.protocols = web;
	proof.n_protocols = 2;
	open_pair(&p, &terms, "", &proof);
	assert_true(shake(&p));
	assert_string_equal(tls_protocol(p.s), "h2");
	close_pair(&p);
}

static void test_clients(void **state)
{
	struct tls_terms terms = { .identity = lab.server, .clients = lab.anchors };
	struct tls_proof proof = { .name = "a.test", .anchors = lab.anchors };
	const struct {
		struct tls_identity *who;
		bool needed, open, good, refused;
	} rows[] = {
		{ NULL, false, true, false, false },
		{ NULL, true, false, false, false },
		{ lab.client, false, true, true, false },
		{ lab.client, true, true, true, false },
		{ lab.stranger, false, true, false, true },
		{ lab.stranger, true, false, false, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *name, *organization;
		bool refused;
		struct pair p;

		proof.identity = rows[i].who;
		terms.clients_needed = rows[i].needed;
		open_pair(&p, &terms, "", &proof);
		assert_int_equal(shake(&p), rows[i].open);
		assert_int_equal(tls_peer(p.s, &name, &organization, &refused), rows[i].good);
		assert_int_equal(refused, rows[i].refused);
		if (rows[i].good)
			assert_string_equal(name, "client");
		if (!rows[i].open) /* the client is told why */
			assert_non_null(strstr(tls_trouble(p.c), "alert"));
		close_pair(&p);
	}
}

/* A second connection that brings the first one's session. */
static bool resumes(const struct tls_terms *first, const char *sni, const struct tls_terms *second,
                    const char *sni2)
{
	const struct tls_proof proof = { .name = "a.test", .anchors = lab.anchors };
	br_ssl_session_parameters session;
	struct pair p;
	bool resumed;

	open_pair(&p, first, sni, &proof);
	assert_true(shake(&p) && !tls_resumed(p.s));
	br_ssl_engine_get_session_parameters(&p.c->u.engine, &session);
	close_pair(&p);
	open_pair(&p, second, sni2, &proof);
	br_ssl_engine_set_session_parameters(&p.c->u.engine, &session);
	br_ssl_client_reset(&p.c->u.client, "a.test", 1);
	assert_true(shake(&p));
	resumed = tls_resumed(p.s);
	close_pair(&p);
	return resumed;
}

static void test_sessions(void **state)
{
	const struct tls_terms a = { .identity = lab.server, .sessions = lab.sessions, .scope = 1 };
	const struct tls_terms other = { .identity = lab.server,
		                         .sessions = lab.sessions,
		                         .scope = 2 };
	const struct tls_terms without = { .identity = lab.server };
	const struct tls_terms asking = {
		.identity = lab.server, .sessions = lab.sessions, .scope = 1, .clients = lab.anchors
	};

	(void)state;
	assert_true(resumes(&a, "a.test", &a, "a.test"));
	assert_false(resumes(&a, "a.test", &a, "b.test"));
	assert_false(resumes(&a, "a.test", &other, "a.test"));
	assert_false(resumes(&a, "a.test", &without, "a.test"));
	assert_false(resumes(&a, "a.test", &asking, "a.test"));
	assert_false(resumes(&asking, "a.test", &a, "a.test"));
	for (int i = 0; i < 20; i++) /* more than there is room for */
		assert_true(resumes(&a, "a.test", &a, "a.test"));
}

/* ---- data -------------------------------------------------------------------------------------
 */

static void test_data(void **state)
{
	enum { TOTAL = 1 << 20 };
	const struct tls_terms terms = { .identity = lab.server };
	const struct tls_proof proof = { .name = "a.test", .anchors = lab.anchors };
	auto_free unsigned char *data = xmalloc(TOTAL), *got = xmalloc(TOTAL);
	unsigned seed = 1;
	struct pair p;

	(void)state;
	for (size_t i = 0; i < TOTAL; i++)
		data[i] = (unsigned char)(i * 31 >> 3);
	open_pair(&p, &terms, "", &proof);
	assert_true(shake(&p));
	for (int way = 0; way < 2; way++) {
		struct tls *from = way ? p.s : p.c, *to = way ? p.c : p.s;
		int from_fd = p.fd[way ? 0 : 1], to_fd = p.fd[way ? 1 : 0];
		size_t sent = 0, received = 0;

		memset(got, 0, TOTAL);
		for (int turns = 0; received < TOTAL && turns < 100000; turns++) {
			size_t most = rand_r(&seed) % 100000 + 1, room = rand_r(&seed) % 70000 + 1;
			struct iovec iov = { data + sent,
				             TOTAL - sent < most ? TOTAL - sent : most };
			ssize_t n = tls_send(from, from_fd, &iov, 1);

			assert_true(n >= 0 || errno == EAGAIN);
			sent += n > 0 ? n : 0;
			n = tls_recv(to, to_fd, got + received,
			             TOTAL - received < room ? TOTAL - received : room);
			assert_true(n > 0 || (n < 0 && errno == EAGAIN));
			received += n > 0 ? n : 0;
			assert_true(to->early.len <= TLS_WAITING_BYTES &&
			            from->late.len <= TLS_WAITING_BYTES);
		}
		assert_int_equal(received, TOTAL);
		assert_memory_equal(data, got, TOTAL);
		assert_true(!tls_unsent(from) && !from->late.data && !to->early.data);
	}
	tls_end(p.s, p.fd[0]);
	assert_int_equal(tls_recv(p.c, p.fd[1], got, 1), 0);
	close_pair(&p);
}

/* What was read of the client before the server's side was made, in pieces of any size. */
static void test_begun(void **state)
{
	const struct tls_terms terms = { .identity = lab.server };
	const struct tls_proof proof = { .name = "a.test", .anchors = lab.anchors };
	char hello[4096];
	struct pair p;
	ssize_t n;

	(void)state;
	open_pair(&p, &terms, "", &proof);
	tls_free(p.s);
	step(p.c, p.fd[1]);
	n = recv(p.fd[0], hello, sizeof(hello), 0);
	assert_true(n > 100);
	p.s = tls_accept(&terms, "a.test", hello, n);
	assert_true(tls_pending(p.s));
	assert_true(shake(&p));
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),   cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_clients), cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_data),    cmocka_unit_test(test_begun),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
