/* ingress_auth.c - who may come in: passwords from Secrets, another service's word, certificates.
 * What cannot be had is never read as "everybody may". */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "certs.h"
#include "ingress_compile.h"
#include "proxy_htpasswd.h"

#define USERS_MAX 4096 /* of one Secret */

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

/* ---- passwords
 * ------------------------------------------------------------------------------------ */

struct users {
	uint32_t n;
	struct table_user *v;
};

static void add_user(struct compiled *c, struct users *u, struct span name, struct span hash)
{
	const char *why = !name.n ? "it has no name" : htpasswd_trouble(hash);

	if (u->n == USERS_MAX)
		why = "there are more than 4096 users";
	if (why) /* one who cannot come in is safe, and told */
		notes_refuse(c->notes, &c->arena, "auth-secret", false, "user \"%.*s\": %s",
		             (int)(name.n < 100 ? name.n : 100), name.p, why);
	else
		u->v[u->n++] = (struct table_user){ name, hash };
}

/* "name:hash" a line; what stands behind a third colon is a comment. */
static void read_file(struct compiled *c, struct users *u, char *file)
{
	char *save = NULL;

	for (char *line = strtok_r(file, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		char *colon = strchr(line, ':');

		if (*line == '#' || !*line)
			continue;
		if (colon)
			add_user(c, u, (struct span){ line, colon - line },
			         (struct span){ colon + 1, strcspn(colon + 1, ":") });
	}
}

static char *decoded(struct compiled *c, yyjson_val *v)
{
	const char *s = yyjson_get_str(v);
	size_t bad, n = s ? strlen(s) / 4 * 3 + 3 : 0;
	char *out = s ? arena_alloc(&c->arena, n + 1) : NULL;
	int64_t got = out ? base64_read(s, strlen(s), out, &bad) : -1;

	if (got < 0 || memchr(out, 0, got))
		return NULL;
	out[got] = 0;
	while (got && strchr(" \r\n", out[got - 1]))
		out[--got] = 0;
	return out;
}

static int by_name(const void *a, const void *b)
{
	const struct span *x = &((const struct table_user *)a)->name,
			  *y = &((const struct table_user *)b)->name;
	int d = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return d ? d : x->n < y->n ? -1 : x->n > y->n;
}

static bool read_users(struct compiled *c, struct users *u, yyjson_val *data)
{
	static struct table_user room[USERS_MAX];
	yyjson_val *key, *value;
	size_t i, n;
	char *file;

	u->v = room;
	if (!c->notes->auth_map) {
		file = decoded(c, yyjson_obj_get(data, "auth"));
		if (file)
			read_file(c, u, file);
		return file != NULL;
	}
	yyjson_obj_foreach (json_members(data), i, n, key, value) {
		file = decoded(c, value);
		if (file)
			add_user(c, u, text(arena_strdup(&c->arena, yyjson_get_str(key))),
			         text(file));
	}
	return true;
}

static void basic(struct compiled *c, struct table_policy *out)
{
	const struct notes *n = c->notes;
	const struct note_ref *ref = &n->auth_secret;
	const struct object *o = ref->name ? store_get(KIND_SECRET, ref->ns, ref->name) : NULL;
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	struct table_basic b = { .realm = n->auth_realm.p ? n->auth_realm
		                                          : text("Authentication Required") };
	struct users users = { 0 };

	if (!n->auth_basic)
		return;
	if (ref->name)
		compiled_need(c, KIND_SECRET, ref->ns, ref->name);
	if (!o)
		notes_refuse(c->notes, &c->arena, "auth-secret", true,
		             ref->name ? "there is no Secret \"%s\"" : "it is wanted%s",
		             ref->name ? ref->name : "");
	else if (!read_users(c, &users, json_at(yyjson_doc_get_root(doc), "data")))
		notes_refuse(c->notes, &c->arena, "auth-secret", true,
		             "the Secret \"%s\" has no key \"auth\" with lines of htpasswd",
		             ref->name);
	if (users.n > 1)
		qsort(users.v, users.n, sizeof(*users.v), by_name);
	b.users = compiled_copy(c, users.n ? users.v : NULL, users.n * sizeof(*users.v));
	b.n_users = users.n;
	out->basic = compiled_copy(c, &b, sizeof(b));
}

/* ---- somebody else's word
 * ------------------------------------------------------------------------- */

static struct table_action *action_of(struct compiled *c, uint32_t backend)
{
	struct table_choice choice = { .backend = backend, .weight = 1 };
	struct table_action *a = arena_alloc(&c->arena, sizeof(*a));

	*a = (struct table_action){ .route = text(arena_printf(&c->arena, "Ingress/%s", c->key)),
		                    .rule = text("auth"),
		                    .choices = compiled_copy(c, &choice, sizeof(choice)),
		                    .n_choices = 1 };
	return a;
}

static struct note_parts default_back(struct compiled *c)
{
	static const struct table_part v[] = {
		{ PART_SCHEME, { "", 0 } },
		{ PART_TEXT, { "://", 3 } },
		{ PART_HOST, { "", 0 } },
		{ PART_REQUEST_URI, { "", 0 } },
	};

	(void)c;
	return (struct note_parts){ v, ARRAY_LEN(v) };
}

/* "https://a/start" gets "?rd=" behind it; what has an "rd=" of its own is left alone. */
static struct note_parts with_return(struct compiled *c, const struct note_parts *signin)
{
	struct span param = c->notes->auth_redirect_param;
	const char *name = param.p ? param.p : "rd";
	struct table_part *v = arena_alloc(&c->arena, (signin->n + 2) * sizeof(*v));
	bool query = false;

	for (uint32_t i = 0; i < signin->n; i++) {
		struct span s = signin->v[i].text;

		v[i] = signin->v[i];
		query |= s.n && memchr(s.p, '?', s.n);
		if (s.n && strstr(arena_strndup(&c->arena, s.p, s.n),
		                  arena_printf(&c->arena, "%s=", name)))
			return *signin;
	}
	v[signin->n] = (struct table_part){
		PART_TEXT, text(arena_printf(&c->arena, "%s%s=", query ? "&" : "?", name))
	};
	v[signin->n + 1] = (struct table_part){ PART_BACK, text("") };
	return (struct note_parts){ v, signin->n + 2 };
}

static void external(struct compiled *c, struct table_policy *out)
{
	struct notes *n = c->notes;
	struct table_auth a = { .method = n->auth_method.p ? n->auth_method : text(""),
		                .copied = n->auth_headers.v,
		                .n_copied = n->auth_headers.n,
		                .always_cookie = n->auth_cookie };
	struct note_parts back =
		n->auth_request_redirect.n ? n->auth_request_redirect : default_back(c);
	struct note_parts signin = { 0 };
	struct ingress_url url;
	uint32_t backend;

	if (!n->auth_url.n)
		return;
	if (!url_split(&c->arena, &n->auth_url, &url)) {
		notes_refuse(n, &c->arena, "auth-url", true,
		             "it must be a URL whose host is text or $host");
		return;
	}
	if (compiled_url_backend(c, "auth-url", &url, &backend))
		a.action = action_of(c, backend);
	else if (url.host.kind == PART_TEXT)
		c->auth_host = compiled_lower(c, url.host.text.p);
	if (n->auth_signin.n)
		signin = with_return(c, &n->auth_signin);
	a.host = compiled_copy(c, &url.host, sizeof(url.host));
	a.n_host = 1;
	a.path = url.path.v;
	a.n_path = url.path.n;
	a.back = back.v;
	a.n_back = back.n;
	a.signin = signin.v;
	a.n_signin = signin.n;
	out->auth = compiled_copy(c, &a, sizeof(a));
}

/* ---- certificates of clients
 * ---------------------------------------------------------------------- */

/* "CN=name" or just the name. Expressions are not read. */
static struct span wanted_name(struct compiled *c)
{
	struct span s = c->notes->client_name;

	if (!s.p)
		return text("");
	if (s.n > 3 && !strncmp(s.p, "CN=", 3))
		s = (struct span){ s.p + 3, s.n - 3 };
	for (size_t i = 0; i < s.n; i++)
		if (strchr("^$*+?()[]{}|\\", s.p[i]))
			notes_refuse(c->notes, &c->arena, "auth-tls-match-cn", true,
			             "it must be a name as it stands, not an expression");
	return s;
}

static void client_cert(struct compiled *c, struct table_policy *out)
{
	struct notes *n = c->notes;
	struct certs_ref ref = { KIND_SECRET, n->client_ca.ns, n->client_ca.name };
	struct table_client_cert cert = {
		.required = n->client_verify == NOTE_VERIFY_ON,
		.passed = n->client_passed,
		.error_page = n->client_error_page.p ? n->client_error_page : text(""),
	};
	struct err e;

	if (!n->client_ca.name || n->client_verify == NOTE_VERIFY_OFF)
		return;
	compiled_need(c, KIND_SECRET, n->client_ca.ns, n->client_ca.name);
	if (certs_check_ca(&ref, &e))
		notes_refuse(n, &c->arena, "auth-tls-secret", true, "%s", e.text);
	if (!certs_want_ca(&ref, 1, &cert.ca, &e))
		compiled_authority(c, cert.ca);
	cert.name = wanted_name(c);
	out->client_cert = compiled_copy(c, &cert, sizeof(cert));
}

void compiled_auth(struct compiled *c, struct table_policy *out)
{
	basic(c, out);
	external(c, out);
	client_cert(c, out);
}
