/* jsonpath.c - see jsonpath.h. The template is walked where it stands: no tree is built of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "json_text.h"
#include "jsonpath.h"

struct values {
	size_t n, cap;
	yyjson_val **v;
};

static void auto_values_(struct values *s)
{
	free(s->v);
}
#define auto_values __attribute__((cleanup(auto_values_)))

static int keep(struct values *s, yyjson_val *v, struct err *e)
{
	if (!v)
		return 0;
	if (s->n == JSONPATH_VALUES)
		return err_set(e, E2BIG, "jsonpath: more than %d results", JSONPATH_VALUES);
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->v = xrealloc(s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n++] = v;
	return 0;
}

struct path {
	const char *p, *end;
	yyjson_val *root;
	unsigned nested;
	struct err *e;
};

static int bad(struct path *x, const char *what)
{
	int n = x->end - x->p < 40 ? (int)(x->end - x->p) : 40;

	return err_set(x->e, EINVAL, "jsonpath: %s at \"%.*s\"", what, n, x->p);
}

static void blanks(struct path *x)
{
	while (x->p < x->end && (*x->p == ' ' || *x->p == '\t' || *x->p == '\n'))
		x->p++;
}

static bool at(const struct path *x, char c)
{
	return x->p < x->end && *x->p == c;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static int every_item(yyjson_val *v, struct values *out, struct err *e)
{
	yyjson_val *key, *item;
	size_t i, n;
	int ret = 0;

	if (yyjson_is_obj(v))
		yyjson_obj_foreach (v, i, n, key, item)
			ret = ret ? ret : keep(out, item, e);
	else
		yyjson_arr_foreach (v, i, n, item)
			ret = ret ? ret : keep(out, item, e);
	return ret;
}

static int all_items(struct path *x, const struct values *in, struct values *out)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < in->n; i++)
		ret = every_item(in->v[i], out, x->e);
	return ret;
}

static int members(struct path *x, const char *name, size_t n, const struct values *in,
                   struct values *out)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < in->n; i++)
		if (yyjson_is_obj(in->v[i]))
			ret = keep(out, yyjson_obj_getn(in->v[i], name, n), x->e);
	return ret;
}

/* A name behind a dot; a backslash takes the next character as it is. */
static int step_field(struct path *x, const struct values *in, struct values *out)
{
	auto_buf struct buf name = { 0 };

	if (at(x, '*')) {
		x->p++;
		return all_items(x, in, out);
	}
	for (; x->p < x->end && !strchr(".[]() \t\n=!<>&|", *x->p); x->p++) {
		x->p += *x->p == '\\' && x->p + 1 < x->end;
		buf_add(&name, x->p, 1);
	}
	if (!name.len)
		return bad(x, "a field's name is expected");
	return members(x, name.data, name.len, in, out);
}

static bool number(struct path *x, long *out)
{
	char text[16];
	size_t n = 0;
	char *rest;

	while (x->p + n < x->end && n < sizeof(text) - 1 &&
	       (x->p[n] == '-' || (x->p[n] >= '0' && x->p[n] <= '9'))) {
		text[n] = x->p[n];
		n++;
	}
	text[n] = 0;
	*out = strtol(text, &rest, 10);
	if (!n || *rest)
		return false;
	x->p += n;
	return true;
}

struct slice {
	long from, to;
	bool has_from, has_to, one;
};

static int slice_items(struct path *x, const struct slice *s, const struct values *in,
                       struct values *out)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < in->n; i++) {
		long n = (long)yyjson_arr_size(in->v[i]);
		long from = s->has_from ? s->from : 0, to = s->has_to ? s->to : n;

		if (!yyjson_is_arr(in->v[i]))
			continue;
		from += from < 0 ? n : 0;
		to = s->one ? from + 1 : to + (to < 0 ? n : 0);
		if (s->one && (from < 0 || from >= n))
			return err_set(x->e, EINVAL,
			               "jsonpath: array index out of bounds: index %ld, length %ld",
			               s->from, n);
		for (long k = from < 0 ? 0 : from; !ret && k < to && k < n; k++)
			ret = keep(out, yyjson_arr_get(in->v[i], (size_t)k), x->e);
	}
	return ret;
}

static int step_slice(struct path *x, const struct values *in, struct values *out)
{
	struct slice s = { 0 };

	s.has_from = number(x, &s.from);
	s.one = !at(x, ':');
	if (!s.one) {
		x->p++;
		s.has_to = number(x, &s.to);
	} else if (!s.has_from) {
		return bad(x, "an index is expected");
	}
	return slice_items(x, &s, in, out);
}

