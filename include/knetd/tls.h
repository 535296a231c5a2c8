/* tls.h - TLS 1.2 for one connection, by BearSSL: an engine between a socket and whoever reads and
 * writes plain bytes. Nothing here waits, polls or owns the socket.
 *
 * A connection takes TLS_CONNECTION_BYTES at most, and TLS_HANDSHAKE_BYTES more until its handshake
 * is done; while bytes wait on either side for the socket or the reader, TLS_WAITING_BYTES on each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/x509.h>

#define TLS_CONNECTION_BYTES (28 * 1024)
#define TLS_HANDSHAKE_BYTES (12 * 1024)
#define TLS_WAITING_BYTES (96 * 1024)

/* ---- who the server is ---------------------------------------------------------------------- */

struct tls_identity; /* counted; connections that began with it keep it */

/* Certificates (the server's own first) and its private key, EC P-256/P-384 or RSA, as PEM in any
 * order. -EINVAL says what is wrong. */
int tls_identity_new(struct tls_identity **out, const char *pem, size_t n, struct err *e);
/* Clients are asked for a certificate that this authority signed; one without, or with another's,
 * is not turned away: see tls_peer. */
int tls_identity_ask_clients(struct tls_identity *id, const uint8_t *ca, size_t n, struct err *e);
/* What stands in the server's own certificate; its parts live as long as the identity. */
const struct x509_info *tls_identity_info(const struct tls_identity *id);
bool tls_identity_is_rsa(const struct tls_identity *id);
struct tls_identity *tls_identity_ref(struct tls_identity *id);
void tls_identity_unref(struct tls_identity *id); /* NULL is harmless */

/* ---- whom a client trusts -------------------------------------------------------------------- */

#define TLS_ANCHORS 512 /* certificates in a bundle; the usual ones have about 150 */

/* From a PEM bundle the form that tls_anchors_open takes; certificates that are none of an
 * authority are left out. -EINVAL when it cannot be read or has none. */
int tls_anchors_read(struct buf *out, const char *pem, size_t n, struct err *e);
struct tls_anchors; /* points into the bytes it was opened from */
/* NULL when they are none, or n is 0; tls_anchors_free. */
struct tls_anchors *tls_anchors_open(const void *p, size_t n);
void tls_anchors_free(struct tls_anchors *a); /* NULL is harmless */

struct tls_san { /* a subjectAltName */
	bool uri;
	const char *text; /* in lower case unless it is a URI */
};
struct tls_proof {        /* what a server must prove; all that is given */
	const char *name; /* it is in its certificate, which an anchor vouches for; "": not asked */
	const uint8_t (*pins)[32]; /* its key is one of these: SHA-256 of SubjectPublicKeyInfo */
	unsigned n_pins;
	const struct tls_anchors *anchors; /* NULL: nobody vouches for anything */
	const struct tls_san
		*names; /* one of these is in it instead of name, which is still asked for */
	unsigned n_names;
	bool anyone;                   /* nothing is proved: name is only asked for */
	struct tls_identity *identity; /* ours, shown when the server asks; may be NULL */
	const char *const *protocols;  /* ALPN, as of tls_terms */
	unsigned n_protocols;
	void (*release)(void *owned); /* called once all this is no longer looked at; may be NULL */
	void *owned;
};

/* ---- one connection ------------------------------------------------------------------------- */

struct tls;

struct tls *tls_new(struct tls_identity *id);

/* Sessions that can be resumed: the n that were used last, none for longer than two hours. */
struct tls_sessions;
struct tls_sessions *tls_sessions_new(unsigned n);
void tls_sessions_free(struct tls_sessions *s); /* NULL is harmless; no connection may use it */

struct tls_terms { /* what a server offers to one client, chosen by its hello */
	struct tls_identity *identity;
	/* ALPN: those it may choose, the best first; one of them must be among the hello's. */
	const char *const *protocols;
	unsigned n_protocols;
	/* Who vouches for clients, until the handshake is done; NULL: they are asked for nothing.
	 * Then nothing is resumed: a session does not know its client's certificate. */
	const struct tls_anchors *clients;
	bool clients_needed;           /* without a good certificate there is no connection */
	struct tls_sessions *sessions; /* may be NULL */
	uint64_t scope;                /* with the name: where a session can be resumed */
};
/* The server's side after a hello was read (tls_hello.h); begun: the bytes that were read so far.
 */
struct tls *tls_accept(const struct tls_terms *terms, const char *sni, const void *begun, size_t n);
/* Ends a handshake that was not even begun, with an alert (RFC 5246 7.2). */
enum tls_alert {
	TLS_HANDSHAKE_FAILURE = 40,
	TLS_BAD_CERTIFICATE = 42,
	TLS_CERTIFICATE_EXPIRED = 45,
	TLS_UNKNOWN_CA = 48,
	TLS_DECODE_ERROR = 50,
	TLS_INTERNAL_ERROR = 80,
	TLS_UNRECOGNIZED_NAME = 112,
	TLS_NO_PROTOCOL = 120,
};
void tls_refuse(int fd, enum tls_alert alert);

/* The client's side. proof must live until the handshake is done. */
struct tls *tls_connect(const struct tls_proof *proof);
/* Why it failed, for people; NULL when it did not, or the other side just left. */
const char *tls_trouble(const struct tls *t);
void tls_free(struct tls *t); /* NULL is harmless */

/* Does of the handshake what can be done now. 1: it is done; 0: it waits for the socket (for
 * writing too when tls_unsent); -1: it failed, or the other side left. */
int tls_shake(struct tls *t, int fd);
/* As recv: bytes, 0 at the end, -1 with errno; the handshake happens inside. EAGAIN: nothing to
 * read yet (then look at tls_unsent, too). EPROTO: broken for good. */
ssize_t tls_recv(struct tls *t, int fd, void *p, size_t n);
/* As sendmsg. Bytes that were taken may still wait inside: see tls_unsent. */
ssize_t tls_send(struct tls *t, int fd, const struct iovec *iov, int n);
/* Says that nothing more comes (close_notify), as far as the socket takes it now. */
void tls_end(struct tls *t, int fd);

bool tls_unsent(
	const struct tls *t); /* bytes wait for the socket: tls_send with none pushes them */
bool tls_pending(const struct tls *t);           /* bytes can be read without the socket */
bool tls_is_open(const struct tls *t);           /* the handshake is done */
bool tls_resumed(const struct tls *t);           /* by an earlier one's session */
const char *tls_protocol(const struct tls *t);   /* by ALPN; NULL: none was agreed on */
bool tls_peer_speaks_plain(const struct tls *t); /* letters came where a record was expected */

/* The client's certificate: its common name and organization, when the authority signed it for a
 * client and the client has its key. *refused: there was one, and it is not good. */
bool tls_peer(const struct tls *t, const char **name, const char **organization, bool *refused);
