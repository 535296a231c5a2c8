/* certs.c - see certs.h
 *
 * A source is what one object says, looked at again when the object changed; a certificate is a
 * number for one source, or for the authorities of several. uid is a hash of the text: whoever
 * keeps what he made of a text knows it again, also after a restart of this process. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

#include <knetd/auto.h>
#include <knetd/file.h>
#include <knetd/log.h>
#include <knetd/map.h>
#include <knetd/store.h>
#include <knetd/tls.h>

#include "certs.h"
#include "certs_default.h"
#include "certs_read.h"
#include "proxy_table.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
#define SYSTEM_MAX (4u << 20)

enum source_type { SOURCE_PAIR, SOURCE_CA, SOURCE_SYSTEM, SOURCE_DEFAULT };

struct source {
	char *key; /* "1 Secret default/name" */
	enum source_type type;
	enum kind kind;
	const char *object; /* its key, in key */
	uint64_t version;   /* of the object; 0: there was none */
	uint32_t looks;     /* how often it was read */
	uint32_t mark;
	struct err why; /* code 0: it will do */
	struct buf pem, names;
};

struct cert {
	char *key; /* keys of its sources, a newline between them */
	uint32_t number, mark;
	uint32_t looks; /* of its sources, together, when it was filled */
	unsigned n_sources;
	struct source **sources;
	uint64_t uid;
	struct table_text *names;
	uint32_t n_names;
	struct buf pem; /* of several sources; else the source's own is used */
};

static struct map sources, certs;
static struct cert **rows; /* by number, NULL: free */
static uint32_t n_rows, cap_rows, now_mark = 1;
static bool changed = true;

/* ---- sources ----------------------------------------------------------------------------------
 */

static const struct object *object_of(const struct source *s)
{
	return *s->object ? store_get_key(s->kind, s->object) : NULL;
}

static int read_source(struct source *s, const struct object *o, struct err *e)
{
	switch (s->type) {
	case SOURCE_PAIR:
		return certs_read_pair(o, &s->pem, &s->names, e);
	case SOURCE_CA:
		return certs_read_ca(o, &s->pem, e);
	case SOURCE_SYSTEM:
		return file_read(SYSTEM_CA, SYSTEM_MAX, &s->pem, e);
	case SOURCE_DEFAULT:
		return certs_read_default(&s->pem, e);
	}
	return 0;
}

static void forget_text(struct source *s)
{
	if (s->pem.data)
		explicit_bzero(s->pem.data, s->pem.cap);
	buf_free(&s->pem);
	buf_free(&s->names);
}

/* Looks at the object again when it is another one than it was. */
static void refresh(struct source *s)
{
	const struct object *o = object_of(s);
	uint64_t version = o ? o->version : 0;

	if (s->looks && s->version == version && (*s->object || !s->why.code))
		return;
	s->looks++;
	s->version = version;
	s->why = (struct err){ 0 };
	forget_text(s);
	changed = true;
	if (!o && *s->object)
		err_set(&s->why, ENOENT, "there is no %s %s", kind_info[s->kind].kind, s->object);
	else if (read_source(s, o, &s->why) && o)
		err_wrap(&s->why, "%s %s", kind_info[s->kind].kind, s->object);
	if (s->why.code)
		forget_text(s);
}

static struct source *source_get(enum source_type type, enum kind kind, const char *ns,
                                 const char *name)
{
	auto_free char *key =
		xasprintf("%d %s %s%s%s", type, kind_info[kind].kind, ns, *ns ? "/" : "", name);
	struct source *s = map_get(&sources, key, strlen(key));

	if (!s) {
		if (sources.len >= CERTS_MAX)
			return NULL;
		s = xcalloc(1, sizeof(*s));
		s->type = type;
		s->kind = kind;
		s->key = TAKE(key);
		s->object = strchr(s->key + 2, ' ') + 1;
		map_put(&sources, s->key, strlen(s->key), s);
	}
	s->mark = now_mark;
	refresh(s);
	return s;
}

static void source_free(struct source *s)
{
	map_del(&sources, s->key, strlen(s->key));
	forget_text(s);
	free(s->key);
	free(s);
}

