/* api_pki.c - the credentials of the TLS door, made at the first start and kept in <state_dir>/pki,
 * each in a file of its own that is replaced whole:
 *
 *   ca.pem      our authority, its key and certificate; 10 years
 *   server.pem  the door's own, signed by it; a year, made anew when 30 days are left, when its
 *               names have changed or it does not fit the authority
 *   token       the bearer token
 *   ca.crt      the authority's certificate alone, for clients; written from ca.pem
 *
 * To have new ones: delete ca.pem, token or both, and send SIGHUP. A broken ca.pem is not replaced
 * by itself: clients trust it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/file.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "api.h"
#include "api_kubeconfig.h"
#include "api_pki.h"

#define DAY 86400
#define CA_DAYS 3652
#define SERVER_DAYS 365
#define RENEW_DAYS 30
#define CHECK_MS 3600000
#define FILE_MAX 65536
#define TOKEN_MIN 32
#define TOKEN_MAX 512
#define EPOCH 1767225600 /* 2026-01-01: a machine without a clock is at least here */

struct authority {
	struct x509_key key;
	uint8_t cert[X509_MAX];
	size_t n;
	struct x509_info info;
};

/* What is in use. */
static struct pki {
	struct tls_identity *identity;
	struct x509_names names;
	char token[TOKEN_MAX + 1];
	uint8_t token_hash[br_sha256_SIZE], ca_hash[br_sha256_SIZE];
	struct buf trust; /* PEM of what clients are to trust */
} pki;

static void check(struct timer *t);
static struct timer check_timer = { .fn = check };

static int64_t now(void)
{
	int64_t t = time(NULL);

	return t < EPOCH ? EPOCH : t;
}

static bool ends_soon(const struct x509_info *c)
{
	return c->not_after < now() + RENEW_DAYS * DAY;
}

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/pki/%s", conf.node.state_dir, file);
	return path;
}

static void hash(const void *p, size_t n, uint8_t out[static br_sha256_SIZE])
{
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, p, n);
	br_sha256_out(&sha, out);
}

/* ---- our authority -------------------------------------------------------------------------- */

static int write_pair(const char *file, const struct x509_key *key, const uint8_t *cert, size_t n,
                      struct err *e)
{
	auto_buf struct buf text = { 0 };
	int ret;

	pem_write_key(&text, key);
	pem_write(&text, "CERTIFICATE", cert, n);
	ret = file_replace(path_of(file), text.data, text.len, 0600, e);
	explicit_bzero(text.data, text.len);
	return ret;
}

static int make_authority(struct authority *ca, struct err *e)
{
	struct x509_wish wish = { .common_name = "knetd-ca",
		                  .key = &ca->key,
		                  .ca = true,
		                  .not_before = EPOCH - DAY,
		                  .not_after = now() + (int64_t)CA_DAYS * DAY };

	x509_key_new(&ca->key);
	ca->n = x509_write(&wish, NULL, NULL, ca->cert);
	if (x509_read(ca->cert, ca->n, &ca->info, e))
		return -e->code;
	log_info("api: a certificate authority was made: %s", path_of("ca.pem"));
	return write_pair("ca.pem", &ca->key, ca->cert, ca->n, e);
}

static bool keep_authority(void *arg, const char *what, const uint8_t *der, size_t n)
{
	struct authority *ca = arg;
	const br_ec_private_key *sk;
	br_skey_decoder_context d;

	if (!strcmp(what, "CERTIFICATE") && !ca->n && n <= sizeof(ca->cert)) {
		memcpy(ca->cert, der, n);
		ca->n = n;
	} else if (strstr(what, "PRIVATE KEY")) {
		br_skey_decoder_init(&d);
		br_skey_decoder_push(&d, der, n);
		sk = br_skey_decoder_last_error(&d) ? NULL : br_skey_decoder_get_ec(&d);
		if (sk && sk->curve == BR_EC_secp256r1 && sk->xlen <= 32) {
			memcpy(ca->key.secret + 32 - sk->xlen, sk->x, sk->xlen);
			br_ec_compute_pub(br_ec_get_default(), NULL, ca->key.public, sk);
		}
		explicit_bzero(&d, sizeof(d));
	}
	return true;
}

static int read_authority(struct authority *ca, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int ret = file_read(path_of("ca.pem"), FILE_MAX, &text, e);

	if (ret == -ENOENT)
		return ret;
	if (!ret)
		ret = pem_read(text.data, text.len, keep_authority, ca, e);
	if (!ret)
		ret = x509_read(ca->cert, ca->n, &ca->info, e);
	if (!ret && (!ca->info.ca || ca->info.key.n != sizeof(ca->key.public) ||
	             memcmp(ca->info.key.p, ca->key.public, sizeof(ca->key.public)) != 0))
		ret = err_set(e, EINVAL, "not an authority's certificate with its P-256 key");
	if (text.data)
		explicit_bzero(text.data, text.len);
	if (ret)
		err_wrap(e, "%s (delete it and send SIGHUP to have new credentials made)",
		         path_of("ca.pem"));
	return ret;
}

