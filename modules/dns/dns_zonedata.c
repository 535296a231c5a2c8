/* dns_zonedata.c - the data of one record, from the words of a zone file to the wire. A type is a
 * row: the fields that its words are, one letter each. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "dns_zone_int.h"

/* 4 6 addresses; n name; l the same in lower case, as it will be followed; b s w numbers of 8, 16
 * and 32 bits; t time; c string with its length; C strings, all that are left; v string without
 * length; x hex, all that is left. */
static const struct {
	const char *name;
	uint16_t type;
	const char *fields; /* NULL: in the form of RFC 3597 alone */
	const char *want;
} types[] = {
	{ "A", 1, "4", "an IPv4 address" },
	{ "NS", 2, "n", "a name" },
	{ "CNAME", 5, "l", "a name" },
	{ "SOA", 6, "nnwtttt", "SERVER MAILBOX SERIAL REFRESH RETRY EXPIRE MINIMUM" },
	{ "PTR", 12, "n", "a name" },
	{ "HINFO", 13, "cc", "CPU OS" },
	{ "MX", 15, "sn", "PREFERENCE NAME" },
	{ "TXT", 16, "C", "strings of at most 255 bytes" },
	{ "RP", 17, "nn", "MAILBOX NAME" },
	{ "AAAA", 28, "6", "an IPv6 address" },
	{ "SRV", 33, "sssn", "PRIORITY WEIGHT PORT NAME" },
	{ "NAPTR", 35, "sscccn", "ORDER PREFERENCE \"FLAGS\" \"SERVICES\" \"REGEXP\" NAME" },
	{ "DNAME", 39, "l", "a name" },
	{ "DS", 43, "sbbx", "TAG ALGORITHM DIGEST-TYPE HEX" },
	{ "SSHFP", 44, "bbx", "ALGORITHM TYPE HEX" },
	{ "TLSA", 52, "bbbx", "USAGE SELECTOR TYPE HEX" },
	{ "SVCB", 64, NULL, "\\# LENGTH HEX" },
	{ "HTTPS", 65, NULL, "\\# LENGTH HEX" },
	{ "SPF", 99, "C", "strings of at most 255 bytes" },
	{ "CAA", 257, "bcv", "FLAGS TAG \"VALUE\"" },
};

struct data { /* being written */
	struct zone_reader *r;
	uint8_t *out;
	size_t len;
};

/* Not those that are about messages and never data: RFC 6895 3.1. */
static bool is_data(uint32_t n)
{
	return n && n != DNS_OPT && (n < 128 || n > 255) && n < 65535;
}

uint16_t zone_type(const char *text)
{
	uint32_t n;

	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (!strcasecmp(types[i].name, text))
			return types[i].type;
	if (!strncasecmp(text, "TYPE", 4) && zone_number(text + 4, 65535, &n) && is_data(n))
		return (uint16_t)n;
	return 0;
}

static int row_of(uint16_t type)
{
	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return (int)i;
	return -1;
}

const char *zone_type_text(uint16_t type, char out[static 16])
{
	int row = row_of(type);

	if (row < 0)
		snprintf(out, 16, "TYPE%u", type);
	else
		snprintf(out, 16, "%s", types[row].name);
	return out;
}

/* ---- fields ------------------------------------------------------------------------------------
 */

static uint8_t *room(struct data *d, size_t n)
{
	uint8_t *p = d->out + d->len;

	if (d->len + n > DNS_ZONE_RDATA)
		return NULL;
	d->len += n;
	return p;
}

