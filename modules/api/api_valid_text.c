/* api_valid_text.c - checks of single words: names, labels, keys (k8s.io/apimachinery/pkg/util/
 * validation, whose messages quote the regular expressions that it uses). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api_valid.h"

#define QNAME_FMT "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define LABEL_HELP                                                                                 \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "   \
	"regex used for validation is '" LABEL_FMT "')"
#define LABEL_1035_HELP                                                                            \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "  \
	"an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "    \
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define WILDCARD_HELP                                                                              \
	"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "  \
	"which must consist of lower case alphanumeric characters, '-' or '.' and end with an "    \
	"alphanumeric character (e.g. '*.example.com', regex used for validation is "              \
	"'\\*\\." SUBDOMAIN_FMT "')"
#define QNAME_HELP                                                                                 \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
	"an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "  \
	"validation is '" QNAME_FMT "')"
#define LABEL_VALUE_HELP                                                                           \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "   \
	"or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "      \
	"'my_value',  or '12345', regex used for validation is '(" QNAME_FMT ")?')"
#define CONFIG_KEY_HELP                                                                            \
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "       \
	"'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "                \
	"'[-._a-zA-Z0-9]+')"
#define HTTP_PATH_FMT "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"

static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* Of whatever length. */
static bool is_label(const char *s, size_t n)
{
	if (!n || !lower_alnum(s[0]) || !lower_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!lower_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool is_subdomain(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!is_label(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool is_qname(const char *s)
{
	size_t n = strlen(s);

	if (!n || !alnum(s[0]) || !alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

bool valid_label(const char *s)
{
	return strlen(s) <= 63 && is_label(s, strlen(s));
}

bool valid_subdomain(const char *s)
{
	return strlen(s) <= 253 && is_subdomain(s);
}

static void check_length(struct causes *c, const struct at *at, const char *s, size_t max,
                         const char *part)
{
	if (strlen(s) > max)
		wrong(c, at, s, "%smust be no more than %zu characters", part, max);
}

void check_label(struct causes *c, const struct at *at, const char *s)
{
	check_length(c, at, s, 63, "");
	if (is_label(s, strlen(s)))
		return;
	wrong(c, at, s, "%s", is_subdomain(s) ? "must not contain dots" : LABEL_HELP);
}

void check_label_1035(struct causes *c, const struct at *at, const char *s)
{
	check_length(c, at, s, 63, "");
	if (!is_label(s, strlen(s)) || s[0] <= '9')
		wrong(c, at, s, LABEL_1035_HELP);
}

void check_subdomain(struct causes *c, const struct at *at, const char *s)
{
	check_length(c, at, s, 253, "");
	if (!is_subdomain(s))
		wrong(c, at, s, "%s", SUBDOMAIN_HELP);
}

void check_wildcard(struct causes *c, const struct at *at, const char *s)
{
	check_length(c, at, s, 253, "");
	if (strncmp(s, "*.", 2) != 0 || !is_subdomain(s + 2))
		wrong(c, at, s, "%s", WILDCARD_HELP);
}

void check_fqdn(struct causes *c, const struct at *at, const char *s)
{
	size_t n = strlen(s);
	char *name = arena_strdup(c->arena, s), *next;

	if (!n) {
		wrong_missing(c, at, "");
		return;
	}
	if (name[n - 1] == '.')
		name[n - 1] = 0;
	if (!valid_subdomain(name)) {
		check_subdomain(c, at, name);
		return;
	}
	if (!strchr(name, '.'))
		wrong(c, at, name,
		      "should be a domain with at least two segments separated by dots");
	for (; name; name = next) {
		next = strchr(name, '.');
		if (next)
			*next++ = 0;
		check_label(c, at, name);
	}
}

void check_qualified_name(struct causes *c, const struct at *at, const char *s)
{
	const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;
	const char *prefix = slash ? arena_strndup(c->arena, s, slash - s) : NULL;

	if (strchr(name, '/')) {
		wrong(c, at, s,
		      "a qualified name " QNAME_HELP
		      " with an optional DNS subdomain prefix and '/' (e.g. "
		      "'example.com/MyName')");
		return;
	}
	if (prefix && !*prefix)
		wrong(c, at, s, "prefix part must be non-empty");
	else if (prefix && strlen(prefix) > 253)
		wrong(c, at, s, "prefix part must be no more than 253 characters");
	if (prefix && *prefix && !is_subdomain(prefix))
		wrong(c, at, s, "prefix part %s", SUBDOMAIN_HELP);
	if (!*name)
		wrong(c, at, s, "name part must be non-empty");
	else if (strlen(name) > 63)
		wrong(c, at, s, "name part must be no more than 63 characters");
	if (!is_qname(name))
		wrong(c, at, s, "name part " QNAME_HELP);
}

/* As a label's, but a prefix may have upper case. */
void check_annotation_key(struct causes *c, const struct at *at, const char *s)
{
	char *lower = arena_strdup(c->arena, s);
	unsigned before = c->n;

	for (char *p = lower; *p; p++)
		*p = tolower((unsigned char)*p);
	check_qualified_name(c, at, lower);
	if (c->n == before || !strcmp(lower, s))
		return;
	c->n = before; /* tell them of the key as it was written */
	check_qualified_name(c, at, s);
}

void check_label_value(struct causes *c, const struct at *at, const char *s)
{
	check_length(c, at, s, 63, "");
	if (*s && !is_qname(s))
		wrong(c, at, s, LABEL_VALUE_HELP);
}

void check_config_key(struct causes *c, const struct at *at, const char *s)
{
	check_length(c, at, s, 253, "");
	for (const char *p = s; *p || p == s; p++)
		if (!*p || (!alnum(*p) && !strchr("-_.", *p))) {
			wrong(c, at, s, CONFIG_KEY_HELP);
			break;
		}
	if (!strcmp(s, "."))
		wrong(c, at, s, "must not be '.'");
	else if (!strcmp(s, ".."))
		wrong(c, at, s, "must not be '..'");
	else if (!strncmp(s, "..", 2))
		wrong(c, at, s, "must not start with '..'");
}

void check_path_segment(struct causes *c, const struct at *at, const char *s)
{
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		wrong(c, at, s, "may not be '%s'", s);
	else if (strchr(s, '/'))
		wrong(c, at, s, "may not contain '/'");
	else if (strchr(s, '%'))
		wrong(c, at, s, "may not contain '%%'");
}

void check_domain_path(struct causes *c, const struct at *at, const char *s)
{
	const char *slash = strchr(s, '/');

	if (!*s) {
		wrong_missing(c, at, "");
		return;
	}
	if (!slash || slash == s || !slash[1]) {
		wrong(c, at, s, "must be a domain-prefixed path (such as \"acme.io/foo\")");
		return;
	}
	check_subdomain(c, at, arena_strndup(c->arena, s, slash - s));
	for (const char *p = ++slash; *p; p++)
		if (!alnum(*p) && !strchr("/-._~%!$&'()*+,;=:", *p)) {
			wrong(c, at, slash, "Invalid path (regex used for validation is '%s')",
			      HTTP_PATH_FMT);
			break;
		}
}

void check_port_name(struct causes *c, const struct at *at, const char *s)
{
	bool letter = false, clean = *s;
	size_t n = strlen(s);

	for (const char *p = s; *p; p++) {
		letter |= *p >= 'a' && *p <= 'z';
		clean &= lower_alnum(*p) || *p == '-';
	}
	check_length(c, at, s, 15, "");
	if (!clean)
		wrong(c, at, s,
		      "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
	if (!letter)
		wrong(c, at, s, "must contain at least one letter (a-z)");
	if (strstr(s, "--"))
		wrong(c, at, s, "must not contain consecutive hyphens");
	if (n && (s[0] == '-' || s[n - 1] == '-'))
		wrong(c, at, s, "must not begin or end with a hyphen");
}
