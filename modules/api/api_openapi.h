/* api_openapi.h - what the files of OpenAPI share: both versions walk the same table of fields. */
#pragma once

#include "api.h"
#include "fields.h"

#define MESSAGES_MAX 512
struct messages {
	size_t n;
	const struct message *v[MESSAGES_MAX];
};
/* All messages that the kinds of a group and version are made of; group NULL: of all kinds. */
void messages_collect(struct messages *all, const char *group, const char *version);
int message_kind(const struct message *m); /* -1: not that of a kind */
bool openapi_is_custom(enum kind kind);    /* no strategic merge, no protobuf */

/* [{group, version, kind}, ...] of all versions */
void openapi_put_gvks(struct buf *b, enum kind kind);
void openapi_put_path(struct buf *b, enum kind kind, const char *version);

/* "NAME":{schema} */
void schema_put_message(struct buf *b, const struct message *m);
void schema_put_scalars(struct buf *b);
const char *schema_scalar_name(enum field_type type); /* NULL: an ordinary type */

void openapi_v3_write(struct buf *b, const char *group, const char *version);
void openapi_v2_write(struct buf *b);
bool openapi_tagged(struct call *c, uint64_t hash);
bool serve_openapi_v2(struct call *c);
