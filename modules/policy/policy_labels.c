/* policy_labels.c - see policy_labels.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/object.h>

#include "policy_labels.h"

static struct map selectors; /* by text */

/* ---- hashes --------------------------------------------------------------------------------- */

static uint64_t key_hash(const char *name)
{
	return hash_bytes(name, strlen(name), hash_seed());
}

static uint64_t pair_hash(uint64_t key, const char *value)
{
	return hash_bytes(value, strlen(value), key);
}

static uint64_t bit_of(uint64_t hash)
{
	return 1ull << (hash >> 58);
}

/* ---- labels --------------------------------------------------------------------------------- */

struct pair {
	const char *name, *value;
	size_t place;
};

/* Of two with one name the first counts, as for whoever looks the name up. */
static int by_name(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->place < y->place ? -1 : 1;
}

static void add_text(struct buf *out, const char *s)
{
	buf_add(out, s, strlen(s) + 1);
}

void policy_labels_text(yyjson_val *object, struct buf *out)
{
	auto_free struct pair *pairs = xcalloc(yyjson_obj_size(object) + 1, sizeof(*pairs));
	yyjson_val *key, *value;
	size_t i, max, n = 0;

	yyjson_obj_foreach (json_members(object), i, max, key, value)
		if (yyjson_is_str(value)) {
			pairs[n] = (struct pair){ yyjson_get_str(key), yyjson_get_str(value), n };
			n++;
		}
	qsort(pairs, n, sizeof(*pairs), by_name);
	for (i = 0; i < n; i++) {
		if (i && !strcmp(pairs[i].name, pairs[i - 1].name))
			continue;
		add_text(out, pairs[i].name);
		add_text(out, pairs[i].value);
	}
}

static uint32_t count_texts(const char *text, size_t len)
{
	uint32_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += !text[i];
	return n;
}

void policy_labels_open(struct policy_labels *l, const char *text, size_t len)
{
	*l = (struct policy_labels){ .n = count_texts(text, len) / 2 };
	l->v = l->n ? xcalloc(l->n, sizeof(*l->v)) : NULL;
	for (uint32_t i = 0; i < l->n; i++) {
		struct policy_label *v = &l->v[i];

		v->name = text;
		v->value = text + strlen(text) + 1;
		v->key = key_hash(v->name);
		v->pair = pair_hash(v->key, v->value);
		l->bits |= bit_of(v->key) | bit_of(v->pair);
		text = v->value + strlen(v->value) + 1;
	}
}

void policy_labels_close(struct policy_labels *l)
{
	free(l->v);
	*l = (struct policy_labels){ 0 };
}

/* ---- selectors as text -------------------------------------------------------------------------
 * Each requirement is "operator name\0count\0value\0..."; requirements and values are sorted and
 * told once, so that selectors which say the same are the same. */

struct line { /* a requirement's text */
	char *text;
	size_t len;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_line(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);

	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static struct line line_of(enum policy_operator op, const char *name, const char **values, size_t n)
{
	struct buf b = { 0 };
	size_t kept = 0;

	if (n)
		qsort(values, n, sizeof(*values), by_text);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(values[i], values[kept - 1]) != 0)
			values[kept++] = values[i];
	buf_printf(&b, "%d%s", op, name);
	buf_add(&b, "", 1);
	buf_printf(&b, "%zu", kept);
	buf_add(&b, "", 1);
	for (size_t i = 0; i < kept; i++)
		add_text(&b, values[i]);
	return (struct line){ b.data, b.len };
}

static bool read_operator(const char *text, enum policy_operator *out)
{
	static const char *const names[] = { [POLICY_ONE_OF] = "In",
		                             [POLICY_NONE_OF] = "NotIn",
		                             [POLICY_EXISTS] = "Exists",
		                             [POLICY_ABSENT] = "DoesNotExist" };

	for (unsigned i = 0; text && i < ARRAY_LEN(names); i++)
		if (!strcmp(text, names[i])) {
			*out = i;
			return true;
		}
	return false;
}

static bool read_expression(yyjson_val *x, struct line *out)
{
	yyjson_val *list = yyjson_obj_get(x, "values"), *v;
	auto_free const char **values = xcalloc(yyjson_arr_size(list) + 1, sizeof(*values));
	const char *name = json_str(x, "key");
	enum policy_operator op;
	size_t i, max, n = 0;

	if (!name || !read_operator(json_str(x, "operator"), &op))
		return false;
	if (op == POLICY_ONE_OF || op == POLICY_NONE_OF)
		yyjson_arr_foreach (list, i, max, v)
			if (yyjson_is_str(v))
				values[n++] = yyjson_get_str(v);
	*out = line_of(op, name, values, n);
	return true;
}

