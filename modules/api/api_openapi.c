/* api_openapi.c - /openapi/v3: an index, and one document a group and version. Documents are
 * written anew for each request from kind_info and the table of fields; between requests only their
 * hashes are kept. What they say of a message is in api_schema_json.c; /openapi/v2 is
 * api_openapi_v2.c. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_form.h"
#include "api_openapi.h"

static void add_reachable(struct messages *all, const struct message *m)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i] == m)
			return;
	if (all->n == MESSAGES_MAX)
		return;
	all->v[all->n++] = m;
	for (const struct field *f = m->fields; f->name; f++)
		if (f->message && f->how & FIELD_EMBEDDED)
			for (const struct field *g = f->message->fields; g->name; g++) {
				if (g->message)
					add_reachable(all, g->message);
			}
		else if (f->message)
			add_reachable(all, f->message);
}

void messages_collect(struct messages *all, const char *group, const char *version)
{
	all->n = 0;
	for (int k = 0; k < KIND_COUNT; k++)
		if (!group || (!strcmp(kind_info[k].group, group) && kind_serves(k, version)))
			add_reachable(all, kind_message[k]);
}

int message_kind(const struct message *m)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (kind_message[k] == m)
			return k;
	return -1;
}

static void put_gvk(struct buf *b, const struct kind_info *k, const char *version, size_t n)
{
	buf_printf(b, "{\"group\":\"%s\",\"version\":\"%.*s\",\"kind\":\"%s\"}", k->group, (int)n,
	           version, k->kind);
}

void openapi_put_gvks(struct buf *b, enum kind kind)
{
	const struct kind_info *k = &kind_info[kind];

	buf_str(b, "[");
	put_gvk(b, k, k->version, strlen(k->version));
	for (const char *s = k->also; *s; s += strcspn(s, " "), s += *s == ' ') {
		buf_str(b, ",");
		put_gvk(b, k, s, strcspn(s, " "));
	}
	buf_str(b, "]");
}

bool openapi_is_custom(enum kind kind)
{
	return !message_has_protobuf(kind_message[kind]);
}

void openapi_put_path(struct buf *b, enum kind kind, const char *version)
{
	const struct kind_info *k = &kind_info[kind];

	buf_printf(b, "%s%s/%s/%s%s/{name}", *k->group ? "/apis/" : "/api", k->group, version,
	           k->namespaced ? "namespaces/{namespace}/" : "", k->plural);
}

/* kubectl looks for two things here: that PATCH takes dryRun and fieldValidation, and which
 * patches; a strategic one is told of the kinds alone whose lists have merge keys below. */
static void put_path(struct buf *b, enum kind kind, const char *version)
{
	const struct kind_info *k = &kind_info[kind];

	buf_str(b, "\"");
	openapi_put_path(b, kind, version);
	buf_str(b,
	        "\":{\"patch\":{\"parameters\":["
	        "{\"name\":\"dryRun\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},"
	        "{\"name\":\"fieldManager\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},"
	        "{\"name\":\"fieldValidation\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},"
	        "{\"name\":\"force\",\"in\":\"query\",\"schema\":{\"type\":\"boolean\"}}],"
	        "\"requestBody\":{\"content\":{\"application/json-patch+json\":{},"
	        "\"application/merge-patch+json\":{},\"application/apply-patch+yaml\":{}");
	if (!openapi_is_custom(kind))
		buf_str(b, ",\"application/strategic-merge-patch+json\":{}");
	buf_str(b, "}},\"responses\":{\"200\":{\"description\":\"OK\"}},"
	           "\"x-kubernetes-action\":\"patch\",\"x-kubernetes-group-version-kind\":");
	put_gvk(b, k, version, strlen(version));
	buf_str(b, "}}");
}

void openapi_v3_write(struct buf *b, const char *group, const char *version)
{
	struct messages all;
	const char *sep = "";

	buf_printf(b,
	           "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"knetd\",\"version\":\"%s\"},"
	           "\"paths\":{",
	           KNETD_VERSION);
	for (int k = 0; k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].group, group) && kind_serves(k, version)) {
			buf_str(b, sep);
			put_path(b, k, version);
			sep = ",";
		}
	buf_str(b, "},\"components\":{\"schemas\":{");
	messages_collect(&all, group, version);
	for (size_t i = 0; i < all.n; i++) {
		schema_put_message(b, all.v[i]);
		buf_str(b, ",");
	}
	schema_put_scalars(b);
	buf_str(b, "}}}\n");
}

