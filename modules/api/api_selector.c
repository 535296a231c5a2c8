/* api_selector.c - labelSelector and fieldSelector (k8s.io/apimachinery labels and fields). */
#include <string.h>

#include "api.h"

#define SELECTOR_MAX 2048

static const char *skip(const char *s)
{
	return s + strspn(s, " ");
}

static const char *word(struct arena *a, const char **s)
{
	size_t n = strcspn(*s, " ,=!()");
	const char *w = arena_strndup(a, *s, n);

	*s = skip(*s + n);
	return w;
}

/* "in (a, b)" or "notin (a, b)" behind a key. */
static bool read_set(struct arena *a, const char **s, struct requirement *r)
{
	const char *op = word(a, s);

	r->op = !strcmp(op, "in") ? REQ_IN : REQ_NOT_IN;
	if ((strcmp(op, "in") != 0 && strcmp(op, "notin") != 0) || **s != '(')
		return false;
	do {
		*s = skip(*s + 1);
		if (r->n_values == SELECTOR_VALUES)
			return false;
		r->values[r->n_values++] = word(a, s);
	} while (**s == ',');
	if (**s != ')')
		return false;
	*s = skip(*s + 1);
	return true;
}

static bool read_requirement(struct arena *a, const char **s, struct requirement *r)
{
	if (**s == '!') {
		*s = skip(*s + 1);
		r->op = REQ_ABSENT;
		r->key = word(a, s);
		return *r->key;
	}
	r->key = word(a, s);
	if (!*r->key)
		return false;
	if (!**s || **s == ',') {
		r->op = REQ_EXISTS;
		return true;
	}
	if (**s != '=' && **s != '!')
		return read_set(a, s, r);
	r->op = **s == '=' ? REQ_IN : REQ_NOT_IN;
	if (**s == '!' && (*s)[1] != '=')
		return false;
	*s = skip(*s + 1 + ((*s)[1] == '='));
	r->values[r->n_values++] = word(a, s);
	return true;
}

static bool field_known(enum kind kind, const char *key)
{
	static const struct {
		int kind; /* -1: all */
		const char *key;
	} known[] = {
		{ -1, "metadata.name" },
		{ -1, "metadata.namespace" },
		{ KIND_POD, "spec.nodeName" },
		{ KIND_POD, "status.phase" },
		{ KIND_POD, "status.podIP" },
		{ KIND_SERVICE, "spec.clusterIP" },
		{ KIND_SERVICE, "spec.type" },
		{ KIND_SECRET, "type" },
		{ KIND_EVENT, "reason" },
		{ KIND_EVENT, "type" },
		{ KIND_EVENT, "involvedObject.kind" },
		{ KIND_EVENT, "involvedObject.name" },
		{ KIND_EVENT, "involvedObject.uid" },
		{ KIND_EVENT, "involvedObject.namespace" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if ((known[i].kind < 0 || known[i].kind == (int)kind) && !strcmp(known[i].key, key))
			return true;
	return false;
}

static bool read_list(const char *text, bool field, enum kind kind, struct arena *a,
                      struct selector *out, const char **why)
{
	const char *s = skip(text);

	while (*s) {
		struct requirement *r = &out->v[out->n];

		if (out->n < SELECTOR_REQUIREMENTS)
			*r = (struct requirement){ .field = field };
		if (out->n == SELECTOR_REQUIREMENTS || !read_requirement(a, &s, r) ||
		    (*s && *s != ',')) {
			*why = arena_printf(a, "unable to parse requirement: %.100s", text);
			return false;
		}
		if (field && (!field_known(kind, r->key) || r->op > REQ_NOT_IN)) {
			*why = arena_printf(a, "field label not supported: %.100s", r->key);
			return false;
		}
		out->n++;
		s = skip(s + (*s == ','));
	}
	return true;
}

static bool has_parameter(const char *query, const char *name)
{
	size_t len = strlen(name);

	for (; *query; query += strcspn(query, "&"), query += *query == '&')
		if (!strncmp(query, name, len) && query[len] == '=')
			return true;
	return false;
}

/* One that is there and cannot be read is refused: it must never count as "all". */
static bool read_parameter(const char *query, const char *name, enum kind kind, struct arena *a,
                           struct selector *out, const char **why)
{
	char text[SELECTOR_MAX];

	if (!has_parameter(query, name))
		return true;
	if (http_query(query, name, text, sizeof(text)))
		return read_list(text, name[0] == 'f', kind, a, out, why);
	*why = arena_printf(a, "%s: longer than %d bytes, or not percent-encoded", name,
	                    SELECTOR_MAX);
	return false;
}

bool selector_parse(const char *query, enum kind kind, struct arena *a, struct selector *out,
                    const char **why)
{
	*out = (struct selector){ 0 };
	return read_parameter(query, "labelSelector", kind, a, out, why) &&
	       read_parameter(query, "fieldSelector", kind, a, out, why);
}

static bool meets(const struct requirement *r, yyjson_val *root)
{
	yyjson_val *v = r->field ? json_at(root, r->key)
	                         : yyjson_obj_get(json_at(root, "metadata.labels"), r->key);
	const char *s = yyjson_get_str(v);
	bool in = false;

	if (r->op == REQ_EXISTS || r->op == REQ_ABSENT)
		return (r->op == REQ_EXISTS) == (v != NULL);
	if (r->field && !s)
		s = "";
	for (unsigned i = 0; s && i < r->n_values; i++)
		in |= !strcmp(s, r->values[i]);
	return in == (r->op == REQ_IN);
}

bool selector_match(const struct selector *s, const struct object *o)
{
	auto_doc yyjson_doc *doc = s->n ? object_doc(o) : NULL;

	for (unsigned i = 0; i < s->n; i++)
		if (!meets(&s->v[i], yyjson_doc_get_root(doc)))
			return false;
	return true;
}