static int load_authority(struct authority *ca, struct err *e)
{
	int ret = read_authority(ca, e);

	if (ret == -ENOENT)
		return make_authority(ca, e);
	if (!ret && ends_soon(&ca->info)) {
		log_warn("api: %s ends soon: a new one is made, clients need the new kubeconfig",
		         path_of("ca.pem"));
		return make_authority(ca, e);
	}
	return ret;
}

/* ---- the server's own ----------------------------------------------------------------------- */

/* In a fixed order: it is compared with what stands in the certificate. */
static int server_names(struct x509_names *names, struct err *e)
{
	static const char *const usual[] = { "localhost",          "kubernetes",
		                             "kubernetes.default", "kubernetes.default.svc",
		                             "127.0.0.1",          "::1" };
	auto_free char *more = xstrdup(conf.api.names);
	char text[320], *save = NULL;
	struct ip ip;

	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		x509_names_add(names, usual[i]);
	snprintf(text, sizeof(text), "kubernetes.default.svc.%s", conf.dns.domain);
	x509_names_add(names, text);
	x509_names_add(names, conf.node.name);
	for (unsigned i = 0; i < conf.api.listen.n; i++)
		if (!ip_is_any(&conf.api.listen.v[i].ip))
			x509_names_add(names, ip_text(&conf.api.listen.v[i].ip, text));
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_nth(&conf.service.cidrs.v[i], 1, &ip))
			x509_names_add(names, ip_text(&ip, text));
	for (char *s = strtok_r(more, ", \t", &save); s; s = strtok_r(NULL, ", \t", &save))
		if (!x509_names_add(names, s))
			return err_set(e, EINVAL, "[api] names: %s cannot stand in a certificate",
			               s);
	return 0;
}

/* NULL, or why the certificate will not do. */
static const char *trouble(const struct tls_identity *id, const struct authority *ca,
                           const struct x509_names *names)
{
	const struct x509_info *c = tls_identity_info(id);

	if (!x509_signed_by(c, &ca->info))
		return "another authority signed it";
	if (!x509_names_equal(&c->names, names))
		return "the names it has to be for are others";
	if (ends_soon(c))
		return "it ends soon";
	return c->not_before > now() ? "it is not valid yet" : NULL;
}

static int read_identity(struct tls_identity **out, const char *path, const char *second,
                         struct err *e)
{
	auto_buf struct buf text = { 0 };
	int ret = file_read(path, FILE_MAX, &text, e);

	if (!ret) {
		buf_add(&text, "\n", 1);
		ret = *second ? file_read(second, FILE_MAX, &text, e) : 0;
	}
	if (!ret) {
		ret = tls_identity_new(out, text.data, text.len, e);
		if (ret)
			err_wrap(e, "%s", path);
	}
	if (text.data)
		explicit_bzero(text.data, text.len);
	return ret;
}

static int make_server(const struct authority *ca, const struct x509_names *names, struct err *e)
{
	struct x509_key key;
	struct x509_wish wish = { .common_name = conf.node.name,
		                  .key = &key,
		                  .not_before = now() - DAY,
		                  .not_after = now() + (int64_t)SERVER_DAYS * DAY,
		                  .names = *names };
	uint8_t cert[X509_MAX];
	size_t n;
	int ret;

	x509_key_new(&key);
	n = x509_write(&wish, &ca->info, &ca->key, cert);
	ret = n ? write_pair("server.pem", &key, cert, n, e)
	        : err_set(e, EINVAL, "[api] names: too much for one certificate");
	explicit_bzero(&key, sizeof(key));
	return ret;
}

static int load_server(struct pki *p, const struct authority *ca, struct err *e)
{
	int ret = read_identity(&p->identity, path_of("server.pem"), "", e);
	const char *why = ret ? e->text : trouble(p->identity, ca, &p->names);

	if (!ret && !why)
		return 0;
	if (ret != -ENOENT)
		log_info("api: %s is made anew: %s", path_of("server.pem"), why);
	tls_identity_unref(TAKE(p->identity));
	ret = make_server(ca, &p->names, e);
	return ret ? ret : read_identity(&p->identity, path_of("server.pem"), "", e);
}

static int load_own(struct pki *p, const struct authority *ca, struct err *e)
{
	int ret = server_names(&p->names, e);

	if (!ret)
		ret = load_server(p, ca, e);
	if (!ret)
		pem_write(&p->trust, "CERTIFICATE", ca->cert, ca->n);
	return ret;
}

static bool keep_trust(void *arg, const char *what, const uint8_t *der, size_t n)
{
	if (!strcmp(what, "CERTIFICATE"))
		pem_write(arg, what, der, n);
	return true;
}

