/* proxy_limit.h - how many requests of one client, and how many at once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/ip.h>

#include "proxy_policy.h"

/* The client may go on: *held is what limit_done wants back at the request's end (0: nothing). */
bool limit_take(const struct table_limit *l, const struct ip *client, uint64_t now_ms,
                uint32_t *held);
void limit_done(uint32_t *held);
