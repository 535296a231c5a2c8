/* api.c - the REST API: Kubernetes' conventions over HTTP/1.1. From the outside in: doors and
 * connections (api_door.c, api_conn.c), paths (api_path.c), verbs (api_verbs.c, api_read.c,
 * api_patch*.c, api_apply_patch.c, api_delete.c, api_watch.c; POST /apply: api_apply.c), one object
 * (api_object.c) with its types, defaults, checks, addresses and managers (api_schema.c,
 * api_default.c, api_valid*.c, api_service.c, api_managed.c), answers (api_status.c, api_form.c,
 * api_table.c, api_gzip.c), what the API says of itself (api_discovery.c, api_openapi.c,
 * api_review.c). */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/module.h>

#include "api_form.h"
#include "api_pki.h"
#include "api_review.h"
#include "api_node.h"

static bool query_is(const char *query, const char *name, const char *value)
{
	char text[32];

	return http_query(query, name, text, sizeof(text)) && !strcmp(text, value);
}

/* The forms that a path's answer can have. What is plain text or protobuf by nature says so itself.
 */
static unsigned forms_of(const char *path)
{
	if (!strcmp(path, "/api") || !strcmp(path, "/apis"))
		return FORMS_DISCOVERY;
	return !strncmp(path, "/api/", 5) || !strncmp(path, "/apis/", 6) ? FORMS_OBJECT
	                                                                 : FORMS_PLAIN;
}

static bool has_own_form(const char *path)
{
	return !strcmp(path, "/metrics") || !strncmp(path, "/openapi/", 9) ||
	       !strncmp(path, "/ui", 3) || !strcmp(path, "/livez") || !strcmp(path, "/readyz") ||
	       !strcmp(path, "/healthz");
}

static void route(struct call *c)
{
	const struct http_call *h = c->http;
	bool known = false;
	const struct route *r;

	if (h->by.door != HTTP_DOOR_UNIX && !strncmp(h->path, "/cni/", 5)) {
		status_fail(c, 403, "Forbidden", "CNI calls come by the unix socket alone");
	} else if (c->form == FORM_NONE && !has_own_form(h->path)) {
		c->form = FORM_JSON;
		status_fail(c, 406, "NotAcceptable",
		            "only application/json and application/yaml are answered");
	} else if (serve_static(c) || serve_review(c)) {
		return;
	} else if (!strcmp(h->path, "/apply")) {
		if (!strcmp(h->method, "POST"))
			serve_apply(c);
		else
			status_fail(c, 405, "MethodNotAllowed", "POST a file of manifests here");
	} else if ((r = modules_route(h->method, h->path, &known))) {
		r->fn(h, c->answer);
	} else if (known) {
		status_fail(c, 405, "MethodNotAllowed", "this path takes another method");
	} else if (target_parse(h->path, &c->arena, &c->target)) {
		serve_object(c);
	} else {
		status_fail(c, 404, "NotFound", "the server could not find the requested resource");
	}
}

/* A wish for no effect that is not understood must not have one. */
static bool read_dry_run(struct call *c)
{
	struct causes causes = { .arena = &c->arena };
	char text[32] = "?";

	if (!strstr(c->http->query, "dryRun="))
		return true;
	http_query(c->http->query, "dryRun", text, sizeof(text));
	c->dry_run = !strcmp(text, "All");
	if (c->dry_run || !*text)
		return true;
	cause_not_supported(&causes, "dryRun", text, "\"All\"");
	status_fail(c, 422, "Invalid", "dryRun: %s", causes.v[0].message);
	return false;
}

