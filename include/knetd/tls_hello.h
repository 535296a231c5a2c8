/* tls_hello.h - what a client says first (RFC 8446 4.1.2, RFC 5246 7.4.1.2), read before anybody
 * answers: whom it wants (RFC 6066 3) and what it speaks. No I/O, no allocation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define TLS_HELLO_MAX (16 * 1024) /* bytes it may take, with the heads of its records */

struct tls_hello {
	char sni[256];   /* lower case, without a dot at its end; "": none was sent */
	bool alpn;       /* it says which protocols it speaks, among them: */
	bool h2, http1;  /* "h2"; "http/1.1" or "http/1.0" */
	bool ecdsa, rsa; /* what it can check signatures of, with a suite of ours */
};
/* Returns the bytes it took; 0: more are needed; -EPROTO: it is not TLS; -EINVAL: it is broken;
 * -E2BIG: TLS_HELLO_MAX are there and it is not over. */
int tls_hello_read(struct tls_hello *h, const void *p, size_t n);
