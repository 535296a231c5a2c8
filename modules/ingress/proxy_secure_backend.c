/* proxy_secure_backend.c - TLS towards endpoints: what they must prove, as a BackendTLSPolicy or an
 * annotation says. The handshake looks at copies: the table may change meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/arena.h>
#include <knetd/auto.h>
#include <knetd/log.h>

#include "proxy_certs.h"
#include "proxy_secure.h"

static const char *const http1[] = { "http/1.1" };
static const char *const http2[] = { "h2" };

struct demand {
	struct arena arena;
	struct cert_trust *trust;
	struct tls_proof proof;
};

static void release(void *owned)
{
	struct demand *d = owned;

	cert_trust_drop(d->trust);
	arena_free(&d->arena);
	free(d);
}

static const char *text(struct demand *d, struct span s)
{
	return arena_strndup(&d->arena, s.n ? s.p : "", s.n);
}

static void copy_names(struct demand *d, const struct table_backend_tls *t)
{
	struct tls_san *names = arena_alloc(&d->arena, (t->n_names + 1) * sizeof(*names));

	d->proof.name = text(d, t->name);
	d->proof.names = names;
	d->proof.n_names = t->n_names;
	for (uint32_t i = 0; i < t->n_names; i++) {
		names[i].text = text(d, t->names[i].text);
		names[i].uri = strchr(names[i].text, ':') != NULL; /* no host name has one */
	}
}

struct tls *secure_backend(const struct table_backend *b)
{
	const struct table_backend_tls *t = b->tls;
	struct demand *d = xcalloc(1, sizeof(*d));
	struct tls_proof *p = &d->proof;

	p->protocols = b->protocol == BACKEND_H2 ? http2 : http1;
	p->n_protocols = 1;
	p->release = release;
	p->owned = d;
	copy_names(d, t);
	p->anyone = t->ca == TABLE_NONE;
	d->trust = p->anyone ? NULL : cert_trust(t->ca);
	p->anchors = d->trust ? cert_trust_anchors(d->trust) : NULL;
	if (!p->anyone && !*p->name && !p->n_names) /* nothing could be proved */
		p->name = "invalid";
	p->identity = t->cert == TABLE_NONE ? NULL : cert_identity(t->cert);
	if ((t->cert == TABLE_NONE || p->identity) && (p->anyone || p->anchors))
		return tls_connect(p);
	release(d);
	errno = ENOENT;
	return NULL;
}

int secure_backend_shake(struct tls *t, int fd, const struct endpoint *at, uint32_t protocol)
{
	static struct log_rate rate;
	int done = tls_shake(t, fd);
	const char *spoken = done > 0 ? tls_protocol(t) : NULL, *why = NULL;
	char ip[IP_TEXT];

	if (done < 0)
		why = tls_trouble(t) ? tls_trouble(t) : "it closed the connection";
	else if (done > 0 && protocol == BACKEND_H2 && (!spoken || strcmp(spoken, "h2") != 0))
		why = "it does not speak HTTP/2";
	if (!why)
		return done;
	if (log_may(&rate))
		log_warn("ingress: TLS with the endpoint %s port %u: %s", ip_text(&at->ip, ip),
		         at->port, why);
	return -1;
}
