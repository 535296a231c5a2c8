/* dns_records_zone.c - the names of the zone itself: its apex, svc, pod, dns-version, its name
 * server.
 */
#include <string.h>

#include <knetd/auto.h>

#include "dns_records.h"

static const uint8_t ns_name[] = { 2, 'n', 's', 3, 'd', 'n', 's' };

uint16_t dns_records_soa(const struct dns_target *t, uint8_t out[static DNS_SOA_MAX])
{
	const uint32_t numbers[] = { DNS_SERIAL, 7200, 1800, 86400, t->ttl };
	static const char hostmaster[] = "\12hostmaster";
	size_t n = 0;

	memcpy(out, ns_name, sizeof(ns_name));
	memcpy(out + sizeof(ns_name), t->zone, t->zone_len);
	n = sizeof(ns_name) + t->zone_len;
	memcpy(out + n, hostmaster, sizeof(hostmaster) - 1);
	n += sizeof(hostmaster) - 1;
	memcpy(out + n, t->zone, t->zone_len);
	n += t->zone_len;
	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++, n += 4)
		dns_put32(out + n, numbers[i]);
	return (uint16_t)n;
}

static void add_dns_addresses(const struct dns_target *t, struct dns_writer *w,
                              const struct conf_endpoints *dns, uint8_t family,
                              const uint8_t *owner, size_t owner_len)
{
	for (unsigned i = 0; i < dns->n; i++)
		if (!family || dns->v[i].ip.len == family)
			dns_records_address(t, w, &dns->v[i].ip, owner, owner_len);
}

static void entry_apex(const struct dns_target *t, const struct conf_endpoints *dns)
{
	uint8_t data[DNS_SOA_MAX], owner[2];
	struct dns_writer w;

	dns_entry_begin(&w, &t->fresh[0], 0, NULL, 0);
	dns_set_begin(&w, DNS_SOA);
	dns_record_add(&w, &(struct dns_record){ .type = DNS_SOA,
	                                         .ttl = t->ttl,
	                                         .rdata = data,
	                                         .rdlen = dns_records_soa(t, data) });
	dns_set_end(&w);
	memcpy(data, ns_name, sizeof(ns_name));
	memcpy(data + sizeof(ns_name), t->zone, t->zone_len);
	/* one answer: its data, the name server, always lies at the same place */
	dns_put16(owner, (uint16_t)(0xc000 | (DNS_HEADER + t->zone_len + 4 + 12)));
	dns_set_begin(&w, DNS_NS);
	dns_record_add(&w,
	               &(struct dns_record){ .type = DNS_NS,
	                                     .ttl = t->ttl,
	                                     .rdata = data,
	                                     .rdlen = (uint16_t)(sizeof(ns_name) + t->zone_len) });
	add_dns_addresses(t, &w, dns, 0, owner, sizeof(owner));
	dns_set_end(&w);
	dns_entry_end(&w);
}

static void entry_empty(const struct dns_target *t, const char *label)
{
	uint8_t key[64];
	struct dns_writer w;

	dns_entry_begin(&w, &t->fresh[0], 0, key, dns_label_from_text(key, label));
	dns_entry_end(&w);
}

void dns_records_zone(const struct dns_target *t, const struct conf_endpoints *dns, bool pods)
{
	static const uint8_t version[] = "\5"
					 "1.1.0";
	uint8_t key[64];
	struct dns_writer w;

	entry_apex(t, dns);
	entry_empty(t, "svc");
	if (pods)
		entry_empty(t, "pod");
	entry_empty(t, "dns");
	dns_entry_begin(&w, &t->fresh[0], 0, ns_name, sizeof(ns_name));
	for (uint8_t family = 4; family <= 16; family += 12) {
		dns_set_begin(&w, family == 4 ? DNS_A : DNS_AAAA);
		add_dns_addresses(t, &w, dns, family, NULL, 0);
		dns_set_end(&w);
	}
	dns_entry_end(&w);
	dns_entry_begin(&w, &t->fresh[0], 0, key, dns_label_from_text(key, "dns-version"));
	dns_set_begin(&w, DNS_TXT);
	dns_record_add(&w, &(struct dns_record){ .type = DNS_TXT,
	                                         .ttl = t->ttl,
	                                         .rdata = version,
	                                         .rdlen = sizeof(version) - 1 });
	dns_set_end(&w);
	dns_entry_end(&w);
	t->rebuild[0] = true;
}
