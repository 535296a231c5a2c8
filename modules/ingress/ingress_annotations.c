/* ingress_annotations.c - see ingress_annotations.h: one table of what there is. A name that is not
 * in it, and a value that its type does not take, is told and left out. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "ingress_annotations.h"

struct reader { /* of one value */
	struct notes *n;
	struct arena *a;
	const char *ns;
	const struct annotation *row;
	struct span text;
	void *to;
};
/* NULL, or what is wrong. */
typedef const char *reader_fn(const struct reader *r);

struct annotation {
	const char *name;
	reader_fn *read;
	uint16_t at;    /* in struct notes */
	uint16_t given; /* a bool there that is set with it; 0: none */
	bool unsafe;    /* left out it would allow more */
	uint32_t min, max;
	const char *const *words;        /* for read_word: their numbers are their places */
	bool (*check)(struct span text); /* NULL: what a header's value may have */
	const char *wanted;              /* what it should be, for people */
};

/* ---- what characters ------------------------------------------------------------------------- */

static bool all(struct span s, const char *chars)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z') &&
		    (!c || !strchr(chars, c)))
			return false;
	}
	return s.n > 0;
}

static bool is_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return false;
	return s.n > 0;
}

static bool is_token(struct span s)
{
	return all(s, "!#$%&'*+-.^_`|~");
}

static bool is_tokens(struct span s)
{
	return all(s, "!#$%&'*+-.^_`|~, ");
}

static bool is_path(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 127)
			return false;
	return s.n && s.p[0] == '/';
}

static bool is_host(struct span s)
{
	return all(s, "-.") && s.n < 254;
}

static bool is_host_port(struct span s)
{
	return all(s, "-.:[]") && s.n < 260;
}

static bool is_cookie_path(struct span s)
{
	return is_path(s) && !memchr(s.p, ';', s.n);
}

static bool is_domain(struct span s)
{
	return is_host(s);
}

static bool is_realm(struct span s)
{
	return is_value(s) && !memchr(s.p, '"', s.n) && !memchr(s.p, '\\', s.n);
}

static bool is_name(struct span s)
{
	return all(s, "-.") && s.n < 254;
}

static bool is_url(struct span s)
{
	return is_value(s) && !memchr(s.p, ' ', s.n) &&
	       (!strncmp(s.p, "http://", 7) || !strncmp(s.p, "https://", 8));
}

static bool is_place(struct span s) /* where a redirect may go */
{
	return is_url(s) || is_path(s) || !strncmp(s.p, "$scheme://", 10);
}

static bool is_origin(struct span s)
{
	const char *rest = span_is(s, "*") ? NULL : strstr(s.p, "://");

	return span_is(s, "*") || (rest && all(s, "-._:/*[]") && rest[3]);
}

/* ---- types --------------------------------------------------------------------------------------
 */

static const char *wanted(const struct reader *r)
{
	return r->row->wanted ? r->row->wanted : "it has characters that are not allowed there";
}

static const char *read_flag(const struct reader *r)
{
	static const char *const yes[] = { "true", "True", "TRUE", "t", "T", "1" };
	static const char *const no[] = { "false", "False", "FALSE", "f", "F", "0" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (span_is(r->text, yes[i]) || span_is(r->text, no[i])) {
			*(bool *)r->to = span_is(r->text, yes[i]);
			return NULL;
		}
	}
	return "it must be \"true\" or \"false\"";
}

static bool number(struct span s, uint64_t most, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || *out > most)
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return s.n && *out <= most;
}

static const char *read_number(const struct reader *r)
{
	uint64_t n;

	if (!number(r->text, r->row->max, &n) || n < r->row->min)
		return arena_printf(r->a, "it must be a number from %u to %u", r->row->min,
		                    r->row->max);
	*(uint32_t *)r->to = n;
	return NULL;
}

/* "8m", "1024k", "1g", "0" is any. */
static const char *read_size(const struct reader *r)
{
	static const char units[] = "bkmg";
	struct span s = r->text;
	const char *unit = s.n ? strchr(units, s.p[s.n - 1] | 32) : NULL;
	uint64_t n;

	if (unit && *unit)
		s.n--;
	if (!number(s, UINT32_MAX, &n))
		return "it must be a size like 8m, 512k or 0";
	*(uint64_t *)r->to = unit && *unit ? n << (10 * (unit - units)) : n;
	return NULL;
}

