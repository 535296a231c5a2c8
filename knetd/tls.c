/* tls.c - the engine of one connection, see tls.h. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <knetd/auto.h>

#include "tls_int.h"

#define RECORDS_A_CALL 64 /* a peer of many empty records does not hold us */

static_assert(sizeof(struct tls) <= TLS_CONNECTION_BYTES, "what tls.h promises");
static_assert(sizeof(struct client_check) <= TLS_HANDSHAKE_BYTES, "what tls.h promises");

/* Forward secrecy and an authenticated cipher, or nothing. */
static const uint16_t suites[] = {
	BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};

void tls_set_algorithms(br_ssl_engine_context *eng)
{
	br_ssl_engine_set_versions(eng, BR_TLS12, BR_TLS12);
	br_ssl_engine_set_suites(eng, suites, ARRAY_LEN(suites));
	br_ssl_engine_set_default_ec(eng);
	br_ssl_engine_set_default_ecdsa(eng);
	br_ssl_engine_set_default_rsavrfy(eng);
	br_ssl_engine_set_hash(eng, br_sha256_ID, &br_sha256_vtable);
	br_ssl_engine_set_hash(eng, br_sha384_ID, &br_sha384_vtable);
	br_ssl_engine_set_hash(eng, br_sha512_ID, &br_sha512_vtable);
	br_ssl_engine_set_prf_sha256(eng, &br_tls12_sha256_prf);
	br_ssl_engine_set_prf_sha384(eng, &br_tls12_sha384_prf);
	br_ssl_engine_set_default_aes_gcm(eng);
	br_ssl_engine_set_default_chapol(eng);
}

static void set_identity(struct tls *t, const struct tls_identity *id)
{
	if (id->key.key_type == BR_KEYTYPE_EC)
		br_ssl_server_set_single_ec(&t->u.server, id->chain, id->n, &id->key.key.ec,
		                            BR_KEYTYPE_SIGN, BR_KEYTYPE_EC, br_ec_get_default(),
		                            br_ecdsa_sign_asn1_get_default());
	else
		br_ssl_server_set_single_rsa(&t->u.server, id->chain, id->n, &id->key.key.rsa,
		                             BR_KEYTYPE_SIGN, br_rsa_private_get_default(),
		                             br_rsa_pkcs1_sign_get_default());
	if (!id->clients.dn.data)
		return;
	t->check = xmalloc(sizeof(*t->check));
	client_check_init(t->check, t, id);
	br_ssl_engine_set_x509(&t->u.engine, &t->check->vtable);
	br_ssl_server_set_trust_anchor_names_alt(&t->u.server, &id->clients, 1);
	br_ssl_engine_add_flags(&t->u.engine, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

void tls_set_up(struct tls *t)
{
	unsigned char seed[32];

	/* the engine would open /dev/urandom, which a worker must not */
	t->u.engine.rng_os_rand_done = 1;
	br_ssl_engine_add_flags(&t->u.engine, BR_OPT_NO_RENEGOTIATION);
	br_ssl_engine_set_buffers_bidi(&t->u.engine, t->in, sizeof(t->in), t->out, sizeof(t->out));
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed))
		br_ssl_engine_inject_entropy(&t->u.engine, seed, sizeof(seed));
}

struct tls *tls_new(struct tls_identity *id)
{
	struct tls *t = xmalloc(sizeof(*t));

	memset(t, 0, offsetof(struct tls, in));
	t->id = tls_identity_ref(id);
	br_ssl_server_zero(&t->u.server);
	tls_set_algorithms(&t->u.engine);
	set_identity(t, id);
	tls_set_up(t);
	br_ssl_server_reset(&t->u.server);
	return t;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	tls_identity_unref(t->id);
	free(t->check);
	free(t->proof);
	explicit_bzero(t, sizeof(*t));
	free(t);
}

static unsigned state(const struct tls *t)
{
	return br_ssl_engine_current_state(&t->u.engine);
}

/* Application data may flow: from now on the other side's certificate is of no use. */
static void notice_open(struct tls *t)
{
	if (t->open || !(state(t) & (BR_SSL_SENDAPP | BR_SSL_RECVAPP)))
		return;
	t->open = true;
	free(TAKE(t->check));
	free(TAKE(t->proof));
}

