/* dns_zonefile.c - see dns_zonefile.h: the text of a zone file, taken apart into records. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns_zone_int.h"

#define RECORD_TEXT 65536 /* bytes of a record as it is written, comments not counted */
#define SET_RECORDS 2000  /* of one name and type */
#define TTL_MAX 0x7fffffffu

struct record_text {
	struct zone_token t[ZONE_TOKENS];
	unsigned n;
	bool indented; /* the line begins with a blank: the owner is the one before */
	char text[RECORD_TEXT];
	size_t used;
};

struct reading {
	struct zone_reader r;
	const char *p;  /* what is next */
	unsigned at;    /* its line */
	bool has_owner; /* the name that blank owners mean: */
	uint8_t owner[DNS_NAME_MAX];
	size_t owner_len;
	bool has_standard, has_last;
	uint32_t standard; /* $TTL */
	uint32_t last;     /* the TTL that was written last */
	struct record_text rec;
};

/* ---- what is wrong -----------------------------------------------------------------------------
 */

int zone_error(struct zone_reader *r, unsigned line, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->e, EINVAL, "%s:%u: %s", r->where, line, text);
}

void zone_warn(struct zone_reader *r, unsigned line, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (r->z->n_warnings++)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->z->warning, sizeof(r->z->warning), "%s:%u: %s", r->where, line, text);
}

/* ---- tokens ------------------------------------------------------------------------------------
 */

static bool ends_token(char c)
{
	return !c || strchr(" \t\r\n;()\"", c);
}

/* A token, quoted or not, into the record's text. */
static int take_token(struct reading *rd)
{
	struct record_text *rec = &rd->rec;
	bool quoted = *rd->p == '"';
	const char *start = rd->p + quoted, *end = start;
	struct zone_token *t = &rec->t[rec->n];

	while (quoted ? *end && *end != '"' && *end != '\n' : !ends_token(*end))
		end += *end == '\\' && end[1] && end[1] != '\n' ? 2 : 1;
	if (quoted && *end != '"')
		return zone_error(&rd->r, rd->at, "a closing \" is expected");
	if (rec->n == ZONE_TOKENS || rec->used + (size_t)(end - start) + 1 > sizeof(rec->text))
		return zone_error(&rd->r, rd->at, "the record is too long");
	*t = (struct zone_token){ .text = rec->text + rec->used,
		                  .len = (size_t)(end - start),
		                  .quoted = quoted };
	memcpy(t->text, start, t->len);
	t->text[t->len] = '\0';
	rec->used += t->len + 1;
	rec->n++;
	rd->p = end + quoted;
	return 0;
}

/* The end of a line: of the record too, when no parenthesis is open and there is one. */
static bool line_ends(struct reading *rd, unsigned depth)
{
	rd->p++;
	rd->at++;
	if (depth)
		return false;
	if (rd->rec.n)
		return true;
	rd->rec.indented = *rd->p == ' ' || *rd->p == '\t';
	rd->r.line = rd->at;
	return false;
}

/* The tokens of the next record; none at the end of the text. */
static int next_record(struct reading *rd)
{
	unsigned depth = 0;

	rd->rec.n = 0;
	rd->rec.used = 0;
	rd->rec.indented = *rd->p == ' ' || *rd->p == '\t';
	rd->r.line = rd->at;
	while (*rd->p) {
		char c = *rd->p;

		if (c == '\n') {
			if (line_ends(rd, depth))
				return 0;
		} else if (c == ';') {
			rd->p += strcspn(rd->p, "\n");
		} else if (c == ' ' || c == '\t' || c == '\r') {
			rd->p++;
		} else if (c == '(' || c == ')') {
			if (c == ')' && !depth)
				return zone_error(&rd->r, rd->at, ") without a ( before it");
			if (c == '(')
				depth++;
			else
				depth--;
			rd->p++;
		} else {
			int ret = take_token(rd);

			if (ret)
				return ret;
		}
	}
	return depth ? zone_error(&rd->r, rd->r.line, "a closing ) is expected") : 0;
}

