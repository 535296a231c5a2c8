/* api_yaml_scalar.c - plain scalars as sigs.k8s.io/yaml reads them (YAML 1.1: yes, no, on, off are
 * booleans, 017 is octal). */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api_yaml.h"

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

static bool is_true(const char *s)
{
	static const char *const words[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
		                             "True", "TRUE", "on",  "On",  "ON",  NULL };

	return one_of(s, words);
}

static bool is_false(const char *s)
{
	static const char *const words[] = { "n",     "N",     "no",  "No",  "NO",  "false",
		                             "False", "FALSE", "off", "Off", "OFF", NULL };

	return one_of(s, words);
}

static bool is_null(const char *s)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	return one_of(s, words);
}

/* [+-] digits of one base to the end, or -1. */
static int integer_base(const char *digits, const char **from)
{
	static const char *const sets[] = {
		[2] = "01", [8] = "01234567", [10] = "0123456789", [16] = "0123456789abcdefABCDEF"
	};
	int base = digits[0] != '0' || !digits[1] ? 10
	           : digits[1] == 'x'             ? 16
	           : digits[1] == 'b'             ? 2
	                                          : 8;

	*from = base == 10 ? digits : base != 8 || digits[1] == 'o' ? digits + 2 : digits + 1;
	return **from && !(*from)[strspn(*from, sets[base])] ? base : -1;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(const char *s)
{
	const char *digits = "0123456789";
	size_t whole, part = 0;

	s += *s == '-' || *s == '+';
	whole = strspn(s, digits);
	s += whole;
	if (*s == '.') {
		part = strspn(s + 1, digits);
		s += 1 + part;
	}
	if (!whole && !part)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += 1 + (s[1] == '-' || s[1] == '+');
		if (!*s)
			return false;
		s += strspn(s, digits);
	}
	return !*s;
}

/* Infinities and NaN stay strings: JSON has no such numbers. */
static yyjson_mut_val *number(yyjson_mut_doc *doc, const char *s)
{
	const char *from;
	bool minus = *s == '-';
	int base = integer_base(s + (minus || *s == '+'), &from);
	unsigned long long u;
	double d;

	errno = 0;
	u = base > 0 ? strtoull(from, NULL, base) : 0;
	if (base > 0 && !errno && (!minus || u <= INT64_MAX))
		return minus ? yyjson_mut_sint(doc, -(int64_t)u) : yyjson_mut_uint(doc, u);
	if (!is_float(s))
		return NULL;
	d = strtod(s, NULL);
	if (!isfinite(d))
		return NULL;
	if (d > -1e15 && d < 1e15 && (double)(int64_t)d == d)
		return yyjson_mut_sint(doc, (int64_t)d);
	return yyjson_mut_real(doc, d);
}

yyjson_mut_val *yaml_plain(yyjson_mut_doc *doc, const char *s)
{
	yyjson_mut_val *v;

	if (is_null(s))
		return yyjson_mut_null(doc);
	if (is_true(s) || is_false(s))
		return yyjson_mut_bool(doc, is_true(s));
	v = number(doc, s);
	return v ? v : yyjson_mut_strcpy(doc, s);
}

/* 2026-11-27, and 1:30 (90 in YAML 1.1): times to other readers. */
static bool is_time(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return (n == 4 && s[4] == '-' && strspn(s + 5, "0123456789") <= 2) || (n && s[n] == ':');
}

static bool is_number(const char *s)
{
	const char *from, *plain = s + (*s == '-' || *s == '+');

	return integer_base(plain, &from) > 0 || is_float(s) || is_time(plain) ||
	       (strchr("0123456789.", *plain) && strchr(s, '_')) ||
	       (plain[0] == '.' && plain[1] && strchr("iInN", plain[1]));
}

bool yaml_needs_quotes(const char *s, size_t n)
{
	return !n || strlen(s) != n || is_null(s) || is_true(s) || is_false(s) ||
	       !strcmp(s, "<<") || !strcmp(s, "=") || is_number(s);
}
