/* dns_resolv.c - see dns_resolv.h */
#include <stdio.h>
#include <string.h>

#include "dns_resolv.h"

static bool listens(const struct conf_endpoints *list, const struct endpoint *ep)
{
	for (unsigned i = 0; i < list->n; i++) {
		const struct endpoint *l = &list->v[i];

		if (l->port == ep->port && l->ip.len == ep->ip.len &&
		    (ip_equal(&l->ip, &ep->ip) || (ip_is_any(&l->ip) && ip_is_loopback(&ep->ip))))
			return true;
	}
	return false;
}

bool dns_resolv_own(const struct endpoint *ep)
{
	return listens(&conf.dns.address, ep) || listens(&conf.dns.listen, ep);
}

static void parse_line(const char *line, struct dns_upstreams *out)
{
	char word[16], address[64];
	struct ip ip;

	/* an address alone: what else upstreams_add knows is none of resolv.conf */
	if (sscanf(line, "%15s %63s", word, address) == 2 && !strcmp(word, "nameserver") &&
	    ip_parse(&ip, address))
		upstreams_add(out, address);
}

void dns_resolv_parse(const char *text, struct dns_upstreams *out)
{
	char line[256];

	memset(out, 0, sizeof(*out));
	while (*text) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", n < 255 ? (int)n : 255, text);
		parse_line(line, out);
		text += n + (text[n] == '\n');
	}
}

static void add_search(struct dns_searches *out, const char *word)
{
	uint8_t zone[DNS_NAME_MAX], name[DNS_NAME_MAX];
	size_t zone_len = dns_name_from_text(zone, conf.dns.domain);
	size_t n = dns_name_from_text(name, word);

	if (!n || dns_name_under(name, n, zone, zone_len) || out->n == DNS_SEARCHES)
		return;
	out->v[out->n].len = (uint8_t)n;
	memcpy(out->v[out->n++].name, name, n);
}

void dns_resolv_searches(const char *text, struct dns_searches *out)
{
	char line[1024], *save;

	memset(out, 0, sizeof(*out));
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *word;

		snprintf(line, sizeof(line), "%.*s", n < 1023 ? (int)n : 1023, text);
		word = strtok_r(line, " \t\r", &save);
		if (word && (!strcmp(word, "search") || !strcmp(word, "domain"))) {
			memset(out, 0, sizeof(*out)); /* the last line counts */
			while ((word = strtok_r(NULL, " \t\r", &save)))
				add_search(out, word);
		}
		text += n + (text[n] == '\n');
	}
}
