/* certs_read.h - a certificate or authorities out of an object, or why not. Pure. */
#pragma once

#include <knetd/buf.h>
#include <knetd/err.h>
#include <knetd/object.h>

#define CERTS_NAMES_MAX 512 /* of one certificate */

/* A Secret of type kubernetes.io/tls: chain and key as one PEM text. Each name in the certificate
 * is appended to names, with a NUL behind it. */
int certs_read_pair(const struct object *o, struct buf *pem, struct buf *names, struct err *e);
/* The same of a PEM text. */
int certs_read_names(const char *pem, size_t n, struct buf *names, struct err *e);
/* ca.crt of a ConfigMap or Secret. */
int certs_read_ca(const struct object *o, struct buf *pem, struct err *e);
