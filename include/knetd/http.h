/* http.h - HTTP/1.1 messages, strictly (RFC 9112), for API and ingress alike. No I/O, no
 * allocation: bytes in, spans out, "need more" is a result. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <knetd/buf.h>
#include <knetd/err.h>

#define HTTP_HEAD_MAX (32 * 1024) /* bytes of request line and headers */
#define HTTP_HEADERS_MAX 128      /* of a message that is read */
#define HTTP_HEADERS_ROOM 64      /* for whoever edits its head */

struct span {
	const char *p;
	size_t n;
};

struct http_header {
	struct span name, value; /* value without surrounding blanks */
};

enum http_body { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_UNTIL_CLOSE };

struct http_head { /* spans point into the bytes given to the parser */
	bool request;
	/* Of a request: target as sent (origin-form, absolute-form, *); of the target, path begins
	 * with '/', query is without '?' (p NULL if none). */
	struct span method, target, path, query;
	struct span host; /* of Host (or the absolute-form's authority): without port, maybe [v6] */
	struct span host_port; /* digits behind ':', or empty */
	unsigned minor;        /* HTTP/1.minor, 0 or 1 */
	unsigned status;       /* of a response */
	struct span reason;
	enum http_body body;
	uint64_t length; /* for HTTP_BODY_LENGTH */
	bool keep_alive; /* by version and Connection */
	bool expect_continue;
	bool upgrade; /* Connection: upgrade and an Upgrade header */
	size_t n_headers;
	struct http_header headers[HTTP_HEADERS_MAX + HTTP_HEADERS_ROOM];
};

/* Parses one head. Returns the bytes it takes (with the empty line), 0 when more are needed, or
 * minus the HTTP status to answer with (400, 414, 431, 501, 505; for a response always -502).
 * `why` then says in a few words what was wrong. */
int http_parse_request(struct http_head *h, const char *p, size_t n, const char **why);
/* A request that did not come as text (HTTP/2): method, target, minor and headers are there; the
 * rest is filled in and checked alike. 0, or minus the status. */
int http_check_request(struct http_head *h, const char **why);
/* head_request: the response answers HEAD; 1xx, 204 and 304 have no body either. */
int http_parse_response(struct http_head *h, const char *p, size_t n, bool head_request,
                        const char **why);

/* The first field of that name, or NULL. Inline, so that a name's length is known before it runs:
 * this is asked many times a request. */
const struct span *http_find(const struct http_head *h, const char *name, size_t n);
static inline const struct span *http_header(const struct http_head *h, const char *name)
{
	return http_find(h, name, strlen(name));
}
static inline bool span_is(struct span s, const char *text) /* same bytes */
{
	return strlen(text) == s.n && !memcmp(s.p, text, s.n);
}
bool span_is_nocase(struct span s, const char *text);
/* True when the comma-separated list value has the token (case-blind). */
bool span_has_token(struct span list, const char *token);
/* Takes the next token off a comma-separated list, without blanks around; false at its end. */
bool span_next_token(struct span *list, struct span *token);
/* "name[:port]", "[v6][:port]" of a Host field or :authority, taken apart; false when it is none.
 */
bool http_split_host(struct span s, struct span *host, struct span *port);

/* The chunked coding, resumable (RFC 9112 7.1; extensions are skipped, trailers are bounded). */
struct http_chunked {
	uint8_t state, digits;
	bool trails;   /* all that comes now are trailers, as text, and the empty line */
	uint32_t meta; /* bytes around the data, bounded in proportion to it */
	uint64_t left;
};
/* Looks at up to n bytes: *data and *data_n is body found in them (possibly none). Returns bytes
 * consumed, or -1 when the coding is broken; *done when the last chunk and trailers have passed.
 * Call again with what is left while it consumes anything. */
long http_chunked(struct http_chunked *c, const char *p, size_t n, const char **data,
                  size_t *data_n, bool *done);

const char *http_reason(unsigned status); /* "Not Found" */

/* Who calls: what the door and the credentials say. */
enum http_door { HTTP_DOOR_UNIX, HTTP_DOOR_PLAIN, HTTP_DOOR_TLS };
#define HTTP_DOORS (HTTP_DOOR_TLS + 1)
struct http_caller {
	enum http_door door;
	bool known;               /* false: system:anonymous, on the TLS door without credentials */
	unsigned uid;             /* of the peer on the unix socket; HTTP_NO_UID on others */
	const char *user, *group; /* "system:admin", "system:masters"; live as long as the call */
};
#define HTTP_NO_UID 65534

/* A whole call as the API's routes see it. */
struct http_call {
	const struct http_head *head;
	const char *method, *path, *query; /* NUL-terminated; path percent-decoded, no slash at the
	                                      end; query raw, "" if none */
	const char *content_type, *accept; /* "" if absent; without parameters for content_type */
	const char *body;                  /* NUL after body_len */
	size_t body_len;
	struct http_caller by;
};
struct http_answer {
	unsigned status;          /* 200 at first */
	const char *content_type; /* static; "application/json" at first */
	struct buf body;
	struct buf headers; /* further header lines, each with its CRLF */
	/* Writes the answer anew, in the caller's own form, when what it says could not be kept
	 * after all (store.h). NULL: a Status. The body was emptied. */
	void (*undone)(struct http_answer *answer, const struct err *e);
	unsigned form; /* for undone to remember which */
};
/* A refusal in Kubernetes' form (Status): 404 for ENOENT, else 400. */
void http_refuse(struct http_answer *answer, int code, const char *text);
/* Percent-decoding, plus: '+' is a blank. False when it is malformed, has a NUL or does not fit. */
bool http_decode(const char *p, size_t n, bool plus, char *out, size_t size);
/* The decoded value of a query parameter into out; false when absent or too long. */
bool http_query(const char *query, const char *name, char *out, size_t size);
bool http_query_has(const char *query, const char *name); /* with or without a value */
