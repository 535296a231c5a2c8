/* ingress_compile.c - see ingress_compile.h. The Ingress v1 specification; where it leaves things
 * open, as ingress-nginx does. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "backends.h"
#include "certs.h"
#include "ingress_class.h"
#include "ingress_compile.h"
#include "proxy_regex.h"

/* ---- memory, and what is looked at --------------------------------------------------------------
 */

struct compiled *compiled_new(const struct object *o)
{
	struct compiled *c = xcalloc(1, sizeof(*c));

	c->key = xstrdup(o->key);
	c->object = object_ref(o);
	c->stale = true;
	list_init(&c->link);
	list_init(&c->unwritten);
	return c;
}

void compiled_renew(struct compiled *c, const struct object *o, bool same)
{
	object_unref((struct object *)c->object);
	c->object = object_ref(o);
	c->stale = c->stale || !same;
}

static void forget(struct compiled *c)
{
	for (uint32_t i = 0; i < c->n_backends; i++)
		backends_drop(c->backends[i]);
	free(c->backends);
	free(c->certs);
	free(c->cas);
	arena_free(&c->arena);
	c->backends = c->certs = c->cas = NULL;
	c->n_backends = c->n_certs = c->n_cas = 0;
	c->rules = NULL;
	c->client_tls = NULL;
	c->needs = NULL;
	c->n_rules = c->n_client_tls = c->n_needs = 0;
	c->otherwise = NULL;
	c->canary = false;
	c->auth_host = (struct span){ "", 0 };
}

void compiled_free(struct compiled *c)
{
	forget(c);
	list_del(&c->link);
	list_del(&c->unwritten);
	plan_share_free(&c->share);
	object_unref((struct object *)c->object);
	free(c->key);
	free(c);
}

void *compiled_copy(struct compiled *c, const void *p, size_t n)
{
	void *copy = arena_alloc(&c->arena, n ? n : 1);

	return n ? memcpy(copy, p, n) : copy;
}

void compiled_need(struct compiled *c, enum kind kind, const char *ns, const char *name)
{
	if (!c->needs)
		c->needs = arena_alloc(&c->arena, COMPILED_NEEDS_MAX * sizeof(*c->needs));
	if (c->n_needs < COMPILED_NEEDS_MAX)
		c->needs[c->n_needs++] = (struct compiled_need){ kind, arena_strdup(&c->arena, ns),
			                                         arena_strdup(&c->arena, name) };
}

bool compiled_needs(const struct compiled *c, enum kind kind, const char *ns, const char *name)
{
	for (uint32_t i = 0; i < c->n_needs; i++)
		if (c->needs[i].kind == kind && !strcmp(c->needs[i].name, name) &&
		    !strcmp(c->needs[i].ns, ns))
			return true;
	return c->n_needs == COMPILED_NEEDS_MAX;
}

static void add_number(uint32_t **v, uint32_t *n, uint32_t number)
{
	if (number == TABLE_NONE)
		return;
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = number;
}

void compiled_authority(struct compiled *c, uint32_t number)
{
	add_number(&c->cas, &c->n_cas, number);
}

static struct span text(const char *s)
{
	return (struct span){ s ? s : "", s ? strlen(s) : 0 };
}

struct span compiled_lower(struct compiled *c, const char *s)
{
	char *copy = arena_strdup(&c->arena, s);

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 32;
	return text(copy);
}

/* ---- backends
 * ------------------------------------------------------------------------------------ */

static void speak_tls(struct compiled *c, const char *ns, const char *service,
                      struct table_backend_tls *tls)
{
	const struct notes *n = c->notes;
	struct err e;

	*tls = (struct table_backend_tls){ .ca = TABLE_NONE, .cert = TABLE_NONE };
	tls->name = n->proxy_ssl_name.p ? n->proxy_ssl_name
	                                : text(arena_printf(&c->arena, "%s.%s.svc", service, ns));
	if (!n->proxy_ssl_secret.name)
		return;
	compiled_need(c, KIND_SECRET, n->proxy_ssl_secret.ns, n->proxy_ssl_secret.name);
	if (n->proxy_ssl_verify) {
		struct certs_ref ref = { KIND_SECRET, n->proxy_ssl_secret.ns,
			                 n->proxy_ssl_secret.name };

		if (certs_check_ca(&ref, &e))
			notes_refuse(c->notes, &c->arena, "proxy-ssl-secret", true, "%s", e.text);
		if (!certs_want_ca(&ref, 1, &tls->ca, &e))
			add_number(&c->cas, &c->n_cas, tls->ca);
	}
	if (!certs_want(n->proxy_ssl_secret.ns, n->proxy_ssl_secret.name, &tls->cert, &e))
		add_number(&c->cas, &c->n_cas, tls->cert);
	else if (!n->proxy_ssl_verify)
		notes_refuse(c->notes, &c->arena, "proxy-ssl-secret", false, "%s", e.text);
}

