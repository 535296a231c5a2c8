/* proxy_header.c - see proxy_header.h. Read strictly: one reading only, no number with zeros in
 * front, nothing after the line, lengths that agree. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "proxy_header.h"

/* ---- version 1: a line ---------------------------------------------------------------------- */

#define LINE_MAX 107 /* bytes with its end, as the document counts */

static const char v1_start[6] = { 'P', 'R', 'O', 'X', 'Y', ' ' };

/* The next word into out; false when it is empty or too long. A blank ends it, at the end nothing.
 */
static bool word(const char **p, const char *end, bool last, char *out, size_t size)
{
	const char *stop = last ? end : memchr(*p, ' ', end - *p);
	size_t n = stop ? (size_t)(stop - *p) : 0;

	if (!n || n >= size)
		return false;
	memcpy(out, *p, n);
	out[n] = 0;
	*p = stop + !last;
	return strlen(out) == n;
}

/* IPv4 in IPv6's clothes is what senders write whose two addresses are of two families. */
static bool read_ip(struct ip *ip, const char *text, bool six)
{
	if (six && !strncasecmp(text, "::ffff:", 7) && ip_parse(ip, text + 7) && ip->len == 4)
		return true;
	return ip_parse(ip, text) && ip->len == (six ? 16 : 4);
}

static bool read_port(uint16_t *port, const char *text)
{
	unsigned value = 0;

	if (text[0] == '0' && text[1])
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > 6553)
			return false;
		value = value * 10 + (*text - '0');
	}
	*port = value;
	return value <= UINT16_MAX;
}

static bool read_line(struct proxy_header *h, const char *p, const char *end)
{
	char family[8], from[IP_TEXT], to[IP_TEXT], from_port[6], to_port[6];
	bool six;

	if (end - p >= 7 && !memcmp(p, "UNKNOWN", 7))
		return end - p == 7 || p[7] == ' '; /* whatever else it says */
	if (!word(&p, end, false, family, sizeof(family)) ||
	    !word(&p, end, false, from, sizeof(from)) || !word(&p, end, false, to, sizeof(to)) ||
	    !word(&p, end, false, from_port, sizeof(from_port)) ||
	    !word(&p, end, true, to_port, sizeof(to_port)))
		return false;
	six = !strcmp(family, "TCP6");
	h->known = true;
	return (six || !strcmp(family, "TCP4")) && read_ip(&h->from.ip, from, six) &&
	       read_ip(&h->to.ip, to, six) && read_port(&h->from.port, from_port) &&
	       read_port(&h->to.port, to_port);
}

static int read_v1(struct proxy_header *h, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n < LINE_MAX ? n : LINE_MAX);

	if (!lf)
		return n < LINE_MAX ? 0 : -EINVAL;
	if (lf[-1] != '\r' || !read_line(h, p + sizeof(v1_start), lf - 1))
		return -EINVAL;
	return (int)(lf + 1 - p);
}

/* ---- version 2: bytes ----------------------------------------------------------------------- */

static const uint8_t v2_start[12] = "\r\n\r\n\0\r\nQUIT\n";

