/* proxy_certs.c - see proxy_certs.h. What was made is known by the hash of its text, so a table
 * that came anew costs nothing for what stayed. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/map.h>

#include "proxy.h"
#include "proxy_certs.h"

struct cert_trust {
	unsigned refs;
	struct buf bytes; /* that anchors points into */
	struct tls_anchors *anchors;
};

struct made {
	uint64_t uid;
	uint32_t mark;
	bool as_identity, as_trust; /* it was tried */
	struct tls_identity *identity;
	struct cert_trust *trust;
};

static struct map all; /* struct made by uid */
static uint32_t now_mark;

static const struct table_cert *row(uint32_t number)
{
	const struct table_certs *t = proxy_certs();
	const struct table_cert *c = number < t->n_certs ? &t->certs[number] : NULL;

	return c && c->uid ? c : NULL;
}

static struct made *made_of(const struct table_cert *c)
{
	struct made *m = map_get(&all, &c->uid, sizeof(c->uid));

	if (m)
		return m;
	m = xcalloc(1, sizeof(*m));
	m->uid = c->uid;
	m->mark = now_mark;
	map_put(&all, &m->uid, sizeof(m->uid), m);
	return m;
}

struct tls_identity *cert_identity(uint32_t number)
{
	const struct table_cert *c = row(number);
	struct made *m = c ? made_of(c) : NULL;
	struct err e = { 0 };

	if (!m)
		return NULL;
	if (!m->as_identity && tls_identity_new(&m->identity, c->pem.p, c->pem.n, &e))
		log_warn("ingress: a certificate cannot be used: %s", e.text);
	m->as_identity = true;
	return m->identity;
}

static struct cert_trust *make_trust(const struct table_cert *c)
{
	struct cert_trust *t = xcalloc(1, sizeof(*t));
	struct err e = { 0 };

	t->refs = 1;
	if (!tls_anchors_read(&t->bytes, c->pem.p, c->pem.n, &e))
		t->anchors = tls_anchors_open(t->bytes.data, t->bytes.len);
	if (t->anchors)
		return t;
	log_warn("ingress: authorities cannot be used: %s", e.text);
	cert_trust_drop(t);
	return NULL;
}

struct cert_trust *cert_trust(uint32_t number)
{
	const struct table_cert *c = row(number);
	struct made *m = c ? made_of(c) : NULL;

	if (!m)
		return NULL;
	if (!m->as_trust)
		m->trust = make_trust(c);
	m->as_trust = true;
	if (m->trust)
		m->trust->refs++;
	return m->trust;
}

const struct tls_anchors *cert_trust_anchors(const struct cert_trust *t)
{
	return t->anchors;
}

void cert_trust_drop(struct cert_trust *t)
{
	if (!t || --t->refs)
		return;
	tls_anchors_free(t->anchors);
	buf_free(&t->bytes);
	free(t);
}

void certs_changed(void)
{
	const struct table_certs *t = proxy_certs();
	struct made *m;

	now_mark++;
	for (uint32_t i = 0; i < t->n_certs; i++) {
		m = map_get(&all, &t->certs[i].uid, sizeof(t->certs[i].uid));
		if (m)
			m->mark = now_mark;
	}
	for (size_t i = 0; (m = map_next(&all, &i));) {
		if (m->mark == now_mark)
			continue;
		map_del(&all, &m->uid, sizeof(m->uid));
		tls_identity_unref(m->identity);
		cert_trust_drop(m->trust);
		free(m);
	}
}

/* ---- which one --------------------------------------------------------------------------------
 */

/* 2: the name itself, 1: as one label of a wildcard, 0: not. */
static unsigned names_fit(const struct table_cert *c, const char *name)
{
	const char *dot = strchr(name, '.');
	unsigned best = 0;

	for (uint32_t i = 0; i < c->n_names && best < 2; i++) {
		const struct span *x = &c->names[i].text;

		if (span_is(*x, name))
			best = 2;
		else if (dot && x->n > 2 && x->p[0] == '*' &&
		         span_is((struct span){ x->p + 1, x->n - 1 }, dot))
			best = 1;
	}
	return best;
}

/* Only those whose names fit are made into identities: there may be thousands of others. */
struct tls_identity *cert_choose(const struct table_listener *l, const struct tls_hello *h,
                                 uint64_t *uid)
{
	struct tls_identity *best = NULL;
	unsigned best_worth = 0;

	for (int named = 1; named >= 0 && !best; named--)
		for (uint32_t i = 0; i < l->n_certs; i++) {
			const struct table_cert *c = row(l->certs[i]);
			unsigned fit = c && named ? names_fit(c, h->sni) : 0, worth;
			struct tls_identity *id;
			bool rsa;

			if (!c || (named && !fit) || !(id = cert_identity(l->certs[i])))
				continue;
			rsa = tls_identity_is_rsa(id);
			worth = 1 + (rsa ? h->rsa : h->ecdsa) * 8 + fit * 2 + (named && !rsa);
			if (worth <= best_worth)
				continue;
			best_worth = worth;
			best = id;
			*uid = c->uid;
			if (!named && worth > 8)
				break;
		}
	return best;
}
