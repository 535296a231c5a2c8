/* api_guard.c - who calls, and whether the request is served at all: judged by the head alone,
 * before a body is read. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/ip.h>

#include "api_conn.h"
#include "api_pki.h"

static bool only_reads(const struct http_head *head)
{
	return span_is(head->method, "GET") || span_is(head->method, "HEAD");
}

/* The status page and its files: they hold no data. */
static bool is_page(const struct http_head *head)
{
	struct span p = head->path;

	return only_reads(head) && p.n >= 3 && !memcmp(p.p, "/ui", 3) &&
	       (p.n == 3 || p.p[3] == '/');
}

/* Our own page: scheme, name and port that the request itself has come to. */
static bool is_own_origin(const struct http_head *head, struct span origin, enum http_door door)
{
	const char *scheme = door == HTTP_DOOR_TLS ? "https://" : "http://";
	const struct span *host = http_header(head, "Host");
	size_t n = strlen(scheme);

	return host && origin.n == n + host->n && !memcmp(origin.p, scheme, n) &&
	       !memcmp(origin.p + n, host->p, host->n);
}

/* Somebody followed a link to the status page: it is shown, whoever gave the link. */
static bool opens_page(const struct http_head *head)
{
	const struct span *mode = http_header(head, "Sec-Fetch-Mode"),
			  *dest = http_header(head, "Sec-Fetch-Dest");

	return is_page(head) && mode && span_is(*mode, "navigate") && dest &&
	       span_is(*dest, "document");
}

/* A browser page must not reach this API through its user's loopback (DNS rebinding, CSRF). The
 * status page is our own, and reads alone. */
static const char *browser_trouble(const struct http_head *head, enum http_door door)
{
	const struct span *site = http_header(head, "Sec-Fetch-Site"),
			  *origin = http_header(head, "Origin");
	bool own = only_reads(head);

	if (origin && !(own && is_own_origin(head, *origin, door)))
		return "requests from web pages are refused";
	if (site && !span_is(*site, "none") && !(own && span_is(*site, "same-origin")) &&
	    !(!origin && opens_page(head)))
		return "requests from web pages are refused";
	return NULL;
}

/* The address of a Host header, if it is one. */
static bool host_ip(struct span host, struct ip *ip)
{
	char text[IP_TEXT + 2];

	if (host.n >= 2 && host.p[0] == '[')
		host = (struct span){ host.p + 1, host.n - 2 };
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = 0;
	return ip_parse(ip, text);
}

static bool host_is_loopback(struct span host)
{
	struct ip ip;

	return span_is_nocase(host, "localhost") || (host_ip(host, &ip) && ip_is_loopback(&ip));
}

static void name_unix(const struct conn *c, struct http_caller *by)
{
	static char user[24];

	snprintf(user, sizeof(user), "uid:%u", c->uid);
	by->user = c->uid ? user : "system:admin";
}

/* ---- TLS ------------------------------------------------------------------------------------ */

/* A page under a foreign name that was bent to this address (DNS rebinding) sends that name. */
static bool host_is_ours(struct span host)
{
	char text[256];
	struct ip ip;

	if (host_ip(host, &ip))
		return true;
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	text[host.n] = 0;
	return pki_name_is(text);
}

/* The words behind "Bearer " of the one Authorization header; p NULL when there is another thing,
 * *any false when there is nothing. */
static struct span bearer(const struct http_head *head, bool *any)
{
	static const char scheme[] = "Bearer ";
	struct span out = { 0 };

	*any = false;
	for (size_t i = 0; i < head->n_headers; i++) {
		struct span v = head->headers[i].value;

		if (!span_is_nocase(head->headers[i].name, "Authorization"))
			continue;
		if (*any || v.n < sizeof(scheme) ||
		    strncasecmp(v.p, scheme, sizeof(scheme) - 1) != 0)
			return (struct span){ 0 };
		*any = true;
		out = (struct span){ v.p + sizeof(scheme) - 1, v.n - (sizeof(scheme) - 1) };
	}
	return out;
}

/* What a load balancer's check and a client that looks for the version may see. */
static bool is_public(const struct http_head *head)
{
	static const char *const paths[] = { "/livez", "/readyz", "/healthz", "/version",
		                             "/version/" };
	bool is = false;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		is |= span_is(head->path, paths[i]);
	return (is && only_reads(head)) || is_page(head);
}

/* A certificate or the token; wrong ones are not the same as none. */
static unsigned check_credentials(const struct conn *c, const struct http_head *head,
                                  struct http_caller *by)
{
	bool refused, any;
	struct span token = bearer(head, &any);
	const char *name, *organization;

	if (tls_peer(c->tls, &name, &organization, &refused)) {
		by->user = name;
		by->group = organization;
		return 0;
	}
	if (token.p && pki_token_is(token.p, token.n)) {
		by->user = "system:admin";
		return 0;
	}
	by->known = false;
	by->user = "system:anonymous";
	by->group = "system:unauthenticated";
	return any || token.p || refused || !is_public(head) ? 401 : 0;
}

static unsigned guard_tls(const struct conn *c, const struct http_head *head,
                          struct http_caller *by, const char **why)
{
	*why = browser_trouble(head, c->door);
	if (!*why && !host_is_ours(head->host))
		*why = "the Host header has to be an address or a name of the certificate";
	if (*why)
		return 403;
	*why = "Unauthorized";
	return check_credentials(c, head, by);
}

unsigned guard_check(const struct conn *c, const struct http_head *head, struct http_caller *by,
                     const char **why)
{
	*by = (struct http_caller){ .door = c->door,
		                    .known = true,
		                    .uid = c->uid,
		                    .user = "system:unsecured",
		                    .group = "system:masters" };
	if (c->door == HTTP_DOOR_UNIX) {
		name_unix(c, by);
		return 0;
	}
	if (c->door == HTTP_DOOR_TLS)
		return guard_tls(c, head, by, why);
	*why = browser_trouble(head, c->door);
	if (!*why && !host_is_loopback(head->host))
		*why = "the Host header has to be localhost or a loopback address";
	return *why ? 403 : 0;
}
