/* dns_stream.h - connections to upstreams, over TCP and TLS (RFC 7766, 7858): few, shared, kept for
 * a while. Queries follow each other without waiting; answers come in any order and are told apart
 * by their ids. Used through dns_exchange.h. */
#pragma once

#include "dns_exchange.h"

bool dns_stream_start(struct dns_exchange *x, uint8_t *query, size_t n);
void dns_stream_end(struct dns_exchange *x);
void dns_stream_doubt(struct dns_exchange *x);
void dns_stream_leave(
	const struct dns_peer *p); /* closes those to p; nobody waits there any more */
