/* ingress_snapshot.h - the routes as the workers read them: tables behind a header, offsets from
 * the start of the file, nothing believed before route_table_open has checked it all once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/http.h>
#include <knetd/ip.h>

#define ROUTE_MAGIC 0x32727465 /* version 2 */
#define ROUTE_NO_BACKEND UINT32_MAX

struct route_header {
	uint32_t magic;
	uint32_t n_hosts, n_rules, n_backends, n_endpoints, text_n;
	uint32_t hosts, rules, backends, endpoints, text; /* offsets */
	uint32_t default_backend;
	uint32_t answer_ms; /* until a backend's answer begins */
};
struct route_host { /* sorted by name; "" is every host, "*.x" one label before x */
	uint32_t name, name_n, first_rule, n_rules;
};
struct route_rule {            /* of one host, in the order they are tried */
	uint32_t path, path_n; /* without the slash at the end */
	uint32_t exact;
	uint32_t backend;
};
struct route_backend {
	uint32_t first, n; /* endpoints; none: 503 */
};
struct route_endpoint {
	struct ip ip;
	uint8_t pad;
	uint16_t port;
};

static inline bool route_endpoint_equal(const struct route_endpoint *a,
                                        const struct route_endpoint *b)
{
	return a->port == b->port && ip_equal(&a->ip, &b->ip);
}

struct route_table { /* a checked snapshot */
	const struct route_header *header;
	const struct route_host *hosts;
	const struct route_rule *rules;
	const struct route_backend *backends;
	const struct route_endpoint *endpoints;
	const char *text;
};

/* False when the bytes are not a table; t is then empty: no route matches. */
bool route_table_open(struct route_table *t, const void *data, size_t n);

enum route_result { ROUTE_FOUND, ROUTE_NONE };
/* host in lower case, without port; path decoded, beginning with '/'. Exact host, then wildcard,
 * then the rules without host, then the default backend. */
enum route_result route_find(const struct route_table *t, struct span host, struct span path,
                             uint32_t *backend);

/* A request's path made comparable: percent-decoded, with a NUL that size counts. False for what
 * two servers could read differently: bad escapes, encoded slashes, backslashes and NUL, dot
 * segments, empty segments inside. */
bool route_path(struct span raw, char *out, size_t size, size_t *n);