/* ---- certificates -----------------------------------------------------------------------------
 */

static uint64_t hash_of(const struct buf *b)
{
	uint8_t sum[br_sha256_SIZE];
	br_sha256_context sha;
	uint64_t uid;

	br_sha256_init(&sha);
	br_sha256_update(&sha, b->data, b->len);
	br_sha256_out(&sha, sum);
	memcpy(&uid, sum, sizeof(uid));
	return uid | 1; /* never 0 */
}

static void set_names(struct cert *c, const struct buf *names)
{
	free(TAKE(c->names));
	c->n_names = 0;
	for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1)
		c->n_names++;
	c->names = xcalloc(c->n_names + 1, sizeof(*c->names));
	for (size_t at = 0, i = 0; at < names->len; i++) {
		size_t n = strlen(names->data + at);

		c->names[i].text = (struct span){ names->data + at, n };
		at += n + 1;
	}
}

static const struct buf *text_of(const struct cert *c)
{
	return c->n_sources == 1 ? &c->sources[0]->pem : &c->pem;
}

/* What the row says, from its sources as they are now. */
static void fill(struct cert *c)
{
	uint32_t looks = 0;

	for (unsigned i = 0; i < c->n_sources; i++)
		looks += c->sources[i]->looks;
	if (looks == c->looks)
		return;
	c->looks = looks;
	buf_reset(&c->pem);
	for (unsigned i = 0; c->n_sources > 1 && i < c->n_sources; i++)
		buf_add(&c->pem, c->sources[i]->pem.data, c->sources[i]->pem.len);
	c->uid = text_of(c)->len ? hash_of(text_of(c)) : 0;
	set_names(c, &c->sources[0]->names);
}

static uint32_t free_number(void)
{
	for (uint32_t i = 0; i < n_rows; i++)
		if (!rows[i])
			return i;
	if (n_rows == CERTS_MAX)
		return TABLE_NONE;
	if (n_rows == cap_rows) {
		cap_rows = cap_rows ? cap_rows * 2 : 64;
		rows = xrealloc(rows, cap_rows * sizeof(struct cert *));
	}
	rows[n_rows] = NULL;
	return n_rows++;
}

static struct cert *cert_new(struct source **from, unsigned n, char *key, uint32_t number)
{
	struct cert *c = xcalloc(1, sizeof(*c));

	c->key = key;
	c->number = number;
	c->n_sources = n;
	c->sources = xcalloc(n + 1, sizeof(struct source *));
	memcpy(c->sources, from, n * sizeof(struct source *));
	rows[number] = c;
	map_put(&certs, c->key, strlen(c->key), c);
	changed = true;
	return c;
}

static void cert_free(struct cert *c)
{
	map_del(&certs, c->key, strlen(c->key));
	rows[c->number] = NULL;
	if (c->pem.data)
		explicit_bzero(c->pem.data, c->pem.cap);
	buf_free(&c->pem);
	free(c->names);
	free(c->sources);
	free(c->key);
	free(c);
	changed = true;
}

static uint32_t number_for(struct source **from, unsigned n)
{
	struct buf key = { 0 };
	struct cert *c;
	uint32_t number;

	for (unsigned i = 0; i < n; i++)
		buf_printf(&key, "%s\n", from[i]->key);
	buf_add(&key, "", 1);
	c = map_get(&certs, key.data, key.len - 1);
	number = c ? c->number : free_number();
	if (!c && number != TABLE_NONE)
		c = cert_new(from, n, TAKE(key.data), number);
	buf_free(&key);
	if (c) {
		c->mark = now_mark;
		fill(c);
	}
	return number;
}

static int too_many(struct err *e)
{
	return err_set(e, ENOSPC, "there are %d certificates in use", CERTS_MAX);
}

static int want(struct source *s, uint32_t *number, struct err *e)
{
	*number = TABLE_NONE;
	if (s && s->why.code) {
		*e = s->why;
		return -e->code;
	}
	*number = s ? number_for(&s, 1) : TABLE_NONE;
	return *number == TABLE_NONE ? too_many(e) : 0;
}