/* ---- the index and hashes ------------------------------------------------------------------- */

#define DOCUMENTS_MAX 16
static struct document_hash {
	const char *group;
	char version[16];
	uint64_t hash;
} documents[DOCUMENTS_MAX];
static unsigned n_documents;

static uint64_t hash_of(const struct buf *b) /* FNV-1a */
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < b->len; i++)
		h = (h ^ (unsigned char)b->data[i]) * 0x100000001b3;
	return h;
}

static struct document_hash *document_find(const char *group, const char *version)
{
	for (unsigned i = 0; i < n_documents; i++)
		if (!strcmp(documents[i].group, group) && !strcmp(documents[i].version, version))
			return &documents[i];
	return NULL;
}

static void add_document(const char *group, const char *version, size_t n)
{
	char name[16];
	auto_buf struct buf b = { 0 };

	snprintf(name, sizeof(name), "%.*s", (int)n, version);
	if (document_find(group, name) || n_documents == DOCUMENTS_MAX)
		return;
	openapi_v3_write(&b, group, name);
	documents[n_documents] = (struct document_hash){ .group = group, .hash = hash_of(&b) };
	strcpy(documents[n_documents++].version, name);
}

static void hash_documents(void)
{
	if (n_documents)
		return;
	for (int k = 0; k < KIND_COUNT; k++) {
		const struct kind_info *i = &kind_info[k];

		add_document(i->group, i->version, strlen(i->version));
		for (const char *s = i->also; *s; s += strcspn(s, " "), s += *s == ' ')
			add_document(i->group, s, strcspn(s, " "));
	}
}

static void write_index(struct buf *b)
{
	buf_str(b, "{\"paths\":{");
	for (unsigned i = 0; i < n_documents; i++) {
		const struct document_hash *d = &documents[i];
		char path[96];

		snprintf(path, sizeof(path), "%s%s/%s", *d->group ? "apis/" : "api", d->group,
		         d->version);
		buf_printf(b, "%s\"%s\":{\"serverRelativeURL\":\"/openapi/v3/%s?hash=%016llX\"}",
		           i ? "," : "", path, path, (unsigned long long)d->hash);
	}
	buf_str(b, "}}\n");
}

/* True: the client has it already, and the answer says so. */
bool openapi_tagged(struct call *c, uint64_t hash)
{
	const struct span *have =
		c->http->head ? http_header(c->http->head, "If-None-Match") : NULL;
	char tag[24];

	snprintf(tag, sizeof(tag), "\"%016llX\"", (unsigned long long)hash);
	buf_printf(&c->answer->headers, "ETag: %s\r\n", tag);
	if (!have || !memmem(have->p, have->n, tag, strlen(tag)))
		return false;
	c->answer->status = 304;
	return true;
}

static bool serve_document(struct call *c, const char *path)
{
	const struct document_hash *d;
	const char *slash;

	if (!strncmp(path, "api/", 4)) {
		d = document_find("", path + 4);
	} else if (!strncmp(path, "apis/", 5) && (slash = strchr(path + 5, '/'))) {
		d = document_find(arena_strndup(&c->arena, path + 5, slash - path - 5), slash + 1);
	} else {
		return false;
	}
	if (!d)
		return false;
	if (!openapi_tagged(c, d->hash))
		openapi_v3_write(&c->answer->body, d->group, d->version);
	return true;
}

bool serve_openapi(struct call *c)
{
	const char *path = c->http->path;

	if (!strcmp(path, "/openapi/v2"))
		return serve_openapi_v2(c);
	if (strncmp(path, "/openapi/v3", 11) != 0)
		return false;
	hash_documents();
	if (path[11] == '/')
		return serve_document(c, path + 12);
	if (path[11])
		return false;
	write_index(&c->answer->body);
	return true;
}
