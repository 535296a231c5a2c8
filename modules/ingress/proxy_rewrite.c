/* proxy_rewrite.c - see proxy_rewrite.h
 *
 * Rules look at decoded paths, requests carry raw ones: a prefix is measured in the decoded path
 * and cut off the raw one, so that what stands behind it is sent on as the client wrote it. */
#include <stdio.h>
#include <string.h>

#include "proxy_regex.h"
#include "proxy_rewrite.h"

/* How many raw bytes make the first n decoded ones. */
static size_t raw_length(struct span raw, size_t n)
{
	size_t i = 0;

	for (; n && i < raw.n; n--)
		i += raw.p[i] == '%' && i + 2 < raw.n ? 3 : 1;
	return i;
}

/* One slash between what replaces the prefix and what is left; never nothing at all. */
static struct span replace_prefix(struct scratch *s, struct span with,
                                  const struct table_rule *rule, struct span raw)
{
	size_t cut = raw_length(raw, rule && rule->kind == PATH_PREFIX ? rule->path.n : 0);

	while (with.n && with.p[with.n - 1] == '/')
		with.n--;
	if (!with.n && cut == raw.n)
		return scratch_text(s, "/", 1);
	return scratch_printf(s, "%.*s%.*s", (int)with.n, with.p, (int)(raw.n - cut), raw.p + cut);
}

static bool plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~!$&'()*+,;=:@/", c));
}

/* Appends decoded text as a path may have it; false when it is too long. */
static bool put_encoded(char *out, size_t size, size_t *n, const char *p, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		if (*n + 3 >= size)
			return false;
		if (plain(p[i])) {
			out[(*n)++] = p[i];
			continue;
		}
		out[(*n)++] = '%';
		out[(*n)++] = hex[(uint8_t)p[i] >> 4];
		out[(*n)++] = hex[p[i] & 15];
	}
	return true;
}

/* "$1" to "$9" of the expression that the rule matched. */
static struct span replace_groups(struct scratch *s, struct span with,
                                  const struct table_rule *rule, struct span raw)
{
	static char path[PATH_MAX_BYTES + 1], out[PATH_MAX_BYTES + 1];
	const regex_t *re =
		rule && rule->kind == PATH_REGEX ? regex_get(rule->path, rule->nocase) : NULL;
	regmatch_t groups[10];
	size_t n, got = 0;

	if (!re || !match_path(raw, path, sizeof(path), &n) || regexec(re, path, 10, groups, 0))
		return (struct span){ NULL, 0 };
	for (size_t i = 0; i < with.n; i++) {
		const regmatch_t *g = NULL;

		if (with.p[i] == '$' && i + 1 < with.n && with.p[i + 1] >= '0' &&
		    with.p[i + 1] <= '9')
			g = &groups[with.p[++i] - '0'];
		if (!g && got + 1 < sizeof(out))
			out[got++] = with.p[i];
		else if (!g ||
		         (g->rm_so >= 0 && !put_encoded(out, sizeof(out), &got, path + g->rm_so,
		                                        g->rm_eo - g->rm_so)))
			return (struct span){ NULL, 0 };
	}
	if (!got || out[0] != '/')
		return scratch_printf(s, "/%.*s", (int)got, out);
	return scratch_text(s, out, got);
}

struct span rewrite_path(struct scratch *s, const struct table_rewrite *w,
                         const struct table_rule *rule, struct span raw)
{
	switch ((enum rewrite_path)w->kind) {
	case REWRITE_KEEP:
		break;
	case REWRITE_FULL:
		return w->path.n ? w->path : scratch_text(s, "/", 1);
	case REWRITE_PREFIX:
		return replace_prefix(s, w->path, rule, raw);
	case REWRITE_REGEX:
		return replace_groups(s, w->path, rule, raw);
	}
	return raw;
}

static uint32_t usual_port(struct span scheme)
{
	return span_is(scheme, "http") ? 80 : span_is(scheme, "https") ? 443 : 0;
}

struct span rewrite_location(struct scratch *s, const struct table_rewrite *w,
                             const struct table_rule *rule, const struct location *from)
{
	struct span scheme = w->scheme.n ? w->scheme
	                     : from->tls ? (struct span){ "https", 5 }
	                                 : (struct span){ "http", 4 };
	struct span host = w->host.n ? w->host : from->host;
	struct span path = rewrite_path(s, w, rule, from->path);
	uint32_t usual = usual_port(scheme), port = w->port                ? w->port
	                                            : w->scheme.n && usual ? usual
	                                                                   : from->port;
	char port_text[8] = "";

	if (!path.p)
		return path;
	if (port != usual)
		snprintf(port_text, sizeof(port_text), ":%u", port);
	return scratch_printf(s, "%.*s://%.*s%s%.*s%s%.*s", (int)scheme.n, scheme.p, (int)host.n,
	                      host.p, port_text, (int)path.n, path.p, from->query.p ? "?" : "",
	                      (int)from->query.n, from->query.p ? from->query.p : "");
}
