/* ip.c - see ip.h */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/ip.h>

bool ip_parse(struct ip *ip, const char *s)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	*ip = (struct ip){ 0 };
	if (strchr(s, ':')) {
		if (inet_pton(AF_INET6, s, ip->b) != 1 || !memcmp(ip->b, mapped, sizeof(mapped)))
			return false;
		ip->len = 16;
		return true;
	}
	/* musl's inet_pton takes "01"; Kubernetes does not (KEP-4858) */
	for (const char *p = s; *p; p++)
		if (*p == '0' && p[1] >= '0' && p[1] <= '9' && (p == s || p[-1] == '.'))
			return false;
	if (inet_pton(AF_INET, s, ip->b) != 1)
		return false;
	ip->len = 4;
	return true;
}

/* Digits only, no leading zero; -1 on anything else. */
static long parse_number(const char *s, long max)
{
	long n = 0;

	if (!*s || (*s == '0' && s[1]))
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || (n = n * 10 + (*s - '0')) > max)
			return -1;
	}
	return n;
}

static void clear_host_bits(struct cidr *c)
{
	for (unsigned i = c->bits; i < c->ip.len * 8u; i++)
		c->ip.b[i / 8] &= ~(0x80 >> i % 8);
}

bool cidr_parse(struct cidr *c, const char *s)
{
	char ip[IP_TEXT];
	const char *slash = strchr(s, '/');
	long bits;

	if (!slash || (size_t)(slash - s) >= sizeof(ip))
		return false;
	memcpy(ip, s, slash - s);
	ip[slash - s] = 0;
	if (!ip_parse(&c->ip, ip))
		return false;
	bits = parse_number(slash + 1, c->ip.len * 8);
	if (bits < 0)
		return false;
	c->bits = bits;
	clear_host_bits(c);
	return true;
}

const char *ip_text(const struct ip *ip, char out[static IP_TEXT])
{
	if (!ip->len || !inet_ntop(ip->len == 4 ? AF_INET : AF_INET6, ip->b, out, IP_TEXT))
		out[0] = 0;
	return out;
}

const char *cidr_text(const struct cidr *c, char out[static CIDR_TEXT])
{
	ip_text(&c->ip, out);
	snprintf(out + strlen(out), CIDR_TEXT - strlen(out), "/%u", c->bits);
	return out;
}

bool ip_of_sockaddr(struct ip *ip, const struct sockaddr *at)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
	bool mapped = at->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);

	*ip = (struct ip){ .len = at->sa_family == AF_INET || mapped ? 4 : 16 };
	if (at->sa_family == AF_INET)
		memcpy(ip->b, &v4->sin_addr, 4);
	else if (at->sa_family == AF_INET6)
		memcpy(ip->b, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), ip->len);
	else
		return false;
	return true;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

bool ip_is_any(const struct ip *ip)
{
	static const struct ip none;

	return !memcmp(ip->b, none.b, ip->len);
}

bool ip_is_link_local(const struct ip *ip)
{
	return ip->len == 4 ? ip->b[0] == 169 && ip->b[1] == 254
	                    : ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

bool ip_is_loopback(const struct ip *ip)
{
	static const struct ip v6 = { 16, { [15] = 1 } };

	return ip->len == 4 ? ip->b[0] == 127 : ip_equal(ip, &v6);
}

bool ip_is_in(const struct ip *ip, const struct ip *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (ip_equal(ip, &list[i]))
			return true;
	return false;
}

bool cidr_has(const struct cidr *c, const struct ip *ip)
{
	struct cidr at = { *ip, c->bits };

	if (ip->len != c->ip.len)
		return false;
	clear_host_bits(&at);
	return ip_equal(&at.ip, &c->ip);
}

/* The low 64 bits of an address as a number. */
static uint64_t low_bits(const struct ip *ip)
{
	unsigned n = ip->len < 8 ? ip->len : 8;
	uint64_t v = 0;

	for (unsigned i = ip->len - n; i < ip->len; i++)
		v = v << 8 | ip->b[i];
	return v;
}

const struct cidr *cidr_loopback(uint8_t family)
{
	static const struct cidr v4 = { { 4, { 127 } }, 8 }, v6 = { { 16, { [15] = 1 } }, 128 };

	return family == 4 ? &v4 : &v6;
}

unsigned cidr_join(struct cidr *list, unsigned n, const struct cidr *c)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (list[i].bits <= c->bits && cidr_has(&list[i], &c->ip))
			return n;
	for (unsigned i = 0; i < n; i++)
		if (!cidr_has(c, &list[i].ip))
			list[kept++] = list[i];
	list[kept++] = *c;
	return kept;
}

