/* proxy_table.h - what the workers of the proxy are told, as trees of plain structs (pack.h):
 *
 *   slot TABLE_ROUTES    sockets and their listeners
 *   slot TABLE_CERTS     who we are to clients, and whom we believe
 *   from TABLE_BACKENDS  BACKEND_SHARDS shards of where the endpoints of a backend are, and how
 * they are spoken to, each by its number from TABLE_RULES on  TABLE_SHARDS shards of what listeners
 * serve: hosts, rules, what is done with a request, each by the hash of its host and path
 * (proxy_index.h)
 *
 * They change apart: an endpoint that comes leaves the routes alone, and a route that changes all
 * shards but those of its own paths. Rules name backends and certificates by number. A number may
 * be given anew once nothing names it; uid tells. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/http.h>
#include <knetd/ip.h>
#include <knetd/pack.h>

#define TABLE_SHARDS 128  /* at 5,000 rules a shard has 40 of them */
#define BACKEND_SHARDS 64 /* backend i is row i / BACKEND_SHARDS of shard i % BACKEND_SHARDS */

enum table_slot {
	TABLE_ROUTES,
	TABLE_CERTS,
	TABLE_BACKENDS,
	TABLE_RULES = TABLE_BACKENDS + BACKEND_SHARDS,
	TABLE_SLOTS = TABLE_RULES + TABLE_SHARDS
};

#define TABLE_NONE UINT32_MAX

/* ---- what is done with a request ------------------------------------------------------------ */

enum filter_type {
	FILTER_REQUEST_SET, /* headers: name, value */
	FILTER_REQUEST_ADD,
	FILTER_REQUEST_REMOVE,
	FILTER_RESPONSE_SET,
	FILTER_RESPONSE_ADD,
	FILTER_RESPONSE_REMOVE,
	FILTER_REDIRECT, /* rewrite, scheme, port, status */
	FILTER_REWRITE,  /* rewrite */
	FILTER_MIRROR,   /* backend, numerator, denominator */
	FILTER_CORS,     /* cors */
};
enum rewrite_path {
	REWRITE_KEEP,
	REWRITE_FULL,   /* path is the new path */
	REWRITE_PREFIX, /* path replaces the prefix that the rule matched */
	REWRITE_REGEX,  /* path may have $1 to $9 of the expression that the rule matched */
};
struct table_rewrite {
	struct span host; /* empty: as it is */
	struct span path;
	uint32_t kind;      /* enum rewrite_path */
	struct span scheme; /* redirects; empty: as it is */
	uint32_t port;      /* redirects; 0: the scheme's when one is given, else the listener's */
	uint32_t status;    /* redirects */
};
struct table_text {
	struct span text;
};
struct table_cors {
	const struct table_text *origins; /* "*", "https://a.example" */
	uint32_t n_origins;
	struct span methods, headers, expose; /* as header values; "*" as it is written */
	uint32_t max_age;                     /* seconds */
	bool credentials;
};
struct table_filter {
	uint32_t type; /* enum filter_type */
	uint32_t backend;
	uint32_t numerator, denominator; /* of requests that are mirrored */
	struct span name, value;
	const struct table_rewrite *rewrite;
	const struct table_cors *cors;
};

struct table_choice { /* one of a rule's backends */
	uint32_t
		backend; /* TABLE_NONE: named wrongly; its share of requests is answered with 500 */
	uint32_t weight;
	const struct table_filter *filters;
	uint32_t n_filters;
};

struct table_retry {
	uint32_t attempts; /* besides the first */
	uint32_t backoff_ms;
	const uint32_t *codes; /* statuses */
	uint32_t n_codes;
	bool connection;    /* also when no connection was had or it was lost */
	uint32_t within_ms; /* since the request came; 0: however long that was */
	bool safe_only;     /* but not POST, LOCK and PATCH, which may have done something */
};

struct table_policy; /* annotations of an Ingress: proxy_policy.h */
extern const struct pack_shape table_policy_shape;

struct table_action {                       /* of one rule of a route; shared by its matches */
	struct span route;                  /* "HTTPRoute/namespace/name", for logs and metrics */
	struct span rule;                   /* its name, or "" */
	bool grpc;                          /* of a GRPCRoute: refusals are told in gRPC's way */
	const struct table_filter *filters; /* in order */
	uint32_t n_filters;
	const struct table_choice *choices;
	uint32_t n_choices;
	uint32_t request_ms; /* the whole, from its head to the answer's end; 0: no limit */
	uint32_t backend_ms; /* until one try's answer begins; 0: the proxy's own default */
	const struct table_retry *retry;   /* NULL: as the proxy does by itself */
	const struct table_policy *policy; /* NULL: none */
};

/* ---- which request -------------------------------------------------------------------------- */

