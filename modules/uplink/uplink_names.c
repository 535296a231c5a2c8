/* uplink_names.c - see uplink_names.h */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "uplink_names.h"

enum { RDNSS = 25, DNSSL = 31, UNIT = 8, HEAD = 8 };

/* ---- a list -----------------------------------------------------------------------------------
 */

static struct uplink_name *find(struct uplink_list *l, const char *text)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].text, text))
			return &l->v[i];
	return NULL;
}

static void drop(struct uplink_list *l, struct uplink_name *name)
{
	size_t behind = (size_t)(l->v + l->n - name - 1);

	memmove(name, name + 1, behind * sizeof(*name));
	l->n--;
}

static struct uplink_name *soonest(struct uplink_list *l)
{
	struct uplink_name *least = NULL;

	for (unsigned i = 0; i < l->n; i++)
		if (!least || l->v[i].until < least->until)
			least = &l->v[i];
	return least;
}

static void put(struct uplink_list *l, const char *text, uint64_t until, uint64_t now)
{
	struct uplink_name *name = find(l, text);

	if (name && until > now) {
		name->until = until;
		return;
	}
	if (name)
		drop(l, name);
	if (until <= now || strlen(text) >= sizeof(l->v[0].text))
		return;
	if (l->n == UPLINK_NAMES) {
		if (soonest(l)->until >= until)
			return;
		drop(l, soonest(l));
	}
	l->v[l->n].until = until;
	strcpy(l->v[l->n++].text, text);
}

static uint64_t expire(struct uplink_list *l, uint64_t now)
{
	struct uplink_name *next;

	while ((next = soonest(l)) && next->until <= now)
		drop(l, next);
	return next ? next->until : UPLINK_FOREVER;
}

uint64_t uplink_names_expire(struct uplink_names *t, uint64_t now)
{
	uint64_t servers = expire(&t->servers, now), domains = expire(&t->domains, now);

	return servers < domains ? servers : domains;
}

/* ---- options ----------------------------------------------------------------------------------
 */

static void hear_servers(struct uplink_list *l, const uint8_t *p, size_t n, uint64_t until,
                         uint64_t now)
{
	for (; n >= 16; p += 16, n -= 16) {
		struct ip ip = { .len = 16 };
		char text[IP_TEXT];

		memcpy(ip.b, p, 16);
		/* one of IPv4 in IPv6's clothes is none that resolv.conf could name */
		if (resolv_is_server(&ip) && ip_parse(&ip, ip_text(&ip, text)))
			put(l, text, until, now);
	}
}

/* The name at the start of n bytes, without pointers. Returns the bytes it takes; 0: it is none. */
static size_t read_name(const uint8_t *p, size_t n, char text[254])
{
	size_t at = 0, used = 0;

	while (at < n && p[at]) {
		size_t label = p[at];

		if (label > 63 || at + 1 + label >= n || used + label + 2 > 254)
			return 0;
		if (used)
			text[used++] = '.';
		memcpy(text + used, p + at + 1, label);
		used += label;
		at += 1 + label;
	}
	text[used] = '\0';
	return used && at < n && strlen(text) == used ? at + 1 : 0;
}

static void hear_domains(struct uplink_list *l, const uint8_t *p, size_t n, uint64_t until,
                         uint64_t now)
{
	char text[254];
	size_t used;

	for (; (used = read_name(p, n, text)); p += used, n -= used)
		if (resolv_is_domain(text))
			put(l, text, until, now);
}

static uint64_t end_of(const uint8_t *p, uint64_t now)
{
	uint32_t seconds = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];

	return seconds == UINT32_MAX ? UPLINK_FOREVER : now + seconds;
}

void uplink_names_hear(struct uplink_names *t, const uint8_t *options, size_t n, uint64_t now)
{
	size_t size;

	for (; n >= UNIT && (size = (size_t)options[1] * UNIT) && size <= n;
	     options += size, n -= size) {
		uint64_t until = end_of(options + 4, now);

		if (options[0] == RDNSS)
			hear_servers(&t->servers, options + HEAD, size - HEAD, until, now);
		else if (options[0] == DNSSL)
			hear_domains(&t->domains, options + HEAD, size - HEAD, until, now);
	}
}

/* ---- text -------------------------------------------------------------------------------------
 */

void uplink_names_resolv(const struct uplink_names *t, struct resolv *out)
{
	struct ip ip;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < t->servers.n; i++)
		if (ip_parse(&ip, t->servers.v[i].text))
			resolv_add_server(out, &ip);
	for (unsigned i = 0; i < t->domains.n; i++)
		resolv_add_domain(out, t->domains.v[i].text);
}

static void print(const struct uplink_list *l, const char *what, struct buf *out)
{
	for (unsigned i = 0; i < l->n; i++)
		buf_printf(out, "%" PRIu64 " %s %s\n", l->v[i].until, what, l->v[i].text);
}

void uplink_names_print(const struct uplink_names *t, struct buf *out)
{
	print(&t->servers, "server", out);
	print(&t->domains, "domain", out);
}

void uplink_names_parse(struct uplink_names *t, const char *text)
{
	char what[8], word[254];
	uint64_t until;
	struct ip ip;
	int n = 0;

	memset(t, 0, sizeof(*t));
	for (; sscanf(text, "%" SCNu64 " %7s %253s\n%n", &until, what, word, &n) == 3; text += n)
		if (!strcmp(what, "server") && ip_parse(&ip, word))
			put(&t->servers, word, until, 0);
		else if (!strcmp(what, "domain") && resolv_is_domain(word))
			put(&t->domains, word, until, 0);
}
