/* proxy_trust.h - who the client is, where a proxy before us that is believed ([ingress] trusted)
 * says so. */
#pragma once

#include "proxy.h"

/* Sets x->client, client_tls and believed. h: as it came. */
void trust_read(struct exchange *x, const struct http_head *h);

struct trust_words { /* of a proxy that is believed; in the head that came */
	struct span addresses, host, port, prefix;
};
/* Before head_forward takes them out, and after: they go on, with that proxy's address added. */
void trust_keep(struct trust_words *w, const struct exchange *x, const struct http_head *h);
void trust_tell(const struct trust_words *w, const struct exchange *x, struct http_head *h,
                struct scratch *s);
