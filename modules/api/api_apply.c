/* api_apply.c - POST /apply: a file of manifests, as people have them.
 *
 * Every document is created or updated, in one store transaction: one wrong field and nothing is
 * stored. The answer tells every document apart, also when one was wrong: which are good, which are
 * not and why, which are of kinds that are not a network's business and were skipped. */
#include <errno.h>
#include <string.h>

#include "api_managed.h"
#include "api_object.h"

enum result { CREATED, CONFIGURED, UNCHANGED, SKIPPED, WRONG, RESULTS };
static const char *const result_name[RESULTS] = { "created", "configured", "unchanged", "skipped",
	                                          "invalid" };

struct verdict {
	const char *api_version, *kind, *ns, *name;
	unsigned line;
	enum result result;
	struct causes *causes; /* of a wrong one */
	const char *note;      /* of a skipped one */
};

struct apply {
	struct call *call;
	struct documents docs;
	struct writer writer;
	char ns[64]; /* ?namespace=: where objects go that name none; "" when it is not said */
	struct verdict *verdicts;
	size_t n;
	unsigned count[RESULTS];
};

/* Kinds of a cluster that have no meaning for a node's network. */
static bool foreign(const char *api_version, const char *kind)
{
	static const char *const groups[] = { "apps/",
		                              "batch/",
		                              "autoscaling/",
		                              "policy/",
		                              "rbac.authorization.k8s.io/",
		                              "storage.k8s.io/",
		                              "scheduling.k8s.io/",
		                              "apiextensions.k8s.io/",
		                              "admissionregistration.k8s.io/",
		                              "cert-manager.io/",
		                              "monitoring.coreos.com/" };
	static const char *const core[] = { "ServiceAccount",   "PersistentVolumeClaim",
		                            "PersistentVolume", "LimitRange",
		                            "ResourceQuota",    "ReplicationController",
		                            "PodTemplate" };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!strncmp(api_version, groups[i], strlen(groups[i])))
			return true;
	for (size_t i = 0; !strcmp(api_version, "v1") && i < sizeof(core) / sizeof(core[0]); i++)
		if (!strcmp(kind, core[i]))
			return true;
	return false;
}

static struct causes *wrong(struct apply *ap, struct verdict *v)
{
	if (!v->causes) {
		v->causes = arena_alloc(&ap->call->arena, sizeof(*v->causes));
		v->causes->arena = &ap->call->arena;
	}
	v->result = WRONG;
	return v->causes;
}

static const char *text_or(struct apply *ap, const char *s, const char *absent)
{
	return s && *s ? arena_strdup(&ap->call->arena, s) : absent;
}

static void write_known(struct apply *ap, struct verdict *v, enum kind kind, yyjson_mut_val *root)
{
	const struct object *old = store_get(kind, v->ns, v->name), *now = NULL;
	auto_object struct object *hold = old ? object_ref(old) : NULL;
	struct causes *causes = arena_alloc(&ap->call->arena, sizeof(*causes));
	struct err e = { 0 };

	causes->arena = &ap->call->arena;
	if (object_write(kind, v->ns, v->name, ap->docs.doc, root, hold, PART_MAIN, &ap->writer,
	                 !ap->call->strict, causes, &now, &e))
		cause_invalid(causes, "", "", "%s", e.text);
	for (unsigned i = 0; ap->call->strict && i < causes->n_unknown; i++)
		cause_invalid(causes, causes->unknown[i], "", "unknown field");
	answer_unknown_fields(ap->call, causes);
	v->result = !hold ? CREATED : now == hold ? UNCHANGED : CONFIGURED;
	if (causes->n) {
		v->causes = causes;
		v->result = WRONG;
	}
}

