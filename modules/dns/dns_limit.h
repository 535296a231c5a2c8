/* dns_limit.h - how many answers a second the networks of strangers get over UDP, where a source
 * address is only claimed: forged ones must not make us a weapon. A bucket for each /24 or /56, in
 * a table of fixed size. One a process; each worker counts for itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/ip.h>

#define DNS_LIMIT_BURST 5 /* seconds' worth that may be asked at once */

/* One more answer to that address? rate: answers a second. */
bool dns_limit_take(const struct ip *to, uint32_t rate, uint64_t now_ms);
