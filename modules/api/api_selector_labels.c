/* api_selector_labels.c - the grammar of label selectors, with the words of Kubernetes' own parser
 * (k8s.io/apimachinery pkg/labels):
 *   requirement [, requirement]...
 *   key | !key | key op value | key in (value, ...) | key notin (value, ...)   op: = == != > <
 * "in" and "notin" are words like others where a key or a value stands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_valid.h"

#define QUALIFIED_HELP                                                                             \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "  \
	"end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "  \
	"used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_HELP                                                                                 \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "   \
	"or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "      \
	"'my_value',  or '12345', regex used for validation is "                                   \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

enum token { END, WORD, COMMA, NOT, EQUAL, NOT_EQUAL, GREATER, LESS, OPEN, CLOSE, BROKEN };

struct reader {
	const char *s;
	struct arena *a;
	const char *why;  /* what is wrong, once something is */
	enum token token; /* the one ahead */
	const char *text;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Puts the next token ahead. The longest run of signs that means something is one. */
static void advance(struct reader *r)
{
	static const struct {
		const char *text;
		enum token token;
	} signs[] = {
		{ "==", EQUAL }, { "!=", NOT_EQUAL }, { "=", EQUAL },
		{ "!", NOT },    { ">", GREATER },    { "<", LESS },
		{ "(", OPEN },   { ")", CLOSE },      { ",", COMMA },
	};
	size_t n = 1;

	while (is_blank(*r->s))
		r->s++;
	r->token = *r->s ? BROKEN : END;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && r->token == BROKEN; i++)
		if (!strncmp(r->s, signs[i].text, strlen(signs[i].text))) {
			r->token = signs[i].token;
			n = strlen(signs[i].text);
		}
	if (r->token == BROKEN) {
		r->token = WORD;
		n = strcspn(r->s, " \t\r\n=!(),<>");
	}
	if (r->token == END)
		n = 0;
	r->text = arena_strndup(r->a, r->s, n);
	r->s += n;
}

static bool unexpected(struct reader *r, const char *expected)
{
	r->why = arena_printf(r->a, "found '%.100s', expected: %s", r->text, expected);
	return false;
}

/* ---- what keys and values may be ------------------------------------------------------------ */

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!alnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
			return false;
	return n && alnum(s[0]) && alnum(s[n - 1]);
}

static const char *key_trouble(struct arena *a, const char *key)
{
	const char *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;

	if (slash == key)
		return "prefix part must be non-empty";
	if (slash && !strchr(name, '/') && !valid_subdomain(arena_strndup(a, key, slash - key)))
		return "prefix part " SUBDOMAIN_HELP;
	if (strlen(name) > 63)
		return "name part must be no more than 63 characters";
	if (!*name)
		return "name part must be non-empty";
	return is_name(name, strlen(name)) ? NULL : QUALIFIED_HELP;
}

static const char *value_trouble(const char *value)
{
	size_t n = strlen(value);

	if (n > 63)
		return "must be no more than 63 characters";
	return !n || is_name(value, n) ? NULL : VALUE_HELP;
}

static bool is_integer(const char *s)
{
	char *end;

	errno = 0;
	(void)strtoll(s, &end, 10);
	return *s && !*end && !errno;
}

/* ---- requirements --------------------------------------------------------------------------- */

static bool add_value(struct reader *r, struct requirement *q, const char *value)
{
	const char *trouble = value_trouble(value);

	if (q->n_values == SELECTOR_VALUES) {
		r->why = arena_printf(r->a, "more than %d values", SELECTOR_VALUES);
		return false;
	}
	if (trouble) {
		r->why = arena_printf(r->a, "values[%u][%.100s]: Invalid value: \"%.100s\": %s",
		                      q->n_values, q->key, value, trouble);
		return false;
	}
	q->values[q->n_values++] = value;
	return true;
}

static unsigned count_commas(const char *s)
{
	unsigned n = 0;

	for (; *s && *s != ')'; s++)
		n += *s == ',';
	return n;
}

