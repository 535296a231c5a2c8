/* dns_rr_text.h - the records of an answer as a zone file has them. */
#pragma once

#include <knetd/buf.h>

#include "dns_wire.h"

/* "web.default.svc.cluster.local. 5 IN A 10.96.0.20" as JSON strings, with commas between them, for
 * `count` records from *at on; *at is then behind them. Whatever the bytes are. */
void dns_rr_json(const uint8_t *p, size_t n, size_t *at, unsigned count, struct buf *out);
/* "status", and "answers", "authorities", "additionals" of a whole message, without braces; false
 * when it is no answer. */
bool dns_message_json(const uint8_t *p, size_t n, struct buf *out);
