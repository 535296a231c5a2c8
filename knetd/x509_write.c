/* x509_write.c - certificates made here, in DER (X.690). They are written from their end to their
 * beginning: so the length of what lies inside is known when its header is put before it. */
#include <assert.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/x509.h>

struct der {
	uint8_t *buf;
	size_t at; /* where the first byte written stands */
};

static const uint8_t oid_ec[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const uint8_t oid_p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t oid_ecdsa_sha256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
static const uint8_t oid_common_name[] = { 0x55, 0x04, 0x03 };
static const uint8_t oid_organization[] = { 0x55, 0x04, 0x0a };
static const uint8_t oid_key_id[] = { 0x55, 0x1d, 0x0e };
static const uint8_t oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const uint8_t oid_alt_name[] = { 0x55, 0x1d, 0x11 };
static const uint8_t oid_constraints[] = { 0x55, 0x1d, 0x13 };
static const uint8_t oid_issuer_id[] = { 0x55, 0x1d, 0x23 };
static const uint8_t oid_ext_usage[] = { 0x55, 0x1d, 0x25 };
static const uint8_t oid_server_auth[] = { 0x2b, 6, 1, 5, 5, 7, 3, 1 };
static const uint8_t oid_client_auth[] = { 0x2b, 6, 1, 5, 5, 7, 3, 2 };

enum {
	BOOLEAN = 1,
	INTEGER,
	BITS,
	OCTETS,
	OID = 6,
	UTF8 = 12,
	UTC_TIME = 23,
	TIME = 24,
	SEQUENCE = 0x30,
	SET = 0x31
};
#define CONTEXT(n) (0x80 | (n))     /* [n], primitive */
#define CONSTRUCTED(n) (0xa0 | (n)) /* [n], constructed */

/* x509_write checks at the end that all fitted. */
static void put(struct der *d, const void *p, size_t n)
{
	if (n > d->at) {
		d->at = 0;
		return;
	}
	d->at -= n;
	memcpy(d->buf + d->at, p, n);
}

static void put_byte(struct der *d, uint8_t byte)
{
	put(d, &byte, 1);
}

/* The header of what was written since end. */
static void wrap(struct der *d, uint8_t tag, size_t end)
{
	size_t n = end - d->at;

	assert(n < 65536);
	put_byte(d, n & 0xff);
	if (n > 0xff)
		put_byte(d, n >> 8);
	if (n > 0x7f)
		put_byte(d, n > 0xff ? 0x82 : 0x81);
	put_byte(d, tag);
}

static void put_value(struct der *d, uint8_t tag, const void *p, size_t n)
{
	size_t end = d->at;

	put(d, p, n);
	wrap(d, tag, end);
}
#define put_oid(d, oid) put_value(d, OID, oid, sizeof(oid))

static void put_bits(struct der *d, const void *p, size_t n, uint8_t unused)
{
	size_t end = d->at;

	put(d, p, n);
	put_byte(d, unused);
	wrap(d, BITS, end);
}

static void put_algorithm(struct der *d)
{
	size_t end = d->at;

	put_oid(d, oid_ecdsa_sha256);
	wrap(d, SEQUENCE, end);
}

static void put_attribute(struct der *d, const uint8_t oid[3], const char *text)
{
	size_t end = d->at;

	if (!text)
		return;
	put_value(d, UTF8, text, strlen(text));
	put_value(d, OID, oid, 3);
	wrap(d, SEQUENCE, end);
	wrap(d, SET, end);
}

static void put_subject(struct der *d, const struct x509_wish *wish)
{
	size_t end = d->at;

	put_attribute(d, oid_common_name, wish->common_name);
	put_attribute(d, oid_organization, wish->organization);
	wrap(d, SEQUENCE, end);
}

/* Until 2049 in the short form, as RFC 5280 4.1.2.5 wants it. */
static void put_time(struct der *d, int64_t seconds)
{
	time_t t = seconds;
	char text[32];
	struct tm tm;
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	if (tm.tm_year < 150)
		put_value(d, UTC_TIME, text + 2, n - 2);
	else
		put_value(d, TIME, text, n);
}

static void put_public_key(struct der *d, const struct x509_key *key)
{
	size_t end = d->at, inner;

	put_bits(d, key->public, sizeof(key->public), 0);
	inner = d->at;
	put_oid(d, oid_p256);
	put_oid(d, oid_ec);
	wrap(d, SEQUENCE, inner);
	wrap(d, SEQUENCE, end);
}

/* ---- extensions ----------------------------------------------------------------------------- */

/* The value was written since end. */
static void wrap_extension(struct der *d, const uint8_t oid[3], bool critical, size_t end)
{
	wrap(d, OCTETS, end);
	if (critical)
		put_value(d, BOOLEAN, "\xff", 1);
	put_value(d, OID, oid, 3);
	wrap(d, SEQUENCE, end);
}

static void put_names(struct der *d, const struct x509_names *names)
{
	size_t end = d->at;

	if (!names->n)
		return;
	for (unsigned i = names->n; i > 0; i--) {
		const struct x509_name *name = &names->v[i - 1];

		if (name->dns[0])
			put_value(d, CONTEXT(2), name->dns, strlen(name->dns));
		else
			put_value(d, CONTEXT(7), name->ip.b, name->ip.len);
	}
	wrap(d, SEQUENCE, end);
	wrap_extension(d, oid_alt_name, false, end);
}

static void put_usage(struct der *d, bool ca, bool client)
{
	static const uint8_t sign_certificates = 0x06, sign = 0x80;
	size_t end = d->at;

	if (!ca) {
		if (client)
			put_oid(d, oid_client_auth);
		else
			put_oid(d, oid_server_auth);
		wrap(d, SEQUENCE, end);
		wrap_extension(d, oid_ext_usage, false, end);
		end = d->at;
	}
	put_bits(d, ca ? &sign_certificates : &sign, 1, ca ? 1 : 7);
	wrap_extension(d, oid_key_usage, true, end);
	end = d->at;
	if (ca)
		put_value(d, BOOLEAN, "\xff", 1);
	wrap(d, SEQUENCE, end);
	wrap_extension(d, oid_constraints, true, end);
}

/* RFC 7093: the leftmost 160 bits of the SHA-256 of the point. */
static void put_key_ids(struct der *d, const struct x509_key *key, const struct x509_info *issuer)
{
	uint8_t hash[br_sha256_SIZE];
	br_sha256_context sha;
	size_t end = d->at;

	br_sha256_init(&sha);
	br_sha256_update(&sha, key->public, sizeof(key->public));
	br_sha256_out(&sha, hash);
	put_value(d, OCTETS, hash, 20);
	wrap_extension(d, oid_key_id, false, end);
	end = d->at;
	if (issuer && !issuer->key_id.n)
		return;
	put_value(d, CONTEXT(0), issuer ? issuer->key_id.p : hash, issuer ? issuer->key_id.n : 20);
	wrap(d, SEQUENCE, end);
	wrap_extension(d, oid_issuer_id, false, end);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void put_serial(struct der *d)
{
	uint8_t serial[16];

	if (getrandom(serial, sizeof(serial), 0) != sizeof(serial))
		abort();
	serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and no leading zero */
	put_value(d, INTEGER, serial, sizeof(serial));
}

static void put_signed_part(struct der *d, const struct x509_wish *wish,
                            const struct x509_info *issuer)
{
	size_t end = d->at, inner;

	put_names(d, &wish->names);
	put_usage(d, wish->ca, wish->client);
	put_key_ids(d, wish->key, issuer);
	wrap(d, SEQUENCE, end);
	wrap(d, CONSTRUCTED(3), end);
	put_public_key(d, wish->key);
	put_subject(d, wish);
	inner = d->at;
	put_time(d, wish->not_after);
	put_time(d, wish->not_before);
	wrap(d, SEQUENCE, inner);
	if (issuer)
		put(d, issuer->subject.p, issuer->subject.n);
	else
		put_subject(d, wish);
	put_algorithm(d);
	put_serial(d);
	inner = d->at;
	put_value(d, INTEGER, "\x02", 1); /* version 3 */
	wrap(d, CONSTRUCTED(0), inner);
	wrap(d, SEQUENCE, end);
}

static size_t sign(const struct x509_key *key, const uint8_t *p, size_t n, uint8_t out[80])
{
	br_ec_private_key sk = { BR_EC_secp256r1, (unsigned char *)key->secret, 32 };
	uint8_t hash[br_sha256_SIZE];
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, p, n);
	br_sha256_out(&sha, hash);
	return br_ecdsa_i31_sign_asn1(br_ec_get_default(), &br_sha256_vtable, hash, &sk, out);
}

size_t x509_write(const struct x509_wish *wish, const struct x509_info *issuer,
                  const struct x509_key *issuer_key, uint8_t out[static X509_MAX])
{
	uint8_t part[X509_MAX], signature[80];
	struct der inner = { part, sizeof(part) }, d = { out, X509_MAX };
	size_t n;

	put_signed_part(&inner, wish, issuer);
	n = sign(issuer ? issuer_key : wish->key, part + inner.at, sizeof(part) - inner.at,
	         signature);
	put_bits(&d, signature, n, 0);
	put_algorithm(&d);
	put(&d, part + inner.at, sizeof(part) - inner.at);
	wrap(&d, SEQUENCE, X509_MAX);
	if (!inner.at || !d.at)
		return 0; /* more names than X509_MAX holds */
	memmove(out, out + d.at, X509_MAX - d.at);
	return X509_MAX - d.at;
}

void x509_key_new(struct x509_key *key)
{
	const br_ec_impl *ec = br_ec_get_default();
	br_hmac_drbg_context rng;
	br_ec_private_key sk;
	uint8_t seed[48];

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	br_hmac_drbg_init(&rng, &br_sha256_vtable, seed, sizeof(seed));
	br_ec_keygen(&rng.vtable, ec, &sk, key->secret, BR_EC_secp256r1);
	br_ec_compute_pub(ec, NULL, key->public, &sk);
}