/* 'text' or "text"; the closing quote is passed. */
static bool quoted(struct path *x, struct buf *out)
{
	char q = *x->p++;

	for (; x->p < x->end && *x->p != q; x->p++) {
		char c = *x->p;

		if (c == '\\' && x->p + 1 < x->end) {
			c = *++x->p;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		buf_add(out, &c, 1);
	}
	if (!at(x, q))
		return false;
	x->p++;
	return true;
}

/* ---- filters -------------------------------------------------------------------------------- */

static int walk(struct path *x, struct values *now);

struct operand {
	bool there, is_number;
	double number;
	struct buf text;
};

static void set_operand(struct operand *o, yyjson_val *v)
{
	o->there = true;
	o->is_number = yyjson_is_num(v);
	o->number = yyjson_get_num(v);
	if (yyjson_is_str(v))
		buf_add(&o->text, yyjson_get_str(v), yyjson_get_len(v));
	else
		json_text(&o->text, v, JSON_COMPACT, false);
}

static int read_operand(struct path *x, yyjson_val *item, struct operand *o)
{
	auto_values struct values v = { 0 };
	const char *from;
	int ret;

	blanks(x);
	if (at(x, '\'') || at(x, '"')) {
		o->there = true;
		return quoted(x, &o->text) ? 0 : bad(x, "a quote is not closed");
	}
	if (at(x, '@')) {
		ret = keep(&v, item, x->e);
		ret = ret ? ret : walk(x, &v);
		if (!ret && v.n)
			set_operand(o, v.v[0]);
		return ret;
	}
	for (from = x->p; x->p < x->end && !strchr(" )=!<>", *x->p);)
		x->p++;
	buf_add(&o->text, from, x->p - from);
	buf_add(&o->text, "", 1);
	if (o->text.len == 1)
		return bad(x, "a value is expected");
	o->there = true;
	o->number = strtod(o->text.data, (char **)&from);
	o->is_number = !*from;
	o->text.len--;
	return 0;
}

static int order(const struct operand *a, const struct operand *b)
{
	size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
	int d;

	if (a->is_number && b->is_number)
		return a->number < b->number ? -1 : a->number > b->number;
	d = n ? memcmp(a->text.data, b->text.data, n) : 0;
	return d ? d : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static const char *const operators[] = { "==", "!=", "<=", ">=", "<", ">" };

static int read_operator(struct path *x)
{
	blanks(x);
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		size_t n = strlen(operators[i]);

		if ((size_t)(x->end - x->p) >= n && !memcmp(x->p, operators[i], n)) {
			x->p += n;
			return (int)i;
		}
	}
	return -1;
}

static bool holds(int operator, const struct operand * a, const struct operand *b)
{
	int d = order(a, b);
	const bool results[] = { d == 0, d != 0, d <= 0, d >= 0, d<0, d> 0 };

	return a->there && b->there && results[operator];
}

/* @.a == "b", or @.a alone; x is left at the closing bracket. */
static int judge(struct path *x, yyjson_val *item, bool *yes)
{
	struct operand a = { 0 }, b = { 0 };
	int ret = read_operand(x, item, &a), operator= - 1;

	if (!ret)
		operator= read_operator(x);
	*yes = a.there;
	if (!ret && operator>= 0) {
		ret = read_operand(x, item, &b);
		*yes = holds(operator, & a, &b);
	}
	blanks(x);
	buf_free(&a.text);
	buf_free(&b.text);
	return ret;
}

static int step_filter(struct path *x, const struct values *in, struct values *out)
{
	auto_values struct values items = { 0 };
	const char *from = x->p;
	bool yes;
	int ret = all_items(x, in, &items);

	if (ret)
		return ret;
	if (++x->nested > JSONPATH_NESTED)
		return bad(x, "filters are nested too deeply");
	ret = judge(x, NULL, &yes); /* where it ends, also over nothing */
	for (size_t i = 0; !ret && i < items.n; i++) {
		x->p = from;
		ret = judge(x, items.v[i], &yes);
		if (!ret && yes)
			ret = keep(out, items.v[i], x->e);
	}
	x->nested--;
	if (ret)
		return ret;
	if (!at(x, ')'))
		return bad(x, "\")\" is expected");
	x->p++;
	return 0;
}

/* ---- paths ---------------------------------------------------------------------------------- */

static int step_bracket(struct path *x, const struct values *in, struct values *out)
{
	auto_buf struct buf name = { 0 };
	int ret;

	if (at(x, '*')) {
		x->p++;
		ret = all_items(x, in, out);
	} else if (at(x, '\'') || at(x, '"')) {
		if (!quoted(x, &name))
			return bad(x, "a quote is not closed");
		ret = members(x, name.data ? name.data : "", name.len, in, out);
	} else if (x->end - x->p > 1 && x->p[0] == '?' && x->p[1] == '(') {
		x->p += 2;
		ret = step_filter(x, in, out);
	} else {
		ret = step_slice(x, in, out);
	}
	if (ret)
		return ret;
	if (!at(x, ']'))
		return bad(x, "\"]\" is expected");
	x->p++;
	return 0;
}

/* From the values in `now` along the path; they are replaced by what it leads to. */
static int walk(struct path *x, struct values *now)
{
	if (at(x, '@') || at(x, '$'))
		x->p++;
	while (at(x, '.') || at(x, '[')) {
		struct values next = { 0 };
		char c = *x->p++;
		int ret = 0;

		if (c == '.' && at(x, '.'))
			ret = bad(x, "recursive descent is not known here");
		else if (c == '.' && at(x, '['))
			continue;
		else if (c == '[')
			ret = step_bracket(x, now, &next);
		else if (x->p < x->end) /* a dot alone is the object itself */
			ret = step_field(x, now, &next);
		else
			continue;
		free(now->v);
		*now = next;
		if (ret)
			return ret;
	}
	return 0;
}

static int select_values(const char *p, const char *end, yyjson_val *root, struct values *out,
                         struct err *e)
{
	struct path x = { .p = p, .end = end, .root = root, .e = e };
	int ret;

	blanks(&x);
	if (x.p < x.end && !strchr("@$.[", *x.p))
		return bad(&x, "a path is expected");
	ret = keep(out, root, e);
	ret = ret ? ret : walk(&x, out);
	blanks(&x);
	return ret || x.p == x.end ? ret : bad(&x, "unexpected text");
}

/* ---- templates ------------------------------------------------------------------------------ */

static void put_values(const struct values *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		buf_str(out, i ? " " : "");
		if (yyjson_is_str(s->v[i]))
			buf_add(out, yyjson_get_str(s->v[i]), yyjson_get_len(s->v[i]));
		else if (!yyjson_is_null(s->v[i]))
			json_text(out, s->v[i], JSON_COMPACT, false);
	}
}