static void apply_one(struct apply *ap, const struct document *d, struct verdict *v)
{
	const struct causes *refusal;
	int kind;

	v->line = d->line;
	v->api_version = text_or(ap, mut_str(d->root, "apiVersion"), "");
	v->kind = text_or(ap, mut_str(d->root, "kind"), "");
	v->name = text_or(ap, mut_str(d->root, "metadata.name"), "");
	kind = kind_by_name(v->api_version, v->kind);
	v->ns = kind < 0 || kind_info[kind].namespaced
	                ? text_or(ap, mut_str(d->root, "metadata.namespace"),
	                          *ap->ns ? ap->ns : "default")
	                : "";
	if (!*v->api_version || !*v->kind) {
		cause_required(wrong(ap, v), *v->kind ? "apiVersion" : "kind", "");
	} else if (kind < 0 && foreign(v->api_version, v->kind)) {
		v->result = SKIPPED;
		v->note = "not a kind that a node's network knows";
		answer_warning(ap->call, arena_printf(&ap->call->arena, "%s %s is skipped: %s",
		                                      v->kind, v->name, v->note));
	} else if (kind < 0) {
		cause_not_supported(
			wrong(ap, v), "kind",
			arena_printf(&ap->call->arena, "%s in %s", v->kind, v->api_version),
			"those of GET /apis");
	} else if (kind_info[kind].read_only) {
		cause_forbidden(wrong(ap, v), "kind", "these objects are written by knetd alone");
	} else if (!*v->name) {
		cause_required(wrong(ap, v), "metadata.name", "");
	} else if (kind_info[kind].namespaced && *ap->ns && strcmp(v->ns, ap->ns) != 0) {
		cause_invalid(wrong(ap, v), "metadata.namespace", v->ns,
		              "does not match the namespace \"%s\" of the request", ap->ns);
	} else if (kind_info[kind].namespaced && !store_get(KIND_NAMESPACE, "", v->ns)) {
		cause_invalid(wrong(ap, v), "metadata.namespace", v->ns,
		              "namespaces \"%s\" not found", v->ns);
	} else if (kind_info[kind].namespaced && !store_get(kind, v->ns, v->name) &&
	           (refusal = namespace_refusal(&ap->call->arena, v->ns))) {
		cause_forbidden(wrong(ap, v), "metadata.namespace", refusal->v[0].message);
	} else {
		write_known(ap, v, kind, d->root);
		answer_idle(ap->call, kind);
	}
}

/* The items of a List (of kind List, ServiceList, ...), NULL of anything else. */
static yyjson_mut_val *list_items(yyjson_mut_val *root)
{
	const char *kind = mut_str(root, "kind");
	yyjson_mut_val *items = yyjson_mut_obj_get(root, "items");
	size_t n = kind ? strlen(kind) : 0;

	return n >= 4 && !strcmp(kind + n - 4, "List") && yyjson_mut_is_arr(items) ? items : NULL;
}

/* A List is its items. */
static bool flatten(struct apply *ap)
{
	struct documents *d = &ap->docs;
	size_t total = 0, n = 0, i, max;
	struct document *flat;
	yyjson_mut_val *item;

	for (size_t k = 0; k < d->n; k++) {
		yyjson_mut_val *items = list_items(d->v[k].root);

		total += items ? yyjson_mut_arr_size(items) : 1;
	}
	if (total > API_DOCS_MAX) {
		status_fail(ap->call, 400, "BadRequest",
		            "%zu objects are more than the %d of one request", total, API_DOCS_MAX);
		return false;
	}
	flat = arena_alloc(&ap->call->arena, (total + 1) * sizeof(*flat));
	for (size_t k = 0; k < d->n; k++) {
		yyjson_mut_val *items = list_items(d->v[k].root);

		if (!items) {
			flat[n++] = d->v[k];
			continue;
		}
		yyjson_mut_arr_foreach (items, i, max, item)
			flat[n++] = (struct document){ item, d->v[k].line };
	}
	d->v = flat;
	d->n = n;
	return true;
}

static void write_verdict(struct buf *b, const struct verdict *v, size_t number, bool applied)
{
	buf_printf(b, "%s{\"document\":%zu", number ? "," : "", number + 1);
	if (v->line)
		buf_printf(b, ",\"line\":%u", v->line);
	buf_str(b, ",\"apiVersion\":");
	put_text(b, v->api_version);
	buf_str(b, ",\"kind\":");
	put_text(b, v->kind);
	if (*v->ns) {
		buf_str(b, ",\"namespace\":");
		put_text(b, v->ns);
	}
	buf_str(b, ",\"name\":");
	put_text(b, v->name);
	if (applied || v->result == SKIPPED || v->result == WRONG)
		buf_printf(b, ",\"result\":\"%s\"", result_name[v->result]);
	else
		buf_printf(b, ",\"result\":\"valid, not applied\"");
	if (v->note)
		buf_printf(b, ",\"note\":\"%s\"", v->note);
	buf_str(b, "}\n");
}

static void write_verdicts(struct apply *ap, struct buf *b, bool applied)
{
	buf_str(b, "\"results\":[\n");
	for (size_t i = 0; i < ap->n; i++)
		write_verdict(b, &ap->verdicts[i], i, applied);
	buf_str(b, "]");
}

static void answer_applied(struct apply *ap)
{
	struct buf *b = &ap->call->answer->body;

	buf_printf(b,
	           "{\"kind\":\"ApplyResult\",\"apiVersion\":\"knetd.io/"
	           "v1alpha1\",\"created\":%u,\"configured\":%u,"
	           "\"unchanged\":%u,\"skipped\":%u,",
	           ap->count[CREATED], ap->count[CONFIGURED], ap->count[UNCHANGED],
	           ap->count[SKIPPED]);
	write_verdicts(ap, b, true);
	buf_str(b, "}\n");
}

