/* api_selector.c - selectors of a query: field selectors' grammar (k8s.io/apimachinery pkg/fields),
 * the fields each kind knows, and what matches. Label selectors: api_selector_labels.c. */
#include <stdlib.h>
#include <string.h>

#include <knetd/http.h>

#include "api_selector.h"

/* ---- fields --------------------------------------------------------------------------------- */

/* As the conversion functions of k8s.io/kubernetes/pkg/apis/core/v1 list them. */
static const struct field {
	int kind;                       /* -1: all */
	const char *key, *path, *other; /* other: where it stands if not at path */
	const char *absent;
} fields[] = {
	{ -1, "metadata.name", "metadata.name", NULL, "" },
	{ -1, "metadata.namespace", "metadata.namespace", NULL, "" },
	{ KIND_NAMESPACE, "status.phase", "status.phase", NULL, "" },
	{ KIND_NODE, "spec.unschedulable", "spec.unschedulable", NULL, "false" },
	{ KIND_POD, "spec.nodeName", "spec.nodeName", NULL, "" },
	{ KIND_POD, "spec.restartPolicy", "spec.restartPolicy", NULL, "" },
	{ KIND_POD, "spec.schedulerName", "spec.schedulerName", NULL, "" },
	{ KIND_POD, "spec.serviceAccountName", "spec.serviceAccountName", NULL, "" },
	{ KIND_POD, "spec.hostNetwork", "spec.hostNetwork", NULL, "false" },
	{ KIND_POD, "status.phase", "status.phase", NULL, "" },
	{ KIND_POD, "status.podIP", "status.podIP", NULL, "" },
	{ KIND_POD, "status.nominatedNodeName", "status.nominatedNodeName", NULL, "" },
	{ KIND_SERVICE, "spec.clusterIP", "spec.clusterIP", NULL, "" },
	{ KIND_SERVICE, "spec.type", "spec.type", NULL, "" },
	{ KIND_SECRET, "type", "type", NULL, "" },
	{ KIND_EVENT, "reason", "reason", NULL, "" },
	{ KIND_EVENT, "type", "type", NULL, "" },
	{ KIND_EVENT, "source", "source.component", "reportingComponent", "" },
	{ KIND_EVENT, "reportingComponent", "reportingComponent", NULL, "" },
	{ KIND_EVENT, "involvedObject.kind", "involvedObject.kind", NULL, "" },
	{ KIND_EVENT, "involvedObject.namespace", "involvedObject.namespace", NULL, "" },
	{ KIND_EVENT, "involvedObject.name", "involvedObject.name", NULL, "" },
	{ KIND_EVENT, "involvedObject.uid", "involvedObject.uid", NULL, "" },
	{ KIND_EVENT, "involvedObject.apiVersion", "involvedObject.apiVersion", NULL, "" },
	{ KIND_EVENT, "involvedObject.resourceVersion", "involvedObject.resourceVersion", NULL,
	  "" },
	{ KIND_EVENT, "involvedObject.fieldPath", "involvedObject.fieldPath", NULL, "" },
};

static const struct field *field_of(enum kind kind, const char *key, bool *own)
{
	*own = false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*own |= fields[i].kind == (int)kind;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if ((fields[i].kind < 0 || fields[i].kind == (int)kind) &&
		    !strcmp(fields[i].key, key))
			return &fields[i];
	return NULL;
}

static const char *text_at(yyjson_val *root, const char *path)
{
	yyjson_val *v = path ? json_at(root, path) : NULL;

	if (yyjson_is_bool(v))
		return yyjson_get_bool(v) ? "true" : "false";
	v = yyjson_get_len(v) ? v : NULL;
	return yyjson_get_str(v);
}

const char *selector_field(const struct object *o, yyjson_val *root, const char *key)
{
	const struct field *f;
	const char *s;
	bool own;

	if (!strcmp(key, "metadata.name"))
		return o->name;
	if (!strcmp(key, "metadata.namespace"))
		return o->ns;
	f = field_of(o->kind, key, &own);
	s = f ? text_at(root, f->path) : "";
	if (!s)
		s = text_at(root, f->other);
	return s ? s : f->absent;
}

/* Up to an unescaped comma; "\\", "\,", "\=" stand for themselves. NULL: a wrong escape. */
static const char *unescape(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1);
	size_t got = 0;

	for (size_t i = 0; i < n; i++) {
		bool escaped = s[i] == '\\';

		i += escaped;
		if (escaped ? i == n || !strchr("\\,=", s[i]) : s[i] == '=')
			return NULL;
		out[got++] = s[i];
	}
	return out;
}

static size_t term_length(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != ',')
		n += s[n] == '\\' && s[n + 1] ? 2 : 1;
	return n;
}

