/* resources.c - how people name objects, and where the API has them. Pure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "ctl.h"

static bool is(const char *name, const char *word, size_t n)
{
	return *name && strlen(name) == n && !strncasecmp(name, word, n);
}

static bool in_words(const char *list, const char *word, size_t n)
{
	for (const char *s = list; *s; s += strcspn(s, " "), s += *s == ' ')
		if (strcspn(s, " ") == n && !strncasecmp(s, word, n))
			return true;
	return false;
}

static bool named(const struct kind_info *k, const char *word, size_t n)
{
	return is(k->plural, word, n) || is(k->singular, word, n) || is(k->kind, word, n) ||
	       in_words(k->short_names, word, n);
}

/* What stands behind the first dot: a group, or a version and a group. */
static bool of_group(const struct kind_info *k, const char *rest, size_t n)
{
	char full[128];

	n -= n && rest[n - 1] == '.'; /* services.v1. */
	if (is(k->group, rest, n))
		return true;
	snprintf(full, sizeof(full), "%s%s%s", k->version, *k->group ? "." : "", k->group);
	return is(full, rest, n);
}

int kind_by_word(const char *word, size_t n)
{
	const char *dot = memchr(word, '.', n);
	size_t len = dot ? (size_t)(dot - word) : n;

	for (int k = 0; k < KIND_COUNT; k++)
		if (named(&kind_info[k], word, len) &&
		    (!dot || of_group(&kind_info[k], dot + 1, n - len - 1)))
			return k;
	return -1;
}

static int add(struct items *out, enum kind kind, const char *name, struct err *e)
{
	if (out->n == ARRAY_LEN(out->v))
		return err_set(e, E2BIG, "more than %zu objects are named", ARRAY_LEN(out->v));
	out->types |= out->n && out->v[0].kind != kind;
	out->v[out->n++] = (struct item){ kind, name };
	return 0;
}

static int add_category(struct items *out, const char *word, size_t n, struct err *e)
{
	bool any = false;

	for (int k = 0; k < KIND_COUNT; k++)
		if (is(kind_info[k].category, word, n)) {
			any = true;
			if (add(out, k, NULL, e))
				return -e->code;
		}
	if (any)
		return 0;
	return err_set(e, ENOENT, "the server doesn't have a resource type \"%.*s\"",
	               (int)(n < 60 ? n : 60), word);
}

/* TYPE,TYPE with a name (or none) for each. */
static int add_types(struct items *out, const char *types, const char *name, struct err *e)
{
	for (const char *p = types; *p || p == types;) {
		size_t n = strcspn(p, ",");
		int kind = kind_by_word(p, n);
		int ret = kind < 0 ? add_category(out, p, n, e) : add(out, kind, name, e);

		if (ret)
			return ret;
		p += n + (p[n] == ',');
	}
	return 0;
}

static int add_pair(struct items *out, const char *word, struct arena *a, struct err *e)
{
	const char *slash = strchr(word, '/');
	int kind;

	if (!slash)
		return err_set(e, EINVAL,
		               "there is no need to specify a resource type as a separate argument "
		               "when passing arguments in resource/name form");
	if (slash == word || !slash[1] || strchr(slash + 1, '/'))
		return err_set(e, EINVAL,
		               "arguments in resource/name form must have a single resource and "
		               "name");
	kind = kind_by_word(word, slash - word);
	if (kind < 0)
		return err_set(e, ENOENT, "the server doesn't have a resource type \"%.*s\"",
		               (int)(slash - word < 60 ? slash - word : 60), word);
	return add(out, kind, arena_strdup(a, slash + 1), e);
}

int items_parse(unsigned n_words, const char *const *words, struct arena *a, struct items *out,
                struct err *e)
{
	bool pairs = n_words && strchr(words[0], '/');
	int ret = 0;

	*out = (struct items){ 0 };
	if (!n_words)
		return err_set(e, EINVAL, "You must specify the type of resource, e.g. services");
	if (n_words == 1 && !pairs)
		return add_types(out, words[0], NULL, e);
	for (unsigned i = pairs ? 0 : 1; !ret && i < n_words; i++) {
		if (!pairs && strchr(words[i], '/'))
			return add_pair(out, "", a, e);
		ret = pairs ? add_pair(out, words[i], a, e) : add_types(out, words[0], words[i], e);
	}
	return ret;
}

/* ---- places --------------------------------------------------------------------------------- */

static void encode(struct buf *out, const char *s)
{
	for (; *s; s++) {
		bool plain = (*s >= '0' && *s <= '9') || ((*s | 32) >= 'a' && (*s | 32) <= 'z') ||
		             strchr("-._~", *s);

		if (plain)
			buf_add(out, s, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
	}
}

void path_put(struct buf *out, enum kind kind, const char *ns, const char *name)
{
	const struct kind_info *k = &kind_info[kind];

	buf_printf(out, "%s/%s", *k->group ? "/apis" : "/api", k->api_version);
	if (k->namespaced && ns) {
		buf_str(out, "/namespaces/");
		encode(out, ns);
	}
	buf_printf(out, "/%s", k->plural);
	if (name) {
		buf_str(out, "/");
		encode(out, name);
	}
}

void query_put(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "%c%s=", out->len && memchr(out->data, '?', out->len) ? '&' : '?', name);
	encode(out, value);
}

static void put_lower(struct buf *out, const char *s)
{
	for (; *s; s++) {
		char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s;

		buf_add(out, &c, 1);
	}
}

void name_put(struct buf *out, const char *kind, const char *api_version, const char *name)
{
	const char *slash = strchr(api_version, '/');

	put_lower(out, kind);
	if (slash)
		buf_printf(out, ".%.*s", (int)(slash - api_version), api_version);
	buf_printf(out, "/%s", name);
}
