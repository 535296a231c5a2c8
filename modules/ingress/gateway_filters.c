/* gateway_filters.c - filters of HTTPRoutes and GRPCRoutes as those of the table.
 *
 * What an author writes gets into heads: values that would end a line, fields that frame messages
 * and paths that are none are refused or written as they have to be. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "gateway_compile.h"

#define UNSUPPORTED "UnsupportedValue"
#define NO_NAME ((struct span){ "", 0 })

struct filling { /* the list as it grows */
	struct table_filter *v;
	uint32_t n;
	const char *at; /* "filters[0]" */
};

static struct table_filter *add(struct filling *f, enum filter_type type)
{
	struct table_filter *x = &f->v[f->n++];

	*x = (struct table_filter){
		.type = type, .backend = TABLE_NONE, .name = NO_NAME, .value = NO_NAME
	};
	return x;
}

/* ---- headers -------------------------------------------------------------------------------- */

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || strchr("\"(),/:;<=>?@[\\]{}", *s))
			return false;
	return true;
}

static bool is_value(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static bool frames_messages(const char *name)
{
	static const char *const names[] = { "connection", "content-length",    "host",
		                             "keep-alive", "proxy-connection",  "te",
		                             "trailer",    "transfer-encoding", "upgrade" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

static bool name_is_good(struct compiling *c, const struct filling *f, const char *name)
{
	if (is_token(name) && !frames_messages(name))
		return true;
	compile_refuse(c, UNSUPPORTED, "%s: the field %s cannot be changed", f->at, name);
	return false;
}

static void fields(struct compiling *c, struct filling *f, yyjson_val *list, enum filter_type type)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		bool bare = yyjson_is_str(v); /* of remove */
		const char *name = bare ? yyjson_get_str(v) : compile_str(v, "name", ""),
			   *value = bare ? "" : compile_str(v, "value", "");
		struct table_filter *x;

		if (type == FILTER_REQUEST_SET && !strcasecmp(name, "host") && is_token(value)) {
			struct table_rewrite *w = arena_alloc(&c->out->arena, sizeof(*w));

			w->host = compile_text(c, value);
			w->path = w->scheme = NO_NAME;
			add(f, FILTER_REWRITE)->rewrite = w;
			continue;
		}
		if (!name_is_good(c, f, name))
			return;
		if (!is_value(value))
			compile_refuse(c, UNSUPPORTED, "%s: the value of %s has control characters",
			               f->at, name);
		x = add(f, type);
		x->name = compile_text(c, name);
		x->value = compile_text(c, value);
	}
}

static void modifier(struct compiling *c, struct filling *f, yyjson_val *m, bool request)
{
	fields(c, f, yyjson_obj_get(m, "set"), request ? FILTER_REQUEST_SET : FILTER_RESPONSE_SET);
	fields(c, f, yyjson_obj_get(m, "add"), request ? FILTER_REQUEST_ADD : FILTER_RESPONSE_ADD);
	fields(c, f, yyjson_obj_get(m, "remove"),
	       request ? FILTER_REQUEST_REMOVE : FILTER_RESPONSE_REMOVE);
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* A path as it may stand in a request line: escapes stay, everything else that may not is written
 * as one. */
static struct span path_text(struct compiling *c, const char *s)
{
	char *out = arena_alloc(&c->out->arena, 3 * strlen(s) + 2), *to = out;

	if (*s && *s != '/')
		*to++ = '/';
	for (; *s; s++) {
		bool escape = *s == '%' && strspn(s + 1, "0123456789abcdefABCDEF") >= 2;

		if (*s > ' ' && *s <= '~' && (escape || !strchr("\"#%<>?[\\]^`{|}", *s)))
			*to++ = *s;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*s);
	}
	return (struct span){ out, to - out };
}

static struct table_rewrite *rewrite(struct compiling *c, const struct filling *f, yyjson_val *w)
{
	struct table_rewrite *out = arena_alloc(&c->out->arena, sizeof(*out));
	const char *type = compile_str(w, "path.type", "");

	*out = (struct table_rewrite){ .host = compile_lower(c, json_str(w, "hostname")),
		                       .path = NO_NAME,
		                       .scheme = NO_NAME };
	if (!strcmp(type, "ReplaceFullPath")) {
		out->kind = REWRITE_FULL;
		out->path = path_text(c, compile_str(w, "path.replaceFullPath", ""));
	} else if (!strcmp(type, "ReplacePrefixMatch")) {
		out->kind = REWRITE_PREFIX;
		out->path = path_text(c, compile_str(w, "path.replacePrefixMatch", ""));
	} else if (*type) {
		compile_refuse(c, UNSUPPORTED, "%s.path.type: %s is not known", f->at, type);
	}
	return out;
}

static void redirect(struct compiling *c, struct filling *f, yyjson_val *r)
{
	static const unsigned known[] = { 301, 302, 303, 307, 308 };
	struct table_rewrite *w = rewrite(c, f, r);
	bool good = false;

	w->scheme = compile_text(c, json_str(r, "scheme"));
	w->port = json_int(r, "port", 0);
	w->status = json_int(r, "statusCode", 302);
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		good |= known[i] == w->status;
	if (!good)
		compile_refuse(c, UNSUPPORTED, "%s.statusCode: %u is no redirect", f->at,
		               w->status);
	if (w->scheme.n && !span_is(w->scheme, "http") && !span_is(w->scheme, "https"))
		compile_refuse(c, UNSUPPORTED, "%s.scheme: %s is neither http nor https", f->at,
		               w->scheme.p);
	add(f, FILTER_REDIRECT)->rewrite = w;
}

/* ---- mirrors and origins -------------------------------------------------------------------- */

/* One whose backend cannot be had is left out, which is said in ResolvedRefs. */
static void mirror(struct compiling *c, struct filling *f, yyjson_val *m)
{
	int64_t numerator = json_int(m, "percent", 100), denominator = 100;
	uint32_t backend = compile_backend(c, yyjson_obj_get(m, "backendRef"));
	struct table_filter *x;

	if (yyjson_obj_get(m, "fraction")) {
		numerator = json_int(m, "fraction.numerator", 0);
		denominator = json_int(m, "fraction.denominator", 100);
	}
	if (backend == TABLE_NONE || numerator <= 0 || denominator <= 0)
		return;
	x = add(f, FILTER_MIRROR);
	x->backend = backend;
	x->denominator = denominator;
	x->numerator = numerator < denominator ? numerator : denominator;
}

static struct span joined(struct compiling *c, yyjson_val *list)
{
	auto_buf struct buf text = { 0 };
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		buf_str(&text, i ? ", " : "");
		buf_str(&text, yyjson_get_str(v) ? yyjson_get_str(v) : "");
	}
	buf_add(&text, "", 1);
	return compile_text(c, text.data);
}

