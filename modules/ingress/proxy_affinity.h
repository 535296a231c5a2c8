/* proxy_affinity.h - clients that stay with an endpoint. */
#pragma once

#include "proxy.h"
#include "proxy_policy.h"

/* What a cookie calls an endpoint of a backend; never 0, the same in every worker and after a
 * restart. */
uint64_t affinity_id(const struct table_backend *b, const struct endpoint *at);
/* The endpoint that has that id; without one that which the number falls to, which is another one
 * for few when an endpoint comes or goes. Its place. */
uint32_t affinity_pick(const struct table_backend *b, uint64_t number);
bool affinity_has(const struct table_backend *b, uint64_t id);
/* A cookie's value; 0: it is none of ours. */
uint64_t affinity_read(struct span value);
struct span affinity_cookie(struct scratch *s, const struct table_affinity *a, uint64_t id);
