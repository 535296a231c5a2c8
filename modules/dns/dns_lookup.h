/* dns_lookup.h - one question being answered, and the sources that are asked in turn. Private to
 * dns_answer.c and the sources; all of them are pure. */
#pragma once

#include "dns_answer.h"

struct dns_lookup {
	const struct dns_zone *z;
	const struct dns_query *q;
	const struct dns_asker *by;
	struct dns_reply *out;
	struct dns_forwarded *fwd;
	/* What is looked up: at first the question's own name, or what that is rewritten to, then
	 * what aliases lead to. */
	struct dns_name name;
	uint16_t owner; /* a pointer to where that name stands in the reply, or may be taken to */
	bool own;       /* it is the question's own, so what points into the question holds */
	/* for DNS_ALIAS, the set; for denials, the zone that denies */
	const struct dns_set *alias;
	struct {
		const uint8_t *name, *soa; /* SOA: its data, uncompressed */
		size_t name_len, soa_len;
		uint32_t ttl;
	} apex;
	/* for a name that did not come with the question */
	uint8_t made[DNS_NAME_MAX], label[DNS_LABELS_MAX + 1];
	unsigned step; /* of the search path, where the name was found, and one more */
};

enum dns_found {
	DNS_NOT_MINE, /* ask the next source */
	DNS_ANSWERED, /* the records are written */
	DNS_ALIAS,    /* l->alias leads on */
	DNS_NO_DATA,  /* the name exists, but has nothing of that type */
	DNS_NO_NAME,
	DNS_MOVED,    /* l->name is another one now, and how it came to that is written */
	DNS_REFERRED, /* somebody else's name; who that is, is written */
};

/* Entries of hosts files. */
enum dns_found dns_hosts_names(struct dns_lookup *l);
/* The zone of the cluster, and its pods' names. */
enum dns_found dns_cluster(struct dns_lookup *l);
/* Addresses of Services, and all of our ranges, by their reverse names. */
enum dns_found dns_pointers(struct dns_lookup *l);
/* Zones read from files. */
enum dns_found dns_file_zones(struct dns_lookup *l);

/* Is there that name: <service>.<ns>, or <ns>, lower case and without a root label? */
bool dns_cluster_has(const struct dns_zone *z, const uint8_t *name, size_t n);
bool dns_in_zone(const struct dns_name *name, const uint8_t *zone, size_t zone_len,
                 unsigned zone_labels);
/* The cluster's zone is the one that denies. */
enum dns_found dns_cluster_denies(struct dns_lookup *l, enum dns_found how);

/* The rest of the client's search path, when the question is the first one of it. */
struct dns_path {
	size_t len;      /* of the name that is searched for, without a root label */
	unsigned labels; /* of it */
	unsigned step;   /* the candidate that comes next */
};
bool dns_autopath_begin(const struct dns_lookup *l, struct dns_path *path);
/* Writes the alias to the next candidate and turns to it; false: there is none, or no room. */
bool dns_autopath_next(struct dns_lookup *l, struct dns_path *path);
