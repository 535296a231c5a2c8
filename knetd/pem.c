/* pem.c - PEM (RFC 7468) in and out. */
#include <errno.h>
#include <stdio.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/x509.h>

#define OBJECT_MAX 16384

static void collect(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
}

struct reading {
	br_pem_decoder_context d;
	struct buf *der;
	char what[128]; /* the object at hand, "" between them */
	bool (*one)(void *arg, const char *what, const uint8_t *der, size_t n);
	void *arg;
	bool enough;
};

static int on_event(struct reading *r, struct err *e)
{
	switch (br_pem_decoder_event(&r->d)) {
	case BR_PEM_BEGIN_OBJ:
		snprintf(r->what, sizeof(r->what), "%s", br_pem_decoder_name(&r->d));
		buf_reset(r->der);
		br_pem_decoder_setdest(&r->d, collect, r->der);
		return 0;
	case BR_PEM_END_OBJ:
		if (r->der->failed)
			return err_set(e, EINVAL, "%s is too long", r->what);
		r->enough = !r->one(r->arg, r->what, (uint8_t *)r->der->data, r->der->len);
		r->what[0] = 0;
		return 0;
	case BR_PEM_ERROR:
		return err_set(e, EINVAL, "broken PEM");
	}
	return 0;
}

static int push(struct reading *r, const char *text, size_t n, struct err *e)
{
	int ret = 0;

	while (n > 0 && !ret && !r->enough) {
		size_t used = br_pem_decoder_push(&r->d, text, n);

		text += used;
		n -= used;
		ret = on_event(r, e);
	}
	return ret;
}

int pem_read(const char *text, size_t n,
             bool (*one)(void *arg, const char *what, const uint8_t *der, size_t n), void *arg,
             struct err *e)
{
	auto_buf struct buf der = { .max = OBJECT_MAX };
	struct reading r = { .der = &der, .one = one, .arg = arg };
	int ret;

	br_pem_decoder_init(&r.d);
	ret = push(&r, text, n, e);
	if (!ret)
		ret = push(&r, "\n", 1, e); /* the last line may lack its end */
	if (!ret && !r.enough && *r.what)
		ret = err_set(e, EINVAL, "the end of %s is missing", r.what);
	return ret;
}

void pem_write(struct buf *out, const char *what, const uint8_t *der, size_t n)
{
	char *room = buf_room(out, br_pem_encode(NULL, NULL, n, what, BR_PEM_LINE64) + 1);

	if (room)
		out->len += br_pem_encode(room, der, n, what, BR_PEM_LINE64);
}

void pem_write_key(struct buf *out, const struct x509_key *key)
{
	br_ec_private_key sk = { BR_EC_secp256r1, (unsigned char *)key->secret, 32 };
	br_ec_public_key pk = { BR_EC_secp256r1, (unsigned char *)key->public, 65 };
	uint8_t der[256];

	pem_write(out, BR_ENCODE_PEM_EC_RAW, der, br_encode_ec_raw_der(der, &sk, &pk));
}
