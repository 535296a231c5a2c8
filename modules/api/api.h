/* api.h - what the files of the REST API share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yyjson.h>

#include <knetd/arena.h>
#include <knetd/buf.h>
#include <knetd/http.h>
#include <knetd/json_mut.h>
#include <knetd/manifest.h>
#include <knetd/store.h>

#include "api_selector.h"

#define API_BODY_MAX (3 << 20)   /* bytes of one object's request, as a real API server */
#define API_APPLY_MAX (64 << 20) /* of POST /apply */
#define API_MEMBERS_MAX 10000    /* of one JSON object: some look-ups walk them all */
#define SERVICE_PORTS_MAX 250
#define API_DOCS_MAX 200000 /* documents in one apply */

/* ---- what is wrong with an object ----------------------------------------------------------- */

struct cause {
	const char *reason; /* "FieldValueInvalid", Kubernetes' CauseType */
	const char *field;  /* "spec.ports[0].port" */
	const char *message;
};
#define CAUSES_MAX 64
struct causes {
	struct arena *arena;
	unsigned n;
	struct cause v[CAUSES_MAX];
	unsigned n_unknown; /* fields nobody knows: kept, told in a Warning header */
	const char *unknown[16];
};
void cause_invalid(struct causes *c, const char *field, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void cause_invalid_number(struct causes *c, const char *field, int64_t value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void cause_required(struct causes *c, const char *field, const char *detail);
void cause_not_supported(struct causes *c, const char *field, const char *value,
                         const char *supported);
void cause_duplicate(struct causes *c, const char *field, const char *value);
void cause_forbidden(struct causes *c, const char *field, const char *detail);
void cause_type(struct causes *c, const char *field, const char *wanted, const char *got);

/* ---- answers -------------------------------------------------------------------------------- */

enum form {
	FORM_JSON,
	FORM_YAML,
	FORM_TABLE, /* meta.k8s.io/v1 */
	FORM_TABLE_V1BETA1,
	FORM_METADATA, /* PartialObjectMetadata and its List */
	FORM_DISCOVERY_V2,
	FORM_DISCOVERY_V2BETA1,
	FORM_NONE, /* nothing that can be produced */
};

struct target { /* what a path names */
	enum kind kind;
	const char *version; /* the one asked for, which may not be that of kind_info */
	const char *ns;      /* "" when none or all */
	const char *name;    /* "" for a collection */
	const char *sub;     /* "", "status", "finalize", or one of a container runtime's */
	bool watch;          /* /watch/ stands in the path */
};

struct call {
	const struct http_call *http;
	struct http_answer *answer;
	struct arena arena;
	struct target target;
	bool dry_run;
	bool strict; /* fieldValidation=Strict */
	bool ignore_unknown;
	const struct managers *applied; /* of a server-side apply; see api_managed.h */
	enum form form;                 /* of the answer, by Accept */
};

/* A Status object as the answer. */
void status_fail(struct call *c, unsigned code, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void status_invalid(struct call *c, enum kind kind, const char *name, const struct causes *causes);
/* The same of what is no kind of ours: "DeleteOptions.meta.k8s.io". */
void status_invalid_options(struct call *c, const char *kind, const struct causes *causes);
void status_not_found(struct call *c, enum kind kind, const char *name);
void status_exists(struct call *c, enum kind kind, const char *name, bool generated);
void status_forbidden(struct call *c, enum kind kind, const char *name, const char *why,
                      const struct causes *causes);
void status_conflict(struct call *c, enum kind kind, const char *name, const char *why);
/* A server-side apply that somebody else's fields stand against. */
void status_apply_conflict(struct call *c, const char *message, const struct causes *causes);
void status_error(struct call *c, const struct err *e); /* what the store or a module said */
void status_deleted(struct call *c, const struct object *o);
/* "ingresses.networking.k8s.io", as messages name a kind. */
const char *qualified_plural(struct arena *a, enum kind kind);

void answer_object(struct call *c, unsigned code, const struct object *o);
void answer_done(
	struct call *c); /* the JSON in the answer's body becomes what the client accepts */
/* s as JSON text; bytes that are not UTF-8 (a cut sentence, a path) become U+FFFD. */
void put_text(struct buf *b, const char *s);
/* Packs a large answer for a client that takes gzip. */
void answer_pack(struct call *c);
/* There has to be one more byte behind the n. */
bool utf8_valid(const char *s, size_t n);
void answer_warning(struct call *c, const char *text);
void answer_idle(struct call *c, enum kind kind); /* warns when such objects are not in force */
void answer_unknown_fields(struct call *c, const struct causes *causes);

/* ---- bodies --------------------------------------------------------------------------------- */

struct message; /* of fields.h */
/* An object of m in Kubernetes' protobuf form. -EINVAL names the field. */
int protobuf_read(const struct message *m, const char *body, size_t n, struct arena *a,
                  struct documents *out, struct err *e);
bool message_has_protobuf(const struct message *m);
/* The one document of the body, by its content type; answers 400 or 415 itself when there is none.
 */
bool body_read(struct call *c, struct documents *out);
/* A body in gzip is unpacked into out, and the call then sees `plain`. False: the answer was made.
 */
bool body_unpack(struct call *c, struct http_call *plain, struct buf *out);
/* The same of a body that is not the target's kind (DeleteOptions). */
bool body_read_as(struct call *c, const struct message *m, struct documents *out);

/* ---- objects -------------------------------------------------------------------------------- */

/* Types of known fields, unknown fields, then each kind's own rules; old is NULL on create. */
void valid_object(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root,
                  const struct object *old, struct causes *c);
void valid_status(enum kind kind, yyjson_mut_val *root, struct causes *c);
void schema_check(enum kind kind, yyjson_mut_val *root, struct causes *c);

/* What is put in where a manifest says nothing. */
void default_object(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old);
/* clusterIPs and nodePorts: taken over from old, else allocated. */
void service_allocate(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *key, yyjson_val *old,
                      struct causes *c);
void service_addresses_reload(void); /* after a write that was undone */

/* What a copy of v would take, added up; depth: levels of objects and lists (0 for a scalar). */
struct weight {
	size_t nodes, bytes;
	unsigned depth;
};
void mut_weigh(yyjson_mut_val *v, struct weight *w);

/* ---- doors ---------------------------------------------------------------------------------- */

/* Parses the path, runs the verb, leaves the answer. Watches are told apart before. */
void api_serve(const struct http_call *http, struct http_answer *answer);
bool target_parse(const char *path, struct arena *a, struct target *out);
/* Whether a kind is served in that version. */
bool kind_serves(enum kind kind, const char *version);
/* By "GROUP/VERSION", in any version it is served in; -1 when there is none. */
int kind_by_name(const char *api_version, const char *kind);
void serve_apply(struct call *c);
bool serve_discovery(struct call *c); /* false when the path is none of its */
bool serve_openapi(struct call *c);
bool serve_static(
	struct call *c); /* discovery, health, /metrics; false when the path is none of them */
void serve_object(struct call *c);
/* The verbs. */
void serve_get(struct call *c);
void serve_list(struct call *c);
void serve_create(struct call *c);
void serve_update(struct call *c);
void serve_patch(struct call *c);
void serve_apply_patch(struct call *c);
void serve_delete(struct call *c);
void serve_delete_collection(struct call *c);

/* ---- connections and watches ---------------------------------------------------------------- */

struct conn;
struct watch;
/* Takes the connection over as a stream when the call is a watch; *status 0 then. */
bool watch_wanted(const struct http_call *call, const struct target *t);
bool watch_is_of_kinds(const struct http_call *call); /* GET /knetd/v1/watch */
struct watch *watch_start(struct conn *conn, struct call *c);
void watch_stop(struct watch *w);
void watch_end(struct watch *w); /* its stream ends as it should, soon */
void watches_feed(void);         /* after each turn */
unsigned watches_count(void);
/* Bytes of a watch's stream; false when no more can be taken. */
bool conn_stream(struct conn *conn, const char *p, size_t n);
size_t conn_stream_queued(const struct conn *conn); /* bytes the reader has not taken */
void conn_stream_end(struct conn *conn);
void conn_open(int fd, enum http_door door); /* takes fd */
void conns_start(void);
void conns_undone(const struct err *e);
void conns_close(void);
void conns_close_door(enum http_door door);
unsigned conns_count(void);
int doors_open(struct err *e);
void doors_close(void);
void doors_pause(bool pause); /* who comes waits, and is not refused */
/* Takes who waits at the unix socket: between the requests of a turn, for CNI calls among them. */
void doors_look(void);
void doors_turn(void); /* has ended: each may let in as many again */

/* ---- metrics -------------------------------------------------------------------------------- */

void metrics_request(struct span verb, unsigned status); /* counts an answer */
void metrics_write(struct buf *b);                       /* everything that /metrics says */
