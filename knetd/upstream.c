/* upstream.c - see upstream.h */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/upstream.h>

#define PLAIN_PORT 53
#define TLS_PORT 853
#define PIN "pin-sha256="

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* 32 bytes are 43 digits and one '=' (RFC 4648). */
static bool parse_pin(uint8_t out[static 32], const char *text)
{
	unsigned bits = 0, have = 0;

	if (strlen(text) != 44 || text[43] != '=')
		return false;
	for (unsigned i = 0, n = 0; i < 43; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (unsigned)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return !(bits & 3); /* what is left over of the last digit */
}

/* Lower case, no dot at the end. Underscores stand in names of domains, not of servers. */
static bool parse_domain(char out[static 254], const char *text, bool server)
{
	size_t n = strlen(text), label = 0;

	n -= n && text[n - 1] == '.';
	if (!n || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		              (c == '_' && !server);

		if (c == '.' ? !label : !letter || label == 63)
			return false;
		label = c == '.' ? 0 : label + 1;
		out[i] = c;
	}
	out[n] = '\0';
	return label;
}

static const char *parse_proof(struct dns_upstream *u, const char *text)
{
	struct ip ip;

	if (!strncmp(text, PIN, strlen(PIN))) {
		if (u->n_pins == UPSTREAM_PINS)
			return "at most 2 pins";
		if (!parse_pin(u->pins[u->n_pins], text + strlen(PIN)))
			return "pin-sha256= and 44 letters of base64";
		u->n_pins++;
		return NULL;
	}
	if (u->name[0] || ip_parse(&ip, text) || !parse_domain(u->name, text, true))
		return "one name of the server's certificate like #dns.quad9.net";
	return NULL;
}

static bool parse_address(struct endpoint *at, const char *text, uint16_t port)
{
	size_t n = strlen(text);
	char inner[IP_TEXT];

	if (endpoint_parse(at, text))
		return true;
	at->port = port;
	if (text[0] != '[' || text[n - 1] != ']')
		return ip_parse(&at->ip, text);
	if (n - 2 >= sizeof(inner))
		return false;
	memcpy(inner, text + 1, n - 2);
	inner[n - 2] = '\0';
	return ip_parse(&at->ip, inner) && at->ip.len == 16;
}

static const char *parse(struct dns_upstream *u, const char *text)
{
	char copy[UPSTREAM_TEXT], *part, *rest = copy;
	const char *want;

	memset(u, 0, sizeof(*u)); /* also between the fields: lists are compared as bytes */
	u->tls = !strncmp(text, "tls://", 6);
	text += u->tls ? 6 : 0;
	if (strlen(text) >= sizeof(copy))
		return "something shorter";
	strcpy(copy, text);
	part = strsep(&rest, "#");
	if (!parse_address(&u->at, part, u->tls ? TLS_PORT : PLAIN_PORT))
		return "addresses like 9.9.9.9, [2620:fe::fe]:53, tls://9.9.9.9#dns.quad9.net";
	if (rest && !u->tls)
		return "tls:// before an address with a name or a pin";
	while ((part = strsep(&rest, "#")))
		if ((want = parse_proof(u, part)))
			return want;
	if (u->tls && !u->name[0] && !u->n_pins)
		return "a name or a pin behind it, #dns.quad9.net or #pin-sha256=BASE64: without "
		       "one TLS proves nothing";
	return NULL;
}

const char *upstreams_add(struct dns_upstreams *list, const char *text)
{
	const char *want = "at most 16 upstreams";

	if (list->n < UPSTREAMS_MAX && !(want = parse(&list->v[list->n], text)))
		list->n++;
	return want;
}

const char *stubs_add(struct stub_domains *stubs, const char *domain)
{
	struct stub_domain *d = &stubs->v[stubs->n];

	if (stubs->n == STUB_DOMAINS_MAX)
		return "at most 32 domains";
	memset(d, 0, sizeof(*d));
	if (!parse_domain(d->domain, domain, false))
		return "a domain like corp.example or 10.in-addr.arpa";
	for (unsigned i = 0; i < stubs->n; i++)
		if (!strcmp(stubs->v[i].domain, d->domain))
			return "each domain once";
	d->first = stubs->n_upstreams;
	stubs->n++;
	return NULL;
}

const char *stubs_add_upstream(struct stub_domains *stubs, const char *text)
{
	const char *want = "at most 48 upstreams of all domains together";

	if (stubs->v[stubs->n - 1].n == UPSTREAMS_MAX)
		return "at most 16 upstreams";
	if (stubs->n_upstreams < STUB_UPSTREAMS_MAX &&
	    !(want = parse(&stubs->upstreams[stubs->n_upstreams], text))) {
		stubs->n_upstreams++;
		stubs->v[stubs->n - 1].n++;
	}
	return want;
}

bool upstream_equal(const struct dns_upstream *a, const struct dns_upstream *b)
{
	return endpoint_equal(&a->at, &b->at) && a->tls == b->tls && !strcmp(a->name, b->name) &&
	       a->n_pins == b->n_pins && !memcmp(a->pins, b->pins, a->n_pins * sizeof(a->pins[0]));
}

const char *upstream_text(const struct dns_upstream *u, char out[static UPSTREAM_TEXT])
{
	char ip[IP_TEXT];
	bool six = u->at.ip.len == 16;

	snprintf(out, UPSTREAM_TEXT, "%s%s%s%s:%u%s%s", u->tls ? "tls://" : "", six ? "[" : "",
	         ip_text(&u->at.ip, ip), six ? "]" : "", u->at.port, u->name[0] ? "#" : "",
	         u->name);
	return out;
}
