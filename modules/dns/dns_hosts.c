/* dns_hosts.c - see dns_hosts.h */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <knetd/ip.h>

#include "dns_hosts.h"
#include "dns_local.h"

#define IPS_MAX 1000 /* addresses of a name */

struct host_ip {
	struct ip ip;
	struct host_ip *next;
};
struct host_name {
	struct host_name *next;
	unsigned n_ips;
	struct host_ip *ips; /* in the order of the text */
	struct host_ip **end;
	uint8_t len;
	uint8_t wire[];
};
struct host_address {
	struct host_address *next;
	const struct host_name *name;
	struct ip ip;
	uint8_t key[17];
};

void dns_hosts_free(struct dns_hosts *h)
{
	map_free(&h->names);
	map_free(&h->addresses);
	arena_free(&h->arena);
	*h = (struct dns_hosts){ 0 };
}

/* ---- what the lines say ------------------------------------------------------------------------
 */

static struct host_name *name_for(struct dns_hosts *h, const uint8_t *wire, size_t len)
{
	struct host_name *name = map_get(&h->names, wire, len);

	if (name)
		return name;
	name = arena_alloc(&h->arena, sizeof(*name) + len);
	name->end = &name->ips;
	name->len = (uint8_t)len;
	memcpy(name->wire, wire, len);
	map_put(&h->names, name->wire, len, name);
	*(h->last ? &h->last->next : &h->first) = name;
	h->last = name;
	return name;
}

/* false: it has too many. */
static bool add_ip(struct dns_hosts *h, struct host_name *name, const struct ip *ip)
{
	for (const struct host_ip *i = name->ips; i; i = i->next)
		if (ip_equal(&i->ip, ip))
			return true;
	if (name->n_ips++ == IPS_MAX)
		return false;
	*name->end = arena_alloc(&h->arena, sizeof(**name->end));
	(*name->end)->ip = *ip;
	name->end = &(*name->end)->next;
	return true;
}

static void add_address(struct dns_hosts *h, const struct ip *ip, const struct host_name *name)
{
	struct host_address *a;
	uint8_t key[17];
	size_t n = dns_address_key(key, DNS_KEY_ADDR, ip);

	if (map_get(&h->addresses, key, n))
		return;
	a = arena_alloc(&h->arena, sizeof(*a));
	a->name = name;
	a->ip = *ip;
	memcpy(a->key, key, n);
	map_put(&h->addresses, a->key, n, a);
	*(h->last_address ? &h->last_address->next : &h->first_address) = a;
	h->last_address = a;
}

static bool name_parse(uint8_t wire[static DNS_NAME_MAX], size_t *len, const char *word)
{
	for (const char *c = word; *c; c++)
		if ((uint8_t)*c <= ' ' || (uint8_t)*c >= 127 || *c == '*' || *c == '\\')
			return false;
	*len = dns_name_from_text(wire, word);
	return *len != 0;
}

static int parse_line(struct dns_hosts *h, char *line, struct err *e)
{
	uint8_t wire[DNS_NAME_MAX];
	char *save, *word = strtok_r(line, " \t\r", &save);
	unsigned names = 0;
	struct ip ip;
	size_t len;

	if (!word)
		return 0;
	if (!ip_parse(&ip, word))
		return err_set(e, EINVAL, "\"%.60s\": an address is expected", word);
	while ((word = strtok_r(NULL, " \t\r", &save))) {
		if (!name_parse(wire, &len, word))
			return err_set(e, EINVAL, "\"%.60s\": a host name is expected", word);
		if (h->n++ == DNS_HOSTS_MAX)
			return err_set(e, E2BIG, "more than %u names", DNS_HOSTS_MAX);
		if (!add_ip(h, name_for(h, wire, len), &ip))
			return err_set(e, E2BIG, "\"%.60s\" has more than %u addresses", word,
			               IPS_MAX);
		if (!names++)
			add_address(h, &ip, map_get(&h->names, wire, len));
	}
	return names ? 0 : err_set(e, EINVAL, "a host name is expected behind the address");
}

#define LINE_MAX_BYTES 8192

int dns_hosts_parse(struct dns_hosts *h, const char *where, const char *text, struct err *e)
{
	char line[LINE_MAX_BYTES];

	for (unsigned n = 1; *text; n++) {
		size_t whole = strcspn(text, "\n"), len = strcspn(text, "#\n");
		int ret;

		if (len >= sizeof(line)) {
			err_set(e, EINVAL, "longer than %zu bytes", sizeof(line) - 1);
			return err_wrap(e, "%s:%u", where, n);
		}
		memcpy(line, text, len);
		line[len] = '\0';
		ret = parse_line(h, line, e);
		if (ret)
			return err_wrap(e, "%s:%u", where, n);
		text += whole + (text[whole] == '\n');
	}
	return 0;
}

/* ---- entries -----------------------------------------------------------------------------------
 */

static void add_set(struct dns_writer *w, const struct host_name *name, uint8_t family,
                    uint32_t ttl)
{
	dns_set_begin(w, family == 4 ? DNS_A : DNS_AAAA);
	for (const struct host_ip *i = name->ips; i; i = i->next)
		if (i->ip.len == family)
			dns_record_add(w,
			               &(struct dns_record){ .type = family == 4 ? DNS_A : DNS_AAAA,
			                                     .ttl = ttl,
			                                     .rdata = i->ip.b,
			                                     .rdlen = family });
	dns_set_end(w);
}

/* 192.0.2.1: 1 . 2 . 0 . 192 . in-addr . arpa; returns its length. */
static size_t reverse_name(uint8_t out[static DNS_NAME_MAX], const struct ip *ip)
{
	static const uint8_t v4[] = "\7in-addr\4arpa", v6[] = "\3ip6\4arpa";
	char *p = (char *)out;

	for (unsigned i = ip->len; i--;)
		if (ip->len == 4) {
			int n = snprintf(p + 1, 4, "%u", ip->b[i]);

			*p = (char)n;
			p += n + 1;
		} else {
			static const char hex[] = "0123456789abcdef";

			*p++ = 1;
			*p++ = hex[ip->b[i] & 15];
			*p++ = 1;
			*p++ = hex[ip->b[i] >> 4];
		}
	memcpy(p, ip->len == 4 ? v4 : v6, ip->len == 4 ? sizeof(v4) : sizeof(v6));
	return (size_t)(p - (char *)out) + (ip->len == 4 ? sizeof(v4) : sizeof(v6));
}

unsigned dns_hosts_entries(const struct dns_hosts *h, uint32_t ttl, struct buf *out)
{
	uint8_t reverse[DNS_NAME_MAX];
	struct dns_writer w;
	unsigned n = 0;

	for (const struct host_name *name = h->first; name; name = name->next, n++) {
		dns_entry_begin(&w, out, DNS_LOCAL_HOST, name->wire, name->len);
		add_set(&w, name, 4, ttl);
		add_set(&w, name, 16, ttl);
		dns_entry_end(&w);
	}
	for (const struct host_address *a = h->first_address; a; a = a->next, n++) {
		dns_entry_begin(&w, out, DNS_LOCAL_HOST, reverse, reverse_name(reverse, &a->ip));
		dns_set_begin(&w, DNS_PTR);
		dns_record_add(&w, &(struct dns_record){ .type = DNS_PTR,
		                                         .ttl = ttl,
		                                         .rdata = a->name->wire,
		                                         .rdlen = a->name->len });
		dns_set_end(&w);
		dns_entry_end(&w);
	}
	return n;
}
