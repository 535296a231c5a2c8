/* dns_answer.c - see dns_answer.h. The sources are asked in the order of `sources`; an alias leads
 * from one to the next, and out of all of them to the upstreams. */
#include <knetd/auto.h>

#include "dns_lookup.h"

#define CHAIN_MAX 8 /* aliases followed before an upstream is asked */

static uint16_t ra_flag(const struct dns_zone *z)
{
	return z->set && z->set->groups.n_upstreams ? DNS_RA : 0;
}

static enum dns_result finish(const struct dns_lookup *l)
{
	dns_reply_end(l->out, l->q, DNS_AA | ra_flag(l->z));
	return DNS_REPLY;
}

static enum dns_result error(const struct dns_lookup *l, enum dns_rcode rcode)
{
	dns_reply_error(l->out, l->q, rcode, ra_flag(l->z));
	return DNS_REPLY;
}

/* ---- denials -----------------------------------------------------------------------------------
 */

/* Where the denying zone's name stands in the question; 0: it does not. */
static uint16_t pointer_to(const struct dns_query *q, const uint8_t *zone, size_t len)
{
	size_t at = q->name_len - len;

	if (len > q->name_len || memcmp(q->name + at, zone, len) != 0)
		return 0;
	for (unsigned i = 0; i <= q->n_labels; i++)
		if (q->label[i] == at)
			return (uint16_t)(DNS_QUESTION + at);
	return 0;
}

static void add_soa(const struct dns_lookup *l)
{
	uint16_t pointer = pointer_to(l->q, l->apex.name, l->apex.name_len);
	struct dns_reply *out = l->out;
	size_t before = out->len;

	if (!pointer) { /* in full, in place of the pointer that is written behind it */
		if (!dns_reply_room(out, l->q, l->apex.name_len + 10 + l->apex.soa_len))
			return;
		out->len += l->apex.name_len - 2;
	}
	if (!dns_reply_record(out, l->q, pointer, DNS_SOA, l->apex.ttl, l->apex.soa,
	                      l->apex.soa_len)) {
		out->len = before;
		return;
	}
	if (!pointer)
		memcpy(out->p + before, l->apex.name, l->apex.name_len);
	out->authorities++;
}

static enum dns_result deny(const struct dns_lookup *l, enum dns_rcode rcode)
{
	l->out->rcode = rcode;
	add_soa(l);
	return finish(l);
}

/* ---- aliases (ExternalName) --------------------------------------------------------------------
 */

/* Writes the alias and turns to what it leads to, whatever is asked for (RFC 1034 4.3.2). false:
 * that is all there is to say. */
static bool follow(struct dns_lookup *l)
{
	const struct dns_set *alias = l->alias;
	size_t target = l->out->len + 12;

	dns_reply_set(l->out, l->q, alias, l->owner);
	if (l->out->truncated || target > 0x3fff)
		return false;
	l->name = dns_name_split(alias->rr + 12, alias->answers_len - 12u, l->label);
	l->owner = (uint16_t)(0xc000 | target);
	l->own = false;
	return true;
}

static bool alias_sound(const struct dns_set *alias)
{
	return alias->answers_len >= 13 && alias->answers_len - 12u <= DNS_NAME_MAX;
}

/* ---- the rest of the world ---------------------------------------------------------------------
 */

/* RFC 8482: somebody who asks for everything gets something. */
static enum dns_result minimal(const struct dns_lookup *l)
{
	static const uint8_t rdata[] = "\7RFC8482";

	if (dns_reply_record(l->out, l->q, DNS_QUESTION, DNS_HINFO, l->z->set->ttl, rdata,
	                     sizeof(rdata)))
		l->out->answers++;
	dns_reply_end(l->out, l->q, ra_flag(l->z));
	return DNS_REPLY;
}

static bool has_upstream(const struct dns_lookup *l)
{
	return dns_group_for(l->z->set, l->name.p, l->name.len)->n != 0;
}

static enum dns_result outside(const struct dns_lookup *l)
{
	bool led = l->out->answers != 0; /* there by an alias of ours */

	l->out->by = led ? l->out->by : DNS_BY_FORWARD;
	if (!has_upstream(l))
		return led ? finish(l) : error(l, DNS_SERVFAIL);
	if (!led && !(l->q->flags & DNS_RD))
		return error(l, DNS_REFUSED);
	if (l->q->type == DNS_ANY)
		return minimal(l);
	memcpy(l->fwd->target, l->name.p, l->name.len);
	l->fwd->target_len = (uint8_t)l->name.len;
	l->fwd->alias = !l->own;
	l->fwd->owner = l->owner;
	l->fwd->step = l->step;
	return DNS_FORWARD;
}

