/* proxy_regex.c - see proxy_regex.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "proxy_regex.h"

#define DEPTH_MAX 32
/* In a group, which may be repeated: compilers keep apart what it is true of. */
#define ANCHOR_SIZE 32

/* ---- what it may cost ----------------------------------------------------------------------- */

/* How many characters it has with its repeats written out: "(ab{3}){2}" has 8. */
static unsigned size_of_choice(const char **p, unsigned depth);

static const char *behind_bracket(const char *p)
{
	p += p[1] == '^' ? 2 : 1;
	if (*p == ']')
		p++;
	while (*p && *p != ']') {
		if (*p == '[' && p[1] && strchr(":.=", p[1])) {
			const char close[] = { p[1], ']', 0 }, *end = strstr(p + 2, close);

			p = end ? end + 1 : p;
		}
		p++;
	}
	return *p ? p + 1 : p;
}

static bool is_anchor(const char *p)
{
	return *p == '^' || *p == '$' || (*p == '\\' && p[1] && strchr("bB<>`'", p[1]));
}

static unsigned size_of_atom(const char **p, unsigned depth)
{
	unsigned n = depth && is_anchor(*p) ? ANCHOR_SIZE : 1;

	if (**p == '(') {
		(*p)++;
		n = depth < DEPTH_MAX ? size_of_choice(p, depth + 1) : REGEX_SIZE_MAX + 1;
		*p += **p == ')';
	} else if (**p == '[') {
		*p = behind_bracket(*p);
	} else {
		*p += **p == '\\' && (*p)[1] ? 2 : 1;
	}
	return n ? n : 1; /* "()" is repeated too */
}

/* Of "{2}", "{2,}", "{2,5}": how many at most, an open end counted once. */
static unsigned bounded(const char **p)
{
	char *end;
	unsigned long low = strtoul(*p + 1, &end, 10), high = low;

	if (*end == ',') {
		high = strtoul(end + 1, &end, 10);
		high = high > low ? high : low + 1;
	}
	*p = end + (*end == '}');
	return high > REGEX_SIZE_MAX ? REGEX_SIZE_MAX + 1 : high ? high : 1;
}

/* "x+" may be made of "xx*", and some libraries follow all ways through what may be empty: of one
 * repeat in another, or behind another, each doubles all. */
static unsigned repeats(const char **p, bool inside)
{
	unsigned most = 1;

	for (; most <= REGEX_SIZE_MAX; inside = true) {
		if (**p == '{') {
			most *= bounded(p);
		} else if (**p && strchr("*+?", **p)) {
			most *= inside ? 2 : 1;
			(*p)++;
		} else {
			break;
		}
	}
	return most;
}

static unsigned size_of_choice(const char **p, unsigned depth)
{
	unsigned n = 0;

	while (**p && !(**p == ')' && depth) && n <= REGEX_SIZE_MAX) {
		bool inside = depth && **p == '(';
		unsigned one = size_of_atom(p, depth), times = repeats(p, inside);

		n += one > REGEX_SIZE_MAX || times > REGEX_SIZE_MAX ? REGEX_SIZE_MAX + 1
		                                                    : one * times;
	}
	return n;
}

const char *regex_trouble(const char *text)
{
	static char why[128];
	const char *p = text;
	regex_t re;
	int r;

	if (strlen(text) > REGEX_MAX)
		return "it is too long";
	if (size_of_choice(&p, 0) > REGEX_SIZE_MAX)
		return "with its repeats written out it is longer than 256 characters";
	r = regcomp(&re, text, REG_EXTENDED | REG_NOSUB);
	if (r) {
		regerror(r, &re, why, sizeof(why));
		return why;
	}
	regfree(&re);
	return NULL;
}

/* ---- kept compiled -------------------------------------------------------------------------- */

struct expression {
	regex_t re;
	bool good;
	char key[]; /* '0' or '1' for nocase, then the text */
};
static struct map kept;

void regex_forget(void)
{
	struct expression *x;

	for (size_t i = 0; (x = map_next(&kept, &i));) {
		map_del(&kept, x->key, strlen(x->key));
		if (x->good)
			regfree(&x->re);
		free(x);
	}
	map_free(&kept);
}

static struct expression *compile(const char *key, size_t n, bool nocase)
{
	struct expression *x = xcalloc(1, sizeof(*x) + n + 1);
	const char *p;

	memcpy(x->key, key, n);
	p = x->key + 1;
	x->good = n <= REGEX_MAX + 1 && size_of_choice(&p, 0) <= REGEX_SIZE_MAX &&
	          !regcomp(&x->re, x->key + 1, REG_EXTENDED | (nocase ? REG_ICASE : 0));
	if (kept.len >= REGEX_CACHE)
		regex_forget();
	map_put(&kept, x->key, n, x);
	return x;
}

const regex_t *regex_get(struct span text, bool nocase)
{
	char key[REGEX_MAX + 16];
	struct expression *x;

	if (text.n + 1 >= sizeof(key) || memchr(text.p, 0, text.n))
		return NULL;
	key[0] = nocase ? '1' : '0';
	memcpy(key + 1, text.p, text.n);
	x = map_get(&kept, key, text.n + 1);
	if (!x)
		x = compile(key, text.n + 1, nocase);
	return x->good ? &x->re : NULL;
}

bool regex_matches(struct span expression, bool nocase, struct span text)
{
	static char copy[REGEX_TEXT + 1];
	const regex_t *re = text.n <= REGEX_TEXT ? regex_get(expression, nocase) : NULL;

	if (!re)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = 0;
	return regexec(re, copy, 0, NULL, 0) == 0;
}
