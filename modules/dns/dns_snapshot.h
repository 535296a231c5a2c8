/* dns_snapshot.h - what the control process tells the DNS workers: the format of the snapshots.
 *
 * Slot 0 holds the settings, followed by a shard with the names of the zone itself (apex, svc,
 * dns-version). Slots 1 to DNS_SHARDS hold one shard each, the names below svc.<zone> and the
 * addresses of the reverse zones, so that one changed Service rebuilds two or three small files.
 *
 * A shard is a hash index and, behind it, entries: a key, the Service that owns it, and for each
 * record type the finished bytes of the answer. The bytes are the records as they go out: their
 * owner is a compression pointer into the question, which lies at the same place in every answer
 * for that name. All offsets are checked against the file's length when they are used. Keys: below
 * svc.<zone>   the labels before it, lower case, without a root label in slot 0          the labels
 * before <zone> reverse            DNS_KEY_ADDR, then 4 or 16 address bytes (no label is that long)
 * pods               DNS_KEY_POD, then 4 or 16 address bytes
 * An address may have several entries, one for each Service or Pod it belongs to; a name has one.
 *
 * A pod's entry has no sets: behind its key stand a byte of DNS_POD_ flags and the label of its
 * namespace. */
#pragma once

#include <knetd/buf.h>
#include <knetd/conf.h>
#include <knetd/ip.h>

#include "dns_cookie.h"
#include "dns_groups.h"
#include "dns_wire.h"

#define DNS_SHARDS 512 /* at 10,000 Services of both families a shard has 12 KB */
#define DNS_SLOTS (DNS_SHARDS + 1)
#define DNS_SLOT_LOCAL DNS_SLOTS         /* hosts entries and zone files: dns_local.h */
#define DNS_SLOT_REWRITE (DNS_SLOTS + 1) /* dns_rewrite.h */
#define DNS_SLOT_TRUST (DNS_SLOTS + 2)   /* dns_trust.h */
#define DNS_SLOTS_ALL (DNS_SLOTS + 3)    /* that the workers are sent */
#define DNS_KEY_ADDR 0xff
#define DNS_KEY_POD 0xfe
#define DNS_KEY_MAX DNS_NAME_MAX
#define DNS_RANGES (2 * CONF_CIDRS)
#define DNS_SET_MAX                                                                                \
	63000 /* bytes of records in one set: they fit one TCP answer, behind aliases too */
#define DNS_SOA_MAX (2 * DNS_NAME_MAX + 20)

#define DNS_SETTINGS_MAGIC 0x36736e64u /* "dns6": the number changes with the format */
#define DNS_SHARD_MAGIC 0x31687364u

struct dns_cache_settings {
	uint32_t ttl, deny_ttl; /* the most, in seconds */
	uint32_t size;          /* bytes */
	uint32_t stale;         /* seconds that an expired answer may be told */
	bool prefetch;
};

#define DNS_SEARCHES 16
struct dns_searches { /* the node's own search list */
	uint8_t n;
	struct {
		uint8_t len;
		uint8_t name[DNS_NAME_MAX]; /* wire form, lower case, with the root label */
	} v[DNS_SEARCHES];
};

struct dns_settings {
	uint32_t magic, ttl;
	uint16_t soa_len;
	uint8_t zone_len; /* of zone, with the root label */
	uint8_t zone_labels;
	uint8_t n_ranges;
	uint8_t pods; /* enum conf_pods */
	uint8_t cookie_secret[DNS_COOKIE_SECRET];
	uint32_t rate_limit; /* answers a second to a network of strangers, 0: any number */
	struct conf_allow allow;
	uint8_t zone[DNS_NAME_MAX + 1];
	uint8_t soa[DNS_SOA_MAX];       /* its data, uncompressed */
	struct cidr ranges[DNS_RANGES]; /* whose reverse names are ours */
	struct dns_groups groups;
	struct dns_cache_settings cache;
	uint8_t autopath; /* walk the search path for pods */
	struct dns_searches searches;
	_Alignas(8) uint8_t shard[];
};

/* Which upstreams a name is asked of (lower case, wire form); it may be none. */
static inline const struct dns_group *dns_group_for(const struct dns_settings *set,
                                                    const uint8_t *name, size_t len)
{
	return set->groups.n == 1 ? &set->groups.group[0]
	                          : dns_groups_find(&set->groups, name, len);
}