/* ---- names and numbers -------------------------------------------------------------------------
 */

/* One character, escaped or not; moves *p behind it. -1: broken. */
static int take_char(const char **p)
{
	const unsigned char *c = (const unsigned char *)*p;
	int v;

	*p += 1;
	if (*c != '\\')
		return *c;
	if (!c[1])
		return -1;
	if (c[1] < '0' || c[1] > '9') {
		*p += 1;
		return c[1];
	}
	if (c[2] < '0' || c[2] > '9' || c[3] < '0' || c[3] > '9')
		return -1;
	v = (c[1] - '0') * 100 + (c[2] - '0') * 10 + (c[3] - '0');
	*p += 3;
	return v <= 255 ? v : -1;
}

bool zone_name(const struct zone_reader *r, const struct zone_token *t,
               uint8_t out[static DNS_NAME_MAX], size_t *len)
{
	const char *p = t->text;
	size_t label = 0, at = 1; /* where the label's length stands, and the next byte */

	if (t->quoted || !t->len)
		return false;
	if (!strcmp(p, "@")) {
		memcpy(out, r->origin, r->origin_len);
		*len = r->origin_len;
		return true;
	}
	if (!strcmp(p, ".")) {
		out[0] = 0;
		*len = 1;
		return true;
	}
	while (*p) {
		bool dot = *p == '.';
		int c = take_char(&p);

		if (c < 0 || at >= DNS_NAME_MAX || (dot ? at == label + 1 : at - label > 63))
			return false;
		if (!dot) {
			out[at++] = (uint8_t)c;
			continue;
		}
		out[label] = (uint8_t)(at - label - 1);
		label = at++;
		if (!*p) { /* an absolute name */
			out[label] = 0;
			*len = label + 1;
			return true;
		}
	}
	out[label] = (uint8_t)(at - label - 1);
	if (at + r->origin_len > DNS_NAME_MAX)
		return false;
	memcpy(out + at, r->origin, r->origin_len);
	*len = at + r->origin_len;
	return true;
}

bool zone_number(const char *text, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;

	if (!*text || strlen(text) > 10)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	*out = (uint32_t)v;
	return v <= max;
}

static uint32_t unit(char c)
{
	switch (c | 0x20) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	}
	return 0;
}

bool zone_seconds(const char *text, uint32_t *out)
{
	uint64_t sum = 0, v;

	if (zone_number(text, TTL_MAX, out))
		return true;
	if (strlen(text) > 40)
		return false;
	while (*text) {
		unsigned digits = 0;

		for (v = 0; *text >= '0' && *text <= '9'; text++, digits++)
			v = v * 10 + (uint64_t)(*text - '0');
		if (!digits || digits > 10 || !unit(*text))
			return false;
		sum += v * unit(*text++);
	}
	*out = (uint32_t)sum;
	return sum && sum <= TTL_MAX;
}

/* ---- records -----------------------------------------------------------------------------------
 */

struct zone_node *zone_node(struct zone_reader *r, const uint8_t *name, size_t len)
{
	struct zone_node *node = map_get(&r->nodes, name, len);

	if (node)
		return node;
	node = arena_alloc(&r->arena, sizeof(*node) + len);
	memcpy(node->name, name, len);
	node->len = (uint8_t)len;
	node->labels = (uint8_t)dns_name_labels(name);
	map_put(&r->nodes, node->name, len, node);
	*r->end = node;
	r->end = &node->next;
	return node;
}

struct zone_set *zone_set(const struct zone_node *node, uint16_t type)
{
	struct zone_set *s = node->sets;

	while (s && s->type != type)
		s = s->next;
	return s;
}

static struct zone_set *set_for(struct zone_reader *r, struct zone_node *node, uint16_t type)
{
	struct zone_set *s = zone_set(node, type);

	if (s)
		return s;
	s = arena_alloc(&r->arena, sizeof(*s));
	*s = (struct zone_set){ .next = node->sets, .type = type };
	s->end = &s->first;
	node->sets = s;
	return s;
}

