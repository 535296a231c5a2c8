/* proxy_certs.h - what a worker has made of the texts in TABLE_CERTS: identities and authorities,
 * each when it is needed first, and no longer than the table has the text. */
#pragma once

#include <knetd/tls.h>
#include <knetd/tls_hello.h>

#include "proxy_table.h"

/* Of that number; NULL: none, or unreadable. Valid for the turn: connections take references. */
struct tls_identity *cert_identity(uint32_t number);
/* Counted: cert_trust_drop. NULL: that number stands for nobody. */
struct cert_trust;
struct cert_trust *cert_trust(uint32_t number);
const struct tls_anchors *cert_trust_anchors(const struct cert_trust *t);
void cert_trust_drop(struct cert_trust *t); /* NULL is harmless */
/* The listener's certificate for a client: of those it can check, the one whose names fit best,
 * elliptic curves before RSA, else the first. *uid: of its text. NULL: it has none. */
struct tls_identity *cert_choose(const struct table_listener *l, const struct tls_hello *h,
                                 uint64_t *uid);
/* The table is another one. */
void certs_changed(void);
