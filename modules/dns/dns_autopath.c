/* dns_autopath.c - the search path of a pod, walked here instead of by its resolver.
 *
 * With ndots:5 a resolver asks for www.example.com.<ns>.svc.<zone> first, then on along the search
 * list, and for www.example.com itself last: four or more round trips for every outside name, each
 * twice, for A and AAAA. The first question tells all of the others, since we know who asks: it is
 * answered with an alias to what the walk would have ended at (as CoreDNS' autopath).
 *
 * Only for pods whose resolver walks that way (DNS_POD_AUTOPATH). Left alone are names of one
 * label, which a resolver asks of the world only as its last resort, and names under one that the
 * namespace has, <hostname>.<service>: they were meant for the cluster. */
#include "dns_lookup.h"

#define PATH_OWN 2 /* the candidates before the node's own search list: svc.<zone>, <zone> */

/* The labels of the question before .<ns>.svc.<zone>; 0: it does not have that form. */
static unsigned labels_before(const struct dns_lookup *l, const struct dns_pod *pod)
{
	unsigned n = l->q->n_labels - l->z->set->zone_labels;
	const uint8_t *ns;

	if (n < 4 || !dns_label_is(l->q->name + l->q->label[n - 1], "svc"))
		return 0;
	ns = l->q->name + l->q->label[n - 2];
	return ns[0] == pod->ns[0] && !memcmp(ns, pod->ns, ns[0] + 1u) ? n - 2 : 0;
}

/* Does the namespace have <service>, when the question is <hostname>.<service>.<ns>.svc.<zone>? */
static bool below_service(const struct dns_lookup *l, unsigned labels)
{
	const uint8_t *label = l->q->label;
	size_t from = label[labels - 1], end = label[labels + 1]; /* <service>.<ns> */

	return dns_cluster_has(l->z, l->q->name + from, end - from);
}

bool dns_autopath_begin(const struct dns_lookup *l, struct dns_path *path)
{
	const struct dns_settings *set = l->z->set;
	struct dns_pod pod;
	struct ip ip;

	if (!set->autopath || !dns_in_zone(&l->name, set->zone, set->zone_len, set->zone_labels) ||
	    (l->q->type != DNS_A && l->q->type != DNS_AAAA) || !(l->q->flags & DNS_RD) ||
	    !l->by->from || !ip_of_sockaddr(&ip, l->by->from) ||
	    !dns_zone_pod(l->z->shard, &ip, &pod) || !(pod.flags & DNS_POD_AUTOPATH))
		return false;
	path->labels = labels_before(l, &pod);
	if (!path->labels || below_service(l, path->labels))
		return false;
	path->len = l->q->label[path->labels];
	path->step = l->by->step;
	return true;
}

/* What stands behind the name at a step; 0: the path ends before. The last one is the root. */
static size_t suffix_at(const struct dns_settings *set, unsigned step, const uint8_t **suffix,
                        uint8_t svc[static DNS_NAME_MAX + 4])
{
	static const uint8_t root[1], label[] = { 3, 's', 'v', 'c' };

	if (step == 0) {
		memcpy(svc, label, sizeof(label));
		memcpy(svc + sizeof(label), set->zone, set->zone_len);
		*suffix = svc;
		return set->zone_len + sizeof(label);
	}
	*suffix = set->zone;
	if (step == 1)
		return set->zone_len;
	step -= PATH_OWN;
	*suffix = step < set->searches.n ? set->searches.v[step].name : root;
	return step < set->searches.n ? set->searches.v[step].len : step == set->searches.n;
}

bool dns_autopath_next(struct dns_lookup *l, struct dns_path *path)
{
	uint8_t svc[DNS_NAME_MAX + 4];
	const uint8_t *suffix;
	size_t n;

	while ((n = suffix_at(l->z->set, path->step, &suffix, svc))) {
		size_t at = l->out->len + 12, len = path->len + n;

		path->step++;
		if (len > DNS_NAME_MAX)
			continue;
		memcpy(l->made, l->q->name, path->len);
		memcpy(l->made + path->len, suffix, n);
		if (!dns_reply_record(l->out, l->q, DNS_QUESTION, DNS_CNAME, l->z->set->ttl,
		                      l->made, len))
			return false;
		l->out->answers++;
		l->name = dns_name_split(l->made, len, l->label);
		l->owner = (uint16_t)(0xc000 | at);
		l->own = false;
		return true;
	}
	return false;
}
