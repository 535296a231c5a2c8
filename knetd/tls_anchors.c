/* tls_anchors.c - authorities that a client trusts, in a form that can be handed to a worker: a
 * head, a table, and the bytes that its offsets point at. */
#include <errno.h>
#include <string.h>

#include <knetd/auto.h>

#include "tls_int.h"

#define MAGIC 0x31616374u /* "tca1" */

struct head {
	uint32_t magic, n;
};
struct part {
	uint32_t at, len;
};
struct entry {
	uint32_t type, curve;   /* BR_KEYTYPE_*, of EC keys BR_EC_* */
	struct part name, a, b; /* a, b: modulus and exponent, or the point */
};

struct building {
	struct buf table, bytes;
	struct buf name; /* of the certificate at hand */
	uint32_t n;
	bool too_many;
};

static struct part keep(struct building *b, const void *p, size_t n)
{
	struct part part = { (uint32_t)b->bytes.len, (uint32_t)n };

	buf_add(&b->bytes, p, n);
	return part;
}

static void collect_name(void *arg, const void *p, size_t n)
{
	buf_add(&((struct building *)arg)->name, p, n);
}

static bool add_anchor(void *arg, const char *what, const uint8_t *der, size_t n)
{
	struct building *b = arg;
	br_x509_decoder_context d;
	const br_x509_pkey *key;
	struct entry e = { 0 };

	if (strcmp(what, "CERTIFICATE") != 0)
		return true;
	buf_reset(&b->name);
	br_x509_decoder_init(&d, collect_name, b);
	br_x509_decoder_push(&d, der, n);
	key = br_x509_decoder_get_pkey(&d);
	if (!key || !br_x509_decoder_isCA(&d))
		return true;
	b->too_many = b->n == TLS_ANCHORS;
	if (b->too_many)
		return false;
	e.type = key->key_type;
	e.name = keep(b, b->name.data, b->name.len);
	if (key->key_type == BR_KEYTYPE_EC) {
		e.curve = (uint32_t)key->key.ec.curve;
		e.a = keep(b, key->key.ec.q, key->key.ec.qlen);
	} else {
		e.a = keep(b, key->key.rsa.n, key->key.rsa.nlen);
		e.b = keep(b, key->key.rsa.e, key->key.rsa.elen);
	}
	buf_add(&b->table, &e, sizeof(e));
	b->n++;
	return true;
}

int tls_anchors_read(struct buf *out, const char *pem, size_t n, struct err *e)
{
	struct building b = { 0 };
	struct head head = { .magic = MAGIC };
	int ret = pem_read(pem, n, add_anchor, &b, e);

	if (!ret && b.too_many)
		ret = err_set(e, E2BIG, "more than %d authorities", TLS_ANCHORS);
	if (!ret && !b.n)
		ret = err_set(e, EINVAL, "no authority's certificate is in it");
	if (!ret) {
		head.n = b.n;
		buf_add(out, &head, sizeof(head));
		buf_add(out, b.table.data, b.table.len);
		buf_add(out, b.bytes.data, b.bytes.len);
	}
	buf_free(&b.table);
	buf_free(&b.bytes);
	buf_free(&b.name);
	return ret;
}

/* ---- opened ------------------------------------------------------------------------------------
 */

static unsigned char *part_of(const uint8_t *bytes, size_t n, struct part part, size_t *len)
{
	*len = part.len;
	return part.at <= n && part.len <= n - part.at ? (unsigned char *)bytes + part.at : NULL;
}

static bool open_one(br_x509_trust_anchor *out, const struct entry *e, const uint8_t *bytes,
                     size_t n)
{
	unsigned char *a, *b;
	size_t a_len, b_len;

	*out = (br_x509_trust_anchor){ .flags = BR_X509_TA_CA };
	out->pkey.key_type = (unsigned char)e->type;
	out->dn.data = part_of(bytes, n, e->name, &out->dn.len);
	a = part_of(bytes, n, e->a, &a_len);
	b = part_of(bytes, n, e->b, &b_len);
	if (e->type == BR_KEYTYPE_EC)
		out->pkey.key.ec = (br_ec_public_key){ (int)e->curve, a, a_len };
	else
		out->pkey.key.rsa = (br_rsa_public_key){ a, a_len, b, b_len };
	return out->dn.data && a && b && (e->type == BR_KEYTYPE_EC || e->type == BR_KEYTYPE_RSA);
}

struct tls_anchors *tls_anchors_open(const void *p, size_t n)
{
	const struct head *head = p;
	const struct entry *table;
	struct tls_anchors *a;
	size_t tables;

	if (n < sizeof(*head) || head->magic != MAGIC || head->n > TLS_ANCHORS)
		return NULL;
	tables = sizeof(*head) + head->n * sizeof(*table);
	if (n < tables)
		return NULL;
	table = (const struct entry *)(head + 1);
	a = xcalloc(1, sizeof(*a) + head->n * sizeof(a->v[0]));
	for (; a->n < head->n; a->n++)
		if (!open_one(&a->v[a->n], &table[a->n], (const uint8_t *)p + tables, n - tables)) {
			free(a);
			return NULL;
		}
	return a;
}

void tls_anchors_free(struct tls_anchors *a)
{
	free(a);
}
