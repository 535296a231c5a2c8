/* dns_answer.c - see dns_answer.h.
 *
 * A name of the zone is found by one hash lookup; its records are copied as they stand in the
 * snapshot, from a different one on each time. Records point into the question for their owner, so
 * the answer keeps the letters' case as they were asked. */
#include "dns_answer.h"
#include "dns_reverse.h"

#define CHAIN_MAX 8 /* aliases followed inside the zone */
#define QUESTION_POINTER (0xc000 | DNS_HEADER)

/* ---- the reply, piece by piece -----------------------------------------------------------------
 */

static void reply_begin(struct dns_reply *out, const struct dns_query *q, bool stream)
{
	if (!stream && out->max > q->udp_size)
		out->max = q->udp_size;
	out->rcode = DNS_NOERROR;
	out->truncated = false;
	out->answers = out->authorities = out->extras = 0;
	out->len = DNS_HEADER;
	if (q->name_len) {
		memcpy(out->p + DNS_HEADER, q->raw, q->name_len + 4u);
		out->len += q->name_len + 4u;
	}
}

bool dns_reply_room(const struct dns_reply *out, const struct dns_query *q, size_t n)
{
	return out->len + n + (q->edns ? DNS_OPT_SIZE : 0) <= out->max;
}

void dns_reply_end(struct dns_reply *out, const struct dns_query *q, uint16_t flags)
{
	uint8_t *p = out->p;

	if (q->edns) {
		out->len += dns_opt_write(p + out->len, q->dnssec_ok, out->rcode);
		out->extras++;
	}
	dns_put16(p, q->id);
	flags |= DNS_QR | (q->flags & (DNS_OPCODE | DNS_RD | DNS_CD)) |
	         (out->truncated ? DNS_TC : 0);
	dns_put16(p + 2, flags | (out->rcode & DNS_RCODE));
	dns_put16(p + 4, q->name_len != 0);
	dns_put16(p + 6, out->answers);
	dns_put16(p + 8, out->authorities);
	dns_put16(p + 10, out->extras);
}

void dns_reply_error(struct dns_reply *out, const struct dns_query *q, enum dns_rcode rcode,
                     uint16_t flags)
{
	out->len = DNS_HEADER + (q->name_len ? q->name_len + 4u : 0);
	out->answers = out->authorities = out->extras = 0;
	out->truncated = false;
	out->rcode = rcode;
	dns_reply_end(out, q, flags);
}

static void add_bytes(struct dns_reply *out, const void *p, size_t n)
{
	memcpy(out->p + out->len, p, n);
	out->len += n;
}

/* Adds a record whose owner is a pointer; false when there is no room. */
static bool add_record(struct dns_reply *out, const struct dns_query *q, uint16_t pointer,
                       uint16_t type, uint32_t ttl, const void *rdata, size_t n)
{
	uint8_t *p = out->p + out->len;

	if (!dns_reply_room(out, q, 12 + n))
		return false;
	dns_put16(p, pointer);
	dns_put16(p + 2, type);
	dns_put16(p + 4, DNS_IN);
	dns_put32(p + 6, ttl);
	dns_put16(p + 10, (uint16_t)n);
	out->len += 12;
	add_bytes(out, rdata, n);
	return true;
}

/* ---- sets of records ---------------------------------------------------------------------------
 */

/* Bytes of the record at p: an owner of at most one label and a pointer, as the plan writes them.
 */
static size_t record_size(const uint8_t *p, size_t n)
{
	size_t fixed = n && p[0] >= 0xc0 ? 2 : n ? p[0] + 3u : n;
	size_t size = fixed + 10;

	if (!n || size > n)
		return 0;
	size += dns_get16(p + fixed + 8);
	return size <= n ? size : 0;
}

/* Copies whole records, first those from `start` on, then those before it. */
static uint16_t add_records(struct dns_reply *out, const struct dns_query *q, const uint8_t *p,
                            size_t len, size_t start)
{
	uint16_t n = 0;

	for (unsigned pass = 0; pass < 2; pass++) {
		size_t at = pass ? 0 : start, end = pass ? start : len, size;

		for (; at < end; at += size, n++) {
			size = record_size(p + at, end - at);
			if (!size || !dns_reply_room(out, q, size))
				return n;
			add_bytes(out, p + at, size);
		}
	}
	return n;
}

/* Where record number `nth` starts. */
static size_t record_start(const struct dns_set *set, unsigned nth)
{
	size_t at = 0, size;

	if (set->rr_size)
		return (size_t)set->rr_size * nth;
	for (; nth; nth--, at += size) {
		size = record_size(set->rr + at, set->answers_len - at);
		if (!size)
			return 0;
	}
	return at;
}

