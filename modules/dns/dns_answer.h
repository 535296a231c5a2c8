/* dns_answer.h - a query and the snapshots in, the bytes of the answer out. Pure: this is all that
 * stands between a stranger's datagram and our reply. */
#pragma once

#include <sys/socket.h>

#include "dns_local.h"
#include "dns_reply.h"
#include "dns_rewrite.h"

struct dns_zone {                       /* what the worker was told last */
	const struct dns_settings *set; /* NULL: nothing yet */
	struct dns_shard shard[DNS_SLOTS];
	struct dns_local local;       /* hosts entries and zone files */
	struct dns_rewriter rewriter; /* names that are looked up as others */
};

/* A slot of the snapshots is another one now: n bytes at p, which stay; 0: it is empty. */
void dns_zone_take(struct dns_zone *z, unsigned slot, const void *p, size_t n);

struct dns_asker { /* who asks, and how */
	bool stream;
	const struct sockaddr *from; /* NULL: unknown */
	unsigned step; /* of the search path, to go on from; DNS_STEP_END: it led nowhere */
	uint32_t now;  /* seconds since 1970 */
	uint16_t idle; /* tenths of a second a silent connection is kept */
};
#define DNS_STEP_END UINT32_MAX

enum dns_result {
	DNS_DROP,    /* no answer at all */
	DNS_REPLY,   /* out holds it */
	DNS_FORWARD, /* not ours: ask for target and type, add what comes, then dns_reply_end */
};

struct dns_forwarded {                /* what to ask an upstream for */
	uint8_t target[DNS_NAME_MAX]; /* wire form, lower case */
	uint8_t target_len;
	bool alias;     /* not the question's own name: an alias or a rewrite led there */
	unsigned step;  /* when it was found on the search path, the step behind: to go on from, for
	                 * a target that does not exist */
	uint16_t owner; /* then: a pointer to where the target stands in the reply, or DNS_QUESTION
	                 */
};

/* q and fwd are filled for DNS_FORWARD; out then holds header, question and the aliases that lead
 * to the target. */
enum dns_result dns_answer(const struct dns_zone *z, const uint8_t *query, size_t n,
                           const struct dns_asker *by, struct dns_query *q,
                           struct dns_forwarded *fwd, struct dns_reply *out);
