/* api_valid_pool.c - the rules of knetd.io's AddressPool: each entry is an address, a CIDR or a
 * range of one family that hosts can have, and no address is in two entries, of this pool, another
 * one or [lb] pools, nor in the ranges of pods and Services. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/ip.h>

#include "api_valid.h"

#define POOL_ENTRIES 256
#define POOL_LINKS 32
#define CONF_POOL "knetd.ini" /* the one of [lb] pools */

struct entry {
	const struct at *list;
	size_t i;
	const char *text;
	struct ip_range range;
};

/* All entries against another pool. */
static void check_other(struct causes *c, const struct entry *v, unsigned n_entries,
                        const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	struct ip_range theirs;
	yyjson_val *item;
	size_t i, n;

	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "spec.addresses"), i, n, item) {
		if (!yyjson_is_str(item) || !range_parse(&theirs, yyjson_get_str(item)))
			continue;
		for (unsigned k = 0; k < n_entries; k++)
			if (range_overlap(&v[k].range, &theirs))
				wrong(c, ITEM(v[k].list, v[k].i), v[k].text,
				      "overlaps with \"%s\" of AddressPool \"%s\"",
				      yyjson_get_str(item), o->name);
	}
}

static void check_ranges(struct causes *c, const struct entry *entry, const struct conf_cidrs *list,
                         const char *of)
{
	struct ip_range theirs;
	char text[CIDR_TEXT];

	for (unsigned i = 0; i < list->n; i++) {
		range_of_cidr(&list->v[i], &theirs);
		if (range_overlap(&entry->range, &theirs))
			wrong(c, ITEM(entry->list, entry->i), entry->text, "overlaps with %s of %s",
			      cidr_text(&list->v[i], text), of);
	}
}

static void check_conf(struct causes *c, const struct entry *entry)
{
	check_ranges(c, entry, &conf.podnet.cidrs, "[podnet] cidrs");
	check_ranges(c, entry, &conf.service.cidrs, "[service] cidrs");
	for (unsigned i = 0; i < conf.lb.pools.n; i++)
		if (range_overlap(&entry->range, &conf.lb.pools.v[i])) {
			wrong(c, ITEM(entry->list, entry->i), entry->text,
			      "overlaps with [lb] pools");
			return;
		}
}

/* False: the entry says no range. */
static bool check_entry(struct causes *c, struct entry *entry)
{
	if (!range_parse(&entry->range, entry->text)) {
		wrong(c, ITEM(entry->list, entry->i), entry->text,
		      "must be a CIDR (192.0.2.0/28), a range (192.0.2.10-192.0.2.20) or an "
		      "address");
		return false;
	}
	if (!range_is_unicast(&entry->range))
		wrong(c, ITEM(entry->list, entry->i), entry->text,
		      "may not hold addresses that no host can have (unspecified, loopback, "
		      "link-local IPv6, multicast)");
	check_conf(c, entry);
	return true;
}

static void check_twice(struct causes *c, const struct entry *v, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		if (range_overlap(&v[n].range, &v[k].range)) {
			wrong(c, ITEM(v[n].list, v[n].i), v[n].text, "overlaps with \"%s\"",
			      v[k].text);
			return;
		}
}

static void check_addresses(struct causes *c, const char *name, const struct at *at,
                            yyjson_mut_val *list)
{
	struct entry v[POOL_ENTRIES] = { 0 };
	const struct object *o;
	yyjson_mut_val *item;
	unsigned good = 0;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, item) {
		v[good] = (struct entry){ at, i, yyjson_mut_get_str(item), { { 0 }, { 0 } } };
		if (!check_entry(c, &v[good]))
			continue;
		check_twice(c, v, good);
		good++;
	}
	for (size_t k = 0; (o = store_next_object(KIND_ADDRESSPOOL, &k));)
		if (strcmp(name, o->name) != 0)
			check_other(c, v, good, o);
}

static void check_links(struct causes *c, const struct at *at, yyjson_mut_val *list)
{
	yyjson_mut_val *item;
	size_t i, n;

	if (yyjson_mut_arr_size(list) > POOL_LINKS)
		wrong_many(c, at, yyjson_mut_arr_size(list), POOL_LINKS);
	yyjson_mut_arr_foreach (list, i, n, item) {
		const char *s = yyjson_mut_get_str(item);

		if (s && (!*s || strlen(s) > 15 || s[strcspn(s, "/ \t\n")] || !strcmp(s, ".") ||
		          !strcmp(s, "..")))
			wrong(c, ITEM(at, i), s, "must be the name of a link (eth0)");
	}
}

void valid_pool(yyjson_mut_val *root, struct causes *c)
{
	const struct at *spec = AT("spec"), *at = CHILD(spec, "addresses");
	yyjson_mut_val *list = mut_at(root, "spec.addresses");
	size_t n = yyjson_mut_arr_size(list);

	if (text_is(root, "metadata.name", CONF_POOL))
		wrong(c, CHILD(AT("metadata"), "name"), CONF_POOL,
		      "is the name of the pool that [lb] pools makes");
	if (!n && !yyjson_mut_is_true(mut_at(root, "spec.node")))
		wrong_missing(c, at, "there are no addresses, and node is not set");
	if (n <= POOL_ENTRIES) /* else told by the schema */
		check_addresses(c, text_of(root, "metadata.name"), at, list);
	check_links(c, CHILD(spec, "interfaces"), mut_at(root, "spec.interfaces"));
	check_selector(c, CHILD(spec, "serviceSelector"), mut_at(root, "spec.serviceSelector"));
	check_selector(c, CHILD(spec, "namespaceSelector"), mut_at(root, "spec.namespaceSelector"));
}