/* owner: the pointer that the records' owners become when they are not the question's own. */
static void add_set(struct dns_reply *out, const struct dns_query *q, const struct dns_set *set,
                    uint16_t owner)
{
	size_t first = out->len;
	size_t start = set->n_answers > 1 ? record_start(set, out->turn % set->n_answers) : 0;
	uint16_t added;

	if (start >= set->answers_len)
		start = 0;
	if (set->rr_size && dns_reply_room(out, q, set->answers_len)) {
		add_bytes(out, set->rr + start, set->answers_len - start);
		add_bytes(out, set->rr, start);
		added = set->n_answers;
	} else {
		added = add_records(out, q, set->rr, set->answers_len, start);
	}
	out->answers += added;
	if (added < set->n_answers)
		out->truncated = true;
	if (owner == QUESTION_POINTER)
		return;
	for (size_t at = first; added; added--) {
		size_t size = record_size(out->p + at, out->len - at);

		dns_put16(out->p + at, owner);
		at += size;
	}
}

/* Addresses of what the answer names: as many as there is room for, never a reason to truncate. */
static void add_extras(struct dns_reply *out, const struct dns_query *q, const struct dns_set *set)
{
	if (!out->truncated)
		out->extras += add_records(out, q, set->rr + set->answers_len, set->extras_len, 0);
}

/* labels: how many of the question's labels, from the end, are the zone that denies. */
static void add_soa(struct dns_reply *out, const struct dns_query *q, const struct dns_zone *z,
                    unsigned labels)
{
	uint16_t pointer = QUESTION_POINTER + q->label[q->n_labels - labels];

	if (add_record(out, q, pointer, DNS_SOA, z->set->ttl, z->set->soa, z->set->soa_len))
		out->authorities++;
}

/* RFC 8482: somebody who asks for everything gets something. */
static void add_hinfo(struct dns_reply *out, const struct dns_query *q, const struct dns_zone *z)
{
	static const uint8_t rdata[] = "\7RFC8482";

	if (add_record(out, q, QUESTION_POINTER, DNS_HINFO, z->set->ttl, rdata, sizeof(rdata)))
		out->answers++;
}

static uint16_t ra_flag(const struct dns_zone *z)
{
	return z->set && z->set->n_upstreams ? DNS_RA : 0;
}

static enum dns_result finish(struct dns_reply *out, const struct dns_query *q,
                              const struct dns_zone *z)
{
	dns_reply_end(out, q, DNS_AA | ra_flag(z));
	return DNS_REPLY;
}

static enum dns_result error(struct dns_reply *out, const struct dns_query *q,
                             const struct dns_zone *z, enum dns_rcode rcode)
{
	dns_reply_error(out, q, rcode, ra_flag(z));
	return DNS_REPLY;
}

static enum dns_result deny(struct dns_reply *out, const struct dns_query *q,
                            const struct dns_zone *z, enum dns_rcode rcode, unsigned labels)
{
	out->rcode = rcode;
	add_soa(out, q, z, labels);
	return finish(out, q, z);
}

/* ---- names of the zone -------------------------------------------------------------------------
 */

struct name { /* a lower-case name with its labels */
	const uint8_t *p;
	size_t len;
	const uint8_t *label; /* offsets */
	unsigned n_labels;
};

static bool in_zone(const struct dns_settings *set, const struct name *name)
{
	size_t at;

	if (name->n_labels < set->zone_labels)
		return false;
	at = name->label[name->n_labels - set->zone_labels];
	return at + set->zone_len == name->len && !memcmp(name->p + at, set->zone, set->zone_len);
}

/* The entry of a name that is in_zone. */
static const struct dns_entry *find_name(const struct dns_zone *z, const struct name *name)
{
	unsigned n = name->n_labels - z->set->zone_labels;
	unsigned under = n && dns_label_is(name->p + name->label[n - 1], "svc") ? n - 1 : 0;
	uint32_t place = 0;
	uint64_t home, hash;
	size_t len, from;

	if (!under) { /* a name of the zone itself */
		len = name->label[n];
		return dns_shard_find(&z->shard[0], name->p, len, dns_hash(name->p, len), &place);
	}
	len = name->label[under]; /* of the key: without "svc" */
	from = under > 2 ? name->label[under - 2] : 0;
	home = dns_hash(name->p + from, len - from);
	hash = from ? dns_hash(name->p, len) : home;
	return dns_shard_find(&z->shard[dns_slot(home)], name->p, len, hash, &place);
}

/* <a>-<b>-<c>-<d>.<ns>.pod.<zone>: any address, in any namespace there is (section 2.6 of the
 * specification; IPv6 with '-' for ':'). */
