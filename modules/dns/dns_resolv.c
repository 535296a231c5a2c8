/* dns_resolv.c - see dns_resolv.h */
#include <stdio.h>
#include <string.h>

#include "dns_resolv.h"

static bool is_wildcard(const struct ip *ip)
{
	static const uint8_t zero[16];

	return !memcmp(ip->b, zero, ip->len);
}

static bool is_loopback(const struct ip *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	return ip->len == 4 ? ip->b[0] == 127 : !memcmp(ip->b, one, sizeof(one));
}

static bool listens(const struct conf_endpoints *list, const struct endpoint *ep)
{
	for (unsigned i = 0; i < list->n; i++) {
		const struct endpoint *l = &list->v[i];

		if (l->port == ep->port && l->ip.len == ep->ip.len &&
		    (ip_equal(&l->ip, &ep->ip) || (is_wildcard(&l->ip) && is_loopback(&ep->ip))))
			return true;
	}
	return false;
}

bool dns_resolv_own(const struct endpoint *ep)
{
	return listens(&conf.dns.address, ep) || listens(&conf.dns.listen, ep);
}

static void parse_line(const char *line, struct conf_endpoints *out)
{
	struct endpoint ep = { .port = 53 };
	char word[16], address[64];

	if (out->n < CONF_ADDRS && sscanf(line, "%15s %63s", word, address) == 2 &&
	    !strcmp(word, "nameserver") && ip_parse(&ep.ip, address) && !dns_resolv_own(&ep))
		out->v[out->n++] = ep;
}

void dns_resolv_parse(const char *text, struct conf_endpoints *out)
{
	char line[256];

	out->n = 0;
	while (*text) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", n < 255 ? (int)n : 255, text);
		parse_line(line, out);
		text += n + (text[n] == '\n');
	}
}