uint32_t compiled_backend(struct compiled *c, const char *ns, const char *service,
                          const char *port_name, uint16_t port)
{
	const struct notes *n = c->notes;
	bool tls = n->protocol == NOTE_HTTPS || n->protocol == NOTE_GRPCS;
	bool h2 = n->protocol == NOTE_GRPC || n->protocol == NOTE_GRPCS;
	struct table_backend_tls how;
	struct backend_ask ask = { .ns = ns,
		                   .service = service,
		                   .port_name = port_name,
		                   .port = port,
		                   .protocol = h2 ? BACKEND_H2 : BACKEND_HTTP1,
		                   .cluster_ip = n->service_upstream };
	uint32_t number;

	if (tls) {
		speak_tls(c, ns, service, &how);
		ask.tls = &how;
	}
	number = backends_want(&ask);
	backends_hold(number);
	add_number(&c->backends, &c->n_backends, number);
	return number;
}

/* "name.namespace.svc" or with the cluster's domain behind it. */
static bool service_of(struct compiled *c, struct span host, const char **name, const char **ns)
{
	char *copy = arena_strndup(&c->arena, host.p, host.n), *dot = strchr(copy, '.'), *rest;

	rest = dot ? strchr(dot + 1, '.') : NULL;
	if (!rest)
		return false;
	*dot = *rest = 0;
	*name = copy;
	*ns = dot + 1;
	return !strcmp(rest + 1, "svc") ||
	       (!strncmp(rest + 1, "svc.", 4) && !strcasecmp(rest + 5, conf.dns.domain));
}

bool compiled_url_backend(struct compiled *c, const char *annotation, const struct ingress_url *url,
                          uint32_t *backend)
{
	bool tls = span_is(url->scheme, "https");
	const char *name, *ns;
	struct table_backend_tls how = { .name = url->host.text,
		                         .ca = TABLE_NONE,
		                         .cert = TABLE_NONE };
	struct backend_ask ask = { .port = url->port ? url->port
		                           : tls     ? 443
		                                     : 80,
		                   .tls = tls ? &how : NULL };

	if (url->host.kind != PART_TEXT || !service_of(c, url->host.text, &name, &ns))
		return false;
	if (!store_get(KIND_SERVICE, ns, name))
		notes_refuse(c->notes, &c->arena, annotation, false,
		             "there is no Service \"%s\" in namespace \"%s\" yet", name, ns);
	ask.ns = ns;
	ask.service = name;
	*backend = backends_want(&ask);
	backends_hold(*backend);
	add_number(&c->backends, &c->n_backends, *backend);
	return true;
}

/* ---- actions
 * -------------------------------------------------------------------------------------- */

struct maker { /* what the rules of one Ingress share */
	struct compiled *c;
	yyjson_val *root;
	struct buf rules; /* struct compiled_rule */
	const struct table_filter *filters;
	uint32_t n_filters;
	const struct table_rewrite *rewrite;
	const struct table_retry *retry;
	struct table_policy policy;
	const struct table_policy *in_clear, *to_https; /* copies of policy, made when wanted */
	struct table_action *last; /* of a path: the next one may mean the same */
	bool last_https;
	bool plain; /* policy asks for nothing */
	uint32_t n; /* order of rules */
};

static const struct table_policy *policy_for(struct maker *m, bool to_https)
{
	const struct table_policy **kept = to_https ? &m->to_https : &m->in_clear;
	struct table_policy *copy;

	if (m->plain && !to_https)
		return NULL;
	if (*kept)
		return *kept;
	copy = compiled_copy(m->c, &m->policy, sizeof(m->policy));
	copy->to_https = to_https;
	copy->https_port = to_https ? conf.ingress.https : 0;
	*kept = copy;
	return copy;
}

/* Of one backend (TABLE_NONE: 500). rewrite: the path is another one for it. */
static struct table_action *action(struct maker *m, uint32_t backend, bool rewrite, bool to_https)
{
	struct compiled *c = m->c;
	struct table_action *a = arena_alloc(&c->arena, sizeof(*a));
	struct table_choice choice = { .backend = backend, .weight = 1 };

