/* x509.h - certificates (RFC 5280) as far as this project makes and judges its own: ECDSA P-256
 * keys, a small authority, what stands in a certificate; and PEM. Checking a stranger's chain is
 * BearSSL's work (tls.c). No I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/ip.h>

#define X509_NAMES 64
#define X509_MAX 4096 /* bytes of a certificate we make */

struct x509_name { /* a subjectAltName: an address, or a DNS name */
	struct ip ip;
	char dns[254]; /* "" for an address */
};
struct x509_names {
	unsigned n;
	struct x509_name v[X509_NAMES];
};
/* False when there is no room, or the text is neither an address nor a name. A name that is there
 * already is not added again. */
bool x509_names_add(struct x509_names *names, const char *text);
bool x509_names_equal(const struct x509_names *a, const struct x509_names *b);
/* Is host one of the names? "*.example.org" stands for one label. */
bool x509_names_match(const struct x509_names *names, const char *host);

struct x509_key { /* P-256 */
	uint8_t secret[32], public[65];
};
void x509_key_new(
	struct x509_key *key); /* waits for the kernel's random numbers, once after boot */

/* Bytes of a certificate that was read; point into it. */
struct x509_part {
	const uint8_t *p;
	size_t n;
};
struct x509_info {
	int64_t not_before, not_after; /* seconds since 1970 */
	char common_name[256], organization[256];
	struct x509_names names;
	bool ca, client_auth, server_auth; /* client_auth, server_auth: also when nothing is said */
	struct x509_part signed_part, signature; /* what the issuer signed */
	struct x509_part issuer, subject;        /* whole DER of the names */
	struct x509_part key;                    /* of P-256: the 65 bytes of the point, else n 0 */
	struct x509_part public_key;             /* whole DER: SubjectPublicKeyInfo */
	struct x509_part key_id;                 /* subjectKeyIdentifier, n 0 when there is none */
	struct x509_part alt_names;              /* what is inside of subjectAltName */
};
/* Names beyond X509_NAMES are left out. -EINVAL when it is not a certificate. */
int x509_read(const uint8_t *der, size_t n, struct x509_info *out, struct err *e);
/* The next one of alt_names, which moves on: its text in *text. False behind the last. */
enum x509_alt { X509_ALT_OTHER, X509_ALT_DNS = 0x82, X509_ALT_URI = 0x86 };
bool x509_alt_next(struct x509_part *alt_names, enum x509_alt *type, struct x509_part *text);
/* True when the key of issuer (P-256) signed c with SHA-256. */
bool x509_signed_by(const struct x509_info *c, const struct x509_info *issuer);

struct x509_wish {
	const char *common_name, *organization; /* organization may be NULL */
	const struct x509_key *key;
	bool ca;
	bool client; /* for clients instead of servers */
	int64_t not_before, not_after;
	struct x509_names names;
};
/* A certificate in out; returns its length. issuer NULL: signed by itself. */
size_t x509_write(const struct x509_wish *wish, const struct x509_info *issuer,
                  const struct x509_key *issuer_key, uint8_t out[static X509_MAX]);

/* Calls one for each object of a PEM text ("CERTIFICATE"). Stops when one returns false. -EINVAL
 * when the text is broken or an object is longer than 16 KB. */
int pem_read(const char *text, size_t n,
             bool (*one)(void *arg, const char *what, const uint8_t *der, size_t n), void *arg,
             struct err *e);
void pem_write(struct buf *out, const char *what, const uint8_t *der, size_t n);
/* An EC private key as PEM, in the form "EC PRIVATE KEY". */
void pem_write_key(struct buf *out, const struct x509_key *key);
