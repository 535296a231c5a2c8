/* tls_identity.c - who a TLS server is: chain and key, read from PEM; and the check of a client's
 * certificate against the authority that such an identity trusts. */
#include <errno.h>
#include <string.h>

#include <knetd/auto.h>

#include "tls_int.h"

struct reading {
	struct tls_identity *id;
	struct err *e;
};

static bool keep_certificate(struct tls_identity *id, const uint8_t *der, size_t n, struct err *e)
{
	br_x509_certificate *c = &id->chain[id->n];

	if (id->n == TLS_CHAIN_MAX) {
		err_set(e, EINVAL, "more than %d certificates", TLS_CHAIN_MAX);
		return false;
	}
	if (!n) {
		err_set(e, EINVAL, "a certificate with nothing in it");
		return false;
	}
	c->data = xmalloc(n);
	c->data_len = n;
	memcpy(c->data, der, n);
	return id->n++ || !x509_read(c->data, n, &id->info, e);
}

static bool keep_key(struct tls_identity *id, const uint8_t *der, size_t n, struct err *e)
{
	br_skey_decoder_init(&id->key);
	br_skey_decoder_push(&id->key, der, n);
	id->has_key = !br_skey_decoder_last_error(&id->key);
	if (!id->has_key)
		err_set(e, EINVAL, "the private key cannot be read");
	return id->has_key;
}

static bool keep(void *arg, const char *what, const uint8_t *der, size_t n)
{
	struct reading *r = arg;

	if (!strcmp(what, "CERTIFICATE"))
		return keep_certificate(r->id, der, n, r->e);
	if (strstr(what, "PRIVATE KEY"))
		return keep_key(r->id, der, n, r->e);
	return true; /* EC PARAMETERS and the like */
}

static bool same_number(const unsigned char *a, size_t na, const unsigned char *b, size_t nb)
{
	for (; na && !*a; a++)
		na--;
	for (; nb && !*b; b++)
		nb--;
	return na == nb && !memcmp(a, b, na);
}

static bool key_fits(const struct tls_identity *id, const br_x509_pkey *pk)
{
	uint8_t buf[1024];
	br_ec_public_key ec;

	if (id->key.key_type == BR_KEYTYPE_EC && pk->key_type == BR_KEYTYPE_EC)
		return pk->key.ec.curve == id->key.key.ec.curve &&
		       br_ec_compute_pub(br_ec_get_default(), &ec, buf, &id->key.key.ec) ==
		               pk->key.ec.qlen &&
		       !memcmp(buf, pk->key.ec.q, pk->key.ec.qlen);
	if (id->key.key_type == BR_KEYTYPE_RSA && pk->key_type == BR_KEYTYPE_RSA) {
		br_rsa_compute_modulus modulus = br_rsa_compute_modulus_get_default();
		size_t n = modulus(NULL, &id->key.key.rsa);

		return n && n <= sizeof(buf) && modulus(buf, &id->key.key.rsa) == n &&
		       same_number(buf, n, pk->key.rsa.n, pk->key.rsa.nlen);
	}
	return false;
}

static int check_identity(struct tls_identity *id, struct err *e)
{
	br_x509_decoder_context d;
	const br_x509_pkey *pk;

	if (!id->n)
		return err_set(e, EINVAL, "there is no certificate");
	if (!id->has_key)
		return err_set(e, EINVAL, "there is no private key");
	br_x509_decoder_init(&d, NULL, NULL);
	br_x509_decoder_push(&d, id->chain[0].data, id->chain[0].data_len);
	pk = br_x509_decoder_get_pkey(&d);
	if (!pk || !key_fits(id, pk))
		return err_set(e, EINVAL, "the private key is not the certificate's");
	return 0;
}

int tls_identity_new(struct tls_identity **out, const char *pem, size_t n, struct err *e)
{
	struct tls_identity *id = xcalloc(1, sizeof(*id));
	struct err trouble = { 0 };
	struct reading r = { id, &trouble };

	id->refs = 1;
	pem_read(pem, n, keep, &r, &trouble);
	if (!trouble.code)
		check_identity(id, &trouble);
	if (trouble.code) {
		tls_identity_unref(id);
		*e = trouble;
		return -e->code;
	}
	*out = id;
	return 0;
}

static void keep_dn(void *arg, const void *p, size_t n)
{
	buf_add(arg, p, n);
}