/* "(a, b)": values between commas, each of which may be nothing. */
static bool read_set(struct reader *r, struct requirement *q)
{
	unsigned commas = count_commas(r->s);

	if (r->token != OPEN) {
		r->why = arena_printf(r->a, "found '%.100s' expected: '('", r->text);
		return false;
	}
	q->values = arena_alloc(r->a, (commas + 1) * sizeof(*q->values));
	advance(r);
	if (r->token == CLOSE) {
		r->why = "values: Invalid value: []: for 'in', 'notin' operators, values set can't "
			 "be empty";
		return false;
	}
	for (;; advance(r)) {
		bool word = r->token == WORD;

		if (!add_value(r, q, word ? r->text : ""))
			return false;
		if (word)
			advance(r);
		if (r->token == CLOSE)
			break;
		if (r->token != COMMA)
			return unexpected(r, word ? "',' or ')'" : "',', ')' or identifier");
	}
	advance(r);
	return true;
}

static bool read_value(struct reader *r, struct requirement *q)
{
	const char *value = r->token == WORD ? r->text : "";

	if (r->token != WORD && r->token != END && r->token != COMMA)
		return unexpected(r, "identifier");
	if (r->token == WORD)
		advance(r);
	q->values = arena_alloc(r->a, sizeof(*q->values));
	if ((q->op == REQ_GREATER || q->op == REQ_LESS) && !is_integer(value)) {
		r->why = arena_printf(r->a,
		                      "values[0]: Invalid value: \"%.100s\": for 'Gt', 'Lt' "
		                      "operators, the value must be an integer",
		                      value);
		return false;
	}
	return add_value(r, q, value);
}

static bool read_operator(struct reader *r, struct requirement *q)
{
	enum token token = r->token;
	const char *word = r->text;

	if (token == WORD && (!strcmp(word, "in") || !strcmp(word, "notin"))) {
		q->op = *word == 'i' ? REQ_IN : REQ_NOT_IN;
		advance(r);
		return read_set(r, q);
	}
	if (token != EQUAL && token != NOT_EQUAL && token != GREATER && token != LESS)
		return unexpected(r, "in, notin, =, ==, !=, gt, lt");
	q->op = token == EQUAL     ? REQ_IN
	        : token == GREATER ? REQ_GREATER
	        : token == LESS    ? REQ_LESS
	                           : REQ_NOT_IN;
	advance(r);
	return read_value(r, q);
}

static bool read_requirement(struct reader *r, struct requirement *q)
{
	bool absent = r->token == NOT;
	const char *trouble;

	*q = (struct requirement){ .op = absent ? REQ_ABSENT : REQ_EXISTS };
	if (absent)
		advance(r);
	if (r->token != WORD)
		return unexpected(r, "identifier");
	q->key = r->text;
	trouble = key_trouble(r->a, q->key);
	if (trouble) {
		r->why =
			arena_printf(r->a, "<nil>: Invalid value: \"%.100s\": %s", q->key, trouble);
		return false;
	}
	advance(r);
	return absent || r->token == END || r->token == COMMA || read_operator(r, q);
}

static bool read_all(struct reader *r, struct requirement *v, unsigned *n)
{
	for (advance(r); r->token != END; advance(r)) {
		if (r->token != WORD && r->token != NOT)
			return unexpected(r, *n ? "identifier after ','"
			                        : "!, identifier, or 'end of string'");
		if (*n == SELECTOR_REQUIREMENTS) {
			r->why = arena_printf(r->a, "more than %d requirements",
			                      SELECTOR_REQUIREMENTS);
			return false;
		}
		if (!read_requirement(r, &v[(*n)++])) {
			r->why = arena_printf(r->a, "unable to parse requirement: %s", r->why);
			return false;
		}
		if (r->token == END)
			return true;
		if (r->token != COMMA)
			return unexpected(r, "',' or 'end of string'");
		if (!*(r->s + strspn(r->s, " \t\r\n"))) {
			advance(r);
			return unexpected(r, "identifier after ','");
		}
	}
	return true;
}

bool selector_read_labels(const char *text, struct arena *a, struct requirement *v, unsigned *n,
                          const char **why)
{
	struct reader r = { .s = text, .a = a };

	if (read_all(&r, v, n))
		return true;
	*why = r.why;
	return false;
}
