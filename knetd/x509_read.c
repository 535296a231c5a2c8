/* x509_read.c - what stands in a certificate: times, names, key, uses. A strict reader of DER: a
 * length that does not fit, or in more bytes than it needs, ends the reading. Nothing is copied but
 * the names. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/x509.h>

/* What is left to read; bad once anything was wrong, and then empty. */
struct der {
	const uint8_t *p;
	size_t n;
	bool bad;
};

enum {
	BOOLEAN = 1,
	INTEGER,
	BITS,
	OCTETS,
	OID = 6,
	UTC_TIME = 23,
	TIME = 24,
	SEQUENCE = 0x30,
	SET = 0x31
};

static struct der spoil(struct der *d)
{
	d->n = 0;
	d->bad = true;
	return (struct der){ .bad = true };
}

/* The length of the value behind tag and length bytes, which *header counts; false: broken. */
static bool read_length(const struct der *d, size_t *header, size_t *n)
{
	size_t bytes = d->n < 2 ? 0 : d->p[1];

	*header = 2;
	*n = bytes;
	if (d->n < 2 || bytes < 0x80)
		return d->n >= 2;
	bytes -= 0x80;
	if (bytes < 1 || bytes > 2 || d->n < 2 + bytes)
		return false;
	*header += bytes;
	*n = bytes == 1 ? d->p[2] : d->p[2] << 8 | d->p[3];
	return *n >= (bytes == 1 ? 0x80U : 0x100U);
}

/* Takes the next value if it has the tag; else it is wrong. whole: with tag and length. */
static struct der take(struct der *d, uint8_t tag, struct x509_part *whole)
{
	size_t header, n;
	struct der out;

	if (d->bad || !d->n || d->p[0] != tag || !read_length(d, &header, &n) || n > d->n - header)
		return spoil(d);
	out = (struct der){ d->p + header, n, false };
	if (whole)
		*whole = (struct x509_part){ d->p, header + n };
	d->p += header + n;
	d->n -= header + n;
	return out;
}

static bool next_is(const struct der *d, uint8_t tag)
{
	return !d->bad && d->n && d->p[0] == tag;
}

static bool is(const struct der *d, const char *bytes, size_t n)
{
	return !d->bad && d->n == n && !memcmp(d->p, bytes, n);
}
#define IS(d, bytes) is(d, bytes, sizeof(bytes) - 1)

/* ---- times ---------------------------------------------------------------------------------- */

static int digits(struct der *d, int n)
{
	int value = 0;

	for (; n > 0; n--) {
		if (!d->n || *d->p < '0' || *d->p > '9') {
			spoil(d);
			return 0;
		}
		value = value * 10 + (*d->p - '0');
		d->p++;
		d->n--;
	}
	return value;
}

static int64_t days_before_month(int year, int month)
{
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[month - 1] +
	       (leap && month > 2);
}

static int64_t read_time(struct der *in)
{
	bool short_form = next_is(in, UTC_TIME);
	struct der d = take(in, short_form ? UTC_TIME : TIME, NULL);
	int year = digits(&d, short_form ? 2 : 4), month = digits(&d, 2), day = digits(&d, 2);
	int hour = digits(&d, 2), minute = digits(&d, 2), second = digits(&d, 2);

	if (!IS(&d, "Z") || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
	    minute > 59 || second > 59) {
		spoil(in);
		return 0;
	}
	if (short_form)
		year += year < 50 ? 2000 : 1900;
	return (days_before_month(year, month) + day - 1) * 86400 + hour * 3600 + minute * 60 +
	       second;
}

/* ---- names ---------------------------------------------------------------------------------- */

static void copy_text(const struct der *d, char *out, size_t size)
{
	if (d->n && d->n < size && !memchr(d->p, 0, d->n)) {
		memcpy(out, d->p, d->n);
		out[d->n] = 0;
	}
}

/* Of a name with several, the first: Kubernetes takes the common name as the user. */
static void read_subject(struct der d, struct x509_info *out)
{
	struct der name = take(&d, SEQUENCE, NULL);

	while (name.n) {
		struct der set = take(&name, SET, NULL);

		while (set.n) {
			struct der pair = take(&set, SEQUENCE, NULL), oid = take(&pair, OID, NULL);
			struct der text = pair.n ? take(&pair, pair.p[0], NULL) : pair;

			if (IS(&oid, "\x55\x04\x03") && !out->common_name[0])
				copy_text(&text, out->common_name, sizeof(out->common_name));
			if (IS(&oid, "\x55\x04\x0a") && !out->organization[0])
				copy_text(&text, out->organization, sizeof(out->organization));
		}
	}
}

static void read_alt_names(struct der d, struct x509_names *out)
{
	struct der names = take(&d, SEQUENCE, NULL);

	while (names.n && out->n < X509_NAMES) {
		struct x509_name *name = &out->v[out->n];
		uint8_t tag = names.p[0];
		struct der v = take(&names, tag, NULL);

		*name = (struct x509_name){ 0 };
		if (v.bad)
			return;
		if (tag == 0x82)
			copy_text(&v, name->dns, sizeof(name->dns));
		if (tag == 0x87 && (v.n == 4 || v.n == 16)) {
			name->ip.len = v.n;
			memcpy(name->ip.b, v.p, v.n);
		}
		out->n += name->dns[0] || name->ip.len;
	}
}