	*a = (struct table_action){ .route = text(arena_printf(&c->arena, "Ingress/%s", c->key)),
		                    .rule = text(""),
		                    .grpc = c->notes->protocol >= NOTE_GRPC,
		                    .filters = m->filters,
		                    .n_filters = m->n_filters,
		                    .retry = m->retry,
		                    .policy = policy_for(m, to_https) };
	a->choices = compiled_copy(c, &choice, sizeof(choice));
	a->n_choices = 1;
	if (rewrite && m->rewrite) {
		struct table_filter *v = arena_alloc(&c->arena, (m->n_filters + 1) * sizeof(*v));

		if (m->n_filters)
			memcpy(v, m->filters, m->n_filters * sizeof(*v));
		v[m->n_filters] =
			(struct table_filter){ .type = FILTER_REWRITE, .rewrite = m->rewrite };
		a->filters = v;
		a->n_filters++;
	}
	return a;
}

static struct table_action *path_action(struct maker *m, uint32_t backend, bool to_https)
{
	if (!m->last || m->last->choices->backend != backend || m->last_https != to_https) {
		m->last = action(m, backend, true, to_https);
		m->last_https = to_https;
	}
	return m->last;
}

static struct table_action *redirect(struct maker *m, const struct table_rewrite *to, bool to_https)
{
	struct table_action *a = action(m, TABLE_NONE, false, to_https);
	struct table_filter f = { .type = FILTER_REDIRECT,
		                  .rewrite = compiled_copy(m->c, to, sizeof(*to)) };

	a->filters = compiled_copy(m->c, &f, sizeof(f));
	a->n_filters = 1;
	a->n_choices = 0;
	return a;
}

/* Its number; TABLE_NONE for what cannot be served. */
static uint32_t backend_of(struct maker *m, yyjson_val *v)
{
	const char *name = json_str(v, "service.name"),
		   *port_name = json_str(v, "service.port.name");

	if (yyjson_obj_get(v, "resource")) {
		notes_refuse(m->c->notes, &m->c->arena, "", false,
		             "backends of kind %s are not served: its requests get 500",
		             json_str(v, "resource.kind") ? json_str(v, "resource.kind") : "?");
		return TABLE_NONE;
	}
	if (!name)
		return TABLE_NONE;
	return compiled_backend(m->c, m->c->object->ns, name,
	                        port_name && *port_name ? port_name : NULL,
	                        json_int(v, "service.port.number", 0));
}

/* ---- tls[]
 * ---------------------------------------------------------------------------------------- */

static bool tls_lists(yyjson_val *entry, struct span host)
{
	yyjson_val *hosts = yyjson_obj_get(entry, "hosts"), *v;
	size_t i, n;

	if (!yyjson_arr_size(hosts))
		return true;
	yyjson_arr_foreach (hosts, i, n, v) {
		const char *name = yyjson_get_str(v), *dot = memchr(host.p, '.', host.n);

		if (span_is_nocase(host, name))
			return true;
		if (!strncmp(name, "*.", 2) && dot &&
		    span_is_nocase((struct span){ dot, host.n - (dot - host.p) }, name + 1))
			return true;
	}
	return false;
}

static bool has_tls(const struct maker *m, struct span host)
{
	yyjson_val *entry;
	size_t i, n;

	yyjson_arr_foreach (json_at(m->root, "spec.tls"), i, n, entry)
		if (tls_lists(entry, host))
			return true;
	return false;
}

static bool to_https(const struct maker *m, struct span host)
{
	const struct notes *n = m->c->notes;

	return conf.ingress.https &&
	       (n->force_ssl_redirect || (n->ssl_redirect && has_tls(m, host)));
}

static void read_certs(struct maker *m)
{
	struct compiled *c = m->c;
	yyjson_val *entry;
	size_t i, n;

	yyjson_arr_foreach (json_at(m->root, "spec.tls"), i, n, entry) {
		const char *secret = json_str(entry, "secretName");
		uint32_t number;
		struct err e;

		if (!secret || !*secret)
			continue;
		compiled_need(c, KIND_SECRET, c->object->ns, secret);
		if (certs_want(c->object->ns, secret, &number, &e))
			notes_refuse(c->notes, &c->arena, "", false,
			             "%s: its hosts get the self-signed certificate", e.text);
		else
			add_number(&c->certs, &c->n_certs, number);
	}
}

