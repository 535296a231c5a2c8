/* dns_rewrite.h - names that are looked up as others: rules in, a table, a new name out. Pure.
 *
 * A rule is `exact FROM TO`, `prefix FROM TO` or `suffix FROM TO`, as in CoreDNS' rewrite: FROM is
 * compared with the name as text. The first rule that fits wins, and there is one pass. The table
 * holds one hash index over all rules: a name is looked up as a whole, and its beginning and end at
 * each length that some rule has, so the cost grows with the number of lengths, not of rules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/buf.h>
#include <knetd/err.h>

#include "dns_wire.h"

#define DNS_REWRITE_MAX 256 /* rules */

enum dns_rewrite_kind { DNS_REWRITE_EXACT, DNS_REWRITE_PREFIX, DNS_REWRITE_SUFFIX };

struct dns_rewrite_rule {
	enum dns_rewrite_kind kind;
	/* Lower case, without a dot at the end; a whole name begins with a dot, and so does a
	 * prefix: ".www.example.com", ".web-", ".old.example". */
	char from[DNS_NAME_MAX + 1], to[DNS_NAME_MAX + 1];
};
struct dns_rewrites { /* as they are tried */
	unsigned n;
	struct dns_rewrite_rule v[DNS_REWRITE_MAX];
};

/* Reads one rule, "[name] [exact|prefix|suffix] FROM TO", and puts it behind the others. */
int dns_rewrite_parse(struct dns_rewrites *rules, const char *text, struct err *e);
/* The table; nothing when there are no rules. */
void dns_rewrite_build(const struct dns_rewrites *rules, struct buf *out);

/* ---- in the worker ---- */

struct dns_rewriter { /* an opened table; zero: no rules */
	const struct dns_rewrite_head *head;
	size_t n;
};
/* false when it is none; then *r is empty. */
bool dns_rewrite_open(struct dns_rewriter *r, const void *p, size_t n);
/* name: lower case, with its root label. True when a rule fits: out is the name to look up. */
bool dns_rewrite(const struct dns_rewriter *r, const uint8_t *name, size_t len,
                 uint8_t out[static DNS_NAME_MAX], size_t *out_len);