/* The brace that closes the one at p, beyond quotes. */
static const char *closing(const char *p, const char *end)
{
	char q = 0;

	for (p++; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (q)
			q = *p == q ? 0 : q;
		else if (*p == '"' || *p == '\'')
			q = *p;
		else if (*p == '}')
			return p;
	}
	return NULL;
}

static bool word(const char *p, const char *end, const char *w)
{
	size_t n = strlen(w);

	while (p < end && *p == ' ')
		p++;
	return (size_t)(end - p) >= n && !memcmp(p, w, n) &&
	       ((size_t)(end - p) == n || p[n] == ' ');
}

/* The "{end}" of the range whose body begins at p. */
static const char *range_end(const char *p, const char *end)
{
	unsigned open = 1;

	while (p < end) {
		const char *close = *p == '{' ? closing(p, end) : NULL;

		if (!close) {
			p++;
			continue;
		}
		open += word(p + 1, close, "range");
		open -= word(p + 1, close, "end");
		if (!open)
			return p;
		p = close + 1;
	}
	return NULL;
}

struct filling {
	struct buf *out;
	struct err *e;
	unsigned nested;
};

static int fill(struct filling *f, const char *p, const char *end, yyjson_val *root);

static int fill_range(struct filling *f, const char *path, const char *close, const char *end,
                      yyjson_val *root, const char **after)
{
	auto_values struct values v = { 0 };
	const char *body = close + 1, *stop = range_end(body, end);
	int ret;

	if (!stop)
		return err_set(f->e, EINVAL, "jsonpath: unterminated range: {end} is missing");
	if (++f->nested > JSONPATH_NESTED)
		return err_set(f->e, EINVAL, "jsonpath: ranges are nested too deeply");
	ret = select_values(path, close, root, &v, f->e);
	for (size_t i = 0; !ret && i < v.n; i++)
		ret = fill(f, body, stop, v.v[i]);
	f->nested--;
	*after = closing(stop, end) + 1;
	return ret;
}

/* What stands between two braces. */
static int fill_action(struct filling *f, const char *p, const char *close, yyjson_val *root)
{
	auto_values struct values v = { 0 };
	struct path x = { .p = p, .end = close, .e = f->e };
	int ret;

	blanks(&x);
	if (at(&x, '"') || at(&x, '\''))
		return quoted(&x, f->out) ? 0 : bad(&x, "a quote is not closed");
	ret = select_values(x.p, close, root, &v, f->e);
	if (!ret)
		put_values(&v, f->out);
	return ret;
}

static int fill(struct filling *f, const char *p, const char *end, yyjson_val *root)
{
	int ret = 0;

	while (!ret && p < end) {
		const char *brace = memchr(p, '{', end - p), *close;

		if (!brace) {
			buf_add(f->out, p, end - p);
			break;
		}
		buf_add(f->out, p, brace - p);
		close = closing(brace, end);
		if (!close)
			return err_set(f->e, EINVAL, "jsonpath: unclosed action: } is missing");
		p = close + 1;
		if (word(brace + 1, close, "range"))
			ret = fill_range(f, strchr(brace, 'r') + 5, close, end, root, &p);
		else
			ret = fill_action(f, brace + 1, close, root);
		if (!ret && f->out->failed)
			ret = err_set(f->e, EMSGSIZE, "jsonpath: the result is too large");
	}
	return ret;
}

int jsonpath_write(const char *template, yyjson_val *root, struct buf *out, struct err *e)
{
	const char *end = template + strlen(template);
	struct filling f = { out, e, 0 };

	if (!strchr(template, '{') && (*template == '.' || *template == '$'))
		return fill_action(&f, template, end, root);
	return fill(&f, template, end, root);
}