int tls_identity_ask_clients(struct tls_identity *id, const uint8_t *ca, size_t n, struct err *e)
{
	struct buf dn = { .max = 4096 };
	br_x509_decoder_context d;
	const br_x509_pkey *pk;

	br_x509_decoder_init(&d, keep_dn, &dn);
	br_x509_decoder_push(&d, ca, n);
	pk = br_x509_decoder_get_pkey(&d);
	if (!pk || pk->key_type != BR_KEYTYPE_EC || pk->key.ec.qlen > sizeof(id->clients_key) ||
	    dn.failed) {
		buf_free(&dn);
		return err_set(e, EINVAL, "the authority's certificate has no elliptic curve key");
	}
	memcpy(id->clients_key, pk->key.ec.q, pk->key.ec.qlen);
	id->clients = (br_x509_trust_anchor){
		.dn = { (unsigned char *)dn.data, dn.len },
		.flags = BR_X509_TA_CA,
		.pkey = { .key_type = BR_KEYTYPE_EC,
		          .key.ec = { pk->key.ec.curve, id->clients_key, pk->key.ec.qlen } },
	};
	return 0;
}

const struct x509_info *tls_identity_info(const struct tls_identity *id)
{
	return &id->info;
}

bool tls_identity_is_rsa(const struct tls_identity *id)
{
	return id->key.key_type == BR_KEYTYPE_RSA;
}

struct tls_identity *tls_identity_ref(struct tls_identity *id)
{
	id->refs++;
	return id;
}

void tls_identity_unref(struct tls_identity *id)
{
	if (!id || --id->refs)
		return;
	for (size_t i = 0; i < id->n; i++)
		free(id->chain[i].data);
	free(id->clients.dn.data);
	explicit_bzero(id, sizeof(*id));
	free(id);
}

/* ---- a client's certificate ----------------------------------------------------------------- */

static struct client_check *self(const br_x509_class **ctx)
{
	return (struct client_check *)(void *)ctx;
}

static void start_chain(const br_x509_class **ctx, const char *server_name)
{
	struct client_check *c = self(ctx);

	(void)server_name;
	c->n_certs = 0;
	c->leaf_n = 0;
	c->chain.vtable->start_chain(&c->chain.vtable, NULL);
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
	struct client_check *c = self(ctx);

	c->n_certs++;
	c->chain.vtable->start_cert(&c->chain.vtable, length);
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	struct client_check *c = self(ctx);

	if (c->n_certs == 1) {
		if (n <= sizeof(c->leaf) - c->leaf_n)
			memcpy(c->leaf + c->leaf_n, p, n);
		c->leaf_n += n <= sizeof(c->leaf) - c->leaf_n ? n : sizeof(c->leaf) - c->leaf_n;
	}
	c->chain.vtable->append(&c->chain.vtable, p, n);
}

static void end_cert(const br_x509_class **ctx)
{
	struct client_check *c = self(ctx);

	c->chain.vtable->end_cert(&c->chain.vtable);
}

/* The chain is good; so is the certificate, when it is one for clients and says who it is. */
static unsigned judge_leaf(struct client_check *c)
{
	struct client_said *said = &c->t->client;
	struct x509_info *info = xmalloc(sizeof(*info));
	bool good = !x509_read(c->leaf, c->leaf_n, info, NULL) && info->client_auth &&
	            (*info->common_name || !c->named);

	if (good) {
		strcpy(said->name, info->common_name);
		strcpy(said->organization, info->organization);
	}
	free(info);
	return good ? 0 : BR_ERR_X509_FORBIDDEN_KEY_USAGE;
}

static unsigned end_chain(const br_x509_class **ctx)
{
	struct client_check *c = self(ctx);
	unsigned usages = 0, trouble = c->chain.vtable->end_chain(&c->chain.vtable);

	if (!c->n_certs)
		return trouble;
	if (!trouble &&
	    (!c->chain.vtable->get_pkey(&c->chain.vtable, &usages) || !(usages & BR_KEYTYPE_SIGN)))
		trouble = BR_ERR_X509_FORBIDDEN_KEY_USAGE;
	if (!trouble)
		trouble = judge_leaf(c);
	c->t->client.good = !trouble; /* once the handshake proves the key, see tls_peer */
	c->t->client.refused = trouble;
	return trouble;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
	const struct client_check *c = (const struct client_check *)(const void *)ctx;

	return c->chain.vtable->get_pkey(&c->chain.vtable, usages);
}

void client_check_init(struct client_check *c, struct tls *t, const br_x509_trust_anchor *anchors,
                       size_t n)
{
	static const br_x509_class class = {
		sizeof(struct client_check),
		start_chain,
		start_cert,
		append,
		end_cert,
		end_chain,
		get_pkey,
	};

	c->vtable = &class;
	c->t = t;
	c->named = false;
	br_x509_minimal_init_full(&c->chain, anchors, n);
}
