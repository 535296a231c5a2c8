/* dns_reply.h - an answer being written: header, question, records, piece by piece. Pure; no byte
 * is written beyond what the client takes. */
#pragma once

#include "dns_edns.h"
#include "dns_snapshot.h"
#include "dns_wire.h"

/* Where the question's name stands in every answer, for records to point at. */
#define DNS_QUESTION (0xc000 | DNS_HEADER)

enum dns_source {              /* who knew the answer; CoreDNS has a plugin for each */
	          DNS_BY_ZONE, /* the cluster's names, and what is refused at once */
	          DNS_BY_CACHE,
	          DNS_BY_FORWARD,
	          DNS_BY_HOSTS,
	          DNS_BY_FILE,
	          DNS_BY_AUTOPATH,
	          DNS_SOURCES
};

struct dns_reply {
	uint8_t *p; /* room for max bytes */
	size_t max; /* DNS_UDP_MAX or DNS_TCP_MAX; dns_reply_begin lowers it to what the client
	               takes */
	size_t len;
	unsigned turn; /* different for each query: which record comes first */
	enum dns_rcode rcode;
	enum dns_source by; /* DNS_BY_ZONE at first: for metrics and logs */
	enum dns_ede ede;   /* told to clients with EDNS */
	bool truncated;
	uint16_t answers, authorities, extras; /* records so far */
};

void dns_reply_begin(struct dns_reply *out, const struct dns_query *q, bool stream);
/* Is there room for n bytes more, and the OPT record behind them? */
bool dns_reply_room(const struct dns_reply *out, const struct dns_query *q, size_t n);
/* Copies n bytes for which there is room. */
void dns_reply_bytes(struct dns_reply *out, const void *p, size_t n);

/* A record owned by what `pointer` points at; the caller counts it. false: there is no room. */
bool dns_reply_record(struct dns_reply *out, const struct dns_query *q, uint16_t pointer,
                      uint16_t type, uint32_t ttl, const void *rdata, size_t n);
/* The answers of a set, from a different one on each time; owner: the pointer that takes the place
 * of the one to the question. What does not fit truncates. */
void dns_reply_set(struct dns_reply *out, const struct dns_query *q, const struct dns_set *set,
                   uint16_t owner);
/* Addresses of what the answer names: as many as there is room for, never a reason to truncate.
 * Their owners point into the question, which must be the name that the set was found by. */
void dns_reply_extras(struct dns_reply *out, const struct dns_query *q, const struct dns_set *set);

/* Writes OPT and header. */
void dns_reply_end(struct dns_reply *out, const struct dns_query *q, uint16_t flags);
/* An answer that is header, question and rcode alone. */
void dns_reply_error(struct dns_reply *out, const struct dns_query *q, enum dns_rcode rcode,
                     uint16_t flags);
