/* uplink_names.h - name servers and search domains as router advertisements tell them (RFC 8106).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/resolv.h>

#define UPLINK_NAMES 6
#define UPLINK_FOREVER UINT64_MAX

struct uplink_name {
	uint64_t until; /* a second; UPLINK_FOREVER */
	char text[254]; /* an address or a domain */
};
struct uplink_names { /* zero: nothing was told */
	struct uplink_list {
		unsigned n;
		struct uplink_name v[UPLINK_NAMES];
	} servers, domains;
};
/* Options of an advertisement that came in the second `now`. What is malformed, or of no use, is
 * left out. Of more than fit, those stay that are good for longest. */
void uplink_names_hear(struct uplink_names *t, const uint8_t *options, size_t n, uint64_t now);
/* Forgets what is over. Returns the second in which the next one will be. */
uint64_t uplink_names_expire(struct uplink_names *t, uint64_t now);
void uplink_names_resolv(const struct uplink_names *t, struct resolv *out);

/* As text, for the next control process, and read again: what is not ours is left out. */
void uplink_names_print(const struct uplink_names *t, struct buf *out);
void uplink_names_parse(struct uplink_names *t, const char *text);
