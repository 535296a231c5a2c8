/* tls.c - the engine of one connection, see tls.h. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <knetd/auto.h>
#include <knetd/blocks.h>

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

struct tls *tls_make(void)
{
	struct tls *t = block_take(sizeof(*t));

	memset(t, 0, offsetof(struct tls, in));
	t->early.max = t->late.max = TLS_WAITING_BYTES;
	return t;
}

static void release(struct tls *t)
{
	free(TAKE(t->check));
	free(TAKE(t->proof));
	if (t->release)
		t->release(t->owned);
	t->release = NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	tls_identity_unref(t->id);
	release(t);
	buf_free(&t->early);
	buf_free(&t->late);
	explicit_bzero(t, sizeof(*t));
	block_give(t, sizeof(*t));
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
	release(t);
}

/* What of p the socket takes now; -1: never again. */
static ssize_t to_socket(int fd, const void *p, size_t n)
{
	ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

/* Records that are ready, behind those that wait: many go with one call. */
static void gather(struct tls *t)
{
	while (state(t) & BR_SSL_SENDREC) {
		size_t n;
		unsigned char *p = br_ssl_engine_sendrec_buf(&t->u.engine, &n);

		if (t->late.len + n > TLS_WAITING_BYTES)
			return;
		buf_add(&t->late, p, n);
		br_ssl_engine_sendrec_ack(&t->u.engine, n);
	}
}

static bool push_late(struct tls *t, int fd)
{
	ssize_t sent = to_socket(fd, t->late.data + t->late_sent, t->late.len - t->late_sent);

	if (sent > 0)
		t->late_sent += sent;
	if (t->late_sent < t->late.len)
		return false;
	buf_free(&t->late);
	t->late_sent = 0;
	return true;
}

/* Record bytes to the socket; false when it takes no more now, or never will. */
static bool push(struct tls *t, int fd)
{
	while (t->late.len || (state(t) & BR_SSL_SENDREC)) {
		size_t n;
		unsigned char *p;
		ssize_t sent;

		if (t->late.len) {
			if (!push_late(t, fd))
				return false;
			continue;
		}
		p = br_ssl_engine_sendrec_buf(&t->u.engine, &n);
		sent = to_socket(fd, p, n);
		if (sent <= 0)
			return false;
		br_ssl_engine_sendrec_ack(&t->u.engine, sent);
	}
	return true;
}

/* The engine asks for five bytes, then for a record: it gets them from what one call has read. */
static void feed(struct tls *t, const unsigned char *p, size_t n)
{
	size_t done = 0;

	while (done < n && (state(t) & BR_SSL_RECVREC) && !(state(t) & BR_SSL_CLOSED)) {
		size_t room;
		unsigned char *to = br_ssl_engine_recvrec_buf(&t->u.engine, &room);

		if (room > n - done)
			room = n - done;
		memcpy(to, p + done, room);
		br_ssl_engine_recvrec_ack(&t->u.engine, room);
		done += room;
		notice_open(t);
	}
	if (p == (unsigned char *)t->early.data)
		buf_drop(&t->early, done);
	else
		buf_add(&t->early, p + done, n - done);
	if (!t->early.len)
		buf_free(&t->early);
}

/* Bytes of the socket to the engine: more than 0, 0 at the end, -1. */
static ssize_t pull(struct tls *t, int fd)
{
	static unsigned char room[64 * 1024];
	ssize_t got;

	if (t->early.len) {
		got = (ssize_t)t->early.len;
		feed(t, (unsigned char *)t->early.data, got);
		return got;
	}
	got = recv(fd, room, sizeof(room), MSG_DONTWAIT);
	if (got <= 0)
		return got;
	if (!t->begun)
		t->plain = isupper(room[0]);
	t->begun = true;
	feed(t, room, got);
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

/* What broke a handshake, in the words of TLS; 0: nothing to say. */
static unsigned alert_for(int error)
{
	static const struct {
		int error;
		unsigned alert;
	} rows[] = {
		{ BR_ERR_NO_CLIENT_AUTH, TLS_HANDSHAKE_FAILURE },
		{ BR_ERR_X509_EXPIRED, TLS_CERTIFICATE_EXPIRED },
		{ BR_ERR_X509_NOT_TRUSTED, TLS_UNKNOWN_CA },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].error == error)
			return rows[i].alert;
	return error > BR_ERR_X509_OK && error <= BR_ERR_X509_NOT_TRUSTED ? TLS_BAD_CERTIFICATE : 0;
}

static ssize_t ended(struct tls *t, int fd)
{
	int error = br_ssl_engine_last_error(&t->u.engine);

	if (error == BR_ERR_OK)
		return 0;
	if (!t->open && !t->told && alert_for(error)) /* nothing is encrypted yet */
		tls_refuse(fd, alert_for(error));
	t->told = true;
	errno = EPROTO;
	return -1;
}

/* What one record of the engine has, and more when its next one is here already. */
static size_t take_all(struct tls *t, int fd, unsigned char *p, size_t n)
{
	size_t got = take(t, p, n);

	while (got < n && (t->early.len || (state(t) & BR_SSL_RECVAPP)) &&
	       !(state(t) & BR_SSL_CLOSED)) {
		if (state(t) & BR_SSL_RECVAPP)
			got += take(t, p + got, n - got);
		else if (!(state(t) & BR_SSL_RECVREC) || !tls_pending(t))
			break;
		else
			pull(t, fd);
	}
	return got;
}

ssize_t tls_recv(struct tls *t, int fd, void *p, size_t n)
{
	for (int i = 0; i < RECORDS_A_CALL * 2; i++) {
		ssize_t got;

		push(t, fd);
		notice_open(t); /* ours may have been the last word */
		if (state(t) & BR_SSL_RECVAPP)
			return (ssize_t)take_all(t, fd, p, n);
		if (state(t) & BR_SSL_CLOSED)
			return ended(t, fd);
		if (!(state(t) & BR_SSL_RECVREC))
			break; /* our own records go first */
		got = pull(t, fd);
		if (got <= 0)
			return got;
	}
	errno = EAGAIN;
	return -1;
}

int tls_shake(struct tls *t, int fd)
{
	for (int i = 0; i < RECORDS_A_CALL * 2; i++) {
		ssize_t got;

		push(t, fd);
		notice_open(t);
		if (t->open)
			return 1;
		if (state(t) & BR_SSL_CLOSED) {
			ended(t, fd);
			return -1;
		}
		if (!(state(t) & BR_SSL_RECVREC))
			return 0;
		got = pull(t, fd);
		if (got <= 0)
			return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	}
	return 0;
}

void tls_refuse(int fd, enum tls_alert alert)
{
	const unsigned char record[] = { 21, 3, 3, 0, 2, 2, (unsigned char)alert };

	send(fd, record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Of one run of bytes, what the engine takes while its records find room. */
static size_t send_run(struct tls *t, const unsigned char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		size_t room;
		unsigned char *buf = br_ssl_engine_sendapp_buf(&t->u.engine, &room);

		if (!buf) {
			gather(t);
			buf = br_ssl_engine_sendapp_buf(&t->u.engine, &room);
		}
		if (!buf)
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

	if (t->late.len && t->late.len - t->late_sent >= TLS_WAITING_BYTES / 2)
		push(t, fd);
	for (int i = 0; i < n; i++) {
		size_t sent = done < wanted ? 0 : send_run(t, iov[i].iov_base, iov[i].iov_len);

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
	return t->late.len || (state(t) & BR_SSL_SENDREC);
}

/* With half a record nothing can be read. */
static bool whole_record(const struct buf *b)
{
	const unsigned char *p = (const unsigned char *)b->data;

	return b->len >= 5 && b->len >= 5u + ((size_t)p[3] << 8 | p[4]);
}

bool tls_pending(const struct tls *t)
{
	return (state(t) & BR_SSL_RECVAPP) ||
	       ((state(t) & BR_SSL_RECVREC) && whole_record(&t->early));
}

bool tls_is_open(const struct tls *t)
{
	return t->open;
}

bool tls_resumed(const struct tls *t)
{
	return t->sessions.resumed;
}

const char *tls_protocol(const struct tls *t)
{
	return br_ssl_engine_get_selected_protocol((br_ssl_engine_context *)&t->u.engine);
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
