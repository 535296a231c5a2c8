/* tls_client.c - the client's side of TLS: what a server must prove, and why it failed to.
 *
 * A name is proved by a chain of certificates up to an anchor, with dates and uses as they should
 * be (BearSSL's own check). A pin is proved by the key alone (RFC 7858 4.2, RFC 7469 2.4): whatever
 * else stands in the certificate nobody has vouched for, so it is not looked at. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <knetd/auto.h>

#include "tls_int.h"

#define DAYS_TO_1970 719528 /* as BearSSL counts, from the year 0 */
#define LEAF_MAX 8192

struct server_check {
	const br_x509_class *vtable; /* first: BearSSL calls with its address */
	br_x509_minimal_context chain;
	br_x509_decoder_context leaf_key; /* for pins alone: the certificate is not checked */
	const struct tls_proof *proof;
	struct tls *t;
	unsigned n_certs;
	size_t leaf_n;
	uint8_t leaf[LEAF_MAX];
};

static struct server_check *self(const br_x509_class **ctx)
{
	return (struct server_check *)(void *)ctx;
}

/* Somebody must vouch for it. */
static bool by_name(const struct server_check *c)
{
	return c->proof->name && (*c->proof->name || c->proof->n_names) && !c->proof->anyone;
}

static void start_chain(const br_x509_class **ctx, const char *server_name)
{
	struct server_check *c = self(ctx);

	c->n_certs = 0;
	c->leaf_n = 0;
	br_x509_decoder_init(&c->leaf_key, NULL, NULL);
	if (by_name(c))
		c->chain.vtable->start_chain(&c->chain.vtable,
		                             c->proof->n_names ? NULL : server_name);
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
	struct server_check *c = self(ctx);

	c->n_certs++;
	if (by_name(c))
		c->chain.vtable->start_cert(&c->chain.vtable, length);
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	struct server_check *c = self(ctx);

	if (by_name(c))
		c->chain.vtable->append(&c->chain.vtable, p, n);
	if (c->n_certs != 1)
		return;
	br_x509_decoder_push(&c->leaf_key, p, n);
	if (n > sizeof(c->leaf) - c->leaf_n) /* too long to be read: no pin fits */
		n = sizeof(c->leaf) - c->leaf_n;
	memcpy(c->leaf + c->leaf_n, p, n);
	c->leaf_n += n;
}

static void end_cert(const br_x509_class **ctx)
{
	struct server_check *c = self(ctx);

	if (by_name(c))
		c->chain.vtable->end_cert(&c->chain.vtable);
}

static bool pinned(const struct server_check *c)
{
	struct x509_info *info = xmalloc(sizeof(*info));
	br_sha256_context hash;
	uint8_t got[32];
	bool found = false;

	br_sha256_init(&hash);
	if (!x509_read(c->leaf, c->leaf_n, info, NULL)) {
		br_sha256_update(&hash, info->public_key.p, info->public_key.n);
		br_sha256_out(&hash, got);
		for (unsigned i = 0; i < c->proof->n_pins; i++)
			found |= !memcmp(got, c->proof->pins[i], sizeof(got));
	}
	free(info);
	return found;
}

/* "*.example.org" in the certificate stands for one label. */
static bool alt_is(enum x509_alt type, struct x509_part text, const struct tls_san *want)
{
	const char *name = want->text;

	if (type != (want->uri ? X509_ALT_URI : X509_ALT_DNS))
		return false;
	if (want->uri)
		return text.n == strlen(name) && !memcmp(text.p, name, text.n);
	if (text.n > 2 && text.p[0] == '*' && text.p[1] == '.' && *name != '*') {
		name = strchr(name, '.');
		text.p++;
		text.n--;
	}
	return name && text.n == strlen(name) && !strncasecmp((const char *)text.p, name, text.n);
}

static bool has_a_name(const struct server_check *c)
{
	struct x509_info *info = xmalloc(sizeof(*info));
	bool found = false;
	struct x509_part rest, text;
	enum x509_alt type;

	if (!x509_read(c->leaf, c->leaf_n, info, NULL))
		for (rest = info->alt_names; !found && x509_alt_next(&rest, &type, &text);)
			for (unsigned i = 0; i < c->proof->n_names; i++)
				found |= alt_is(type, text, &c->proof->names[i]);
	free(info);
	return found;
}

static unsigned end_vouched(struct server_check *c)
{
	unsigned trouble = c->chain.vtable->end_chain(&c->chain.vtable);

	if (!trouble && c->proof->n_names && !has_a_name(c))
		return BR_ERR_X509_BAD_SERVER_NAME;
	return trouble;
}

