/* proxy_header.h - the PROXY protocol (haproxy.org, proxy-protocol.txt), versions 1 and 2: what
 * stands in front of a connection's bytes to tell who its client is. No I/O, no allocation. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <knetd/ip.h>

#define PROXY_HEADER_MAX 2048 /* bytes of one that is read; with what else its sender adds */
#define PROXY_HEADER_MADE 108 /* of one that is made */

struct proxy_header {
	bool known; /* from and to are told; else the connection is its maker's own */
	struct endpoint from, to;
};
/* Returns the bytes it took; 0: more are needed; -EPROTO: it is none; -EINVAL: it is broken or too
 * long. */
int proxy_header_read(struct proxy_header *h, const void *p, size_t n);
/* The bytes that say so; version 1 or 2. */
size_t proxy_header_make(unsigned version, const struct endpoint *from, const struct endpoint *to,
                         char out[static PROXY_HEADER_MADE]);
