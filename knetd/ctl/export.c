/* export.c - `export`: the objects that people wrote, as manifests for another cluster: without
 * what a server has filled in, without what controllers made of them, and without what knetd alone
 * knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/manifest.h>

#include "ctl.h"
#include "json_text.h"

/* What a cluster needs, in the order in which it can take them. Nodes, Pods and what is made of
 * them are its own matter. */
static const enum kind kinds[] = {
	KIND_NAMESPACE,     KIND_CONFIGMAP,
	KIND_SECRET,        KIND_SERVICE,
	KIND_ENDPOINTS,     KIND_ENDPOINTSLICE,
	KIND_INGRESSCLASS,  KIND_INGRESS,
	KIND_NETWORKPOLICY, KIND_CLUSTERNETWORKPOLICY,
	KIND_GATEWAYCLASS,  KIND_REFERENCEGRANT,
	KIND_GATEWAY,       KIND_LISTENERSET,
	KIND_HTTPROUTE,     KIND_GRPCROUTE,
	KIND_TLSROUTE,      KIND_TCPROUTE,
	KIND_UDPROUTE,      KIND_BACKENDTLSPOLICY,
	KIND_ADDRESSPOOL,
};

/* What the server wrote, or means nothing elsewhere. */
static const char *const server_fields[] = {
	"uid",
	"resourceVersion",
	"generation",
	"creationTimestamp",
	"deletionTimestamp",
	"deletionGracePeriodSeconds",
	"managedFields",
	"selfLink",
	"ownerReferences",
	"finalizers",
};

static const char *const server_notes[] = {
	"kubectl.kubernetes.io/last-applied-configuration",
	"knetd.io/allocated-from-pool",
};

struct exporting {
	const struct ctl_args *args;
	struct buf out;
	unsigned n;
	bool failed;
};

static bool is(yyjson_val *v, const char *path, const char *text)
{
	const char *s = json_str(v, path);

	return s && !strcmp(s, text);
}

/* Controllers say so in a label, or own what they made. */
static bool made_by_a_controller(yyjson_val *v)
{
	yyjson_val *labels = json_at(v, "metadata.labels");

	return yyjson_obj_get(labels, "endpointslice.kubernetes.io/managed-by") ||
	       yyjson_obj_get(labels, "endpoints.kubernetes.io/managed-by") ||
	       yyjson_arr_size(json_at(v, "metadata.ownerReferences"));
}

/* Every cluster has its own. */
static bool everywhere(enum kind kind, const char *name)
{
	if (kind == KIND_NAMESPACE)
		return !strcmp(name, "default") || !strncmp(name, "kube-", 5);
	return kind == KIND_GATEWAYCLASS && !strcmp(name, "knetd");
}

static void clean_meta(yyjson_mut_val *meta)
{
	yyjson_mut_val *notes = yyjson_mut_obj_get(meta, "annotations");

	for (size_t i = 0; i < ARRAY_LEN(server_fields); i++)
		yyjson_mut_obj_remove_key(meta, server_fields[i]);
	for (size_t i = 0; i < ARRAY_LEN(server_notes); i++)
		yyjson_mut_obj_remove_key(notes, server_notes[i]);
	if (notes && !yyjson_mut_obj_size(notes))
		yyjson_mut_obj_remove_key(meta, "annotations");
}

/* Addresses and allocated ports are of this node; a node port of a NodePort Service is what clients
 * know. */
static void clean_service(yyjson_val *v, yyjson_mut_val *spec)
{
	yyjson_mut_val *ports = yyjson_mut_obj_get(spec, "ports"), *port;
	size_t i, n;

	if (!is(v, "spec.clusterIP", "None")) {
		yyjson_mut_obj_remove_key(spec, "clusterIP");
		yyjson_mut_obj_remove_key(spec, "clusterIPs");
	}
	if (!is(v, "spec.ipFamilyPolicy", "RequireDualStack") &&
	    !is(v, "spec.ipFamilies[0]", "IPv6"))
		yyjson_mut_obj_remove_key(spec, "ipFamilies");
	yyjson_mut_obj_remove_key(spec, "healthCheckNodePort");
	if (is(v, "spec.type", "NodePort"))
		return;
	yyjson_mut_arr_foreach (ports, i, n, port)
		yyjson_mut_obj_remove_key(port, "nodePort");
}