static unsigned end_chain(const br_x509_class **ctx)
{
	struct server_check *c = self(ctx);

	if (c->proof->n_pins && !pinned(c)) {
		c->t->trouble = "its key is none of the pinned ones";
		return BR_ERR_X509_NOT_TRUSTED;
	}
	if (by_name(c))
		return end_vouched(c);
	return br_x509_decoder_get_pkey(&c->leaf_key) ? 0 : BR_ERR_X509_NOT_TRUSTED;
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
	struct server_check *c = (struct server_check *)(void *)ctx;

	if (by_name(c))
		return c->chain.vtable->get_pkey(&c->chain.vtable, usages);
	if (usages)
		*usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return br_x509_decoder_get_pkey(&c->leaf_key);
}

static void check_init(struct server_check *c, struct tls *t, const struct tls_proof *proof)
{
	static const br_x509_class class = {
		sizeof(struct server_check),
		start_chain,
		start_cert,
		append,
		end_cert,
		end_chain,
		get_pkey,
	};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	c->vtable = &class;
	c->proof = proof;
	c->t = t;
	br_x509_minimal_init_full(&c->chain, proof->anchors ? proof->anchors->v : NULL,
	                          proof->anchors ? proof->anchors->n : 0);
	br_x509_minimal_set_time(&c->chain, (uint32_t)(now.tv_sec / 86400 + DAYS_TO_1970),
	                         (uint32_t)(now.tv_sec % 86400));
}

static void show(struct tls *t, struct tls_identity *id)
{
	t->id = tls_identity_ref(id);
	if (id->key.key_type == BR_KEYTYPE_EC)
		br_ssl_client_set_single_ec(&t->u.client, id->chain, id->n, &id->key.key.ec,
		                            BR_KEYTYPE_SIGN, BR_KEYTYPE_EC, br_ec_get_default(),
		                            br_ecdsa_sign_asn1_get_default());
	else
		br_ssl_client_set_single_rsa(&t->u.client, id->chain, id->n, &id->key.key.rsa,
		                             br_rsa_pkcs1_sign_get_default());
}

struct tls *tls_connect(const struct tls_proof *proof)
{
	struct tls *t = tls_make();

	t->release = proof->release;
	t->owned = proof->owned;
	t->proof = xmalloc(sizeof(*t->proof));
	check_init(t->proof, t, proof);
	br_ssl_client_zero(&t->u.client);
	tls_set_algorithms(&t->u.engine);
	br_ssl_engine_set_x509(&t->u.engine, &t->proof->vtable);
	if (proof->identity)
		show(t, proof->identity);
	if (proof->n_protocols)
		br_ssl_engine_set_protocol_names(&t->u.engine, (const char **)proof->protocols,
		                                 proof->n_protocols);
	tls_set_up(t);
	br_ssl_client_reset(&t->u.client, proof->name && *proof->name ? proof->name : NULL, 0);
	return t;
}

const char *tls_trouble(const struct tls *t)
{
	static const struct {
		int error;
		const char *says;
	} errors[] = {
		{ BR_ERR_X509_EXPIRED, "its certificate has expired, or is not valid yet" },
		{ BR_ERR_X509_BAD_SERVER_NAME, "its certificate is not for that name" },
		{ BR_ERR_X509_NOT_TRUSTED, "its certificate is signed by no known authority" },
		{ BR_ERR_X509_BAD_SIGNATURE, "a signature of its certificates is wrong" },
		{ BR_ERR_X509_FORBIDDEN_KEY_USAGE, "its certificate is not for servers" },
		{ BR_ERR_UNSUPPORTED_VERSION, "it does not speak TLS 1.2" },
		{ BR_ERR_BAD_VERSION, "it does not speak TLS" },
		{ BR_ERR_BAD_CIPHER_SUITE, "it offers no cipher of ours" },
	};
	static char text[64];
	int error = br_ssl_engine_last_error(&t->u.engine);

	if (t->trouble || error == BR_ERR_OK)
		return t->trouble;
	for (unsigned i = 0; i < ARRAY_LEN(errors); i++)
		if (errors[i].error == error)
			return errors[i].says;
	if (error >= BR_ERR_RECV_FATAL_ALERT && error < BR_ERR_SEND_FATAL_ALERT)
		snprintf(text, sizeof(text), "it ends the handshake (alert %d)",
		         error - BR_ERR_RECV_FATAL_ALERT);
	else
		snprintf(text, sizeof(text), "the handshake fails (error %d)", error);
	return text;
}