static bool read_term(struct arena *a, const char *s, size_t n, struct requirement *q)
{
	size_t at = strcspn(s, "=!"), op;

	if (at >= n)
		return false;
	op = s[at] == '=' ? 1 + (s[at + 1] == '=') : 2;
	if (s[at] == '!' && s[at + 1] != '=')
		return false;
	*q = (struct requirement){ .op = s[at] == '=' ? REQ_IN : REQ_NOT_IN, .field = true };
	q->key = arena_strndup(a, s, at);
	q->values = arena_alloc(a, sizeof(*q->values));
	q->values[q->n_values++] = unescape(a, s + at + op, n - at - op);
	return q->values[0];
}

static const char *unknown_field(struct arena *a, bool own, const char *key)
{
	return arena_printf(a,
	                    own ? "field label not supported: %.100s"
	                        : "\"%.100s\" is not a known field selector: only "
	                          "\"metadata.name\", \"metadata.namespace\"",
	                    key);
}

bool selector_read_fields(const char *text, enum kind kind, struct arena *a, struct requirement *v,
                          unsigned *n, const char **why)
{
	for (const char *s = text; *s; s += *s == ',') {
		size_t len = term_length(s);
		bool own;

		if (!len)
			continue;
		if (*n == SELECTOR_REQUIREMENTS) {
			*why = arena_printf(a, "more than %d requirements", SELECTOR_REQUIREMENTS);
			return false;
		}
		if (!read_term(a, s, len, &v[*n])) {
			*why = arena_printf(a,
			                    "invalid selector: '%.100s'; can't understand '%.*s'",
			                    text, (int)(len < 100 ? len : 100), s);
			return false;
		}
		if (!field_of(kind, v[*n].key, &own)) {
			*why = unknown_field(a, own, v[*n].key);
			return false;
		}
		(*n)++;
		s += len;
	}
	return true;
}

/* ---- the query ------------------------------------------------------------------------------ */

/* The decoded parameter in the arena; NULL when it is not there. One that is there and cannot be
 * read is refused: it must never count as "all". */
static bool read_parameter(const char *query, const char *name, struct arena *a, const char **out,
                           const char **why)
{
	char text[SELECTOR_MAX];

	*out = NULL;
	if (!http_query_has(query, name))
		return true;
	if (!http_query(query, name, text, sizeof(text))) {
		*why = arena_printf(a, "%s: longer than %d bytes, or not percent-encoded", name,
		                    SELECTOR_MAX);
		return false;
	}
	*out = *text ? arena_strdup(a, text) : NULL;
	return true;
}

static unsigned count_terms(const char *s)
{
	unsigned n = s != NULL;

	for (; s && *s; s++)
		n += *s == ',';
	return n < SELECTOR_REQUIREMENTS ? n : SELECTOR_REQUIREMENTS;
}

bool selector_parse(const char *query, enum kind kind, struct arena *a, struct selector *out,
                    const char **why)
{
	const char *labels, *fields_text;
	struct requirement *v;
	unsigned n = 0, n_fields = 0;

	*out = (struct selector){ 0 };
	if (!read_parameter(query, "labelSelector", a, &labels, why) ||
	    !read_parameter(query, "fieldSelector", a, &fields_text, why))
		return false;
	if (!labels && !fields_text)
		return true;
	v = arena_alloc(a, (count_terms(labels) + count_terms(fields_text)) * sizeof(*v));
	if (labels && !selector_read_labels(labels, a, v, &n, why))
		return false;
	if (fields_text && !selector_read_fields(fields_text, kind, a, v + n, &n_fields, why))
		return false;
	out->v = v;
	out->n = n + n_fields;
	return true;
}

/* ---- matching ------------------------------------------------------------------------------- */

static bool compares(const struct requirement *r, const char *s)
{
	char *end;
	long long is = strtoll(s, &end, 10), than = strtoll(r->values[0], NULL, 10);

	return *s && !*end && (r->op == REQ_GREATER ? is > than : is < than);
}

static bool meets(const struct requirement *r, const struct object *o, yyjson_val *root)
{
	const char *s =
		r->field ? selector_field(o, root, r->key)
			 : yyjson_get_str(yyjson_obj_get(json_at(root, "metadata.labels"), r->key));
	bool in = false;

	if (r->op == REQ_EXISTS || r->op == REQ_ABSENT)
		return (r->op == REQ_EXISTS) == (s != NULL);
	if (r->op == REQ_GREATER || r->op == REQ_LESS)
		return s && compares(r, s);
	for (unsigned i = 0; s && i < r->n_values; i++)
		in |= !strcmp(s, r->values[i]);
	return in == (r->op == REQ_IN);
}

/* The names need no look into the text. */
static bool is_identity(const struct requirement *r)
{
	return r->field && !strncmp(r->key, "metadata.", 9);
}

bool selector_match(const struct selector *s, const struct object *o)
{
	auto_doc yyjson_doc *doc = NULL;

	for (unsigned i = 0; i < s->n; i++)
		if (is_identity(&s->v[i]) && !meets(&s->v[i], o, NULL))
			return false;
	for (unsigned i = 0; i < s->n; i++) {
		if (is_identity(&s->v[i]))
			continue;
		if (!doc)
			doc = object_doc(o);
		if (!meets(&s->v[i], o, yyjson_doc_get_root(doc)))
			return false;
	}
	return true;
}
