/* api_guard.c - who calls, and whether the request is served at all: judged by the head alone,
 * before a body is read. */
#include <stdio.h>
#include <string.h>

#include <knetd/ip.h>

#include "api_conn.h"

/* A browser page must not reach this API through its user's loopback (DNS rebinding, CSRF). */
static const char *browser_trouble(const struct http_head *head)
{
	const struct span *site = http_header(head, "Sec-Fetch-Site");

	if (http_header(head, "Origin") ||
	    (site && !span_is(*site, "none") && !span_is(*site, "same-origin")))
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
	*why = browser_trouble(head);
	if (!*why && !host_is_loopback(head->host))
		*why = "the Host header has to be localhost or a loopback address";
	return *why ? 403 : 0;
}
