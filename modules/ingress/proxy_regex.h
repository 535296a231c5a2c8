/* proxy_regex.h - regular expressions of routes: POSIX extended ones, as the C library has them.
 *
 * musl's matcher takes a time linear in the text and has no way back; what an expression may cost
 * is bounded before it is compiled. An expression is looked for anywhere in the text: who means the
 * whole writes ^( and )$ around it. */
#pragma once

#include <regex.h>
#include <stdbool.h>

#include <knetd/http.h>

#define REGEX_MAX 1040 /* characters of an expression: 1024 of a route, and what is put around */
#define REGEX_SIZE_MAX 256 /* the same with repeats written out */
#define REGEX_CACHE 512    /* expressions that a worker keeps compiled */
#define REGEX_TEXT 8192    /* of a text; longer ones match nothing */

/* For compilers of routes: what is wrong with it, or NULL. */
const char *regex_trouble(const char *text);
/* Compiled once and kept; NULL: it is no expression. Until the next call. */
const regex_t *regex_get(struct span text, bool nocase);
bool regex_matches(struct span expression, bool nocase, struct span text);
void regex_forget(void); /* all that are kept */