enum { V2_HEAD = 16, V2_LOCAL = 0x20, V2_PROXY = 0x21, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void read_address(struct endpoint *ep, const uint8_t *ip, uint8_t len, const uint8_t *port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	bool four_in_six = len == 16 && !memcmp(ip, mapped, sizeof(mapped));

	ep->ip = (struct ip){ .len = four_in_six ? 4 : len };
	memcpy(ep->ip.b, ip + (four_in_six ? sizeof(mapped) : 0), ep->ip.len);
	ep->port = be16(port);
}

/* What else the sender adds is not looked at, but for its being whole. */
static bool extras_are_whole(const uint8_t *p, size_t n)
{
	while (n >= 3 && n - 3 >= be16(p + 1)) {
		size_t size = 3u + be16(p + 1);

		p += size;
		n -= size;
	}
	return !n;
}

static bool read_addresses(struct proxy_header *h, uint8_t family, const uint8_t *p, size_t n)
{
	uint8_t len = family == V2_TCP4 ? 4 : 16;
	size_t taken = 2u * len + 4;

	if (family != V2_TCP4 && family != V2_TCP6)
		return family == 0 || family == 0x31; /* unspecified, or of a unix socket */
	if (n < taken)
		return false;
	h->known = true;
	read_address(&h->from, p, len, p + 2 * len);
	read_address(&h->to, p + len, len, p + 2 * len + 2);
	return extras_are_whole(p + taken, n - taken);
}

static int read_v2(struct proxy_header *h, const uint8_t *p, size_t n)
{
	size_t size;

	if (n < V2_HEAD)
		return 0;
	size = V2_HEAD + be16(p + 14);
	if ((p[12] != V2_LOCAL && p[12] != V2_PROXY) || size > PROXY_HEADER_MAX)
		return -EINVAL;
	if (n < size)
		return 0;
	if (p[12] == V2_PROXY && !read_addresses(h, p[13], p + V2_HEAD, size - V2_HEAD))
		return -EINVAL;
	return (int)size;
}

int proxy_header_read(struct proxy_header *h, const void *p, size_t n)
{
	*h = (struct proxy_header){ 0 };
	if (!memcmp(p, v1_start, n < sizeof(v1_start) ? n : sizeof(v1_start)))
		return n < sizeof(v1_start) ? 0 : read_v1(h, p, n);
	if (!memcmp(p, v2_start, n < sizeof(v2_start) ? n : sizeof(v2_start)))
		return n < sizeof(v2_start) ? 0 : read_v2(h, p, n);
	return -EPROTO;
}

/* ---- made ----------------------------------------------------------------------------------- */

static void put_ip(const struct ip *ip, uint8_t len, uint8_t *out)
{
	memset(out, 0, len);
	if (ip->len == len) {
		memcpy(out, ip->b, len);
	} else if (ip->len == 4) {
		out[10] = out[11] = 0xff;
		memcpy(out + 12, ip->b, 4);
	}
}

static size_t make_v2(const struct endpoint *from, const struct endpoint *to, uint8_t *out)
{
	bool four = from->ip.len == 4 && to->ip.len == 4;
	uint8_t len = four ? 4 : 16, *ports = out + V2_HEAD + 2 * len;
	uint16_t port[2] = { htons(from->port), htons(to->port) };

	memcpy(out, v2_start, sizeof(v2_start));
	out[12] = V2_PROXY;
	out[13] = four ? V2_TCP4 : V2_TCP6;
	out[14] = 0;
	out[15] = 2 * len + 4;
	put_ip(&from->ip, len, out + V2_HEAD);
	put_ip(&to->ip, len, out + V2_HEAD + len);
	memcpy(ports, port, sizeof(port));
	return V2_HEAD + out[15];
}

static const char *text_of(const struct ip *ip, bool mapped, char out[static IP_TEXT + 8])
{
	char text[IP_TEXT];

	snprintf(out, IP_TEXT + 8, "%s%s", mapped ? "::ffff:" : "", ip_text(ip, text));
	return out;
}

static size_t make_v1(const struct endpoint *from, const struct endpoint *to, char *out)
{
	char a[IP_TEXT + 8], b[IP_TEXT + 8];
	bool six = from->ip.len == 16 || to->ip.len == 16;

	return (size_t)snprintf(out, PROXY_HEADER_MADE, "PROXY %s %s %s %u %u\r\n",
	                        six ? "TCP6" : "TCP4",
	                        text_of(&from->ip, six && from->ip.len == 4, a),
	                        text_of(&to->ip, six && to->ip.len == 4, b), from->port, to->port);
}

size_t proxy_header_make(unsigned version, const struct endpoint *from, const struct endpoint *to,
                         char out[static PROXY_HEADER_MADE])
{
	return version == 1 ? make_v1(from, to, out) : make_v2(from, to, (uint8_t *)out);
}
