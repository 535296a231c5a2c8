/* certs.h - the numbers of certificates, and what TABLE_CERTS says about them.
 *
 * Secrets and ConfigMaps are read live: who wants one gets what stands in the store now, or why it
 * will not do. A certificate has its number from the first time it is wanted until a sweep finds it
 * unwanted, whatever becomes of its text meanwhile. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/object.h>

#define CERTS_MAX 16384
#define CERTS_NOBODY CERTS_MAX /* a number that never is given: who must be vouched for is not */
#define CERTS_REFS_MAX 16      /* authorities together under one number */

/* A Secret of type kubernetes.io/tls: chain and key, towards clients or as our own towards
 * backends. 0 and *number; or -errno, *number is TABLE_NONE and e says why, for people ("Secret a/b
 * ..."): -ENOENT  there is no such Secret -EINVAL  it is of another type, lacks a key, its PEM is
 * broken, the key is not the certificate's -ENOSPC  there are CERTS_MAX */
int certs_want(const char *ns, const char *secret, uint32_t *number, struct err *e);

/* Authorities (ca.crt) in ConfigMaps and Secrets. */
struct certs_ref {
	enum kind kind; /* KIND_CONFIGMAP, KIND_SECRET */
	const char *ns, *name;
};
/* Whether that one will do; errors as above. */
int certs_check_ca(const struct certs_ref *ref, struct err *e);
/* One number for all of them together; those that will not do are left out. With none left it
 * stands for nobody: whoever must be vouched for by it is not. */
int certs_want_ca(const struct certs_ref *refs, unsigned n, uint32_t *number, struct err *e);
/* The authorities that the machine trusts: /etc/ssl/certs/ca-certificates.crt. */
int certs_want_system_ca(uint32_t *number, struct err *e);
/* Signed by itself and made once, for clients no certificate fits. TABLE_NONE: it cannot be had. */
uint32_t certs_default(void);

/* Between these two everything that is still in use must be wanted again, by name or by number.
 * What was wanted in vain is remembered as well. */
void certs_begin(void);
void certs_keep(uint32_t number);
void certs_sweep(void);
/* Has somebody wanted that object, perhaps in vain? Then a change of it is worth a sync. */
bool certs_uses(enum kind kind, const char *ns, const char *name);

/* Appends TABLE_CERTS' bytes, from the objects as they stand; false when they are what they were at
 * the last call. */
bool certs_write(struct buf *out);
void certs_free(void);
