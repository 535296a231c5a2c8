/* tls_int.h - what the files of the TLS engine share. */
#pragma once

#include <bearssl.h>

#include <knetd/tls.h>

#define TLS_CHAIN_MAX 8

struct tls_identity {
	unsigned refs;
	br_x509_certificate chain[TLS_CHAIN_MAX]; /* data is ours */
	size_t n;
	struct x509_info info;
	br_skey_decoder_context key; /* owns the key's numbers */
	bool has_key;
	br_x509_trust_anchor clients; /* dn.data NULL: clients are not asked */
	uint8_t clients_key[160];
};

/* Checks a client's chain and keeps what its certificate says. */
struct client_check {
	const br_x509_class *vtable; /* first: BearSSL calls with its address */
	br_x509_minimal_context chain;
	struct tls *t;
	bool named; /* its certificate must say who it is */
	unsigned n_certs;
	uint8_t leaf[8192];
	size_t leaf_n;
};
void client_check_init(struct client_check *c, struct tls *t, const br_x509_trust_anchor *anchors,
                       size_t n);

struct server_check; /* tls_client.c */

struct tls_anchors {
	size_t n;
	br_x509_trust_anchor v[];
};

struct client_said {
	bool good, refused;
	char name[256], organization[256];
};

void tls_set_algorithms(br_ssl_engine_context *eng);
void tls_set_up(struct tls *t); /* flags, buffers, entropy: all but the identity */
struct tls *tls_make(void);
/* Anchors' names are a hint for clients: no more than these bytes of them are told. */
#define TLS_HINTS_MAX 8192

/* One connection's view of the sessions: its own key makes other names' sessions unknown here. */
struct tls_session_view {
	const br_ssl_session_cache_class *vtable; /* first */
	struct tls_sessions *all;
	uint8_t key[br_sha256_SIZE];
	bool resumed;
};

struct tls {
	union { /* both begin with their engine */
		br_ssl_engine_context engine;
		br_ssl_server_context server;
		br_ssl_client_context client;
	} u;
	struct tls_identity *id;
	struct client_check *check;   /* until the handshake is done */
	struct server_check *proof;   /* the same, of a client's side */
	void (*release)(void *owned); /* of what proof looks at */
	void *owned;
	const char *trouble; /* what is wrong with the server, beyond the engine's word */
	struct client_said client;
	struct tls_session_view sessions;
	struct buf early; /* of the socket, not yet taken by the engine */
	struct buf late;  /* records for the socket */
	size_t late_sent;
	bool begun, plain, open;
	bool told;                                     /* an alert of our own was sent */
	unsigned char in[16384 + 325], out[4096 + 85]; /* a peer's longest record; our own */
};
