/* podnet_ips.c - the addresses of a new attachment: those that were asked for, those from the
 * ranges that the request names, or any that is free. One whose link is still being deleted is
 * waited for only when there is no other. */
#include <errno.h>

#include "leaving.h"
#include "podnet.h"
#include "podnet_ips.h"

static const struct ip *asked_for(const struct cni_request *r, uint8_t family)
{
	for (unsigned i = 0; i < r->n_ips; i++)
		if (r->ips[i].len == family)
			return &r->ips[i];
	return NULL;
}

static const struct cni_parts *parts_of(const struct cni_request *r, uint8_t family)
{
	for (unsigned i = 0; i < r->n_parts; i++)
		if (r->parts[i].v[0].first.len == family)
			return &r->parts[i];
	return NULL;
}

/* All parts are ours, also those that are not come to: a mistake shows at the first pod. */
static int check_parts(const struct cni_parts *p, const struct ip *asked, struct err *e)
{
	bool inside = !asked;
	char first[IP_TEXT], last[IP_TEXT];

	for (unsigned i = 0; i < p->n; i++) {
		if (!ipam_covers(&podnet.ipam, &p->v[i]))
			return err_set(e, ERANGE, "ipRanges: %s-%s lies outside the pod ranges",
			               ip_text(&p->v[i].first, first),
			               ip_text(&p->v[i].last, last));
		inside |= asked && range_has(&p->v[i], asked);
	}
	return inside ? 0
	              : err_set(e, ERANGE, "requested address %s lies outside the ipRanges",
	                        ip_text(asked, first));
}

static int take_from_parts(const struct cni_parts *p, struct ip *out, struct err *e)
{
	int ret = -ENOSPC;

	for (unsigned i = 0; i < p->n && ret == -ENOSPC; i++)
		ret = ipam_take_within(&podnet.ipam, &p->v[i], out, e);
	return ret;
}

static int take_one(const struct cni_parts *parts, uint8_t family, struct ip *out, struct err *e)
{
	return parts ? take_from_parts(parts, out, e) : ipam_take(&podnet.ipam, family, out, e);
}

static int take_ip(const struct cni_parts *parts, const struct ip *asked, uint8_t family,
                   struct ip *out, struct err *e)
{
	int ret = parts ? check_parts(parts, asked, e) : 0;

	if (ret)
		return ret;
	if (asked) {
		*out = *asked;
		ret = ipam_take_this(&podnet.ipam, asked, e);
		if (ret == -EADDRINUSE && leaving_hurry_ip(podnet.host, asked))
			ret = ipam_take_this(&podnet.ipam, asked, e);
		return ret;
	}
	ret = take_one(parts, family, out, e);
	while (ret == -ENOSPC && leaving_hurry_family(podnet.host, family))
		ret = take_one(parts, family, out, e);
	return ret;
}

void ips_release(struct attachment *a)
{
	while (a->n_ips)
		ipam_release(&podnet.ipam, &a->ips[--a->n_ips]);
}

int ips_take(struct attachment *a, const struct cni_request *r, bool ipv6, struct err *e)
{
	int ret = 0;

	for (uint8_t family = 4; family <= 16 && !ret; family += 12) {
		const struct ip *asked = asked_for(r, family);

		if (!asked && (!ipam_has_family(&podnet.ipam, family) || (family == 16 && !ipv6)))
			continue;
		if (family == 16 && !ipv6)
			ret = err_set(e, EAFNOSUPPORT,
			              "an IPv6 address was requested, but the pod has no IPv6");
		else
			ret = take_ip(parts_of(r, family), asked, family, &a->ips[a->n_ips], e);
		a->n_ips += !ret;
	}
	if (!ret && !a->n_ips)
		ret = err_set(e, EAFNOSUPPORT, "the pod has no IPv6, and there are no IPv4 ranges");
	if (ret)
		ips_release(a);
	return ret;
}
