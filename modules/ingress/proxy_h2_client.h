/* proxy_h2_client.h - how a connection of a client becomes one of HTTP/2. */
#pragma once

#include <string.h>

#include "proxy.h"

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_N 24

/* Are these bytes, as far as they go, how HTTP/2 begins (RFC 9113 3.4)? */
static inline bool h2_preface(const char *p, size_t n)
{
	return !memcmp(p, H2_PREFACE, n < H2_PREFACE_N ? n : H2_PREFACE_N);
}
/* A connection of a client who speaks HTTP/2; takes fd and tls. read: what came of it already. */
void h2_new(int fd, struct tls *tls, const struct arrival *a, const void *read, size_t n);
