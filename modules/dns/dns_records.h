/* dns_records.h - the records of one Service, as entries of shards (Kubernetes DNS specification
 * 1.1.0). Pure: reads the store, writes buffers. */
#pragma once

#include <knetd/view.h>

#include "dns_snapshot.h"

#define DNS_SERIAL 1 /* nobody transfers the zone */

struct dns_cut { /* a Service that has more records of a name than an answer holds */
	const char *ns, *service;
	struct dns_cut *next;
};

struct dns_target {          /* where entries go */
	const uint8_t *zone; /* wire form */
	size_t zone_len;
	uint32_t ttl;
	struct buf *fresh; /* DNS_SLOTS buffers of entries */
	bool *rebuild;     /* DNS_SLOTS flags, set where an entry was added */
	struct arena *a;   /* for what follows; NULL: not wanted */
	struct dns_cut **cut;
};

/* Where entries go whose key starts from home; the slot will be rebuilt. */
struct buf *dns_target_shard(const struct dns_target *t, const uint8_t *home, size_t n);
/* One label in lower case: "web" to 3 w e b. Returns its bytes, 0 when it is no label. */
size_t dns_label_from_text(uint8_t *out, const char *text);
/* Adds an address to the open set; owner: NULL, or that of a record of the additional section. */
void dns_records_address(const struct dns_target *t, struct dns_writer *w, const struct ip *ip,
                         const uint8_t *owner, size_t owner_len);

void dns_records_service(const struct dns_target *t, const struct service_view *svc,
                         struct arena *a);
void dns_records_namespace(const struct dns_target *t, const char *ns);
/* The names of the zone itself; dns: the cluster DNS addresses. */
void dns_records_zone(const struct dns_target *t, const struct conf_endpoints *dns, bool pods);
/* Data of the SOA record; its length. */
uint16_t dns_records_soa(const struct dns_target *t, uint8_t out[static DNS_SOA_MAX]);
