/* dns_zone_int.h - what the parts of the zone file reader share. */
#pragma once

#include "dns_zonefile.h"

#define ZONE_TOKENS 512 /* in one record */

struct zone_token {
	char *text; /* escapes still in it; NUL behind it */
	size_t len;
	bool quoted;
};

struct zone_record {
	struct zone_record *next; /* of the same name and type */
	uint32_t ttl;
	unsigned line;
	uint16_t rdlen;
	const uint8_t *rdata; /* names in it are uncompressed */
};
struct zone_set {
	struct zone_set *next; /* of the same name */
	uint16_t type;
	unsigned n;
	struct zone_record *first, **end;
};
struct zone_node {
	struct zone_node *next; /* in the order of the file */
	struct zone_set *sets;
	unsigned cut; /* labels of the delegation at or above it, 0: none */
	uint8_t labels;
	uint8_t len;
	uint8_t name[]; /* lower case */
};

struct zone_reader { /* one file being read */
	struct dns_zonefile *z;
	const char *where;
	struct err *e;
	struct arena arena;
	struct map nodes; /* by name */
	struct zone_node *first, **end;
	uint8_t origin[DNS_NAME_MAX];
	size_t origin_len;
	unsigned line; /* where the record began */
	unsigned n_records;
	const struct zone_record *soa;
};

/* "WHERE:LINE: text" */
int zone_error(struct zone_reader *r, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void zone_warn(struct zone_reader *r, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A name as it is written: relative ones get the origin, @ is the origin. Letters keep their case.
 * false: it is none. */
bool zone_name(const struct zone_reader *r, const struct zone_token *t,
               uint8_t out[static DNS_NAME_MAX], size_t *len);
bool zone_number(const char *text, uint32_t max, uint32_t *out);
bool zone_seconds(const char *text, uint32_t *out); /* also 1h30m */

/* dns_zonedata.c: the type's number, 0 when there is no such type. */
uint16_t zone_type(const char *text);
const char *zone_type_text(uint16_t type, char out[static 16]);
/* The data of a record of that type; 0, or an error that says what was expected. */
int zone_data(struct zone_reader *r, uint16_t type, const struct zone_token *t, unsigned n,
              uint8_t out[static DNS_ZONE_RDATA], size_t *len);

/* dns_zonecheck.c: judges what was read, and writes it. */
int zone_finish(struct zone_reader *r, struct buf *out);
struct zone_node *zone_node(struct zone_reader *r, const uint8_t *name, size_t len);
struct zone_set *zone_set(const struct zone_node *node, uint16_t type); /* NULL: has none */
