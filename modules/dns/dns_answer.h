/* dns_answer.h - a query and the snapshots in, the bytes of the answer out. Pure: this is all that
 * stands between a stranger's datagram and our reply. */
#pragma once

#include "dns_snapshot.h"
#include "dns_wire.h"

struct dns_zone {                       /* what the worker was told last */
	const struct dns_settings *set; /* NULL: nothing yet */
	struct dns_shard shard[DNS_SLOTS];
};

struct dns_reply {
	uint8_t *p; /* room for max bytes */
	size_t max; /* DNS_UDP_MAX or DNS_TCP_MAX; dns_answer lowers it to what the client takes */
	size_t len;
	unsigned turn; /* different for each query: which record comes first */
	enum dns_rcode rcode;
	bool truncated;
	uint16_t answers, authorities, extras; /* records so far */
};

enum dns_result {
	DNS_DROP,    /* no answer at all */
	DNS_REPLY,   /* out holds it */
	DNS_FORWARD, /* not ours: ask for target and type, add what comes, then dns_reply_end */
};

struct dns_forwarded {                /* what to ask an upstream for */
	uint8_t target[DNS_NAME_MAX]; /* wire form, lower case */
	uint8_t target_len;
	bool alias; /* the target of an ExternalName, not the question's own name */
};

/* stream: over TCP. q and fwd are filled for DNS_FORWARD; out then holds header, question and the
 * aliases that lead to the target. */
enum dns_result dns_answer(const struct dns_zone *z, const uint8_t *query, size_t n, bool stream,
                           struct dns_query *q, struct dns_forwarded *fwd, struct dns_reply *out);

/* The pieces, for the forwarder: */
bool dns_reply_room(const struct dns_reply *out, const struct dns_query *q, size_t n);
/* Writes OPT and header. */
void dns_reply_end(struct dns_reply *out, const struct dns_query *q, uint16_t flags);
/* An answer that is header, question and rcode alone. */
void dns_reply_error(struct dns_reply *out, const struct dns_query *q, enum dns_rcode rcode,
                     uint16_t flags);
