/* certs_default.h - the certificate for clients that no other fits, signed by itself. */
#pragma once

#include <knetd/buf.h>
#include <knetd/err.h>

/* Chain and key, made at the first call of all and kept in the state directory; made anew when it
 * ends soon or cannot be read. */
int certs_read_default(struct buf *pem, struct err *e);
