/* dns_zonecheck.c - what was read of a zone file, judged as a whole, and written as entries of the
 * local snapshot. What BIND's named-checkzone refuses is refused, what it warns of is a warning. */
#include <stdio.h>
#include <string.h>

#include "dns_local.h"
#include "dns_zone_int.h"

#define EXTRAS_MAX 16 /* addresses added to a set of MX, NS or SRV records */

static const char *name_text(const uint8_t *name, size_t len, char out[static DNS_NAME_MAX + 1])
{
	return dns_name_to_text(out, name, len);
}

static unsigned line_of(const struct zone_node *node)
{
	return node->sets ? node->sets->first->line : 0;
}

/* ---- the apex ----------------------------------------------------------------------------------
 */

static int find_apex(struct zone_reader *r)
{
	const struct zone_node *apex = NULL;

	for (const struct zone_node *n = r->first; n; n = n->next) {
		const struct zone_set *soa = zone_set(n, DNS_SOA);

		if (!soa)
			continue;
		if (apex || soa->n > 1)
			return zone_error(r, (soa->n > 1 ? soa->first->next : soa->first)->line,
			                  "a second SOA record: a zone has one");
		apex = n;
		r->soa = soa->first;
	}
	if (!apex)
		return zone_error(r, r->line, "a SOA record is expected: the zone has none");
	if (apex->len == 1)
		return zone_error(r, r->soa->line, "the root zone cannot be served");
	if (!zone_set(apex, DNS_NS))
		return zone_error(r, r->soa->line, "the zone has no NS records");
	memcpy(r->z->apex, apex->name, apex->len);
	r->z->apex_len = apex->len;
	return 0;
}

static bool in_zone(const struct zone_reader *r, const struct zone_node *n)
{
	return dns_name_under(n->name, n->len, r->z->apex, r->z->apex_len);
}

static bool is_apex(const struct zone_reader *r, const struct zone_node *n)
{
	return n->len == r->z->apex_len;
}

static void drop_foreign(struct zone_reader *r)
{
	char text[DNS_NAME_MAX + 1];
	struct zone_node **at = &r->first;

	while (*at) {
		struct zone_node *n = *at;

		if (in_zone(r, n)) {
			at = &n->next;
			continue;
		}
		zone_warn(r, line_of(n), "%.120s lies outside of the zone: left out",
		          name_text(n->name, n->len, text));
		map_del(&r->nodes, n->name, n->len);
		*at = n->next;
	}
	r->end = at;
}

/* ---- each name ---------------------------------------------------------------------------------
 */

static int check_alone(struct zone_reader *r, const struct zone_node *n, uint16_t type)
{
	const struct zone_set *set = zone_set(n, type);
	char text[DNS_NAME_MAX + 1], word[16];

	if (set && set->n > 1)
		return zone_error(r, set->first->next->line, "%.120s has a second %s record",
		                  name_text(n->name, n->len, text), zone_type_text(type, word));
	if (set && type == DNS_CNAME && (n->sets->next || n->sets != set))
		return zone_error(r, set->first->line, "%.120s has CNAME and other data",
		                  name_text(n->name, n->len, text));
	return 0;
}

static int check_node(struct zone_reader *r, const struct zone_node *n)
{
	const struct zone_set *ns = zone_set(n, DNS_NS);
	int ret = check_alone(r, n, DNS_CNAME);

	if (!ret)
		ret = check_alone(r, n, DNS_DNAME);
	if (!ret && ns && n->name[0] == 1 && n->name[1] == '*')
		ret = zone_error(r, ns->first->line,
		                 "NS records of a wildcard mean nothing certain (RFC 4592 4.2)");
	return ret;
}

/* Makes every name between this one and the apex exist. */
static void add_parents(struct zone_reader *r, const struct zone_node *n)
{
	for (size_t at = n->name[0] + 1u; n->len - at > r->z->apex_len; at += n->name[at] + 1u)
		zone_node(r, n->name + at, n->len - at);
}

/* What the names above it mean for this one: the highest delegation, and no DNAME. */
static int look_up(struct zone_reader *r, struct zone_node *n)
{
	char text[DNS_NAME_MAX + 1];

	for (size_t at = 0;; at += n->name[at] + 1u) {
		const struct zone_node *up = map_get(&r->nodes, n->name + at, n->len - at);
		bool apex = is_apex(r, up);

		if (!apex && zone_set(up, DNS_NS))
			n->cut = up->labels;
		if (at && n->sets && zone_set(up, DNS_DNAME))
			return zone_error(r, line_of(n), "a record below the DNAME of %.120s",
			                  name_text(up->name, up->len, text));
		if (apex)
			break;
	}
	return 0;
}

/* ---- what records lead to ----------------------------------------------------------------------
 */

static bool leads(uint16_t type, unsigned *skip)
{
	*skip = type == DNS_MX ? 2 : type == DNS_SRV ? 6 : 0;
	return type == DNS_NS || type == DNS_MX || type == DNS_SRV;
}

/* The node that a record leads to, NULL when it is not of this zone. */
static const struct zone_node *target(const struct zone_reader *r, const struct zone_record *record,
                                      unsigned skip, bool *ours)
{
	uint8_t name[DNS_NAME_MAX];
	size_t len = record->rdlen - skip;

	memcpy(name, record->rdata + skip, len);
	dns_name_lower(name, len);
	*ours = dns_name_under(name, len, r->z->apex, r->z->apex_len);
	return map_get(&r->nodes, name, len);
}

