/* dns_local.h - names that are not the cluster's own: hosts entries and zones from files, as the
 * worker finds them in the snapshot of slot DNS_SLOT_LOCAL. Pure.
 *
 * The snapshot is one shard whose keys are whole lower-case names with their root label. A hosts
 * name and a name of a zone are different entries, also when they are the same: so a hosts entry
 * changes one name and nothing about the zone around it (closest encloser, wildcards). Zones hold
 * an entry for every name there is in them, empty non-terminals too; each one knows its zone and
 * whether a delegation stands at or above it. So the way from a name up to the root ends at the
 * first entry that is found, and that one says all. */
#pragma once

#include "dns_snapshot.h"

#define DNS_LOCAL_MAGIC 0x3163646cu /* the number changes with the format */

struct dns_local_head { /* then a shard */
	uint32_t magic;
	uint32_t n_hosts, n_zones; /* 0: nothing of that kind to look for */
	uint32_t pad;
};

/* The owner of an entry says what it is. Labels are counted without the root. */
#define DNS_LOCAL_HOST 1u /* else a name of a zone */
static inline uint64_t dns_local_mark(unsigned apex_labels, unsigned cut_labels)
{
	return (uint64_t)apex_labels << 8 | (uint64_t)cut_labels << 16;
}

struct dns_local { /* zero: empty */
	struct dns_shard shard;
	bool hosts, zones; /* is there any? One branch a query when not */
};
/* false when it is none; then *l is empty. */
bool dns_local_open(struct dns_local *l, const void *p, size_t n);

enum dns_local_result {
	DNS_LOCAL_NONE,  /* no such hosts name, or in no zone of ours: go on */
	DNS_LOCAL_FOUND, /* hit.set: what was asked for; its owner is the name itself */
	DNS_LOCAL_ALIAS, /* hit.set: a CNAME, and something else was asked for */
	DNS_LOCAL_DNAME, /* hit.set: the DNAME of a name above, hit.labels long. To be answered with
	                    it and a CNAME made from it (RFC 6672): from the name to hit.target */
	DNS_LOCAL_TOO_LONG, /* the same, but the new name is none: YXDOMAIN */
	DNS_LOCAL_CUT, /* in a zone that somebody else serves. hit.set: its NS records, addresses
	                  as extras; their owner is hit.labels long */
	DNS_LOCAL_NODATA,
	DNS_LOCAL_NXDOMAIN,
};
struct dns_local_hit {
	const struct dns_set *set;
	uint8_t labels;     /* of the name, from its end, for the records that are not its own:
	                       those named above, and the SOA */
	const uint8_t *soa; /* its data, uncompressed, for NODATA and NXDOMAIN; NULL: a hosts name,
	                       which has no zone */
	uint16_t soa_len;
	uint32_t soa_ttl; /* RFC 2308: the lesser of its own and its minimum */
	uint8_t target_len;
	uint8_t target[DNS_NAME_MAX];
};

/* name: lower case, with its root label. */
enum dns_local_result dns_local_host(const struct dns_local *l, const uint8_t *name, size_t len,
                                     uint16_t type, struct dns_local_hit *hit);
enum dns_local_result dns_local_zone(const struct dns_local *l, const uint8_t *name, size_t len,
                                     uint16_t type, struct dns_local_hit *hit);

/* ---- writing, in the control process ---- */

/* The snapshot of those entries; nothing when there are none. */
void dns_local_build(struct buf *out, uint32_t n_hosts, uint32_t n_zones,
                     const struct buf *entries);