uint64_t cidr_size(const struct cidr *c)
{
	unsigned host = c->ip.len * 8u - c->bits;

	return host > 63 ? (uint64_t)1 << 63 : (uint64_t)1 << host;
}

bool cidr_nth(const struct cidr *c, uint64_t n, struct ip *out)
{
	uint64_t v;

	if (n >= cidr_size(c))
		return false;
	*out = c->ip;
	v = low_bits(out) + n;
	for (unsigned i = 0; i < 8 && i < out->len; i++, v >>= 8)
		out->b[out->len - 1 - i] = v;
	return true;
}

uint64_t cidr_offset(const struct cidr *c, const struct ip *ip)
{
	return low_bits(ip) - low_bits(&c->ip);
}

int ip_order(const struct ip *a, const struct ip *b)
{
	return a->len != b->len ? a->len - b->len : memcmp(a->b, b->b, a->len);
}

bool range_has(const struct ip_range *r, const struct ip *ip)
{
	return ip->len == r->first.len && ip_order(&r->first, ip) <= 0 &&
	       ip_order(ip, &r->last) <= 0;
}

void range_of_cidr(const struct cidr *c, struct ip_range *out)
{
	out->first = out->last = c->ip;
	for (unsigned bit = c->bits; bit < c->ip.len * 8u; bit++)
		out->last.b[bit / 8] |= 0x80 >> bit % 8;
}

bool range_overlap(const struct ip_range *a, const struct ip_range *b)
{
	return a->first.len == b->first.len && ip_order(&a->first, &b->last) <= 0 &&
	       ip_order(&b->first, &a->last) <= 0;
}

bool range_is_unicast(const struct ip_range *r)
{
	static const struct cidr v4[] = { { { 4, { 0 } }, 8 },
		                          { { 4, { 127 } }, 8 },
		                          { { 4, { 224 } }, 3 } };
	static const struct cidr v6[] = { { { .len = 16 }, 127 }, /* :: and ::1 */
		                          { { 16, { 0xfe, 0x80 } }, 10 },
		                          { { 16, { 0xff } }, 8 } };
	const struct cidr *never = r->first.len == 4 ? v4 : v6;
	struct ip_range part;

	for (unsigned i = 0; i < 3; i++) {
		range_of_cidr(&never[i], &part);
		if (range_overlap(&part, r))
			return false;
	}
	return true;
}

uint64_t range_size(const struct ip_range *r)
{
	uint64_t n;

	if (r->first.len == 16 && memcmp(r->first.b, r->last.b, 8) != 0)
		return INT64_MAX;
	n = low_bits(&r->last) - low_bits(&r->first);
	return n >= INT64_MAX ? INT64_MAX : n + 1;
}

bool ip_next(struct ip *ip)
{
	for (unsigned i = ip->len; i-- > 0;)
		if (++ip->b[i])
			return true;
	return false;
}

bool range_parse(struct ip_range *r, const char *s)
{
	char first[IP_TEXT];
	size_t n = strcspn(s, " -"), dash = n + strspn(s + n, " ");
	const char *last = s[dash] == '-' ? s + dash + 1 + strspn(s + dash + 1, " ") : NULL;
	struct cidr cidr;

	if (strchr(s, '/')) {
		if (!cidr_parse(&cidr, s))
			return false;
		range_of_cidr(&cidr, r);
		return true;
	}
	if (n >= sizeof(first))
		return false;
	memcpy(first, s, n);
	first[n] = 0;
	if (s[n] && !last)
		return false;
	return ip_parse(&r->first, first) && ip_parse(&r->last, last ? last : first) &&
	       r->first.len == r->last.len && ip_order(&r->first, &r->last) <= 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

bool endpoint_parse(struct endpoint *ep, const char *s)
{
	char host[IP_TEXT];
	const char *colon = strrchr(s, ':'), *end = colon;
	bool brackets = *s == '[';
	long port;

	port = colon ? parse_number(colon + 1, 65535) : -1;
	if (port < 1)
		return false;
	if (brackets && (--end <= s++ || *end != ']'))
		return false;
	if (end <= s || (size_t)(end - s) >= sizeof(host))
		return false;
	memcpy(host, s, end - s);
	host[end - s] = 0;
	ep->port = port;
	return ip_parse(&ep->ip, host) && brackets == (ep->ip.len == 16);
}

const char *mac_text(const uint8_t mac[static 6], char out[static 18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
	         mac[5]);
	return out;
}
