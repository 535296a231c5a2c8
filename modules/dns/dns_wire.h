/* dns_wire.h - DNS messages as they stand on the wire (RFC 1035, 3596, 2782, 6891): names, queries,
 * records. No I/O, no allocation; whatever the bytes are, nothing outside them is read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DNS_HEADER 12
#define DNS_NAME_MAX 255 /* bytes of a name with its root label */
#define DNS_LABELS_MAX 127
#define DNS_UDP_MIN 512  /* what a client without EDNS takes */
#define DNS_UDP_MAX 1232 /* what passes every path unfragmented (DNS flag day 2020) */
#define DNS_TCP_MAX 65535
#define DNS_OPT_SIZE 11 /* an OPT record without options */
#define DNS_IN 1

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_HINFO = 13,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_NAPTR = 35,
	DNS_DNAME = 39,
	DNS_OPT = 41,
	DNS_DS = 43,
	DNS_IXFR = 251,
	DNS_AXFR = 252,
	DNS_ANY = 255,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_YXDOMAIN = 6,
	DNS_BADVERS = 16, /* the upper bits of these travel in the OPT record */
	DNS_BADCOOKIE = 23,
};

enum dns_flag { /* of the header's second word */
	        DNS_QR = 0x8000,
	        DNS_OPCODE = 0x7800,
	        DNS_AA = 0x0400,
	        DNS_TC = 0x0200,
	        DNS_RD = 0x0100,
	        DNS_RA = 0x0080,
	        DNS_CD = 0x0010,
	        DNS_RCODE = 0x000f,
};

static inline uint16_t dns_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t dns_get32(const uint8_t *p)
{
	return (uint32_t)dns_get16(p) << 16 | dns_get16(p + 2);
}

static inline void dns_put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

static inline void dns_put32(uint8_t *p, uint32_t v)
{
	dns_put16(p, v >> 16);
	dns_put16(p + 2, v & 0xffff);
}

struct dns_query { /* a query taken apart; raw points into the message */
	uint16_t id, flags, type;
	bool edns, dnssec_ok;
	uint16_t udp_size; /* what the client takes: DNS_UDP_MIN to DNS_UDP_MAX */
	uint8_t opt_size;  /* of our OPT record, 0 for a client without EDNS */
	bool keepalive;    /* it asks how long an idle connection is kept: `idle` */
	uint16_t idle;
	uint8_t cookie_len;   /* what it sent, 0: none */
	uint8_t cookie_state; /* enum dns_cookie */
	uint8_t cookie[40];   /* the client's part, and ours */
	uint8_t name_len;     /* with the root label; 0: the question could not be read */
	uint8_t n_labels;
	const uint8_t *raw;                /* the question as sent: name_len + 4 bytes */
	uint8_t name[DNS_NAME_MAX + 1];    /* lower case */
	uint8_t label[DNS_LABELS_MAX + 1]; /* where each label starts in name */
};

/* Returns the rcode to answer with (DNS_NOERROR: go on), or -1 for what is to be dropped. name_len
 * may then be 0: no question, only a cookie (RFC 7873 5.4). What stands behind the last record is
 * ignored: no RFC forbids it, and none of it ever goes into an answer. */
int dns_query_parse(struct dns_query *q, const uint8_t *p, size_t n);

/* The same query in its shortest form: what is kept while an upstream is asked. Returns its length.
 */
#define DNS_QUERY_PACKED (DNS_HEADER + DNS_NAME_MAX + 4 + DNS_OPT_SIZE + 4 + 8 + 4)
size_t dns_query_pack(const struct dns_query *q, uint8_t out[static DNS_QUERY_PACKED]);

/* An OPT record with our size and no options; returns DNS_OPT_SIZE. */
size_t dns_opt_write(uint8_t *out, bool dnssec_ok, unsigned rcode);

/* "www.example.com" or "www.example.com." to wire form, lower case, with the root label. Returns
 * the length, 0 when it is no name. */
size_t dns_name_from_text(uint8_t out[static DNS_NAME_MAX], const char *text);
/* The way back, for people: no dot at the end, the root is "."; what does not print is \\ddd. Cut
 * to what fits. Returns out. */
const char *dns_name_to_text(char out[static DNS_NAME_MAX + 1], const uint8_t *name, size_t n);
/* Where the name at `at` ends; 0 when it is broken. */
size_t dns_name_skip(const uint8_t *p, size_t n, size_t at);
/* Copies the name at `at` without compression, letters as they are; *len with the root label.
 * Pointers must lead backwards, so there is no loop. Returns where it ends, 0 when it is broken. */
size_t dns_name_read(const uint8_t *p, size_t n, size_t at, uint8_t out[static DNS_NAME_MAX],
                     size_t *len);
/* Is the name zone itself, or below it? Both uncompressed and lower case. */
bool dns_name_under(const uint8_t *name, size_t len, const uint8_t *zone, size_t zone_len);
void dns_name_lower(uint8_t *name, size_t n);
/* Is the (lower-case) label, at its length byte, that text? */
static inline bool dns_label_is(const uint8_t *label, const char *text)
{
	size_t n = strlen(text);

	return label[0] == n && !memcmp(label + 1, text, n);
}
/* Labels of a whole uncompressed name, the root not counted. */
unsigned dns_name_labels(const uint8_t *name);

struct dns_name { /* lower case, uncompressed, and where its labels start */
	const uint8_t *p;
	size_t len; /* with the root label */
	const uint8_t *label;
	unsigned n_labels; /* the root not counted */
};
/* label: room for the offsets, which the result points to. The name must be sound. */
struct dns_name dns_name_split(const uint8_t *p, size_t len,
                               uint8_t label[static DNS_LABELS_MAX + 1]);

struct dns_rr {
	size_t at, rdata, end; /* offsets in the message; the TTL stands at rdata - 6 */
	uint16_t type, class, rdlen;
	uint32_t ttl;
};
bool dns_rr_read(const uint8_t *p, size_t n, size_t at, struct dns_rr *rr);
