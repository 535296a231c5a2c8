/* certs_default.c - see certs_default.h */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/file.h>
#include <knetd/log.h>
#include <knetd/tls.h>

#include "certs_default.h"

#define DAY 86400
#define DAYS 3650
#define RENEW_DAYS 30
#define FILE_MAX 65536
#define EPOCH 1767225600 /* 2026-01-01: a machine without a clock is at least here */

static const char *path(void)
{
	static char text[256];

	snprintf(text, sizeof(text), "%s/ingress-default.pem", conf.node.state_dir);
	return text;
}

static int64_t now(void)
{
	int64_t t = time(NULL);

	return t < EPOCH ? EPOCH : t;
}

static int make(struct buf *pem, struct err *e)
{
	struct x509_key key;
	struct x509_wish wish = { .common_name = "knetd default certificate",
		                  .key = &key,
		                  .not_before = EPOCH - DAY,
		                  .not_after = now() + (int64_t)DAYS * DAY };
	uint8_t cert[X509_MAX];
	size_t n;

	x509_key_new(&key);
	x509_names_add(&wish.names, "default.knetd.invalid");
	n = x509_write(&wish, NULL, NULL, cert);
	buf_reset(pem);
	pem_write_key(pem, &key);
	pem_write(pem, "CERTIFICATE", cert, n);
	explicit_bzero(&key, sizeof(key));
	log_warn("ingress: a certificate signed by itself was made for HTTPS clients that no other "
	         "fits: %s",
	         path());
	return file_replace(path(), pem->data, pem->len, 0600, e);
}

int certs_read_default(struct buf *pem, struct err *e)
{
	struct tls_identity *id = NULL;
	struct err trouble = { 0 };
	bool good = false;

	if (!file_read(path(), FILE_MAX, pem, &trouble) &&
	    !tls_identity_new(&id, pem->data, pem->len, &trouble)) {
		good = tls_identity_info(id)->not_after > now() + RENEW_DAYS * DAY;
		tls_identity_unref(id);
	}
	return good ? 0 : make(pem, e);
}