/* ---- rules
 * ---------------------------------------------------------------------------------------- */

static struct compiled_rule *add_rule(struct maker *m, struct span host,
                                      const struct table_action *a)
{
	struct compiled_rule r = { .host = host,
		                   .one_label = host.n && host.p[0] == '*',
		                   .rule = { .path = text(""), .method = text(""), .action = a },
		                   .order = {
					   .born = m->c->born, .key = m->c->key, .rule = m->n++ } };

	if (m->rules.len / sizeof(r) == COMPILED_RULES_MAX) {
		notes_refuse(m->c->notes, &m->c->arena, "", false,
		             "it has more than %u rules: the others are not served",
		             COMPILED_RULES_MAX);
		return NULL;
	}
	buf_add(&m->rules, &r, sizeof(r));
	return (struct compiled_rule *)(m->rules.data + m->rules.len) - 1;
}

/* "/foo/" and "/foo" are one prefix; "/" is the empty one. */
static size_t without_slash(const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return n;
}

static bool has_groups(struct span s)
{
	for (size_t i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '$' && s.p[i + 1] >= '1' && s.p[i + 1] <= '9')
			return true;
	return false;
}

/* As ingress-nginx does it: expressions begin where the path begins, end anywhere, and do not tell
 * capitals apart. */
static bool set_path(struct maker *m, struct table_rule *r, const char *path, const char *type)
{
	struct compiled *c = m->c;
	bool exact = type && !strcmp(type, "Exact");
	bool regex = (c->notes->use_regex && !exact) || has_groups(c->notes->rewrite_target);
	const char *why;

	if (!regex) {
		r->kind = exact ? PATH_EXACT : PATH_PREFIX;
		r->path.n = exact ? strlen(path) : without_slash(path);
		r->path.p = arena_strndup(&c->arena, path, r->path.n);
		return true;
	}
	r->kind = PATH_REGEX;
	r->nocase = !exact;
	r->path = text(arena_printf(&c->arena, "^%s%s", path, exact ? "$" : ""));
	why = regex_trouble(r->path.p);
	if (why)
		notes_refuse(c->notes, &c->arena, "", false,
		             "the path \"%.200s\" is no regular expression: %s; it is not served",
		             path, why);
	return !why;
}

static void add_path(struct maker *m, struct span host, yyjson_val *v)
{
	const char *path = json_str(v, "path"), *type = json_str(v, "pathType");
	struct table_rule row = { 0 };
	struct compiled_rule *r;
	uint32_t backend = backend_of(m, yyjson_obj_get(v, "backend"));

	if (!set_path(m, &row, path && *path ? path : "/", type))
		return;
	r = add_rule(m, host, path_action(m, backend, to_https(m, host)));
	if (!r)
		return;
	r->rule.path = row.path;
	r->rule.kind = row.kind;
	r->rule.nocase = row.nocase;
}

/* What stands behind every rule that somebody wrote: "~" is later than any date. */
static void put_last(struct maker *m, struct compiled_rule *r)
{
	if (r)
		r->order.born = arena_printf(&m->c->arena, "~%s", m->c->born);
}

static void add_app_root(struct maker *m, struct span host)
{
	struct table_rewrite to = { .path = m->c->notes->app_root,
		                    .kind = REWRITE_FULL,
		                    .status = 302 };
	struct compiled_rule *r;

	if (!to.path.p)
		return;
	r = add_rule(m, host, redirect(m, &to, to_https(m, host)));
	if (!r)
		return;
	r->rule.path = text("/");
	r->rule.kind = PATH_EXACT;
	r->order.born = ""; /* before what the Ingress itself says of "/" */
}

static void add_www(struct maker *m, struct span host)
{
	struct table_rewrite to = { .host = host, .status = 308 };
	bool www = host.n > 4 && !strncmp(host.p, "www.", 4);

	if (!m->c->notes->from_to_www || !host.n || host.p[0] == '*')
		return;
	put_last(m, add_rule(m,
	                     www ? (struct span){ host.p + 4, host.n - 4 }
	                         : text(arena_printf(&m->c->arena, "www.%s", host.p)),
	                     redirect(m, &to, false)));
}