static bool pod_address(const uint8_t *label, struct ip *ip)
{
	char text[64];
	unsigned dashes = 0;

	memcpy(text, label + 1, label[0]);
	text[label[0]] = '\0';
	for (char *c = text; *c; c++)
		dashes += *c == '-';
	for (unsigned pass = 0; pass < 2; pass++) {
		for (char *c = text; *c; c++)
			if (strchr("-.:", *c))
				*c = !pass && dashes == 3 ? '.' : ':';
		if (memchr(label + 1, '.', label[0]) || memchr(label + 1, ':', label[0]))
			return false;
		if (ip_parse(ip, text))
			return true;
	}
	return false;
}

static bool namespace_known(const struct dns_zone *z, const uint8_t *label)
{
	uint64_t hash = dns_hash(label, label[0] + 1u);
	uint32_t place = 0;

	return dns_shard_find(&z->shard[dns_slot(hash)], label, label[0] + 1u, hash, &place) !=
	       NULL;
}

static enum dns_result answer_pod(const struct dns_zone *z, const struct dns_query *q, unsigned n,
                                  struct dns_reply *out)
{
	unsigned zone = z->set->zone_labels;
	struct ip ip;

	if (n > 3 || !namespace_known(z, q->name + q->label[n - 2]) ||
	    (n == 3 && !pod_address(q->name, &ip)))
		return deny(out, q, z, DNS_NXDOMAIN, zone);
	if (n == 2 || q->type != (ip.len == 4 ? DNS_A : DNS_AAAA))
		return deny(out, q, z, DNS_NOERROR, zone);
	if (add_record(out, q, QUESTION_POINTER, q->type, z->set->ttl, ip.b, ip.len))
		out->answers++;
	return finish(out, q, z);
}

/* ---- aliases (ExternalName) --------------------------------------------------------------------
 */

/* Labels of a name that did not come with the question. */
static void name_labels(struct name *name, uint8_t label[static DNS_LABELS_MAX + 1])
{
	size_t at = 0;

	name->label = label;
	for (name->n_labels = 0; at < name->len; at += name->p[at] + 1u) {
		label[name->n_labels] = (uint8_t)at;
		if (!name->p[at])
			return;
		name->n_labels++;
	}
}

/* The records at the end of an alias: they carry no extras, their owner is the alias's data. */
static bool plain_type(uint16_t type)
{
	return type == DNS_A || type == DNS_AAAA;
}

/* Follows aliases from the set on. Returns DNS_FORWARD when they lead out of the zone. */
static enum dns_result follow(const struct dns_zone *z, const struct dns_query *q,
                              const struct dns_set *alias, struct dns_forwarded *fwd,
                              struct dns_reply *out)
{
	uint8_t label[DNS_LABELS_MAX + 1] = { 0 };
	uint16_t owner = QUESTION_POINTER;

	for (unsigned hops = 0; alias; hops++) {
		size_t target = out->len + 12, len = alias->answers_len - 12u;
		struct name name = { .p = alias->rr + 12, .len = len };
		const struct dns_entry *e;
		const struct dns_set *set;

		if (alias->answers_len < 13 || len > DNS_NAME_MAX || hops >= CHAIN_MAX)
			return error(out, q, z, DNS_SERVFAIL);
		add_set(out, q, alias, owner);
		if (out->truncated || target > 0x3fff || !plain_type(q->type))
			break;
		owner = (uint16_t)(0xc000 | target);
		name_labels(&name, label);
		if (!in_zone(z->set, &name)) {
			if (!z->set->n_upstreams)
				break;
			memcpy(fwd->target, name.p, len);
			fwd->target_len = (uint8_t)len;
			fwd->alias = true;
			return DNS_FORWARD;
		}
		e = find_name(z, &name);
		if (!e)
			return deny(out, q, z, DNS_NXDOMAIN, z->set->zone_labels);
		set = dns_entry_set(e, q->type);
		if (set)
			add_set(out, q, set, owner);
		alias = set ? NULL : dns_entry_set(e, DNS_CNAME);
		if (!set && !alias)
			return deny(out, q, z, DNS_NOERROR, z->set->zone_labels);
	}
	return finish(out, q, z);
}

static enum dns_result answer_zone(const struct dns_zone *z, const struct dns_query *q,
                                   const struct name *name, struct dns_forwarded *fwd,
                                   struct dns_reply *out)
{
	unsigned zone = z->set->zone_labels, n = q->n_labels - zone;
	const struct dns_entry *e = find_name(z, name);
	const struct dns_set *set, *alias;