/* Returns how many lines there are; *never when something cannot be read. */
static size_t read_lines(yyjson_val *selector, struct line *lines, bool *never)
{
	yyjson_val *key, *v;
	size_t i, max, n = 0;

	yyjson_obj_foreach (json_members(yyjson_obj_get(selector, "matchLabels")), i, max, key, v) {
		const char *value = yyjson_get_str(v);

		if (value)
			lines[n++] = line_of(POLICY_ONE_OF, yyjson_get_str(key), &value, 1);
		*never |= !value;
	}
	yyjson_arr_foreach (yyjson_obj_get(selector, "matchExpressions"), i, max, v) {
		if (read_expression(v, &lines[n]))
			n++;
		else
			*never = true;
	}
	return n;
}

static void selector_text(yyjson_val *selector, struct buf *out)
{
	size_t most = yyjson_obj_size(yyjson_obj_get(selector, "matchLabels")) +
	              yyjson_arr_size(yyjson_obj_get(selector, "matchExpressions"));
	auto_free struct line *lines = xcalloc(most + 1, sizeof(*lines));
	bool never = false;
	size_t n = read_lines(selector, lines, &never);

	if (n)
		qsort(lines, n, sizeof(*lines), by_line);
	if (never)
		buf_str(out, "!");
	for (size_t i = 0; i < n; i++) {
		if (!never && (!i || by_line(&lines[i], &lines[i - 1])))
			buf_add(out, lines[i].text, lines[i].len);
	}
	for (size_t i = 0; i < n; i++)
		free(lines[i].text);
}

/* ---- selectors ------------------------------------------------------------------------------ */

static const char *behind(const char *text)
{
	return text + strlen(text) + 1;
}

static const char *open_requirement(struct policy_selector *s, const char *p)
{
	struct policy_requirement *r = &s->v[s->n++];

	r->op = (enum policy_operator)(*p - '0');
	r->name = p + 1;
	r->key = key_hash(r->name);
	p = behind(p);
	r->n = (uint32_t)strtoul(p, NULL, 10);
	p = behind(p);
	r->values = r->n ? xcalloc(r->n, sizeof(*r->values)) : NULL;
	r->pairs = r->n ? xcalloc(r->n, sizeof(*r->pairs)) : NULL;
	for (uint32_t i = 0; i < r->n; i++, p = behind(p)) {
		r->values[i] = p;
		r->pairs[i] = pair_hash(r->key, p);
	}
	if (r->op == POLICY_ONE_OF || r->op == POLICY_EXISTS)
		s->bits |= bit_of(r->key);
	if (r->op == POLICY_ONE_OF && r->n == 1) {
		s->bits |= bit_of(r->pairs[0]);
		s->anchor = r->pairs[0];
	}
	return p;
}

static struct policy_selector *selector_new(const char *text, size_t len)
{
	struct policy_selector *s = xcalloc(1, sizeof(*s) + len + 1);

	s->len = len;
	if (len)
		memcpy(s->text, text, len);
	s->never = len && *text == '!';
	s->v = len ? xcalloc(count_texts(text, len) / 2 + 1, sizeof(*s->v)) : NULL;
	if (!s->never)
		for (const char *p = s->text; p < s->text + len;)
			p = open_requirement(s, p);
	map_put(&selectors, s->text, s->len, s);
	return s;
}

struct policy_selector *policy_selector_get(yyjson_val *selector)
{
	auto_buf struct buf text = { 0 };
	struct policy_selector *s;

	selector_text(selector, &text);
	s = map_get(&selectors, text.data ? text.data : "", text.len);
	return policy_selector_ref(s ? s : selector_new(text.data ? text.data : "", text.len));
}

struct policy_selector *policy_selector_ref(struct policy_selector *s)
{
	s->refs++;
	return s;
}

void policy_selector_put(struct policy_selector *s)
{
	if (!s || --s->refs)
		return;
	map_del(&selectors, s->text, s->len);
	if (!selectors.len)
		map_free(&selectors);
	for (uint32_t i = 0; i < s->n; i++) {
		free(s->v[i].values);
		free(s->v[i].pairs);
	}
	free(s->v);
	free(s);
}

/* ---- matching ------------------------------------------------------------------------------- */

static const struct policy_label *find_label(const struct policy_labels *l,
                                             const struct policy_requirement *r)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->v[i].key == r->key && !strcmp(l->v[i].name, r->name))
			return &l->v[i];
	return NULL;
}

static bool has_value(const struct policy_requirement *r, const struct policy_label *l)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->pairs[i] == l->pair && !strcmp(r->values[i], l->value))
			return true;
	return false;
}

static bool holds(const struct policy_requirement *r, const struct policy_labels *l)
{
	const struct policy_label *label = find_label(l, r);

	switch (r->op) {
	case POLICY_ONE_OF:
		return label && has_value(r, label);
	case POLICY_NONE_OF:
		return !label || !has_value(r, label);
	case POLICY_EXISTS:
		return label;
	case POLICY_ABSENT:
		break;
	}
	return !label;
}

bool policy_selector_match_slowly(const struct policy_selector *s, const struct policy_labels *l)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (!holds(&s->v[i], l))
			return false;
	return !s->never;
}