static bool twice(const struct zone_set *s, const uint8_t *rdata, size_t len)
{
	for (const struct zone_record *i = s->first; i; i = i->next)
		if (i->rdlen == len && !memcmp(i->rdata, rdata, len))
			return true;
	return false;
}

static int keep(struct reading *rd, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len)
{
	struct zone_reader *r = &rd->r;
	uint8_t name[DNS_NAME_MAX];
	struct zone_record *record;
	struct zone_set *set;
	char text[16];

	memcpy(name, rd->owner, rd->owner_len);
	dns_name_lower(name, rd->owner_len);
	set = set_for(r, zone_node(r, name, rd->owner_len), type);
	if (twice(set, rdata, len))
		return 0;
	if (set->n == SET_RECORDS || r->n_records == DNS_ZONE_RECORDS)
		return zone_error(r, r->line,
		                  "too many records: at most %u of one name and type, "
		                  "%u in all",
		                  SET_RECORDS, DNS_ZONE_RECORDS);
	if (set->first && set->first->ttl != ttl) { /* RFC 2181 5.2 */
		zone_warn(r, r->line, "%s records of one name differ in their TTL: %u counts",
		          zone_type_text(type, text), set->first->ttl);
		ttl = set->first->ttl;
	}
	record = arena_alloc(&r->arena, sizeof(*record) + len);
	*record = (struct zone_record){ .ttl = ttl,
		                        .line = r->line,
		                        .rdlen = (uint16_t)len,
		                        .rdata = (uint8_t *)(record + 1) };
	memcpy(record + 1, rdata, len);
	*set->end = record;
	set->end = &record->next;
	set->n++;
	r->n_records++;
	return 0;
}

/* What was written, else $TTL, else the TTL before (RFC 1035 5.1); for an SOA record that is the
 * first, its minimum. */
static int settle_ttl(struct reading *rd, bool written, uint32_t *ttl, uint16_t type,
                      const uint8_t *rdata, size_t len)
{
	if (written)
		rd->has_last = true, rd->last = *ttl;
	else if (rd->has_standard)
		*ttl = rd->standard;
	else if (rd->has_last)
		*ttl = rd->last;
	else if (type == DNS_SOA) {
		rd->has_last = true;
		*ttl = rd->last = dns_get32(rdata + len - 4);
		zone_warn(&rd->r, rd->r.line, "no TTL: the SOA's minimum, %u, is taken", *ttl);
	} else {
		return zone_error(&rd->r, rd->r.line, "a TTL is expected, here or by $TTL before");
	}
	return 0;
}

/* [TTL] [CLASS] TYPE in either order; *at is moved behind the type. */
static int take_type(struct reading *rd, unsigned *at, bool *has_ttl, uint32_t *ttl, uint16_t *type)
{
	bool has_class = false;

	for (; *at < rd->rec.n; ++*at) {
		const char *text = rd->rec.t[*at].text;

		if (!*has_ttl && *text >= '0' && *text <= '9' && zone_seconds(text, ttl)) {
			*has_ttl = true;
		} else if (!has_class && (!strcasecmp(text, "IN") || !strcasecmp(text, "CLASS1"))) {
			has_class = true;
		} else {
			*type = rd->rec.t[*at].quoted ? 0 : zone_type(text);
			++*at;
			if (*type)
				return 0;
			return zone_error(
				&rd->r, rd->r.line,
				"\"%.40s\": a type is expected (of class IN; types that are "
				"not known are written TYPE123 \\# LENGTH HEX)",
				text);
		}
	}
	return zone_error(&rd->r, rd->r.line, "OWNER [TTL] [IN] TYPE DATA is expected");
}

