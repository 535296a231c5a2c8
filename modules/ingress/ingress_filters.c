/* ingress_filters.c - annotations that are filters of the table, as the Gateway API has them, and
 * the rules of trying again. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "ingress_compile.h"

#define HEADERS_MAX 32
#define FILTERS_MAX (HEADERS_MAX + 8)

struct filters {
	uint32_t n;
	struct table_filter v[FILTERS_MAX];
};

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static struct table_filter *add(struct filters *f, enum filter_type type)
{
	f->v[f->n] = (struct table_filter){ .type = type, .name = text(""), .value = text("") };
	return &f->v[f->n++];
}

/* ---- headers
 * -------------------------------------------------------------------------------------- */

static bool is_token(const char *s)
{
	return *s && !s[strspn(s, "!#$%&'*+-.^_`|~0123456789"
	                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

static bool is_value(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 127)
			return false;
	return true;
}

/* A ConfigMap's entries are headers of the answer. */
static void custom_headers(struct compiled *c, struct filters *f)
{
	const struct note_ref *ref = &c->notes->custom_headers;
	const struct object *o = ref->name ? store_get(KIND_CONFIGMAP, ref->ns, ref->name) : NULL;
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *key, *value;
	size_t i, n;
	unsigned taken = 0;

	if (!ref->name)
		return;
	compiled_need(c, KIND_CONFIGMAP, ref->ns, ref->name);
	if (!o)
		notes_refuse(c->notes, &c->arena, "custom-headers", false,
		             "there is no ConfigMap \"%s\"", ref->name);
	yyjson_obj_foreach (json_members(json_at(yyjson_doc_get_root(doc), "data")), i, n, key,
	                    value) {
		const char *name = yyjson_get_str(key), *v = yyjson_get_str(value);
		struct table_filter *x;

		if (!v || !is_token(name) || !is_value(v) || taken++ == HEADERS_MAX) {
			notes_refuse(c->notes, &c->arena, "custom-headers", false,
			             "\"%.100s\" cannot be a header, or there are more than %u",
			             name, HEADERS_MAX);
			break;
		}
		x = add(f, FILTER_RESPONSE_SET);
		x->name = text(arena_strdup(&c->arena, name));
		x->value = text(arena_strdup(&c->arena, v));
	}
}

static void forwarded_prefix(struct compiled *c, struct filters *f)
{
	struct table_filter *x;

	if (!c->notes->forwarded_prefix.p)
		return;
	x = add(f, FILTER_REQUEST_SET);
	x->name = text("X-Forwarded-Prefix");
	x->value = c->notes->forwarded_prefix;
}

/* ---- CORS
 * ----------------------------------------------------------------------------------------- */

static void cors(struct compiled *c, struct filters *f)
{
	static const struct table_text any = { { "*", 1 } };
	const struct notes *n = c->notes;
	struct table_cors x = {
		.origins = n->cors_origins.n ? n->cors_origins.v : &any,
		.n_origins = n->cors_origins.n ? n->cors_origins.n : 1,
		.methods = n->cors_methods.p ? n->cors_methods
		                             : text("GET, PUT, POST, DELETE, PATCH, OPTIONS"),
		.headers = n->cors_headers.p
		                   ? n->cors_headers
		                   : text("DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-"
		                          "Since,"
		                          "Cache-Control,Content-Type,Range,Authorization"),
		.expose = n->cors_expose.p ? n->cors_expose : text(""),
		.max_age = n->cors_max_age,
		.credentials = n->cors_credentials,
	};

	if (n->cors)
		add(f, FILTER_CORS)->cors = compiled_copy(c, &x, sizeof(x));
}

/* ---- mirror
 * --------------------------------------------------------------------------------------- */

static bool is_as_it_came(const struct note_parts *path)
{
	return !path->n || (path->n <= 2 && path->v[path->n - 1].kind == PART_REQUEST_URI &&
	                    (path->n == 1 || span_is(path->v[0].text, "/")));
}

/* A Service gets the request as it came; any other path cannot be asked for. */
static void mirror(struct compiled *c, struct filters *f)
{
	struct ingress_url url;
	struct table_filter *x;
	uint32_t backend;

	if (!c->notes->mirror_target.n)
		return;
	if (!url_split(&c->arena, &c->notes->mirror_target, &url) ||
	    !compiled_url_backend(c, "mirror-target", &url, &backend)) {
		notes_refuse(c->notes, &c->arena, "mirror-target", false,
		             "it must name a Service: http://NAME.NAMESPACE.svc:PORT");
		return;
	}
	if (!is_as_it_came(&url.path)) {
		notes_refuse(c->notes, &c->arena, "mirror-target", false,
		             "its path can only be $request_uri");
		return;
	}
	x = add(f, FILTER_MIRROR);
	x->backend = backend;
	x->numerator = x->denominator = 1;
}

const struct table_filter *compiled_filters(struct compiled *c, uint32_t *n)
{
	struct filters f = { 0 };

	cors(c, &f);
	custom_headers(c, &f);
	forwarded_prefix(c, &f);
	mirror(c, &f);
	*n = f.n;
	return f.n ? compiled_copy(c, f.v, f.n * sizeof(*f.v)) : NULL;
}

/* ---- the path
 * ------------------------------------------------------------------------------------- */

const struct table_rewrite *compiled_rewrite(struct compiled *c)
{
	const struct notes *n = c->notes;
	struct table_rewrite r = { .host = n->upstream_vhost.p ? n->upstream_vhost : text(""),
		                   .path = n->rewrite_target.p ? n->rewrite_target : text(""),
		                   .scheme = text("") };

	if (!r.host.n && !r.path.n)
		return NULL;
	if (r.path.n) /* the whole path is replaced, also behind a prefix, as ingress-nginx does */
		r.kind = memchr(r.path.p, '$', r.path.n) ? REWRITE_REGEX : REWRITE_FULL;
	return compiled_copy(c, &r, sizeof(r));
}

/* ---- trying again
 * --------------------------------------------------------------------------------- */

const struct table_retry *compiled_retry(struct compiled *c)
{
	static const struct {
		unsigned bit;
		uint32_t status;
	} statuses[] = {
		{ NOTE_NEXT_500, 500 }, { NOTE_NEXT_502, 502 }, { NOTE_NEXT_503, 503 },
		{ NOTE_NEXT_504, 504 }, { NOTE_NEXT_403, 403 }, { NOTE_NEXT_404, 404 },
		{ NOTE_NEXT_429, 429 },
	};
	const struct notes *n = c->notes;
	uint32_t codes[ARRAY_LEN(statuses)], tries = n->next_tries ? n->next_tries : 8;
	struct table_retry r = { .attempts = tries - 1, .within_ms = n->next_timeout_s * 1000 };

	if (!n->next_given && n->next_tries == 3 && !n->next_timeout_s)
		return NULL;
	if (n->next & 1u << NOTE_NEXT_OFF)
		return compiled_copy(c, &(struct table_retry){ 0 }, sizeof(r));
	r.safe_only = !(n->next & 1u << NOTE_NEXT_UNSAFE);
	r.connection =
		!n->next_given || n->next & (1u << NOTE_NEXT_ERROR | 1u << NOTE_NEXT_TIMEOUT |
	                                     1u << NOTE_NEXT_INVALID);
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (n->next & 1u << statuses[i].bit)
			codes[r.n_codes++] = statuses[i].status;
	r.codes = compiled_copy(c, codes, r.n_codes * sizeof(*codes));
	return compiled_copy(c, &r, sizeof(r));
}