bool x509_alt_next(struct x509_part *alt_names, enum x509_alt *type, struct x509_part *text)
{
	struct der d = { alt_names->p, alt_names->n, false }, v;
	uint8_t tag = d.n ? d.p[0] : 0;

	v = take(&d, tag, NULL);
	if (!tag || v.bad)
		return false;
	*type = tag == X509_ALT_DNS || tag == X509_ALT_URI ? tag : X509_ALT_OTHER;
	*text = (struct x509_part){ v.p, v.n };
	*alt_names = (struct x509_part){ d.p, d.n };
	return true;
}

/* ---- extensions ----------------------------------------------------------------------------- */

static void read_ext_usage(struct der d, struct x509_info *out)
{
	struct der uses = take(&d, SEQUENCE, NULL);

	out->client_auth = out->server_auth = false;
	while (uses.n) {
		struct der oid = take(&uses, OID, NULL);
		bool any = IS(&oid, "\x55\x1d\x25\x00");

		out->server_auth |= any || IS(&oid, "\x2b\x06\x01\x05\x05\x07\x03\x01");
		out->client_auth |= any || IS(&oid, "\x2b\x06\x01\x05\x05\x07\x03\x02");
	}
}

static void read_extension(struct der *list, struct x509_info *out)
{
	struct der d = take(list, SEQUENCE, NULL), oid = take(&d, OID, NULL), value, inner;

	if (next_is(&d, BOOLEAN))
		take(&d, BOOLEAN, NULL);
	value = take(&d, OCTETS, NULL);
	if (value.bad || d.n) {
		spoil(list);
		return;
	}
	if (IS(&oid, "\x55\x1d\x0e")) {
		inner = take(&value, OCTETS, NULL);
		out->key_id = (struct x509_part){ inner.p, inner.n <= 64 ? inner.n : 0 };
	} else if (IS(&oid, "\x55\x1d\x11")) {
		read_alt_names(value, &out->names);
		inner = take(&value, SEQUENCE, NULL);
		out->alt_names = (struct x509_part){ inner.p, inner.bad ? 0 : inner.n };
	} else if (IS(&oid, "\x55\x1d\x13")) {
		inner = take(&value, SEQUENCE, NULL);
		inner = take(&inner, BOOLEAN, NULL);
		out->ca = IS(&inner, "\xff");
	} else if (IS(&oid, "\x55\x1d\x25")) {
		read_ext_usage(value, out);
	}
}

static void read_key(struct der *d, struct x509_info *out)
{
	struct der info = take(d, SEQUENCE, &out->public_key),
		   algorithm = take(&info, SEQUENCE, NULL);
	struct der bits = take(&info, BITS, NULL), oid = take(&algorithm, OID, NULL);
	struct der curve = next_is(&algorithm, OID) ? take(&algorithm, OID, NULL) : algorithm;

	if (IS(&oid, "\x2a\x86\x48\xce\x3d\x02\x01") &&
	    IS(&curve, "\x2a\x86\x48\xce\x3d\x03\x01\x07") && bits.n == 66 && !bits.p[0])
		out->key = (struct x509_part){ bits.p + 1, 65 };
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_signed_part(struct der *d, struct x509_info *out)
{
	struct der times, subject, list;

	if (next_is(d, 0xa0)) /* version */
		take(d, 0xa0, NULL);
	take(d, INTEGER, NULL);
	take(d, SEQUENCE, NULL);
	take(d, SEQUENCE, &out->issuer);
	times = take(d, SEQUENCE, NULL);
	out->not_before = read_time(&times);
	out->not_after = read_time(&times);
	take(d, SEQUENCE, &out->subject);
	subject = (struct der){ out->subject.p, out->subject.n, d->bad };
	read_subject(subject, out);
	read_key(d, out);
	if (times.bad)
		spoil(d);
	while (!d->bad && d->n && !next_is(d, 0xa3)) /* unique identifiers */
		take(d, d->p[0], NULL);
	if (!next_is(d, 0xa3))
		return;
	list = take(d, 0xa3, NULL);
	list = take(&list, SEQUENCE, NULL);
	while (list.n)
		read_extension(&list, out);
	if (list.bad)
		spoil(d);
}

int x509_read(const uint8_t *der, size_t n, struct x509_info *out, struct err *e)
{
	struct der d = { der, n, false }, whole, body, signature;

	*out = (struct x509_info){ .client_auth = true, .server_auth = true };
	whole = take(&d, SEQUENCE, NULL);
	body = take(&whole, SEQUENCE, &out->signed_part);
	take(&whole, SEQUENCE, NULL);
	signature = take(&whole, BITS, NULL);
	read_signed_part(&body, out);
	if (d.bad || d.n || whole.bad || whole.n || body.bad || signature.n < 2)
		return err_set(e, EINVAL, "not a certificate");
	out->signature = (struct x509_part){ signature.p + 1, signature.n - 1 };
	return 0;
}

bool x509_signed_by(const struct x509_info *c, const struct x509_info *issuer)
{
	br_ec_public_key pk = { BR_EC_secp256r1, (unsigned char *)issuer->key.p, issuer->key.n };
	uint8_t hash[br_sha256_SIZE];
	br_sha256_context sha;

	if (!issuer->key.n || c->issuer.n != issuer->subject.n ||
	    memcmp(c->issuer.p, issuer->subject.p, c->issuer.n) != 0)
		return false;
	br_sha256_init(&sha);
	br_sha256_update(&sha, c->signed_part.p, c->signed_part.n);
	br_sha256_out(&sha, hash);
	return br_ecdsa_i31_vrfy_asn1(br_ec_get_default(), hash, sizeof(hash), &pk, c->signature.p,
	                              c->signature.n) == 1;
}
