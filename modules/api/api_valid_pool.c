/* api_valid_pool.c - the rules of knetd.io's AddressPool: each entry is a CIDR or a range of one
 * family, and no address is in two entries, of this pool or another. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "api_valid.h"

#define POOL_ENTRIES 256

struct stretch {
	struct ip first, last;
};

static bool read_stretch(const char *s, struct stretch *out)
{
	const char *dash = strchr(s, '-');
	char first[IP_TEXT];
	struct cidr cidr;

	if (!dash) {
		if (!cidr_parse(&cidr, s))
			return false;
		out->first = out->last = cidr.ip;
		for (unsigned i = cidr.bits; i < cidr.ip.len * 8u; i++)
			out->last.b[i / 8] |= 0x80 >> i % 8;
		return true;
	}
	if ((size_t)(dash - s) >= sizeof(first))
		return false;
	memcpy(first, s, dash - s);
	first[dash - s] = 0;
	return ip_parse(&out->first, first) && ip_parse(&out->last, dash + 1) &&
	       out->first.len == out->last.len &&
	       memcmp(out->first.b, out->last.b, out->first.len) <= 0;
}

static bool overlap(const struct stretch *a, const struct stretch *b)
{
	return a->first.len == b->first.len && memcmp(a->first.b, b->last.b, a->first.len) <= 0 &&
	       memcmp(b->first.b, a->last.b, a->first.len) <= 0;
}

static void check_other(struct causes *c, const struct at *at, yyjson_mut_val *list,
                        const struct stretch *stretches, const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	struct stretch theirs;
	yyjson_mut_val *v;
	yyjson_val *item;
	size_t i, n, k, m;

	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "spec.addresses"), k, m, item) {
		if (!yyjson_is_str(item) || !read_stretch(yyjson_get_str(item), &theirs))
			continue;
		yyjson_mut_arr_foreach (list, i, n, v)
			if (stretches[i].first.len && overlap(&stretches[i], &theirs))
				wrong(c, ITEM(at, i), yyjson_mut_get_str(v),
				      "overlaps with \"%s\" of AddressPool \"%s\"",
				      yyjson_get_str(item), o->name);
	}
}

void valid_pool(yyjson_mut_val *root, struct causes *c)
{
	const struct at *at = CHILD(AT("spec"), "addresses");
	yyjson_mut_val *list = mut_at(root, "spec.addresses"), *v;
	struct stretch stretches[POOL_ENTRIES] = { 0 };
	const struct object *o;
	size_t i, n;

	if (yyjson_mut_arr_size(list) > POOL_ENTRIES)
		return; /* told by the schema */
	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *s = yyjson_mut_get_str(v);

		if (!read_stretch(s, &stretches[i])) {
			stretches[i].first.len = 0;
			wrong(c, ITEM(at, i), s,
			      "must be a CIDR (192.0.2.0/28) or a range (192.0.2.10-192.0.2.20)");
			continue;
		}
		for (size_t k = 0; k < i; k++)
			if (stretches[k].first.len && overlap(&stretches[i], &stretches[k])) {
				wrong(c, ITEM(at, i), s, "overlaps with \"%s\"",
				      yyjson_mut_get_str(yyjson_mut_arr_get(list, k)));
				break;
			}
	}
	check_selector(c, CHILD(AT("spec"), "serviceSelector"),
	               mut_at(root, "spec.serviceSelector"));
	check_selector(c, CHILD(AT("spec"), "namespaceSelector"),
	               mut_at(root, "spec.namespaceSelector"));
	for (i = 0; (o = store_next_object(KIND_ADDRESSPOOL, &i));)
		if (!text_is(root, "metadata.name", o->name))
			check_other(c, at, list, stretches, o);
}