	if (!e && n > 1 && dns_label_is(q->name + q->label[n - 1], "pod"))
		return answer_pod(z, q, n, out);
	if (!e)
		return deny(out, q, z, DNS_NXDOMAIN, zone);
	set = q->type == DNS_ANY ? dns_entry_any(e) : dns_entry_set(e, q->type);
	if (set) {
		add_set(out, q, set, QUESTION_POINTER);
		if (q->type != DNS_ANY)
			add_extras(out, q, set);
		return finish(out, q, z);
	}
	alias = dns_entry_set(e, DNS_CNAME);
	return alias ? follow(z, q, alias, fwd, out) : deny(out, q, z, DNS_NOERROR, zone);
}

/* ---- reverse names -----------------------------------------------------------------------------
 */

/* The zone of the range that the name lies in, in labels; 0: not ours. Ranges are served at the
 * next label boundary: 10.96.0.0/12 as 16 zones. */
static unsigned reverse_zone(const struct dns_settings *set, const struct dns_reverse *r)
{
	for (unsigned i = 0; i < set->n_ranges; i++) {
		const struct cidr *c = &set->ranges[i];
		unsigned labels = (c->bits + r->step - 1) / r->step;

		if (c->ip.len == r->ip.len && r->bits >= labels * r->step && cidr_has(c, &r->ip))
			return labels + 2;
	}
	return 0;
}

/* Every Service the address belongs to gives its name. */
static bool add_pointers(const struct dns_zone *z, const struct dns_query *q,
                         const struct dns_reverse *r, struct dns_reply *out)
{
	uint8_t key[17];
	size_t n = dns_address_key(key, DNS_KEY_ADDR, &r->ip);
	uint64_t hash = dns_hash(key, n);
	const struct dns_entry *e;
	uint32_t place = 0;
	bool any = false;

	while ((e = dns_shard_find(&z->shard[dns_slot(hash)], key, n, hash, &place))) {
		const struct dns_set *set = dns_entry_set(e, DNS_PTR);

		any = true;
		if (set && (q->type == DNS_PTR || q->type == DNS_ANY))
			add_set(out, q, set, QUESTION_POINTER);
	}
	return any;
}

/* false: neither a name nor a range of ours. */
static bool answer_reverse(const struct dns_zone *z, const struct dns_query *q,
                           struct dns_reply *out, enum dns_result *result)
{
	struct dns_reverse r;
	unsigned zone;
	bool found;

	if (!dns_reverse_parse(q, &r))
		return false;
	found = r.exact && add_pointers(z, q, &r, out);
	zone = reverse_zone(z->set, &r);
	if (!found && !zone)
		return false;
	if (out->answers || out->truncated)
		*result = finish(out, q, z);
	else if (!found && (r.exact || q->label[q->n_labels - 2 - r.bits / r.step] != 0))
		*result = deny(out, q, z, DNS_NXDOMAIN, zone);
	else
		*result = deny(out, q, z, DNS_NOERROR, zone ? zone : q->n_labels);
	return true;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static enum dns_result answer_outside(const struct dns_zone *z, const struct dns_query *q,
                                      struct dns_forwarded *fwd, struct dns_reply *out)
{
	if (!z->set->n_upstreams)
		return error(out, q, z, DNS_SERVFAIL);
	if (!(q->flags & DNS_RD))
		return error(out, q, z, DNS_REFUSED);
	if (q->type == DNS_ANY) {
		add_hinfo(out, q, z);
		dns_reply_end(out, q, ra_flag(z));
		return DNS_REPLY;
	}
	memcpy(fwd->target, q->name, q->name_len);
	fwd->target_len = q->name_len;
	fwd->alias = false;
	return DNS_FORWARD;
}

enum dns_result dns_answer(const struct dns_zone *z, const uint8_t *query, size_t n, bool stream,
                           struct dns_query *q, struct dns_forwarded *fwd, struct dns_reply *out)
{
	int rcode = dns_query_parse(q, query, n);
	enum dns_result result;
	struct name name;

	if (rcode < 0)
		return DNS_DROP;
	reply_begin(out, q, stream);
	if (rcode)
		return error(out, q, z, (enum dns_rcode)rcode);
	if (!z->set)
		return error(out, q, z, DNS_SERVFAIL);
	if (q->type == DNS_AXFR || q->type == DNS_IXFR)
		return error(out, q, z, DNS_REFUSED);
	name = (struct name){
		.p = q->name, .len = q->name_len, .label = q->label, .n_labels = q->n_labels
	};
	if (in_zone(z->set, &name))
		return answer_zone(z, q, &name, fwd, out);
	if (answer_reverse(z, q, out, &result))
		return result;
	return answer_outside(z, q, fwd, out);
}
