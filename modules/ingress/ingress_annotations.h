/* ingress_annotations.h - the annotations nginx.ingress.kubernetes.io/... of one Ingress, typed.
 * Pure: text in, values out, and what was wrong with the text. */
#pragma once

#include <knetd/arena.h>
#include <knetd/object.h>

#include "proxy_policy.h"

#define ANNOTATION_PREFIX "nginx.ingress.kubernetes.io/"
#define ANNOTATION_LIST_MAX 256 /* entries of a list: ranges, names, parts of a text */

struct note_ref { /* a Secret or ConfigMap; name NULL: none */
	const char *ns, *name;
};
struct note_parts {
	const struct table_part *v;
	uint32_t n;
};
struct note_cidrs {
	const struct cidr *v;
	uint32_t n;
};
struct note_texts {
	const struct table_text *v;
	uint32_t n;
};

enum note_protocol { NOTE_HTTP, NOTE_HTTPS, NOTE_GRPC, NOTE_GRPCS };
enum note_verify { NOTE_VERIFY_ON, NOTE_VERIFY_OFF, NOTE_VERIFY_OPTIONAL };
/* Words of proxy-next-upstream, as bits. */
enum {
	NOTE_NEXT_ERROR,
	NOTE_NEXT_TIMEOUT,
	NOTE_NEXT_INVALID,
	NOTE_NEXT_500,
	NOTE_NEXT_502,
	NOTE_NEXT_503,
	NOTE_NEXT_504,
	NOTE_NEXT_403,
	NOTE_NEXT_404,
	NOTE_NEXT_429,
	NOTE_NEXT_UNSAFE, /* non_idempotent */
	NOTE_NEXT_OFF
};

struct note_wrong { /* an annotation that is not obeyed */
	const char *name, *why;
	bool unsafe; /* without it more would be allowed than was meant */
};
#define NOTES_WRONG_MAX 32

struct notes { /* span p NULL: not given */
	struct span rewrite_target, app_root, upstream_vhost, forwarded_prefix;
	bool use_regex, from_to_www, ssl_redirect, force_ssl_redirect;
	struct note_parts permanent_redirect, temporal_redirect;
	uint32_t permanent_code, temporal_code;
	struct note_texts aliases;

	uint32_t connect_s, read_s, send_s; /* 0: not given */
	bool body_given;
	uint64_t body_max;
	bool next_given;
	uint32_t next, next_tries, next_timeout_s;

	uint32_t protocol; /* enum note_protocol */
	bool service_upstream;
	struct span default_backend;
	struct note_ref proxy_ssl_secret;
	struct span proxy_ssl_name;
	bool proxy_ssl_verify, proxy_ssl_server_name;

	bool cors;
	struct note_texts cors_origins;
	struct span cors_methods, cors_headers, cors_expose;
	bool cors_credentials;
	uint32_t cors_max_age;

	bool affinity, affinity_persistent;
	struct span cookie_name, cookie_path, cookie_domain;
	uint32_t cookie_max_age, cookie_expires, cookie_same_site;
	bool cookie_secure, cookie_change;
	struct note_parts hash_by;

	bool canary, canary_weighed, canary_regex;
	struct span canary_header, canary_value, canary_pattern, canary_cookie;
	uint32_t canary_weight, canary_total;

	struct note_cidrs allow, whitelist, deny, limit_exempt;
	uint32_t limit_rps, limit_rpm, limit_connections, limit_burst;
	bool satisfy_any;

	bool auth_basic, auth_map;
	struct note_ref auth_secret;
	struct span auth_realm;
	struct note_parts auth_url, auth_signin;
	struct span auth_method, auth_redirect_param;
	struct note_parts auth_request_redirect;
	struct note_texts auth_headers;
	bool auth_cookie;
	struct note_ref client_ca;
	uint32_t client_verify; /* enum note_verify */
	bool client_passed;
	struct span client_name, client_error_page;

	struct note_ref custom_headers;
	struct note_parts mirror_target;
	bool access_log;

	unsigned n_wrong;
	struct note_wrong wrong[NOTES_WRONG_MAX];
	bool unsafe; /* one of them is */
};

/* Reads metadata.annotations of an Ingress in ns. Everything is in the arena. */
void notes_read(struct notes *n, yyjson_val *annotations, const char *ns, struct arena *a);
/* One more that is wrong: found where its value was looked up. why is copied. */
void notes_refuse(struct notes *n, struct arena *a, const char *name, bool unsafe, const char *fmt,
                  ...) __attribute__((format(printf, 5, 6)));
/* The names there are, for the documentation's test; NULL behind the last. */
const char *notes_name(unsigned i);

/* Text with $variables taken apart. NULL, or what is wrong with it. (ingress_parts.c) */
const char *parts_read(struct span text, struct arena *a, struct note_parts *out);