static void put(struct exporting *x, enum kind kind, yyjson_val *v)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_val_mut_copy(doc, v);
	auto_doc yyjson_doc *clean = NULL;
	auto_buf struct buf text = { 0 };

	clean_meta(yyjson_mut_obj_get(root, "metadata"));
	yyjson_mut_obj_remove_key(root, "status");
	if (kind == KIND_NAMESPACE)
		yyjson_mut_obj_remove_key(root, "spec");
	if (kind == KIND_SERVICE)
		clean_service(v, yyjson_mut_obj_get(root, "spec"));
	yyjson_mut_doc_set_root(doc, root);
	clean = yyjson_mut_doc_imut_copy(doc, NULL);
	yyjson_mut_doc_free(doc);
	json_text(&text, yyjson_doc_get_root(clean), JSON_COMPACT, true);
	if (x->n++)
		buf_str(&x->out, "---\n");
	yaml_write(text.data, text.len, &x->out);
}

static void take(struct exporting *x, enum kind kind, yyjson_val *v)
{
	const char *name = json_str(v, "metadata.name");

	if (!name || everywhere(kind, name) || made_by_a_controller(v))
		return;
	if (kind == KIND_ADDRESSPOOL)
		fprintf(stderr,
		        "left out: AddressPool \"%s\": other clusters do not know this kind\n",
		        name);
	else
		put(x, kind, v);
}

static bool export_kind(struct exporting *x, enum kind kind)
{
	const struct ctl_args *a = x->args;
	auto_buf struct buf path = { 0 };
	auto_answer struct ctl_answer answer = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *items, *v;
	size_t i, n;

	path_put(&path, kind, a->ns && !a->all_namespaces ? a->ns : NULL, NULL);
	if (a->selector)
		query_put(&path, "labelSelector", a->selector);
	buf_add(&path, "", 1);
	if (!ctl_call(a, "GET", path.data, &answer))
		return false;
	if (answer.status != 200) {
		ctl_refused(&answer, "");
		return false;
	}
	doc = ctl_json(&answer);
	items = yyjson_obj_get(yyjson_doc_get_root(doc), "items");
	yyjson_arr_foreach (items, i, n, v)
		take(x, kind, v);
	return true;
}

/* TYPE,TYPE and TYPE TYPE alike; all that can be exported where nothing is said. With a namespace:
 * what lies in it. */
static bool wanted(const struct ctl_args *a, enum kind kind)
{
	if (a->ns && !a->all_namespaces && !kind_info[kind].namespaced)
		return false;
	for (unsigned i = 0; i < a->n_words; i++)
		for (const char *p = a->words[i]; *p; p += strcspn(p, ","), p += *p == ',')
			if (kind_by_word(p, strcspn(p, ",")) == (int)kind)
				return true;
	return !a->n_words;
}

static bool known(const char *word)
{
	for (const char *p = word; *p; p += strcspn(p, ","), p += *p == ',') {
		int kind = kind_by_word(p, strcspn(p, ","));
		bool can = false;

		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			can |= kind == (int)kinds[i];
		if (!can) {
			ctl_fail("\"%.*s\" is no kind that can be exported", (int)strcspn(p, ","),
			         p);
			return false;
		}
	}
	return true;
}

int ctl_export(const struct ctl_args *a)
{
	struct exporting x = { .args = a };

	for (unsigned i = 0; i < a->n_words; i++)
		if (!known(a->words[i]))
			return 1;
	for (size_t i = 0; i < ARRAY_LEN(kinds) && !x.failed; i++)
		if (wanted(a, kinds[i]))
			x.failed = !export_kind(&x, kinds[i]);
	if (!x.failed)
		ctl_print(&x.out);
	buf_free(&x.out);
	return x.failed;
}