/* [api] cert: somebody else's certificate; clients trust what stands in its file. */
static int load_given(struct pki *p, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int ret = read_identity(&p->identity, conf.api.cert, conf.api.key, e);

	if (!ret)
		ret = file_read(conf.api.cert, FILE_MAX, &text, e);
	if (!ret)
		ret = pem_read(text.data, text.len, keep_trust, &p->trust, e);
	if (ret)
		return err_wrap(e, "[api] cert");
	p->names = tls_identity_info(p->identity)->names;
	if (ends_soon(tls_identity_info(p->identity)))
		log_warn("api: %s ends within %d days", conf.api.cert, RENEW_DAYS);
	return 0;
}

/* ---- the token ------------------------------------------------------------------------------ */

static int make_token(struct pki *p, struct err *e)
{
	uint8_t secret[32];
	size_t n = 0;

	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		return err_set(e, errno, "getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(secret); i++)
		n += snprintf(p->token + n, sizeof(p->token) - n, "%02x", secret[i]);
	p->token[n] = '\n';
	if (file_replace(path_of("token"), p->token, n + 1, 0600, e))
		return -e->code;
	p->token[n] = 0;
	return 0;
}

/* One word of letters, digits and -._~+/= (RFC 6750). */
static bool token_read(struct pki *p, const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-._~+/=";
	size_t n = strspn(text, letters);

	if (n < TOKEN_MIN || n > TOKEN_MAX || text[n + strspn(text + n, " \t\r\n")])
		return false;
	memcpy(p->token, text, n);
	p->token[n] = 0;
	return true;
}

static int load_token(struct pki *p, struct err *e)
{
	auto_buf struct buf text = { 0 };
	int ret = file_read(path_of("token"), TOKEN_MAX + 8, &text, e);

	if (ret && ret != -ENOENT && ret != -EFBIG)
		return ret;
	if (ret || !token_read(p, text.data)) {
		if (ret != -ENOENT)
			log_warn("api: %s is no token of %d to %d characters: a new one is made",
			         path_of("token"), TOKEN_MIN, TOKEN_MAX);
		if (make_token(p, e))
			return -e->code;
	}
	hash(p->token, strlen(p->token), p->token_hash);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int make_folder(struct err *e)
{
	const char *path = path_of("");
	struct stat st;

	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || stat(path, &st) < 0 ||
	    ((st.st_mode & 077) && chmod(path, 0700) < 0))
		return err_set(e, errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int load(struct pki *p, struct authority *ca, struct err *e)
{
	int ret = make_folder(e);

	if (!ret)
		ret = load_authority(ca, e);
	hash(ca->cert, ca->n, p->ca_hash);
	if (!ret)
		ret = *conf.api.cert ? load_given(p, e) : load_own(p, ca, e);
	if (!ret)
		ret = tls_identity_ask_clients(p->identity, ca->cert, ca->n, e);
	if (!ret)
		ret = load_token(p, e);
	if (!ret) {
		auto_buf struct buf crt = { 0 };

		pem_write(&crt, "CERTIFICATE", ca->cert, ca->n);
		ret = file_settle(path_of("ca.crt"), crt.data, crt.len, 0600, e);
	}
	return ret ? ret : kubeconfig_write(&p->names, &p->trust, p->token, e);
}

static void drop(struct pki *p)
{
	tls_identity_unref(p->identity);
	buf_free(&p->trust);
	explicit_bzero(p, sizeof(*p));
}

/* Who got in by what is no longer believed has to come again. */
static bool same(const struct pki *a, const struct pki *b)
{
	return !memcmp(a->token_hash, b->token_hash, sizeof(a->token_hash)) &&
	       !memcmp(a->ca_hash, b->ca_hash, sizeof(a->ca_hash));
}

int pki_load(struct err *e)
{
	auto_free struct authority *ca = xcalloc(1, sizeof(*ca));
	struct pki next = { 0 };
	int ret = load(&next, ca, e);

	explicit_bzero(&ca->key, sizeof(ca->key));
	timer_set(&check_timer, CHECK_MS);
	if (ret) {
		drop(&next);
		return ret;
	}
	if (pki.identity && !same(&pki, &next))
		conns_close_door(HTTP_DOOR_TLS);
	drop(&pki);
	pki = next;
	return 0;
}

/* Every hour: the certificate may have come near its end. */
static void check(struct timer *t)
{
	struct err e = { 0 };

	(void)t;
	timer_set(&check_timer, CHECK_MS);
	if ((!pki.identity || ends_soon(tls_identity_info(pki.identity))) && pki_load(&e))
		log_err("api: %s", e.text);
}

void pki_unload(void)
{
	timer_del(&check_timer);
	drop(&pki);
}

struct tls_identity *pki_identity(void)
{
	return pki.identity;
}

bool pki_token_is(const char *p, size_t n)
{
	uint8_t got[br_sha256_SIZE], differ = 0;

	hash(p, n, got);
	for (size_t i = 0; i < sizeof(got); i++)
		differ |= got[i] ^ pki.token_hash[i];
	return !differ && pki.identity;
}

bool pki_name_is(const char *host)
{
	return x509_names_match(&pki.names, host);
}