void api_serve(const struct http_call *http, struct http_answer *answer)
{
	bool file = !strcmp(http->path, "/apply");
	auto_buf struct buf body = { .max = file ? API_APPLY_MAX : API_BODY_MAX };
	struct http_call plain;
	struct call c = {
		.http = http,
		.answer = answer,
		.strict = query_is(http->query, "fieldValidation", "Strict"),
		.ignore_unknown = query_is(http->query, "fieldValidation", "Ignore"),
		.form = form_choose(http->accept, forms_of(http->path)),
	};

	if (read_dry_run(&c) && body_unpack(&c, &plain, &body))
		route(&c);
	answer_pack(&c);
	arena_free(&c.arena);
}

/* ---- at start ------------------------------------------------------------------------------- */

static int make_namespace(const char *name, struct err *e)
{
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	int ret;

	if (store_get(KIND_NAMESPACE, "", name))
		return 0;
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_strcpy(doc, yyjson_mut_obj_add_obj(doc, root, "metadata"), "name", name);
	default_object(KIND_NAMESPACE, doc, root, NULL);
	store_begin();
	ret = store_put(KIND_NAMESPACE, "", name, doc, 0, NULL, e);
	if (ret) {
		store_abort();
		return ret;
	}
	return store_commit(e);
}

static bool is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static int manifest_filter(const struct dirent *d)
{
	return is_manifest(d->d_name);
}

static bool read_file(const char *path, struct buf *b)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	char *room;

	while (fd >= 0 && (room = buf_room(b, 65536)) && (n = read(fd, room, 65535)) > 0)
		b->len += n;
	if (fd < 0 || n < 0 || b->failed)
		return false;
	buf_add(b, "", 1);
	return true;
}

/* A file that is wrong is told and left out: the others, and the daemon, go on. */
static void apply_file(const char *path)
{
	auto_buf struct buf body = { .max = API_APPLY_MAX };
	struct http_call call = {
		.method = "POST",
		.path = "/apply",
		.query = "",
		.accept = "",
		.content_type = "application/yaml",
		.by = { .known = true, .user = "system:admin", .group = "system:masters" }
	};
	struct http_answer answer = { .status = 200, .content_type = "application/json" };
	auto_doc yyjson_doc *doc = NULL;
	const char *message;

	if (!read_file(path, &body)) {
		log_err("api: %s: cannot be read", path);
		return;
	}
	call.body = body.data;
	call.body_len = body.len - 1;
	api_serve(&call, &answer);
	doc = yyjson_read(answer.body.data ? answer.body.data : "", answer.body.len, 0);
	message = json_str(yyjson_doc_get_root(doc), "message");
	if (answer.status == 200)
		log_info("api: applied %s", path);
	else
		log_err("api: %s: %s", path, message ? message : "cannot be applied");
	buf_free(&answer.body);
	buf_free(&answer.headers);
}

static void apply_manifests(const char *dir)
{
	struct dirent **names;
	char path[512];
	int n = scandir(dir, &names, manifest_filter, alphasort);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		apply_file(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void on_flush(const struct err *failed)
{
	if (!failed)
		return;
	service_addresses_reload();
	conns_undone(failed);
}

/* A node's network does not end with the door of its administrators: what is wrong with their
 * credentials is told, and the door is shut until it is mended. */
static void load_credentials(void)
{
	struct err e = { 0 };

	if (conf.api.listen.n && pki_load(&e))
		log_err("api: %s", e.text);
}

static int api_init(struct err *e)
{
	static const char *const namespaces[] = { "default", "kube-system" };

	/* A full disk or a damaged store is no reason not to serve what there is. */
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		if (make_namespace(namespaces[i], e))
			log_err("api: namespace %s: %s", namespaces[i], e->text);
	apply_manifests(conf.node.manifests);
	store_on_flush(on_flush);
	conns_start();
	load_credentials();
	node_started();
	return doors_open(e);
}

static void api_exit(bool remove)
{
	(void)remove;
	doors_close();
	conns_close();
	pki_unload();
}

const struct module api_module = {
	.name = "api",
	.init = api_init,
	.reload = load_credentials,
	.routes = node_routes,
	.exit = api_exit,
};
