/* cni_ips.c - addresses that a request asks for: runtimeConfig.ips, args.cni.ips, CNI_ARGS IP=;
 * parts of the pod ranges: runtimeConfig.ipRanges, ipam.ranges; the hardware address. */
#include <string.h>

#include "cni_config.h"

enum cni_code cni_want_ip(struct cni_request *r, const char *text, struct cni_error *er)
{
	char bare[IP_TEXT];
	size_t n = text ? strcspn(text, "/") : 0;
	struct ip ip;

	if (n == 0 || n >= sizeof(bare))
		return cni_error_set(er, CNI_BAD_CONFIG, "a requested address is no IP address");
	memcpy(bare, text, n);
	bare[n] = 0;
	if (!ip_parse(&ip, bare))
		return cni_error_set(er, CNI_BAD_CONFIG, "requested address %s is no IP address",
		                     bare);
	for (unsigned i = 0; i < r->n_ips; i++) {
		if (ip_equal(&r->ips[i], &ip))
			return CNI_OK;
		if (r->ips[i].len == ip.len)
			return cni_error_set(
				er, CNI_BAD_CONFIG,
				"requested address %s: one of its family is requested already",
				bare);
	}
	r->ips[r->n_ips++] = ip;
	return CNI_OK;
}

enum cni_code cni_want_ips(struct cni_request *r, yyjson_val *list, struct cni_error *er)
{
	enum cni_code code = CNI_OK;
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (list, i, max, v) {
		code = cni_want_ip(r, yyjson_get_str(v), er);
		if (code)
			break;
	}
	return code;
}

/* ---- parts of the pod ranges ---------------------------------------------------------------- */

static void step(struct ip *ip, int by)
{
	for (unsigned i = ip->len; i--;) {
		ip->b[i] += by;
		if (ip->b[i] != (by > 0 ? 0 : 255))
			break;
	}
}

/* As host-local: without its network address, and IPv4 without its broadcast address. */
static bool read_subnet(struct ip_range *r, const char *subnet)
{
	struct cidr c;

	if (!cidr_parse(&c, subnet) || !range_parse(r, subnet))
		return false;
	if (cidr_size(&c) > 2) {
		step(&r->first, 1);
		if (c.ip.len == 4)
			step(&r->last, -1);
	}
	return true;
}

/* An end of the range that is named itself; it lies in the subnet. */
static bool read_end(struct ip *end, const char *text, const struct ip_range *subnet)
{
	return !*text || (ip_parse(end, text) && range_has(subnet, end));
}

static bool read_part(struct ip_range *r, yyjson_val *v)
{
	const char *gateway = cni_text(v, "gateway");
	struct ip_range all;
	struct ip router;

	if (!read_subnet(r, cni_text(v, "subnet")) || !range_parse(&all, cni_text(v, "subnet")) ||
	    !read_end(&r->first, cni_text(v, "rangeStart"), &all) ||
	    !read_end(&r->last, cni_text(v, "rangeEnd"), &all) || ip_order(&r->first, &r->last) > 0)
		return false;
	if (!*gateway)
		return true;
	if (!ip_parse(&router, gateway))
		return false;
	if (ip_equal(&router, &r->first) && !ip_equal(&r->first, &r->last))
		step(&r->first, 1); /* it is nobody's, though our router has another */
	return true;
}

static enum cni_code read_set(struct cni_request *r, yyjson_val *set, const char *what,
                              struct cni_error *er)
{
	struct cni_parts *p = &r->parts[r->n_parts];
	size_t i, max;
	yyjson_val *v;

	*p = (struct cni_parts){ 0 };
	yyjson_arr_foreach (set, i, max, v) {
		if (p->n == CNI_PARTS)
			return cni_error_set(er, CNI_BAD_CONFIG, "%s: more than %d ranges in a set",
			                     what, CNI_PARTS);
		if (!read_part(&p->v[p->n], v))
			return cni_error_set(
				er, CNI_BAD_CONFIG,
				"%s: %.64s is no range of addresses (subnet, rangeStart, rangeEnd)",
				what, cni_text(v, "subnet"));
		if (p->v[p->n].first.len != p->v[0].first.len)
			return cni_error_set(er, CNI_BAD_CONFIG, "%s: a set is of one family",
			                     what);
		p->n++;
	}
	if (!p->n)
		return cni_error_set(er, CNI_BAD_CONFIG, "%s: a set has no range", what);
	for (unsigned k = 0; k < r->n_parts; k++)
		if (r->parts[k].v[0].first.len == p->v[0].first.len)
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     "%s: a pod has one address of a family, so one set",
			                     what);
	r->n_parts++;
	return CNI_OK;
}

enum cni_code cni_want_parts(struct cni_request *r, yyjson_val *sets, const char *what,
                             struct cni_error *er)
{
	enum cni_code code = CNI_OK;
	size_t i, max;
	yyjson_val *set;

	if (sets && !yyjson_is_null(sets) && !yyjson_is_arr(sets))
		return cni_error_set(er, CNI_BAD_CONFIG, "%s is no list of lists", what);
	yyjson_arr_foreach (sets, i, max, set) {
		if (r->n_parts == CNI_FAMILIES)
			return cni_error_set(er, CNI_BAD_CONFIG, "%s: more than %d sets", what,
			                     CNI_FAMILIES);
		code = read_set(r, set, what, er);
		if (code)
			break;
	}
	return code;
}

/* ---- the hardware address ------------------------------------------------------------------- */

/* -1 for what is no hexadecimal digit. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The address of one interface: no group, not all zeros. */
static bool mac_parse(uint8_t mac[static 6], const char *text)
{
	unsigned any = 0;

	if (strlen(text) != 17)
		return false;
	for (unsigned i = 0; i < 6; i++, text += 3) {
		int high = digit(text[0]), low = digit(text[1]);

		if (high < 0 || low < 0 || text[2] != (i < 5 ? ':' : 0))
			return false;
		mac[i] = (uint8_t)(high * 16 + low);
		any |= mac[i];
	}
	return any && !(mac[0] & 1);
}

enum cni_code cni_want_mac(struct cni_request *r, const char *text, const char *what,
                           struct cni_error *er)
{
	if (text && !*text)
		return CNI_OK;
	if (!text || !mac_parse(r->mac, text))
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "%s: \"%.32s\" is no hardware address of one interface", what,
		                     text ? text : "");
	r->has_mac = true;
	return CNI_OK;
}
