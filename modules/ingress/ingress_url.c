/* ingress_url.c - a URL with $variables in its parts: whom it asks, and for what. */
#include <string.h>

#include "ingress_compile.h"

/* Where the host ends is where its port, path or query begins. */
static bool split_plain(struct arena *a, struct ingress_url *u, struct span *rest)
{
	size_t n = 0, i;
	unsigned long port = 0;

	while (n < rest->n && !strchr("/:?", rest->p[n]))
		n++;
	if (!n)
		return false;
	u->host = (struct table_part){ PART_TEXT, { arena_strndup(a, rest->p, n), n } };
	if (n < rest->n && rest->p[n] == ':') {
		for (i = n + 1; i < rest->n && rest->p[i] >= '0' && rest->p[i] <= '9' && i < n + 7;
		     i++)
			port = port * 10 + (rest->p[i] - '0');
		if (port < 1 || port > 65535)
			return false;
		u->port = port;
		n = i;
	}
	*rest = (struct span){ rest->p + n, rest->n - n };
	return true;
}

bool url_split(struct arena *a, const struct note_parts *url, struct ingress_url *u)
{
	struct table_part *path = arena_alloc(a, (url->n + 1) * sizeof(*path));
	struct span first = url->v[0].text, rest;
	const char *slashes = url->v[0].kind == PART_TEXT ? strstr(first.p, "://") : NULL;
	uint32_t next = 1, n = 0;

	if (!slashes)
		return false;
	*u = (struct ingress_url){ .scheme = { first.p, slashes - first.p } };
	rest = (struct span){ slashes + 3, first.p + first.n - slashes - 3 };
	if (!rest.n && url->n > 1 && url->v[1].kind == PART_HOST)
		u->host = url->v[next++];
	else if (!split_plain(a, u, &rest))
		return false;
	if (rest.n)
		path[n++] = (struct table_part){ PART_TEXT, rest };
	while (next < url->n)
		path[n++] = url->v[next++];
	u->path = (struct note_parts){ path, n };
	return true;
}