/* ---- EDNS --------------------------------------------------------------------------------------
 */

static void settle_options(struct dns_query *q, const struct dns_zone *z,
                           const struct dns_asker *by)
{
	struct ip from = { 0 };

	if (!z->set || !by->from || !ip_of_sockaddr(&from, by->from))
		q->cookie_len = 0;
	dns_edns_settle(q, &from, z->set ? z->set->cookie_secret : NULL, by->now, by->stream,
	                by->idle);
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static enum dns_found look(struct dns_lookup *l)
{
	static enum dns_found (*const sources[])(struct dns_lookup *) = {
		dns_hosts_names,
		dns_cluster,
		dns_pointers,
		dns_file_zones,
	};
	static const enum dns_source by[] = { DNS_BY_HOSTS, DNS_BY_ZONE, DNS_BY_ZONE, DNS_BY_FILE };
	enum dns_found found = DNS_NOT_MINE;

	for (unsigned i = 0; i < ARRAY_LEN(sources) && found == DNS_NOT_MINE; i++) {
		found = sources[i](l);
		if (found != DNS_NOT_MINE)
			l->out->by = by[i];
	}
	return found;
}

/* A name that does not exist may be the first of a search path. Finds where that leads, as far as
 * we know the names; an upstream that denies one brings us back here, to go on behind it. */
static enum dns_found search(struct dns_lookup *l)
{
	struct dns_reply before = *l->out;
	struct dns_path path;

	if (!l->own || !dns_autopath_begin(l, &path))
		return DNS_NO_NAME;
	while (dns_autopath_next(l, &path)) {
		enum dns_found found = look(l);

		if (found != DNS_NO_NAME && (found != DNS_NOT_MINE || has_upstream(l))) {
			l->step = path.step;
			l->out->by = DNS_BY_AUTOPATH;
			return found;
		}
		*l->out = before;
	}
	*l->out = before;
	return dns_cluster_denies(l, DNS_NO_NAME);
}

static enum dns_result answer(struct dns_lookup *l)
{
	enum dns_found found = look(l);

	if (found == DNS_NO_NAME)
		found = search(l);
	for (unsigned hops = 0; hops <= CHAIN_MAX; hops++, found = look(l)) {
		switch (found) {
		case DNS_NOT_MINE:
			return outside(l);
		case DNS_ANSWERED:
			return finish(l);
		case DNS_NO_DATA:
			return deny(l, DNS_NOERROR);
		case DNS_NO_NAME:
			return deny(l, DNS_NXDOMAIN);
		case DNS_REFERRED:
			dns_reply_end(l->out, l->q, ra_flag(l->z));
			return DNS_REPLY;
		case DNS_MOVED:
			break;
		case DNS_ALIAS:
			if (!alias_sound(l->alias))
				return error(l, DNS_SERVFAIL);
			if (!follow(l))
				return finish(l);
		}
	}
	return error(l, DNS_SERVFAIL); /* aliases in a circle */
}

/* Its answer carries the question's own name. */
static void rewrite(struct dns_lookup *l)
{
	size_t n;

	if (!dns_rewrite(&l->z->rewriter, l->name.p, l->name.len, l->made, &n))
		return;
	l->name = dns_name_split(l->made, n, l->label);
	l->own = false;
}

enum dns_result dns_answer(const struct dns_zone *z, const uint8_t *query, size_t n,
                           const struct dns_asker *by, struct dns_query *q,
                           struct dns_forwarded *fwd, struct dns_reply *out)
{
	struct dns_lookup l;
	int rcode = dns_query_parse(q, query, n);

	if (rcode < 0)
		return DNS_DROP;
	/* its rooms for names are not cleared: that would cost more than the lookup */
	l.z = z, l.q = q, l.by = by, l.out = out, l.fwd = fwd;
	l.owner = DNS_QUESTION;
	l.step = 0;
	l.own = true;
	dns_reply_begin(out, q, by->stream);
	if (q->cookie_len || q->keepalive)
		settle_options(q, z, by);
	if (rcode || !q->name_len)
		return error(&l, (enum dns_rcode)rcode);
	if (!z->set) {
		out->ede = DNS_EDE_NOT_READY;
		return error(&l, DNS_SERVFAIL);
	}
	if (q->type == DNS_AXFR || q->type == DNS_IXFR)
		return error(&l, DNS_REFUSED);
	l.name = (struct dns_name){
		.p = q->name, .len = q->name_len, .label = q->label, .n_labels = q->n_labels
	};
	if (z->rewriter.head)
		rewrite(&l);
	return answer(&l);
}
