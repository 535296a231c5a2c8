/* api_watch_kinds.c - GET /knetd/v1/watch?kinds=pods,services: one watch of several kinds, each in
 * its own first version. A web page may have six connections to a server, and there are more kinds
 * than that. It begins with the present state, ended by a bookmark, or behind a resourceVersion. */
#include <string.h>

#include "api_watch.h"

bool watch_is_of_kinds(const struct http_call *call)
{
	return !strcmp(call->path, "/knetd/v1/watch") && !strcmp(call->method, "GET");
}

static int kind_by_plural(const char *name, size_t n)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (strlen(kind_info[k].plural) == n && !memcmp(kind_info[k].plural, name, n))
			return k;
	return -1;
}

bool watch_kinds(struct call *c, uint32_t *kinds)
{
	char text[1024] = "";

	http_query(c->http->query, "kinds", text, sizeof(text));
	*kinds = 0;
	for (const char *s = text; *s; s += *s == ',') {
		size_t n = strcspn(s, ",");
		int kind = kind_by_plural(s, n);

		if (kind < 0) {
			status_fail(c, 400, "BadRequest", "kinds: there is no \"%.*s\"", (int)n, s);
			return false;
		}
		*kinds |= KIND_BIT(kind);
		s += n;
	}
	if (!*kinds || http_query_has(c->http->query, "fieldSelector") ||
	    http_query_has(c->http->query, "labelSelector")) {
		status_fail(c, 400, "BadRequest",
		            "kinds: plurals with commas between them are expected, no selector");
		return false;
	}
	c->target = (struct target){
		.kind = __builtin_ctz(*kinds), .version = "", .ns = "", .name = "", .sub = ""
	};
	return true;
}