static void cors(struct compiling *c, struct filling *f, yyjson_val *m)
{
	struct table_cors *x = arena_alloc(&c->out->arena, sizeof(*x));
	yyjson_val *list = yyjson_obj_get(m, "allowOrigins"), *v;
	struct table_text *origins =
		arena_alloc(&c->out->arena, (yyjson_arr_size(list) + 1) * sizeof(*origins));
	size_t i, n;

	x->origins = origins;
	yyjson_arr_foreach (list, i, n, v)
		origins[x->n_origins++].text = compile_lower(c, yyjson_get_str(v));
	x->methods = joined(c, yyjson_obj_get(m, "allowMethods"));
	x->headers = joined(c, yyjson_obj_get(m, "allowHeaders"));
	x->expose = joined(c, yyjson_obj_get(m, "exposeHeaders"));
	x->max_age = json_int(m, "maxAge", 5);
	x->credentials = json_bool(m, "allowCredentials", false);
	if (!is_value(x->methods.p) || !is_value(x->headers.p) || !is_value(x->expose.p))
		compile_refuse(c, UNSUPPORTED, "%s: control characters in a list", f->at);
	add(f, FILTER_CORS)->cors = x;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void http_filter(struct compiling *c, struct filling *f, const char *type, yyjson_val *v)
{
	if (!strcmp(type, "RequestRedirect"))
		redirect(c, f, yyjson_obj_get(v, "requestRedirect"));
	else if (!strcmp(type, "URLRewrite"))
		add(f, FILTER_REWRITE)->rewrite = rewrite(c, f, yyjson_obj_get(v, "urlRewrite"));
	else if (!strcmp(type, "CORS"))
		cors(c, f, yyjson_obj_get(v, "cors"));
	else
		compile_refuse(c, UNSUPPORTED, "%s.type: %s is not supported", f->at, type);
}

static void filter(struct compiling *c, struct filling *f, yyjson_val *v)
{
	const char *type = compile_str(v, "type", "");

	if (!strcmp(type, "RequestHeaderModifier")) {
		modifier(c, f, yyjson_obj_get(v, "requestHeaderModifier"), true);
	} else if (!strcmp(type, "ResponseHeaderModifier")) {
		modifier(c, f, yyjson_obj_get(v, "responseHeaderModifier"), false);
	} else if (!strcmp(type, "RequestMirror")) {
		mirror(c, f, yyjson_obj_get(v, "requestMirror"));
	} else if (!strcmp(type, "ExtensionRef")) {
		/* not to be skipped: an error is answered instead */
		c->broken = true;
		gateway_refuse_ref(
			c->out, "InvalidKind",
			"spec.rules[%u].%s: a filter of kind %s in group %s is not known", c->rule,
			f->at, compile_str(v, "extensionRef.kind", ""),
			compile_str(v, "extensionRef.group", ""));
	} else if (c->grpc) {
		compile_refuse(c, UNSUPPORTED, "%s.type: %s is not supported", f->at, type);
	} else {
		http_filter(c, f, type, v);
	}
}

/* How many filters of the table these can become. */
static size_t room_for(yyjson_val *list)
{
	static const char *const lists[] = {
		"requestHeaderModifier.set",    "requestHeaderModifier.add",
		"requestHeaderModifier.remove", "responseHeaderModifier.set",
		"responseHeaderModifier.add",   "responseHeaderModifier.remove"
	};
	size_t room = 1, i, n;
	yyjson_val *v;

	yyjson_arr_foreach (list, i, n, v) {
		room++;
		for (size_t k = 0; k < ARRAY_LEN(lists); k++)
			room += yyjson_arr_size(json_at(v, lists[k]));
	}
	return room;
}

static void check_together(struct compiling *c, const struct filling *f, const char *at)
{
	bool moved = false, rewritten = false;

	for (uint32_t i = 0; i < f->n; i++) {
		moved |= f->v[i].type == FILTER_REDIRECT;
		rewritten |= f->v[i].type == FILTER_REWRITE;
	}
	if (moved && rewritten)
		compile_refuse(c, "IncompatibleFilters",
		               "%s: a request is redirected or rewritten, not both", at);
}

const struct table_filter *compile_filters(struct compiling *c, yyjson_val *list, const char *at,
                                           uint32_t *count)
{
	struct filling f = { .v = arena_alloc(&c->out->arena,
		                              room_for(list) * sizeof(struct table_filter)) };
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		f.at = arena_printf(&c->out->arena, "%s[%zu]", at, i);
		filter(c, &f, v);
	}
	check_together(c, &f, at);
	*count = f.n;
	return f.v;
}