static const char *read_text(const struct reader *r)
{
	if (!(r->row->check ? r->row->check : is_value)(r->text))
		return wanted(r);
	*(struct span *)r->to =
		(struct span){ arena_strndup(r->a, r->text.p, r->text.n), r->text.n };
	return NULL;
}

static const char *read_parts(const struct reader *r)
{
	if (!(r->row->check ? r->row->check : is_value)(r->text))
		return wanted(r);
	return parts_read(r->text, r->a, r->to);
}

static const char *read_word(const struct reader *r)
{
	for (uint32_t i = 0; r->row->words[i]; i++)
		if (span_is_nocase(r->text, r->row->words[i])) {
			*(uint32_t *)r->to = i;
			return NULL;
		}
	return wanted(r);
}

/* The words of a list, one after the other. */
static bool next_word(struct span *list, struct span *word)
{
	const char *p = list->p, *end = p + list->n;

	while (p < end && strchr(", \t\n", *p))
		p++;
	word->p = p;
	while (p < end && !strchr(", \t\n", *p))
		p++;
	word->n = p - word->p;
	*list = (struct span){ p, end - p };
	return word->n > 0;
}

static const char *read_bits(const struct reader *r)
{
	struct span list = r->text, word;
	uint32_t bits = 0, i;

	while (next_word(&list, &word)) {
		for (i = 0; r->row->words[i] && !span_is(word, r->row->words[i]); i++)
			;
		if (!r->row->words[i])
			return arena_printf(r->a, "\"%.*s\" is none of its words", (int)word.n,
			                    word.p);
		bits |= 1u << i;
	}
	*(uint32_t *)r->to = bits;
	return bits ? NULL : "it is empty";
}

static const char *read_list(const struct reader *r)
{
	static struct table_text v[ANNOTATION_LIST_MAX];
	struct span list = r->text, word;
	uint32_t n = 0;

	while (next_word(&list, &word)) {
		const char *copy = arena_strndup(r->a, word.p, word.n);

		if (n == ARRAY_LEN(v))
			return "it has too many entries";
		v[n].text = (struct span){ copy, word.n };
		if (!r->row->check(v[n++].text))
			return arena_printf(r->a, "\"%s\" cannot stand there", copy);
	}
	if (!n)
		return "it is empty";
	*(struct note_texts *)r->to =
		(struct note_texts){ memcpy(arena_alloc(r->a, n * sizeof(*v)), v, n * sizeof(*v)),
		                     n };
	return NULL;
}

static bool range(struct span word, struct cidr *out)
{
	char text[CIDR_TEXT];

	if (word.n >= sizeof(text))
		return false;
	memcpy(text, word.p, word.n);
	text[word.n] = 0;
	if (cidr_parse(out, text))
		return true;
	out->bits = 0;
	if (!ip_parse(&out->ip, text))
		return false;
	out->bits = out->ip.len * 8;
	return true;
}

static const char *read_ranges(const struct reader *r)
{
	static struct cidr v[ANNOTATION_LIST_MAX];
	struct span list = r->text, word;
	uint32_t n = 0;

	while (next_word(&list, &word)) {
		if (n == ARRAY_LEN(v))
			return "it has too many ranges";
		if (!range(word, &v[n++]))
			return arena_printf(r->a, "\"%.*s\" is no address and no range",
			                    (int)word.n, word.p);
	}
	if (!n)
		return "it is empty";
	*(struct note_cidrs *)r->to =
		(struct note_cidrs){ memcpy(arena_alloc(r->a, n * sizeof(*v)), v, n * sizeof(*v)),
		                     n };
	return NULL;
}

/* "name" of the Ingress' own namespace, which is also the only one that may be named: who may write
 * Ingresses here must not reach into others. */