static bool add_number(struct data *d, uint32_t v, unsigned bytes)
{
	uint8_t *p = room(d, bytes);

	for (unsigned i = 0; p && i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
	return p;
}

static bool add_name(struct data *d, const struct zone_token *t, bool lower)
{
	uint8_t name[DNS_NAME_MAX], *p;
	size_t len;

	if (!zone_name(d->r, t, name, &len) || !(p = room(d, len)))
		return false;
	if (lower)
		dns_name_lower(name, len);
	memcpy(p, name, len);
	return true;
}

static bool add_ip(struct data *d, const struct zone_token *t, uint8_t family)
{
	uint8_t *p = room(d, family);

	return p && inet_pton(family == 4 ? AF_INET : AF_INET6, t->text, p) == 1;
}

/* A string without its escapes; with_len: at most 255 bytes, behind their number. */
static bool add_string(struct data *d, const struct zone_token *t, bool with_len)
{
	uint8_t *head = with_len ? room(d, 1) : NULL, *p;
	size_t start = d->len;

	for (const char *c = t->text; *c; c++) {
		uint8_t byte = (uint8_t)*c;

		if (byte == '\\' && !*++c)
			return false;
		if (byte == '\\' && *c >= '0' && *c <= '9') {
			unsigned v = 0;

			for (unsigned i = 0; i < 3; i++, v = v * 10 + (unsigned)(c[i - 1] - '0'))
				if (c[i] < '0' || c[i] > '9')
					return false;
			if (v > 255)
				return false;
			byte = (uint8_t)v;
			c += 2;
		} else if (byte == '\\') {
			byte = (uint8_t)*c;
		}
		p = room(d, 1);
		if (!p)
			return false;
		*p = byte;
	}
	if (!with_len)
		return true;
	if (!head || d->len - start > 255)
		return false;
	*head = (uint8_t)(d->len - start);
	return true;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* Hex digits in any number of words. */
static bool add_hex(struct data *d, const struct zone_token *t, unsigned n)
{
	unsigned digits = 0;
	uint8_t *p = NULL;

	for (unsigned i = 0; i < n; i++)
		for (const char *c = t[i].text; *c; c++, digits++) {
			int v = nibble(*c);

			if (v < 0)
				return false;
			if (!(digits & 1) && !(p = room(d, 1)))
				return false;
			*p = (uint8_t)(digits & 1 ? *p | v : v << 4);
		}
	return !(digits & 1);
}

static bool add_field(struct data *d, char field, const struct zone_token *t)
{
	uint32_t v;

	switch (field) {
	case '4':
	case '6':
		return add_ip(d, t, field == '4' ? 4 : 16);
	case 'n':
	case 'l':
		return add_name(d, t, field == 'l');
	case 'b':
		return zone_number(t->text, 0xff, &v) && add_number(d, v, 1);
	case 's':
		return zone_number(t->text, 0xffff, &v) && add_number(d, v, 2);
	case 'w':
		return zone_number(t->text, 0xffffffff, &v) && add_number(d, v, 4);
	case 't':
		return zone_seconds(t->text, &v) && add_number(d, v, 4);
	case 'c':
		return add_string(d, t, true);
	case 'v':
		return add_string(d, t, false);
	}
	return false;
}

static bool add_fields(struct data *d, const char *fields, const struct zone_token *t, unsigned n)
{
	unsigned i = 0;

	for (; *fields; fields++) {
		if (*fields == 'x')
			return n > i && add_hex(d, t + i, n - i);
		if (*fields == 'C') {
			for (; i < n; i++)
				if (!add_string(d, &t[i], true))
					return false;
			return n > 0;
		}
		if (i == n || !add_field(d, *fields, &t[i++]))
			return false;
	}
	return i == n;
}

/* \# LENGTH HEX (RFC 3597 5). For types that hold names or addresses we know how to write them, and
 * their data are relied on. */
static int add_generic(struct data *d, const char *fields, const struct zone_token *t, unsigned n)
{
	uint32_t len;

	if (fields && strpbrk(fields, "46nlCc"))
		return zone_error(d->r, d->r->line,
		                  "\\# is for types that are not known; this one is");
	if (n < 2 || !zone_number(t[1].text, DNS_ZONE_RDATA, &len) || !add_hex(d, t + 2, n - 2) ||
	    d->len != len)
		return zone_error(
			d->r, d->r->line,
			"\\# LENGTH HEX is expected, at most %u bytes, as many as LENGTH says",
			DNS_ZONE_RDATA);
	return 0;
}

int zone_data(struct zone_reader *r, uint16_t type, const struct zone_token *t, unsigned n,
              uint8_t out[static DNS_ZONE_RDATA], size_t *len)
{
	struct data d = { .r = r, .out = out };
	int row = row_of(type), ret = 0;
	char text[16];

	if (n && !t[0].quoted && !strcmp(t[0].text, "\\#"))
		ret = add_generic(&d, row < 0 ? NULL : types[row].fields, t, n);
	else if (row < 0 || !types[row].fields)
		ret = zone_error(r, r->line, "%s: \\# LENGTH HEX is expected (RFC 3597)",
		                 zone_type_text(type, text));
	else if (!add_fields(&d, types[row].fields, t, n))
		ret = zone_error(r, r->line, "%s%s%.60s%s: %s is expected", types[row].name,
		                 n ? " \"" : "", n ? t[0].text : "", n ? "\"" : "",
		                 types[row].want);
	*len = d.len;
	return ret;
}