static void write_cause(struct buf *b, const struct verdict *v, size_t number,
                        const struct cause *x, const char *sep)
{
	buf_printf(b, "%s{\"reason\":\"%s\",\"field\":", sep, x->reason);
	put_text(b, x->field);
	buf_printf(b, ",\"document\":%zu,\"line\":%u,\"kind\":", number + 1, v->line);
	put_text(b, v->kind);
	buf_str(b, ",\"name\":");
	put_text(b, v->name);
	buf_str(b, ",\"message\":");
	put_text(b, x->message);
	buf_str(b, "}\n");
}

/* A Status, as every other refusal, with one cause a wrong field and the verdicts beside it. */
static void answer_refused(struct apply *ap)
{
	struct buf *b = &ap->call->answer->body, message = { 0 };
	const char *sep = "";

	ap->call->answer->status = 422;
	for (size_t i = 0; i < ap->n && message.len < 2000; i++) {
		const struct verdict *v = &ap->verdicts[i];

		if (v->result != WRONG)
			continue;
		for (unsigned k = 0; k < v->causes->n; k++)
			buf_printf(&message, "document %zu (line %u), %s %s%s%s: %s: %s; ", i + 1,
			           v->line, v->kind, v->ns, *v->ns ? "/" : "", v->name,
			           v->causes->v[k].field, v->causes->v[k].message);
	}
	buf_str(&message, "nothing was applied");
	buf_str(b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
	           "\"Failure\",\"reason\":\"Invalid\",\"message\":");
	buf_add(&message, "", 1);
	put_text(b, message.data);
	buf_str(b, ",\"details\":{\"causes\":[\n");
	for (size_t i = 0; i < ap->n; i++)
		for (unsigned k = 0; ap->verdicts[i].causes && k < ap->verdicts[i].causes->n;
		     k++, sep = ",")
			write_cause(b, &ap->verdicts[i], i, &ap->verdicts[i].causes->v[k], sep);
	buf_str(b, "]},\"code\":422,");
	write_verdicts(ap, b, false);
	buf_str(b, "}\n");
	buf_free(&message);
}

/* curl says "a form" of whatever it sends: then the first byte tells JSON from YAML. */
static bool is_json(const struct http_call *h)
{
	size_t blank = strspn(h->body, " \t\r\n");

	if (strstr(h->content_type, "json"))
		return true;
	return !strstr(h->content_type, "yaml") && (h->body[blank] == '{' || h->body[blank] == '[');
}

static bool read_documents(struct apply *ap)
{
	const struct http_call *h = ap->call->http;
	struct arena *arena = &ap->call->arena;
	struct err e = { 0 };
	int ret;

	if (!h->body_len)
		ret = err_set(&e, EINVAL, "the request has no body");
	else if (is_json(h))
		ret = json_read(h->body, h->body_len, arena, &ap->docs, &e);
	else
		ret = yaml_read(h->body, h->body_len, arena, &ap->docs, &e);
	if (ret) {
		status_fail(ap->call, 400, "BadRequest", "%s", e.text);
		documents_free(&ap->docs);
	}
	return !ret;
}

static void run(struct apply *ap)
{
	struct err e = { 0 };

	if (!writer_read(ap->call, &ap->writer) || !flatten(ap))
		return;
	ap->n = ap->docs.n;
	ap->verdicts = arena_alloc(&ap->call->arena, (ap->n + 1) * sizeof(*ap->verdicts));
	store_begin();
	for (size_t i = 0; i < ap->n; i++) {
		apply_one(ap, &ap->docs.v[i], &ap->verdicts[i]);
		ap->count[ap->verdicts[i].result]++;
	}
	if (ap->count[WRONG] || ap->call->dry_run) {
		store_abort();
		service_addresses_reload();
	} else if (store_commit(&e)) {
		service_addresses_reload();
		status_error(ap->call, &e);
		return;
	}
	if (ap->count[WRONG])
		answer_refused(ap);
	else
		answer_applied(ap);
}

void serve_apply(struct call *c)
{
	struct apply ap = { .call = c };

	if (strstr(c->http->query, "namespace=") &&
	    !http_query(c->http->query, "namespace", ap.ns, sizeof(ap.ns))) {
		status_fail(c, 400, "BadRequest", "namespace: this is no namespace's name");
		return;
	}
	if (!read_documents(&ap))
		return;
	run(&ap);
	documents_free(&ap.docs);
}