static const char *read_ref(const struct reader *r)
{
	const char *slash = memchr(r->text.p, '/', r->text.n);
	struct span name =
		slash ? (struct span){ slash + 1, r->text.p + r->text.n - slash - 1 } : r->text;
	struct note_ref *to = r->to;

	if (!is_name(name))
		return "it must be a name, or namespace/name";
	if (slash && (strlen(r->ns) != (size_t)(slash - r->text.p) ||
	              memcmp(r->ns, r->text.p, slash - r->text.p) != 0))
		return "it must be of the Ingress' own namespace";
	*to = (struct note_ref){ arena_strdup(r->a, r->ns), arena_strndup(r->a, name.p, name.n) };
	return NULL;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

#define AT(member) offsetof(struct notes, member)
static const char *const protocols[] = { "HTTP", "HTTPS", "GRPC", "GRPCS", NULL };
static const char *const next_words[] = { "error",    "timeout",  "invalid_header", "http_500",
	                                  "http_502", "http_503", "http_504",       "http_403",
	                                  "http_404", "http_429", "non_idempotent", "off",
	                                  NULL };
static const char *const same_sites[] = { "", "None", "Lax", "Strict", NULL };
static const char *const verifies[] = { "on", "off", "optional", NULL };
static const char *const only_cookie[] = { "", "cookie", NULL };
static const char *const modes[] = { "balanced", "persistent", NULL };
static const char *const only_basic[] = { "", "basic", NULL };
static const char *const secret_types[] = { "auth-file", "auth-map", NULL };
static const char *const satisfies[] = { "all", "any", NULL };
static const char *const on_off[] = { "off", "on", NULL };

/* A word of two whose number is a bool's value. */
static const char *read_choice(const struct reader *r)
{
	uint32_t n = 0;
	struct reader word = *r;
	const char *why;

	word.to = &n;
	why = read_word(&word);
	if (!why)
		*(bool *)r->to = n == 1;
	return why;
}

// clang-format off
#define URL_WANTED "it must be a URL, http:// or https://"
static const struct annotation table[] = {
	{ "affinity", read_choice, .at = AT(affinity), .words = only_cookie, .wanted = "only \"cookie\" is known" },
	{ "affinity-mode", read_choice, .at = AT(affinity_persistent), .words = modes, .wanted = "it must be \"balanced\" or \"persistent\"" },
	{ "allowlist-source-range", read_ranges, .at = AT(allow), .unsafe = true },
	{ "app-root", read_text, .at = AT(app_root), .check = is_path, .wanted = "it must be a path" },
	{ "auth-always-set-cookie", read_flag, .at = AT(auth_cookie) },
	{ "auth-method", read_text, .at = AT(auth_method), .check = is_token, .unsafe = true },
	{ "auth-realm", read_text, .at = AT(auth_realm), .check = is_realm },
	{ "auth-request-redirect", read_parts, .at = AT(auth_request_redirect) },
	{ "auth-response-headers", read_list, .at = AT(auth_headers), .check = is_token, .unsafe = true },
	{ "auth-secret", read_ref, .at = AT(auth_secret), .unsafe = true },
	{ "auth-secret-type", read_choice, .at = AT(auth_map), .words = secret_types, .unsafe = true, .wanted = "it must be \"auth-file\" or \"auth-map\"" },
	{ "auth-signin", read_parts, .at = AT(auth_signin), .check = is_place, .wanted = URL_WANTED },
	{ "auth-signin-redirect-param", read_text, .at = AT(auth_redirect_param), .check = is_token },
	{ "auth-tls-error-page", read_text, .at = AT(client_error_page), .check = is_url, .wanted = URL_WANTED },
	{ "auth-tls-match-cn", read_text, .at = AT(client_name), .unsafe = true },
	{ "auth-tls-pass-certificate-to-upstream", read_flag, .at = AT(client_passed) },
	{ "auth-tls-secret", read_ref, .at = AT(client_ca), .unsafe = true },
	{ "auth-tls-verify-client", read_word, .at = AT(client_verify), .words = verifies, .unsafe = true, .wanted = "it must be \"on\", \"off\" or \"optional\"" },
	{ "auth-type", read_choice, .at = AT(auth_basic), .words = only_basic, .unsafe = true, .wanted = "only \"basic\" is known" },
	{ "auth-url", read_parts, .at = AT(auth_url), .check = is_url, .unsafe = true, .wanted = URL_WANTED },
	{ "backend-protocol", read_word, .at = AT(protocol), .words = protocols, .wanted = "it must be HTTP, HTTPS, GRPC or GRPCS" },
	{ "canary", read_flag, .at = AT(canary) },
	{ "canary-by-cookie", read_text, .at = AT(canary_cookie), .check = is_token },
	{ "canary-by-header", read_text, .at = AT(canary_header), .check = is_token },
	{ "canary-by-header-pattern", read_text, .at = AT(canary_pattern) },
	{ "canary-by-header-value", read_text, .at = AT(canary_value) },
	{ "canary-weight", read_number, .at = AT(canary_weight), .given = AT(canary_weighed), .max = 1000000 },
	{ "canary-weight-total", read_number, .at = AT(canary_total), .min = 1, .max = 1000000 },
	{ "cors-allow-credentials", read_flag, .at = AT(cors_credentials) },
	{ "cors-allow-headers", read_text, .at = AT(cors_headers), .check = is_tokens },
	{ "cors-allow-methods", read_text, .at = AT(cors_methods), .check = is_tokens },
	{ "cors-allow-origin", read_list, .at = AT(cors_origins), .check = is_origin },
	{ "cors-expose-headers", read_text, .at = AT(cors_expose), .check = is_tokens },
	{ "cors-max-age", read_number, .at = AT(cors_max_age), .max = 31536000 },
	{ "custom-headers", read_ref, .at = AT(custom_headers) },
	{ "default-backend", read_text, .at = AT(default_backend), .check = is_name, .wanted = "it must be a Service's name" },
	{ "denylist-source-range", read_ranges, .at = AT(deny), .unsafe = true },
	{ "enable-access-log", read_flag, .at = AT(access_log) },
	{ "enable-cors", read_flag, .at = AT(cors) },
	{ "force-ssl-redirect", read_flag, .at = AT(force_ssl_redirect), .unsafe = true },
	{ "from-to-www-redirect", read_flag, .at = AT(from_to_www) },
	{ "limit-burst-multiplier", read_number, .at = AT(limit_burst), .min = 1, .max = 1000 },
	{ "limit-connections", read_number, .at = AT(limit_connections), .max = 1000000 },
	{ "limit-rpm", read_number, .at = AT(limit_rpm), .max = 1000000 },
	{ "limit-rps", read_number, .at = AT(limit_rps), .max = 1000000 },
	{ "limit-whitelist", read_ranges, .at = AT(limit_exempt) },
	{ "mirror-target", read_parts, .at = AT(mirror_target), .check = is_url, .wanted = URL_WANTED },
	{ "permanent-redirect", read_parts, .at = AT(permanent_redirect), .check = is_place, .wanted = URL_WANTED },
	{ "permanent-redirect-code", read_number, .at = AT(permanent_code), .min = 300, .max = 308 },
	{ "proxy-body-size", read_size, .at = AT(body_max), .given = AT(body_given) },
	{ "proxy-connect-timeout", read_number, .at = AT(connect_s), .min = 1, .max = 86400 },
	{ "proxy-next-upstream", read_bits, .at = AT(next), .given = AT(next_given), .words = next_words },
	{ "proxy-next-upstream-timeout", read_number, .at = AT(next_timeout_s), .max = 86400 },
	{ "proxy-next-upstream-tries", read_number, .at = AT(next_tries), .max = 100 },
	{ "proxy-read-timeout", read_number, .at = AT(read_s), .min = 1, .max = 86400 * 7 },
	{ "proxy-send-timeout", read_number, .at = AT(send_s), .min = 1, .max = 86400 * 7 },
	{ "proxy-ssl-name", read_text, .at = AT(proxy_ssl_name), .check = is_host },
	{ "proxy-ssl-secret", read_ref, .at = AT(proxy_ssl_secret), .unsafe = true },
	{ "proxy-ssl-server-name", read_choice, .at = AT(proxy_ssl_server_name), .words = on_off, .wanted = "it must be \"on\" or \"off\"" },
	{ "proxy-ssl-verify", read_choice, .at = AT(proxy_ssl_verify), .words = on_off, .unsafe = true, .wanted = "it must be \"on\" or \"off\"" },
	{ "rewrite-target", read_text, .at = AT(rewrite_target), .check = is_path, .wanted = "it must be a path" },
	{ "satisfy", read_choice, .at = AT(satisfy_any), .words = satisfies, .wanted = "it must be \"all\" or \"any\"" },
	{ "server-alias", read_list, .at = AT(aliases), .check = is_host },
	{ "service-upstream", read_flag, .at = AT(service_upstream) },
	{ "session-cookie-change-on-failure", read_flag, .at = AT(cookie_change) },
	{ "session-cookie-domain", read_text, .at = AT(cookie_domain), .check = is_domain },
	{ "session-cookie-expires", read_number, .at = AT(cookie_expires), .max = 400 * 86400 },
	{ "session-cookie-max-age", read_number, .at = AT(cookie_max_age), .max = 400 * 86400 },
	{ "session-cookie-name", read_text, .at = AT(cookie_name), .check = is_token },
	{ "session-cookie-path", read_text, .at = AT(cookie_path), .check = is_cookie_path, .wanted = "it must be a path" },
	{ "session-cookie-samesite", read_word, .at = AT(cookie_same_site), .words = same_sites, .wanted = "it must be None, Lax or Strict" },
	{ "session-cookie-secure", read_flag, .at = AT(cookie_secure) },
	{ "ssl-redirect", read_flag, .at = AT(ssl_redirect) },
	{ "temporal-redirect", read_parts, .at = AT(temporal_redirect), .check = is_place, .wanted = URL_WANTED },
	{ "temporal-redirect-code", read_number, .at = AT(temporal_code), .min = 300, .max = 308 },
	{ "upstream-hash-by", read_parts, .at = AT(hash_by) },
	{ "upstream-vhost", read_text, .at = AT(upstream_vhost), .check = is_host_port },
	{ "use-regex", read_flag, .at = AT(use_regex) },
	{ "whitelist-source-range", read_ranges, .at = AT(whitelist), .unsafe = true },
	{ "x-forwarded-prefix", read_text, .at = AT(forwarded_prefix), .check = is_path, .wanted = "it must be a path" },
};
// clang-format on

const char *notes_name(unsigned i)
{
	return i < ARRAY_LEN(table) ? table[i].name : NULL;
}

/* ---- one Ingress --------------------------------------------------------------------------------
 */

void notes_refuse(struct notes *n, struct arena *a, const char *name, bool unsafe, const char *fmt,
                  ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	n->unsafe |= unsafe;
	if (n->n_wrong < NOTES_WRONG_MAX)
		n->wrong[n->n_wrong++] = (struct note_wrong){ name, arena_strdup(a, text), unsafe };
}

static const struct annotation *find(const char *name)
{
	size_t lo = 0, hi = ARRAY_LEN(table);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = strcmp(name, table[mid].name);

		if (!d)
			return &table[mid];
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static bool is_snippet(const char *name)
{
	size_t n = strlen(name);

	return n > 8 && !strcmp(name + n - 8, "-snippet");
}

static struct span trimmed(const char *s)
{
	size_t n = strlen(s);

	while (n && strchr(" \t\n\r", *s))
		s++, n--;
	while (n && strchr(" \t\n\r", s[n - 1]))
		n--;
	return (struct span){ s, n };
}

static void read_one(struct notes *n, const char *name, const char *value, const char *ns,
                     struct arena *a)
{
	const struct annotation *row = find(name);
	struct reader r = { n, a, ns, row, trimmed(value), row ? (char *)n + row->at : NULL };
	const char *why;

	name = arena_strdup(a, name);
	if (!row) {
		notes_refuse(n, a, name, false,
		             is_snippet(name) ? "snippets of configuration are never obeyed"
		                              : "it is not known here");
		return;
	}
	/* checks look for NULs' end: the text is copied with one */
	r.text.p = arena_strndup(a, r.text.p, r.text.n);
	why = r.text.n ? row->read(&r) : "it is empty";
	if (why)
		notes_refuse(n, a, row->name, row->unsafe, "%s", why);
	else if (row->given)
		*(bool *)((char *)n + row->given) = true;
}

void notes_read(struct notes *n, yyjson_val *annotations, const char *ns, struct arena *a)
{
	yyjson_val *key, *value;
	size_t i, max;

	*n = (struct notes){ .ssl_redirect = true,
		             .permanent_code = 301,
		             .temporal_code = 302,
		             .next_tries = 3,
		             .proxy_ssl_server_name = false,
		             .cors_credentials = true,
		             .cors_max_age = 1728000,
		             .cookie_max_age = TABLE_NONE,
		             .cookie_expires = TABLE_NONE,
		             .canary_total = 100,
		             .limit_burst = 5,
		             .access_log = true };
	yyjson_obj_foreach (json_members(annotations), i, max, key, value) {
		const char *name = yyjson_get_str(key);

		if (!strncmp(name, ANNOTATION_PREFIX, strlen(ANNOTATION_PREFIX)) &&
		    yyjson_is_str(value))
			read_one(n, name + strlen(ANNOTATION_PREFIX), yyjson_get_str(value), ns, a);
	}
}