enum table_path { PATH_PREFIX, PATH_EXACT, PATH_REGEX };
struct table_match {             /* of a header or a query parameter */
	struct span name, value; /* a header's name in lower case */
	bool regex;
};
struct table_rule {       /* in the order of precedence within its place */
	struct span path; /* a prefix without the slash at its end: "" is every path */
	uint32_t kind;    /* enum table_path */
	bool nocase;
	struct span method; /* empty: any */
	const struct table_match *headers;
	uint32_t n_headers;
	const struct table_match *queries;
	uint32_t n_queries;
	const struct table_action *action;
};
struct table_host {
	uint32_t rules; /* whose: table_listener.rules */
	bool wild;      /* any name that ends in this one, which begins with a dot */
	bool one_label; /* what is before the dot is one label (Ingress), not any number of them */
	struct span name; /* lower case; "" is every host */
};
struct table_place { /* rules of one path; or, whole, the host itself, with those no path leads to
	              */
	struct table_host host;
	bool whole;
	struct span path;
	uint32_t longest; /* whole: no path of the host is longer */
	const struct table_rule *rules;
	uint32_t n_rules;
};
struct table_shard {
	const struct table_place *places;
	uint32_t n_places;
	const uint32_t *slots; /* proxy_index.h */
	uint32_t n_slots;
};
extern const struct pack_shape table_shard_shape;

/* ---- where it arrives ----------------------------------------------------------------------- */

enum listener_protocol { LISTEN_HTTP, LISTEN_HTTPS, LISTEN_TLS, LISTEN_TCP, LISTEN_UDP };
struct table_listener {
	struct span name;  /* "namespace/gateway/listener", or "ingress" */
	struct span host;  /* lower case; "*.x" is what ends in ".x"; "" is every host */
	uint32_t protocol; /* enum listener_protocol */
	bool passthrough;  /* LISTEN_TLS: not ended here */
	const uint32_t
		*certs; /* numbers in TABLE_CERTS; the first is for clients without a match */
	uint32_t n_certs;
	uint32_t client_ca;   /* number in TABLE_CERTS, or TABLE_NONE: clients are asked for none */
	bool client_optional; /* one that is not vouched for is served too */
	uint32_t rules;       /* the number by which its hosts are found; of TLS, TCP and UDP they
	                         have one rule each */
	const struct table_action *otherwise; /* no rule met; NULL: 404 */
};
struct table_port {         /* one socket address */
	struct endpoint at; /* as it was bound: ip.len 0 is any address */
	bool udp;
	bool proxy_protocol; /* connections begin with who the client is */
	const struct table_listener *listeners;
	uint32_t n_listeners;
};
struct table { /* TABLE_ROUTES */
	const struct table_port *ports;
	uint32_t n_ports;
	uint64_t seed;              /* of the shards' hashes */
	uint32_t answer_ms;         /* the default of table_action.backend_ms */
	uint32_t access_log;        /* 0 none, 1 errors, 2 all */
	const struct cidr *trusted; /* whose X-Forwarded-* and PROXY headers are believed */
	uint32_t n_trusted;
};
extern const struct pack_shape table_shape;

/* ---- where it goes -------------------------------------------------------------------------- */

enum backend_protocol { BACKEND_HTTP1, BACKEND_H2 };
struct table_backend_tls {
	struct span name;               /* SNI, and in the certificate unless names are given */
	const struct table_text *names; /* subjectAltNames, one of which it must have */
	uint32_t n_names;
	uint32_t ca; /* number in TABLE_CERTS; TABLE_NONE: whoever it is (an annotation asked so) */
	uint32_t cert; /* our own towards it, or TABLE_NONE */
};
struct table_endpoint {
	struct endpoint at;
	bool draining; /* terminating: for what it has already, or when there is no other */
};
struct table_backend {
	uint64_t uid;
	struct span name;       /* "namespace/service:port" */
	uint32_t protocol;      /* enum backend_protocol */
	uint8_t proxy_protocol; /* it is told who the client is, by this version; 0: it is not */
	const struct table_backend_tls *tls; /* NULL: in clear */
	const struct table_endpoint *endpoints;
	uint32_t n_endpoints;
};
struct table_backends {                       /* TABLE_BACKENDS + i */
	const struct table_backend *backends; /* uid 0: none has that number */
	uint32_t n_backends;
};
extern const struct pack_shape table_backends_shape;

/* ---- who we are ----------------------------------------------------------------------------- */

struct table_cert {
	uint64_t uid;    /* changes when the text does */
	struct span pem; /* certificates and key; or the authorities of clients or backends */
	const struct table_text *names; /* of the certificate, lower case, "*.x" too */
	uint32_t n_names;
};
struct table_certs {                    /* TABLE_CERTS */
	const struct table_cert *certs; /* by number */
	uint32_t n_certs;
};
extern const struct pack_shape table_certs_shape;
