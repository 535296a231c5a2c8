/* tls_server.c - the server's side of TLS: what it offers a client, and sessions that are resumed.
 *
 * BearSSL looks for a session before it has read whom the client asks for, and would resume one
 * under any name. So the identifier that the cache sees is a hash of the real one, of the name and
 * of the scope; and of the hour, which is how sessions come to an end. */
#include <string.h>
#include <time.h>

#include <knetd/auto.h>

#include "tls_int.h"

#define SESSION_BYTES 100 /* of an entry of BearSSL's cache */
#define HOUR 3600

struct tls_sessions {
	br_ssl_session_cache_lru lru;
	unsigned char store[];
};

struct tls_sessions *tls_sessions_new(unsigned n)
{
	struct tls_sessions *s = xcalloc(1, sizeof(*s) + (size_t)n * SESSION_BYTES);

	br_ssl_session_cache_lru_init(&s->lru, s->store, (size_t)n * SESSION_BYTES);
	return s;
}

void tls_sessions_free(struct tls_sessions *s)
{
	free(s);
}

static int64_t hour(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec / HOUR;
}

static void mask(const struct tls_session_view *v, int64_t at, uint8_t id[static 32])
{
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, v->key, sizeof(v->key));
	br_sha256_update(&sha, &at, sizeof(at));
	br_sha256_update(&sha, id, 32);
	br_sha256_out(&sha, id);
}

static void save(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                 const br_ssl_session_parameters *session)
{
	struct tls_session_view *v = (struct tls_session_view *)(void *)ctx;
	br_ssl_session_parameters masked = *session;

	v->resumed = false; /* the old one was found, but its cipher is no longer offered */
	mask(v, hour(), masked.session_id);
	v->all->lru.vtable->save(&v->all->lru.vtable, server, &masked);
	explicit_bzero(&masked, sizeof(masked));
}

static int load(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                br_ssl_session_parameters *session)
{
	struct tls_session_view *v = (struct tls_session_view *)(void *)ctx;
	br_ssl_session_parameters masked;

	for (int back = 0; back < 2 && !v->resumed; back++) {
		masked = *session;
		mask(v, hour() - back, masked.session_id);
		v->resumed = v->all->lru.vtable->load(&v->all->lru.vtable, server, &masked);
	}
	if (v->resumed) {
		memcpy(masked.session_id, session->session_id, sizeof(masked.session_id));
		*session = masked;
	}
	explicit_bzero(&masked, sizeof(masked));
	return v->resumed;
}

static void view_sessions(struct tls_session_view *v, const struct tls_terms *terms,
                          const char *name)
{
	static const br_ssl_session_cache_class class = { sizeof(*v), save, load };
	br_sha256_context sha;

	v->vtable = &class;
	v->all = terms->sessions;
	br_sha256_init(&sha);
	br_sha256_update(&sha, &terms->scope, sizeof(terms->scope));
	br_sha256_update(&sha, name, strlen(name));
	br_sha256_out(&sha, v->key);
}

/* ---- who we are, and whether the client has to say who he is ----------------------------------
 */

static void show(struct tls *t, const struct tls_identity *id)
{
	if (id->key.key_type == BR_KEYTYPE_EC)
		br_ssl_server_set_single_ec(&t->u.server, id->chain, id->n, &id->key.key.ec,
		                            BR_KEYTYPE_SIGN, BR_KEYTYPE_EC, br_ec_get_default(),
		                            br_ecdsa_sign_asn1_get_default());
	else
		br_ssl_server_set_single_rsa(&t->u.server, id->chain, id->n, &id->key.key.rsa,
		                             BR_KEYTYPE_SIGN, br_rsa_private_get_default(),
		                             br_rsa_pkcs1_sign_get_default());
}

static void ask(struct tls *t, const br_x509_trust_anchor *anchors, size_t n, bool needed)
{
	size_t hints = 0, bytes = 0;

	while (hints < n && (bytes += anchors[hints].dn.len + 2) <= TLS_HINTS_MAX)
		hints++;
	t->check = xmalloc(sizeof(*t->check));
	client_check_init(t->check, t, anchors, n);
	br_ssl_engine_set_x509(&t->u.engine, &t->check->vtable);
	br_ssl_server_set_trust_anchor_names_alt(&t->u.server, anchors, hints);
	if (!needed)
		br_ssl_engine_add_flags(&t->u.engine, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
}

static struct tls *begin(struct tls_identity *id)
{
	struct tls *t = tls_make();

	t->id = tls_identity_ref(id);
	br_ssl_server_zero(&t->u.server);
	tls_set_algorithms(&t->u.engine);
	show(t, id);
	return t;
}

struct tls *tls_new(struct tls_identity *id)
{
	struct tls *t = begin(id);

	if (id->clients.dn.data) {
		ask(t, &id->clients, 1, false);
		t->check->named = true;
	}
	tls_set_up(t);
	br_ssl_server_reset(&t->u.server);
	return t;
}

struct tls *tls_accept(const struct tls_terms *terms, const char *sni, const void *begun, size_t n)
{
	struct tls *t = begin(terms->identity);

	if (terms->clients) {
		ask(t, terms->clients->v, terms->clients->n, terms->clients_needed);
	} else if (terms->sessions) {
		view_sessions(&t->sessions, terms, sni);
		br_ssl_server_set_cache(&t->u.server, &t->sessions.vtable);
	}
	if (terms->n_protocols)
		br_ssl_engine_set_protocol_names(&t->u.engine, (const char **)terms->protocols,
		                                 terms->n_protocols);
	tls_set_up(t);
	br_ssl_server_reset(&t->u.server);
	t->begun = true;
	buf_add(&t->early, begun, n);
	return t;
}
