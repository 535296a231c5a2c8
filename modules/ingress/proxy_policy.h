/* proxy_policy.h - what the annotations of an Ingress ask of the worker beyond rules and filters,
 * as a part of the routes' table. Everything is typed: text that was written by users is compared
 * and sent, never read as instructions. */
#pragma once

#include "proxy_table.h"

/* ---- text made of what a request says ------------------------------------------------------- */

enum table_part_kind {
	PART_TEXT,        /* as it is written */
	PART_REQUEST_URI, /* $request_uri: path and query as sent */
	PART_ESCAPED_URI, /* $escaped_request_uri: the same for a query parameter's value */
	PART_URI,         /* $uri, $document_uri: the path */
	PART_ARGS,        /* $args, $query_string */
	PART_HOST,        /* $host, $http_host, $best_http_host */
	PART_SCHEME,      /* $scheme, $pass_access_scheme */
	PART_METHOD,      /* $request_method */
	PART_CLIENT,      /* $remote_addr, $binary_remote_addr, $the_real_ip */
	PART_HEADER,      /* $http_NAME: text is the name with dashes, lower case */
	PART_ARG,         /* $arg_NAME */
	PART_COOKIE,      /* $cookie_NAME */
	PART_BACK,        /* where a client wanted to, for a query parameter's value */
	PART_KINDS
};
struct table_part {
	uint32_t kind; /* enum table_part_kind */
	struct span text;
};

/* ---- who may ----------------------------------------------------------------------------------
 */

struct table_user {
	struct span name, hash; /* a line of htpasswd */
};
struct table_basic { /* HTTP basic authentication */
	struct span realm;
	const struct table_user *users; /* by name, sorted by bytes */
	uint32_t n_users;
};
struct table_auth {                        /* somebody else is asked first */
	const struct table_action *action; /* where he is; NULL: one of our own hosts */
	const struct table_part *host;     /* the Host he is asked by */
	uint32_t n_host;
	const struct table_part *path; /* path and query */
	uint32_t n_path;
	struct span method;            /* empty: GET */
	const struct table_part *back; /* X-Auth-Request-Redirect, and where signin leads back to */
	uint32_t n_back;
	const struct table_part *signin; /* where 401 is sent to; none: it is answered */
	uint32_t n_signin;
	const struct table_text *copied; /* headers of his answer that the backend gets */
	uint32_t n_copied;
	bool always_cookie; /* his Set-Cookie also goes with errors */
};
struct table_client_cert {      /* of a listener that asks for certificates */
	uint32_t ca;            /* the listener's: by it certificates must have been asked for */
	bool required, passed;  /* passed: the backend is told about it */
	struct span name;       /* its common name must be this one; empty: any */
	struct span error_page; /* where those without are sent; empty: 400 */
};
struct table_limit {         /* for each client address */
	struct span zone;    /* who counts together: "namespace/ingress" */
	uint32_t per_minute; /* requests; 0: any */
	uint32_t burst;      /* so many at once beyond that */
	uint32_t at_once;    /* requests under way; 0: any */
	const struct cidr *exempt;
	uint32_t n_exempt;
};

/* ---- which endpoint ---------------------------------------------------------------------------
 */

enum same_site { SAME_SITE_UNSAID, SAME_SITE_NONE, SAME_SITE_LAX, SAME_SITE_STRICT };
struct table_affinity { /* a cookie says which endpoint a client stays with */
	struct span name, path, domain;
	uint32_t max_age;   /* seconds, TABLE_NONE: until the browser ends */
	uint32_t same_site; /* enum same_site */
	bool secure;
	bool change_on_failure; /* another endpoint answered: the client stays with that one */
};
struct table_canary { /* some requests go to another of the action's choices */
	uint32_t choice;
	struct span header, value, cookie; /* of header: the value, else "always" and "never" */
	bool regex;                        /* value is an expression */
	uint32_t weight, total;            /* of those whom neither header nor cookie decides */
};

/* ---- the whole ----------------------------------------------------------------------------------
 */

struct table_policy {
	uint32_t refuse;     /* what it needs to be safe is not there: this status for everybody */
	bool to_https;       /* requests in clear are sent to https */
	uint32_t https_port; /* where that is */
	const struct table_part *redirect; /* all requests are sent there */
	uint32_t n_redirect;
	uint32_t redirect_status;
	const struct cidr *allow;
	uint32_t n_allow; /* 0: anybody */
	const struct cidr *deny;
	uint32_t n_deny;
	bool any; /* an allowed address or a password is enough, both are not needed */
	const struct table_basic *basic;
	const struct table_auth *auth;
	const struct table_client_cert *client_cert;
	const struct table_limit *limit;
	const struct table_affinity *affinity;
	const struct table_part *hash; /* requests that say the same have one endpoint */
	uint32_t n_hash;
	const struct table_canary *canaries;
	uint32_t n_canaries;
	uint32_t otherwise; /* a backend for when the chosen one has no endpoints, or TABLE_NONE */
	uint64_t body_max;  /* bytes; 0: any */
	uint32_t connect_ms, read_ms, send_ms; /* 0: the proxy's own */
	bool quiet;                            /* no line in the access log */
};
