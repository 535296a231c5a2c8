/* fields.h - the one table of fields: what every kind's objects are made of.
 *
 * Everything that has to know an object's shape reads it here: the check of types and unknown
 * fields (api_schema.c), protobuf bodies (api_protobuf.c), strategic merge and server-side apply,
 * OpenAPI and `kubectl explain`. The tables themselves stand in fields_*.c, one field a line, in
 * the order and with the protobuf numbers of Kubernetes' own types (generated.proto in
 * k8s.io/api); kinds of custom resources (Gateway API, knetd.io) have no protobuf numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/object.h>

enum field_type {
	FIELD_STRING,
	FIELD_INT32,
	FIELD_INT64,
	FIELD_BOOL,
	FIELD_BYTES,         /* base64 in JSON */
	FIELD_INT_OR_STRING, /* protobuf: IntOrString */
	FIELD_QUANTITY,      /* "100Mi", or a number */
	FIELD_TIME,          /* RFC 3339, seconds */
	FIELD_MICRO_TIME,    /* RFC 3339, microseconds */
	FIELD_OBJECT,        /* of `message` */
	FIELD_OPEN, /* an object whose inside is somebody else's; protobuf: JSON bytes in field 1 */
};

enum {                 /* field.how, a set of bits */
       FIELD_LIST = 1, /* a list of these */
       FIELD_MAP = 2,  /* an object with any names and these as values */
       FIELD_REQUIRED = 4,
       FIELD_POINTER = 8,   /* a zero value on the wire is one that was said */
       FIELD_EMBEDDED = 16, /* protobuf only, without a name: its fields are the parent's in JSON */
       FIELD_SET = 32,      /* a list of scalars in which each stands once */
       FIELD_ATOMIC = 64,   /* an object or map that is owned and replaced whole */
};

struct field {
	const char *name; /* "" when FIELD_EMBEDDED; NULL ends a table */
	uint8_t type, how;
	uint16_t number;               /* of protobuf; 0: none */
	const struct message *message; /* of FIELD_OBJECT */
	/* Of a list whose items are told apart by members: their names, comma separated
	 * (x-kubernetes-list-map-keys). The first is also the merge key of strategic merge. "" in
	 * a FIELD_SET. NULL: the list is replaced whole. */
	const char *keys;
	const char *doc; /* one sentence, for explain */
};

struct message {
	const char *name; /* "io.k8s.api.core.v1.ServiceSpec" */
	const char *doc;
	const struct field *fields;
};

extern const struct message *const kind_message[KIND_COUNT];
/* Bodies that are no kind of the store's. */
extern const struct message meta_delete_options;
extern const struct message auth_self_subject_access_review;
/* The field with that name in m, also one of an embedded message; NULL when there is none. */
const struct field *field_find(const struct message *m, const char *name);