struct dns_shard_head {
	uint32_t magic;
	uint32_t mask; /* places in the index less one; a power of two less one */
	uint32_t n_entries;
	uint32_t size; /* of the whole shard */
};
struct dns_place { /* in the index */
	uint32_t hash;
	uint32_t at; /* of the entry, from the shard's start; 0: free */
};
struct dns_entry {
	uint64_t owner; /* dns_owner() of the Service, dns_owner_pod() of the Pod */
	uint32_t size;  /* of the entry with its sets, a multiple of 8 */
	uint16_t n_sets;
	uint8_t key_len;
	uint8_t pad;
	uint8_t key[]; /* then the sets, at an even offset */
};
struct dns_set {
	uint16_t type;
	uint16_t n_answers, n_extras;     /* records of the answer and additional sections */
	uint16_t rr_size;                 /* of each answer, 0 when they differ */
	uint16_t answers_len, extras_len; /* bytes; the answers follow, then the extras */
	uint8_t rr[];
};

/* ---- reading, in the worker -------------------------------------------------------------------
 */

struct dns_shard { /* an opened shard; zero: empty */
	const uint8_t *p;
	const struct dns_place *index;
	uint32_t mask;
	size_t n;
};
/* false when it is none; then *s is empty. */
bool dns_shard_open(struct dns_shard *s, const void *p, size_t n);
const struct dns_settings *dns_settings_open(const void *p, size_t n); /* NULL when it is none */

/* The first entry with that key, or the next one after *place (start with 0). NULL: no more. */
const struct dns_entry *dns_shard_find(const struct dns_shard *s, const uint8_t *key, size_t n,
                                       uint64_t hash, uint32_t *place);
const struct dns_set *dns_entry_set(const struct dns_entry *e, uint16_t type); /* NULL: has none */
const struct dns_set *
dns_entry_any(const struct dns_entry *e); /* some set, NULL when it has none */

#define DNS_POD_AUTOPATH 1u /* its resolver has the standard search path and ndots:5 */
struct dns_pod {
	const uint8_t *ns; /* the label of its namespace */
	unsigned flags;    /* DNS_POD_ */
};
/* The pod with that address; shards: all slots. false: none has it. */
bool dns_zone_pod(const struct dns_shard *shards, const struct ip *ip, struct dns_pod *out);
/* Has some pod of the namespace (a lower-case label) that address? */
bool dns_zone_pod_in(const struct dns_shard *shards, const struct ip *ip, const uint8_t *ns);

/* ---- placement --------------------------------------------------------------------------------
 */

uint64_t dns_hash(const uint8_t *key, size_t n);
/* The slot for a hash of: an address key, a namespace's label, or the last two labels of a name. */
static inline unsigned dns_slot(uint64_t hash)
{
	return 1 + (unsigned)(hash >> 32) % DNS_SHARDS;
}
uint64_t dns_owner(const char *ns, const char *name);
uint64_t dns_owner_pod(const char *ns, const char *name);
/* The key of an address, its length. kind: DNS_KEY_ADDR or DNS_KEY_POD. */
size_t dns_address_key(uint8_t out[static 17], uint8_t kind, const struct ip *ip);

/* ---- writing, in the control process -----------------------------------------------------------
 */

struct dns_writer { /* entries going into a buffer, one after the other */
	struct buf *b;
	size_t entry, set; /* where the open ones start */
	bool full;         /* an answer of the entry did not fit its set */
};
void dns_entry_begin(struct dns_writer *w, struct buf *b, uint64_t owner, const uint8_t *key,
                     size_t n);
void dns_entry_end(struct dns_writer *w);
/* A whole entry; ns: its namespace's label. */
void dns_entry_pod(struct buf *b, uint64_t owner, const struct ip *ip, unsigned flags,
                   const uint8_t *ns);
void dns_set_begin(struct dns_writer *w, uint16_t type);
void dns_set_end(struct dns_writer *w); /* a set without records disappears */
struct dns_record {
	const uint8_t *owner; /* NULL: the question's name */
	uint8_t owner_len;
	bool extra; /* these come behind all others of the set */
	uint16_t type, rdlen;
	uint32_t ttl;
	const uint8_t *rdata;
};
/* false when the set is full. */
bool dns_record_add(struct dns_writer *w, const struct dns_record *r);

struct dns_owners {
	const uint64_t *v; /* sorted */
	size_t n;
};
/* Are the fresh entries those that go, in their order? Then there is nothing to build. */
bool dns_shard_same(const struct dns_shard *old, struct dns_owners drop, const struct buf *fresh);
/* A shard of the old one's entries, but those whose owner is in drop, and the fresh ones. */
void dns_shard_build(struct buf *out, const struct dns_shard *old, struct dns_owners drop,
                     const struct buf *fresh);