static bool has_address(const struct zone_node *n)
{
	return n && (zone_set(n, DNS_A) || zone_set(n, DNS_AAAA));
}

static bool has_wildcard(const struct zone_reader *r, const struct zone_record *record,
                         unsigned skip)
{
	uint8_t name[DNS_NAME_MAX + 2] = { 1, '*' };
	const uint8_t *p = record->rdata + skip;
	size_t len = record->rdlen - skip;

	for (size_t at = p[0] + 1u; at < len; at += p[at] + 1u) {
		memcpy(name + 2, p + at, len - at);
		dns_name_lower(name + 2, len - at);
		if (map_get(&r->nodes, name, len - at + 2))
			return true;
		if (!p[at])
			break;
	}
	return false;
}

static void check_target(struct zone_reader *r, const struct zone_set *set,
                         const struct zone_record *record, unsigned skip)
{
	char text[DNS_NAME_MAX + 1], word[16];
	bool ours;
	const struct zone_node *to = target(r, record, skip, &ours);
	const char *wrong = NULL;

	if (!ours || has_address(to) || (to && to->cut))
		return;
	if (to && zone_set(to, DNS_CNAME))
		wrong = "is an alias, where a host belongs";
	else if (!has_wildcard(r, record, skip))
		wrong = "has no address";
	if (wrong)
		zone_warn(r, record->line, "%.100s, that %s leads to, %s",
		          name_text(record->rdata + skip, record->rdlen - skip, text),
		          zone_type_text(set->type, word), wrong);
}

static void add_addresses(struct dns_writer *w, const struct zone_node *to, uint16_t type,
                          unsigned *extras)
{
	const struct zone_set *set = zone_set(to, type);

	for (const struct zone_record *i = set ? set->first : NULL; i && *extras < EXTRAS_MAX;
	     i = i->next, ++*extras)
		dns_record_add(w, &(struct dns_record){ .owner = to->name,
		                                        .owner_len = to->len,
		                                        .extra = true,
		                                        .type = type,
		                                        .ttl = i->ttl,
		                                        .rdata = i->rdata,
		                                        .rdlen = i->rdlen });
}

static void add_extras(const struct zone_reader *r, struct dns_writer *w,
                       const struct zone_set *set)
{
	unsigned skip, extras = 0;

	if (!leads(set->type, &skip))
		return;
	for (const struct zone_record *i = set->first; i; i = i->next) {
		bool ours;
		const struct zone_node *to = target(r, i, skip, &ours);

		if (!to || (to->cut && set->type != DNS_NS))
			continue;
		add_addresses(w, to, DNS_A, &extras);
		add_addresses(w, to, DNS_AAAA, &extras);
	}
}

/* ---- entries -----------------------------------------------------------------------------------
 */

static int write_set(struct zone_reader *r, struct dns_writer *w, const struct zone_node *n,
                     const struct zone_set *set)
{
	char text[DNS_NAME_MAX + 1], word[16];

	dns_set_begin(w, set->type);
	for (const struct zone_record *i = set->first; i; i = i->next)
		if (!dns_record_add(w, &(struct dns_record){ .type = set->type,
		                                             .ttl = i->ttl,
		                                             .rdata = i->rdata,
		                                             .rdlen = i->rdlen }))
			return zone_error(r, i->line,
			                  "the %s records of %.100s are too large for "
			                  "an answer",
			                  zone_type_text(set->type, word),
			                  name_text(n->name, n->len, text));
	add_extras(r, w, set);
	dns_set_end(w);
	return 0;
}

static int write_node(struct zone_reader *r, const struct zone_node *n, struct buf *out)
{
	struct dns_writer w;
	int ret = 0;

	dns_entry_begin(&w, out, dns_local_mark(dns_name_labels(r->z->apex), n->cut), n->name,
	                n->len);
	for (const struct zone_set *s = n->sets; s && !ret; s = s->next)
		ret = write_set(r, &w, n, s);
	if (!ret)
		dns_entry_end(&w);
	return ret;
}

static void check_targets(struct zone_reader *r)
{
	unsigned skip;

	for (const struct zone_node *n = r->first; n; n = n->next)
		for (const struct zone_set *s = n->sets; s; s = s->next)
			for (const struct zone_record *i = leads(s->type, &skip) ? s->first : NULL;
			     i; i = i->next)
				check_target(r, s, i, skip);
}

int zone_finish(struct zone_reader *r, struct buf *out)
{
	int ret = find_apex(r);

	if (ret)
		return ret;
	drop_foreign(r);
	for (struct zone_node *n = r->first; n && !ret; n = n->next) {
		ret = check_node(r, n);
		if (!is_apex(r, n))
			add_parents(r, n); /* they come at the list's end */
	}
	for (struct zone_node *n = r->first; n && !ret; n = n->next)
		ret = look_up(r, n);
	if (!ret)
		check_targets(r);
	for (struct zone_node *n = r->first; n && !ret; n = n->next)
		ret = write_node(r, n, out);
	if (!ret && out->failed)
		ret = zone_error(r, r->line, "the zone is too large");
	return ret;
}