static int read_record(struct reading *rd)
{
	struct zone_reader *r = &rd->r;
	unsigned at = 0;
	bool has_ttl = false;
	uint8_t rdata[DNS_ZONE_RDATA];
	uint32_t ttl = 0;
	uint16_t type = 0;
	size_t len = 0;
	int ret;

	if (!rd->rec.indented) {
		rd->has_owner = zone_name(r, &rd->rec.t[at++], rd->owner, &rd->owner_len);
		if (!rd->has_owner)
			return zone_error(r, r->line, "\"%.80s\": a name is expected",
			                  rd->rec.t[0].text);
	}
	if (!rd->has_owner)
		return zone_error(r, r->line, "the first record has no owner");
	ret = take_type(rd, &at, &has_ttl, &ttl, &type);
	if (!ret)
		ret = zone_data(r, type, rd->rec.t + at, rd->rec.n - at, rdata, &len);
	if (!ret)
		ret = settle_ttl(rd, has_ttl, &ttl, type, rdata, len);
	return ret ? ret : keep(rd, type, ttl, rdata, len);
}

static int read_directive(struct reading *rd)
{
	struct zone_reader *r = &rd->r;
	const struct zone_token *t = rd->rec.t;
	uint8_t name[DNS_NAME_MAX];
	size_t len;

	if (!strcasecmp(t->text, "$INCLUDE") || !strcasecmp(t->text, "$GENERATE"))
		return zone_error(r, r->line, "%s is not supported: write the records out",
		                  t->text);
	if (rd->rec.n != 2)
		return zone_error(r, r->line, "%.40s takes one value", t->text);
	if (!strcasecmp(t->text, "$TTL")) {
		rd->has_standard = zone_seconds(t[1].text, &rd->standard);
		return rd->has_standard ? 0
		                        : zone_error(r, r->line,
		                                     "\"%.40s\": a time is expected, as 3600 or 1h",
		                                     t[1].text);
	}
	if (strcasecmp(t->text, "$ORIGIN") != 0)
		return zone_error(r, r->line, "\"%.40s\": $ORIGIN or $TTL is expected", t->text);
	if (!zone_name(r, &t[1], name, &len))
		return zone_error(r, r->line, "\"%.80s\": a name is expected", t[1].text);
	memcpy(r->origin, name, len);
	r->origin_len = len;
	return 0;
}

static int read_all(struct reading *rd)
{
	int ret;

	while (!(ret = next_record(rd)) && rd->rec.n) {
		bool directive =
			!rd->rec.indented && rd->rec.t[0].text[0] == '$' && !rd->rec.t[0].quoted;

		ret = directive ? read_directive(rd) : read_record(rd);
		if (ret)
			break;
	}
	return ret;
}

/* ---- a whole file ------------------------------------------------------------------------------
 */

int dns_zonefile_parse(struct dns_zonefile *z, const char *where, const uint8_t *origin,
                       size_t origin_len, const char *text, struct err *e)
{
	static struct reading rd; /* large, and one file is read at a time */
	struct dns_zonefile made = { 0 };
	int ret;

	memset(&rd, 0, offsetof(struct reading, rec));
	rd.r = (struct zone_reader){ .z = &made, .where = where, .e = e, .end = &rd.r.first };
	memcpy(rd.r.origin, origin, origin_len);
	rd.r.origin_len = origin_len;
	rd.p = text;
	rd.at = 1;
	ret = read_all(&rd);
	if (!ret)
		ret = zone_finish(&rd.r, &made.entries);
	made.n_records = rd.r.n_records;
	map_free(&rd.r.nodes);
	arena_free(&rd.r.arena);
	if (ret) {
		dns_zonefile_free(&made);
		return ret;
	}
	dns_zonefile_free(z);
	*z = made;
	return 0;
}

size_t dns_zonefile_origin(const char *file, uint8_t out[static DNS_NAME_MAX])
{
	size_t n = strlen(file);
	char name[DNS_NAME_MAX + 1];

	if (n > 3 && !strncmp(file, "db.", 3)) {
		file += 3;
		n -= 3;
	} else if (n > 5 && !strcmp(file + n - 5, ".zone")) {
		n -= 5;
	}
	if (!n || n >= sizeof(name))
		return 0;
	memcpy(name, file, n);
	name[n] = '\0';
	return dns_name_from_text(out, name);
}

void dns_zonefile_free(struct dns_zonefile *z)
{
	buf_free(&z->entries);
	*z = (struct dns_zonefile){ 0 };
}