/* Record bytes to the socket; false when it takes no more now, or never will. */
static bool push(struct tls *t, int fd)
{
	while (state(t) & BR_SSL_SENDREC) {
		size_t n;
		unsigned char *p = br_ssl_engine_sendrec_buf(&t->u.engine, &n);
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent <= 0)
			return false;
		br_ssl_engine_sendrec_ack(&t->u.engine, sent);
	}
	return true;
}

/* Bytes of the socket to the engine: more than 0, 0 at the end, -1. */
static ssize_t pull(struct tls *t, int fd)
{
	size_t n;
	unsigned char *p = br_ssl_engine_recvrec_buf(&t->u.engine, &n);
	ssize_t got = recv(fd, p, n, MSG_DONTWAIT);

	if (got <= 0)
		return got;
	if (!t->begun)
		t->plain = isupper(p[0]);
	t->begun = true;
	br_ssl_engine_recvrec_ack(&t->u.engine, got);
	notice_open(t);
	return got;
}

static size_t take(struct tls *t, void *p, size_t n)
{
	size_t have;
	unsigned char *data = br_ssl_engine_recvapp_buf(&t->u.engine, &have);

	if (have > n)
		have = n;
	memcpy(p, data, have);
	br_ssl_engine_recvapp_ack(&t->u.engine, have);
	return have;
}

static ssize_t ended(const struct tls *t)
{
	if (br_ssl_engine_last_error(&t->u.engine) == BR_ERR_OK)
		return 0;
	errno = EPROTO;
	return -1;
}

ssize_t tls_recv(struct tls *t, int fd, void *p, size_t n)
{
	for (int i = 0; i < RECORDS_A_CALL * 2; i++) {
		ssize_t got;

		push(t, fd);
		if (state(t) & BR_SSL_CLOSED)
			return ended(t);
		if (state(t) & BR_SSL_RECVAPP)
			return take(t, p, n);
		if (!(state(t) & BR_SSL_RECVREC))
			break; /* our own records go first */
		got = pull(t, fd);
		if (got <= 0)
			return got;
	}
	errno = EAGAIN;
	return -1;
}

/* Of one run of bytes, what the engine and the socket take now. */
static size_t send_run(struct tls *t, int fd, const unsigned char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t room;
		unsigned char *buf = br_ssl_engine_sendapp_buf(&t->u.engine, &room);

		if (!buf &&
		    (!push(t, fd) || !(buf = br_ssl_engine_sendapp_buf(&t->u.engine, &room))))
			break;
		if (room > n - done)
			room = n - done;
		memcpy(buf, p + done, room);
		br_ssl_engine_sendapp_ack(&t->u.engine, room);
		done += room;
	}
	return done;
}

ssize_t tls_send(struct tls *t, int fd, const struct iovec *iov, int n)
{
	size_t done = 0, wanted = 0;

	for (int i = 0; i < n; i++) {
		size_t sent = done < wanted ? 0 : send_run(t, fd, iov[i].iov_base, iov[i].iov_len);

		done += sent;
		wanted += iov[i].iov_len;
	}
	br_ssl_engine_flush(&t->u.engine, 0);
	errno = 0;
	if (!push(t, fd) && errno && errno != EAGAIN && errno != EINTR)
		return -1;
	if (state(t) & BR_SSL_CLOSED) {
		errno = EPIPE;
		return -1;
	}
	if (done || !wanted)
		return done;
	errno = EAGAIN;
	return -1;
}

void tls_end(struct tls *t, int fd)
{
	if (!t->open || (state(t) & BR_SSL_CLOSED))
		return;
	br_ssl_engine_close(&t->u.engine);
	push(t, fd);
}

bool tls_unsent(const struct tls *t)
{
	return state(t) & BR_SSL_SENDREC;
}

bool tls_pending(const struct tls *t)
{
	return state(t) & BR_SSL_RECVAPP;
}

bool tls_is_open(const struct tls *t)
{
	return t->open;
}

bool tls_peer_speaks_plain(const struct tls *t)
{
	return t->plain && !t->open;
}

bool tls_peer(const struct tls *t, const char **name, const char **organization, bool *refused)
{
	*refused = t->client.refused;
	*name = t->client.name;
	*organization = t->client.organization;
	return t->open && t->client.good;
}