int certs_want(const char *ns, const char *secret, uint32_t *number, struct err *e)
{
	return want(source_get(SOURCE_PAIR, KIND_SECRET, ns, secret), number, e);
}

int certs_check_ca(const struct certs_ref *ref, struct err *e)
{
	struct source *s = source_get(SOURCE_CA, ref->kind, ref->ns, ref->name);

	if (!s)
		return too_many(e);
	*e = s->why;
	return -e->code;
}

int certs_want_ca(const struct certs_ref *refs, unsigned n, uint32_t *number, struct err *e)
{
	struct source *good[CERTS_REFS_MAX], *s;
	unsigned n_good = 0;

	*number = TABLE_NONE;
	for (unsigned i = 0; i < n && n_good < CERTS_REFS_MAX; i++) {
		s = source_get(SOURCE_CA, refs[i].kind, refs[i].ns, refs[i].name);
		if (s && !s->why.code)
			good[n_good++] = s;
	}
	*number = number_for(good, n_good);
	return *number == TABLE_NONE ? too_many(e) : 0;
}

int certs_want_system_ca(uint32_t *number, struct err *e)
{
	return want(source_get(SOURCE_SYSTEM, KIND_SECRET, "", ""), number, e);
}

uint32_t certs_default(void)
{
	static struct log_rate rate;
	struct err e = { 0 };
	uint32_t number;

	if (want(source_get(SOURCE_DEFAULT, KIND_SECRET, "", ""), &number, &e) && log_may(&rate))
		log_err("ingress: there is no default certificate: %s", e.text);
	return number;
}

/* ---- what is in use ---------------------------------------------------------------------------
 */

void certs_begin(void)
{
	now_mark++;
}

void certs_keep(uint32_t number)
{
	if (number >= n_rows || !rows[number])
		return;
	rows[number]->mark = now_mark;
	for (unsigned i = 0; i < rows[number]->n_sources; i++)
		rows[number]->sources[i]->mark = now_mark;
}

void certs_sweep(void)
{
	struct source *s;

	for (uint32_t i = 0; i < n_rows; i++)
		if (rows[i] && rows[i]->mark != now_mark)
			cert_free(rows[i]);
	/* what was wanted in vain is not wanted again before it changes: that must be noticed */
	for (size_t i = 0; (s = map_next(&sources, &i));)
		if (s->mark != now_mark && (!s->why.code || sources.len > CERTS_MAX / 2))
			source_free(s);
}

bool certs_uses(enum kind kind, const char *ns, const char *name)
{
	static const enum source_type types[] = { SOURCE_PAIR, SOURCE_CA };

	for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
		auto_free char *key =
			xasprintf("%d %s %s/%s", types[i], kind_info[kind].kind, ns, name);

		if (map_get(&sources, key, strlen(key)))
			return true;
	}
	return false;
}

/* ---- what the workers are told ----------------------------------------------------------------
 */

bool certs_write(struct buf *out)
{
	struct table_certs table = { .n_certs = n_rows };
	struct table_cert *list;
	struct source *s;

	for (size_t i = 0; (s = map_next(&sources, &i));)
		refresh(s);
	if (!changed)
		return false;
	list = xcalloc(n_rows + 1, sizeof(*list));
	for (uint32_t i = 0; i < n_rows; i++) {
		struct cert *c = rows[i];

		if (!c)
			continue;
		fill(c);
		list[i] = (struct table_cert){
			c->uid, { text_of(c)->data, text_of(c)->len }, c->names, c->n_names
		};
	}
	table.certs = list;
	pack_write(out, &table, &table_certs_shape);
	free(list);
	changed = false;
	return true;
}

void certs_free(void)
{
	struct source *s;

	for (uint32_t i = 0; i < n_rows; i++)
		if (rows[i])
			cert_free(rows[i]);
	for (size_t i = 0; (s = map_next(&sources, &i));)
		source_free(s);
	map_free(&certs);
	map_free(&sources);
	free(TAKE(rows));
	n_rows = cap_rows = 0;
	changed = true;
}
