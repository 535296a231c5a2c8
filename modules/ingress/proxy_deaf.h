/* proxy_deaf.h - parts of fronts that do not care: for answers that nobody sees (proxy_mirror.c),
 * or whose head alone matters (proxy_ask.c). */
#pragma once

#include "proxy.h"

static inline void deaf(struct exchange *x)
{
	(void)x;
}
static inline void deaf_head(struct exchange *x, const struct http_head *h)
{
	(void)x;
	(void)h;
}
static inline bool deaf_full(const struct exchange *x)
{
	(void)x;
	return false;
}
static inline void deaf_body(struct exchange *x, const char *p, size_t n)
{
	(void)x;
	(void)p;
	(void)n;
}