static void add_host(struct maker *m, struct span host, yyjson_val *rule, uint32_t fallback)
{
	yyjson_val *path;
	size_t i, n;

	add_app_root(m, host);
	yyjson_arr_foreach (json_at(rule, "http.paths"), i, n, path)
		add_path(m, host, path);
	if (fallback != TABLE_NONE)
		put_last(m, add_rule(m, host, action(m, fallback, false, to_https(m, host))));
	add_www(m, host);
}

static void add_rules(struct maker *m, uint32_t fallback)
{
	struct compiled *c = m->c;
	yyjson_val *rule;
	size_t i, n;

	yyjson_arr_foreach (json_at(m->root, "spec.rules"), i, n, rule) {
		const char *host = json_str(rule, "host");

		add_host(m, compiled_lower(c, host ? host : ""), rule,
		         host ? fallback : TABLE_NONE);
		for (uint32_t k = 0; k < c->notes->aliases.n && host; k++)
			add_host(m, compiled_lower(c, c->notes->aliases.v[k].text.p), rule,
			         fallback);
	}
}

/* With rules it is first of all for their hosts; for everything else behind those without. */
static uint32_t add_default(struct maker *m)
{
	struct compiled *c = m->c;
	yyjson_val *v = json_at(m->root, "spec.defaultBackend");
	uint32_t backend = v && !c->canary ? backend_of(m, v) : TABLE_NONE;

	if (!v || c->canary)
		return TABLE_NONE;
	c->otherwise = action(m, backend, false, to_https(m, text("")));
	c->otherwise_order = (struct plan_order){ .born = c->born, .key = c->key };
	if (yyjson_arr_size(json_at(m->root, "spec.rules")))
		c->otherwise_order.born = arena_printf(&c->arena, "~%s", c->born);
	return backend;
}

/* ---- client certificates
 * -------------------------------------------------------------------------- */

/* Their hosts have listeners of their own, which ask for them. */
static void read_client_tls(struct maker *m)
{
	struct compiled *c = m->c;
	uint32_t ca;
	yyjson_val *rules = json_at(m->root, "spec.rules"), *rule;
	size_t i, n;

	if (!m->policy.client_cert)
		return;
	ca = m->policy.client_cert->ca;
	c->client_tls =
		arena_alloc(&c->arena, (yyjson_arr_size(rules) + 1) * sizeof(*c->client_tls));
	yyjson_arr_foreach (rules, i, n, rule) {
		const char *host = json_str(rule, "host");

		if (host)
			c->client_tls[c->n_client_tls++] =
				(struct compiled_tls){ compiled_lower(c, host), ca };
	}
}

/* ---- the whole
 * ------------------------------------------------------------------------------------ */

static bool asks_for_nothing(const struct table_policy *p)
{
	bool open = !p->refuse && !p->n_allow && !p->n_deny && !p->basic && !p->auth &&
	            !p->client_cert && !p->limit;
	bool usual = !p->n_redirect && !p->affinity && !p->n_hash && p->otherwise == TABLE_NONE &&
	             !p->quiet;

	return open && usual && !p->body_max && !p->connect_ms && !p->read_ms && !p->send_ms;
}

static void make(struct compiled *c, yyjson_val *root)
{
	struct maker m = { .c = c, .root = root };
	const char *born = json_str(root, "metadata.creationTimestamp");
	uint32_t fallback;

	c->born = arena_strdup(&c->arena, born ? born : "");
	c->notes = arena_alloc(&c->arena, sizeof(*c->notes));
	notes_read(c->notes, json_at(root, "metadata.annotations"), c->object->ns, &c->arena);
	c->canary = c->notes->canary;
	compiled_policy(c, &m.policy);
	compiled_auth(c, &m.policy);
	read_client_tls(&m);
	m.filters = compiled_filters(c, &m.n_filters);
	m.rewrite = compiled_rewrite(c);
	m.retry = compiled_retry(c);
	if (c->notes->unsafe)
		m.policy.refuse = 503;
	m.plain = asks_for_nothing(&m.policy);
	read_certs(&m);
	fallback = add_default(&m);
	add_rules(&m, fallback);
	c->n_rules = m.rules.len / sizeof(*c->rules);
	c->rules = compiled_copy(c, m.rules.data, m.rules.len);
	buf_free(&m.rules);
}

void compiled_make(struct compiled *c)
{
	auto_doc yyjson_doc *doc = object_doc(c->object);
	yyjson_val *root = yyjson_doc_get_root(doc);

	forget(c);
	c->stale = false;
	c->ours = ingress_class_ours(root);
	if (c->ours)
		make(c, root);
}
