/* api_default.c - what an object gets where its manifest says nothing, and what an update takes
 * over from the state before. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/ip.h>
#include <knetd/life.h>

#include "api_valid.h"

bool missing(yyjson_mut_val *obj, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(obj, key);

	return !v || yyjson_mut_is_null(v) || yyjson_mut_equals_str(v, "");
}

void set_if_missing(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, const char *value)
{
	if (missing(obj, key))
		mut_set(doc, obj, key, yyjson_mut_strcpy(doc, value));
}

/* The ports of a list's items. */
static void default_protocols(yyjson_mut_doc *doc, yyjson_mut_val *list)
{
	yyjson_mut_val *v, *p;
	size_t i, n, k, m;

	yyjson_mut_arr_foreach (list, i, n, v)
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(v, "ports"), k, m, p)
			set_if_missing(doc, p, "protocol", "TCP");
}

static void default_policy(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *types;

	if (!spec)
		spec = yyjson_mut_obj_add_obj(doc, root, "spec");
	if (missing(spec, "podSelector"))
		mut_set(doc, spec, "podSelector", yyjson_mut_obj(doc));
	default_protocols(doc, yyjson_mut_obj_get(spec, "ingress"));
	default_protocols(doc, yyjson_mut_obj_get(spec, "egress"));
	if (yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "policyTypes")))
		return;
	types = yyjson_mut_arr(doc);
	yyjson_mut_arr_add_str(doc, types, "Ingress");
	if (yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "egress")))
		yyjson_mut_arr_add_str(doc, types, "Egress");
	mut_set(doc, spec, "policyTypes", types);
}

/* spec.finalizers is changed by the subresource finalize alone. */
static void default_finalizer(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *list;
	yyjson_val *was = yyjson_obj_get(old, "spec");

	if (old) {
		if (was)
			mut_set(doc, root, "spec", yyjson_val_mut_copy(doc, was));
		else
			yyjson_mut_obj_remove_key(root, "spec");
		return;
	}
	if (!yyjson_mut_is_obj(spec)) {
		spec = yyjson_mut_obj(doc);
		mut_set(doc, root, "spec", spec);
	}
	list = yyjson_mut_obj_get(spec, "finalizers");
	if (yyjson_mut_is_arr(list) && yyjson_mut_arr_size(list))
		return;
	list = yyjson_mut_arr(doc);
	yyjson_mut_arr_add_str(doc, list, FINALIZER_NAMESPACE);
	mut_set(doc, spec, "finalizers", list);
}

static void default_namespace(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	yyjson_mut_val *status = yyjson_mut_obj_get(root, "status"),
		       *meta = yyjson_mut_obj_get(root, "metadata");
	yyjson_mut_val *labels = yyjson_mut_obj_get(meta, "labels");
	const char *name = mut_str(meta, "name");

	if (!yyjson_mut_is_obj(status)) {
		status = yyjson_mut_obj(doc);
		mut_set(doc, root, "status", status);
	}
	if (!mut_at(status, "phase"))
		mut_set(doc, status, "phase", yyjson_mut_str(doc, "Active"));
	default_finalizer(doc, root, old);
	if (!name)
		return;
	if (!labels)
		labels = yyjson_mut_obj_add_obj(doc, meta, "labels");
	mut_set(doc, labels, "kubernetes.io/metadata.name", yyjson_mut_strcpy(doc, name));
}

static void default_slice(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *p;
	size_t i, n;

	if (missing(root, "endpoints"))
		mut_set(doc, root, "endpoints", yyjson_mut_arr(doc));
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(root, "ports"), i, n, p) {
		set_if_missing(doc, p, "protocol", "TCP");
		if (!has(p, "name"))
			mut_set(doc, p, "name", yyjson_mut_str(doc, ""));
	}
}

/* stringData is a way to write data; it is never stored. */
static void default_secret(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *from = yyjson_mut_obj_get(root, "stringData"), *data, *key, *v;
	auto_buf struct buf b = { 0 };
	size_t i, n;

	set_if_missing(doc, root, "type", "Opaque");
	if (!from)
		return;
	data = yyjson_mut_obj_get(root, "data");
	if (!data)
		data = yyjson_mut_obj_add_obj(doc, root, "data");
	yyjson_mut_obj_foreach (from, i, n, key, v) {
		buf_reset(&b);
		buf_base64(&b, yyjson_mut_get_str(v), yyjson_mut_get_len(v));
		mut_set(doc, data, yyjson_mut_get_str(key),
		        yyjson_mut_strncpy(doc, b.len ? b.data : "", b.len));
	}
	yyjson_mut_obj_remove_key(root, "stringData");
}

/* What else Kubernetes fills in for a kubelet (restartPolicy, dnsPolicy, terminationGracePeriod-
 * Seconds, ...) is left out: nothing here reads it, and it would be most of every Pod. A container
 * that shares the machine's network has its ports there. */
static void default_pod(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"), *v, *p;
	bool shared = yyjson_mut_is_true(yyjson_mut_obj_get(spec, "hostNetwork"));
	size_t i, n, k, m;

	default_protocols(doc, yyjson_mut_obj_get(spec, "containers"));
	default_protocols(doc, yyjson_mut_obj_get(spec, "initContainers"));
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "containers"), i, n, v)
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(v, "ports"), k, m, p)
			if (shared && missing(p, "hostPort") && !missing(p, "containerPort"))
				mut_set(doc, p, "hostPort",
				        yyjson_mut_val_mut_copy(
						doc, yyjson_mut_obj_get(p, "containerPort")));
}

static void default_ingress_class(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *parameters = mut_at(root, "spec.parameters");

	if (parameters)
		set_if_missing(doc, parameters, "scope", "Cluster");
}

void default_object(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old)
{
	switch (kind) {
	case KIND_SERVICE:
		default_service(doc, root, old);
		break;
	case KIND_NETWORKPOLICY:
		default_policy(doc, root);
		break;
	case KIND_NAMESPACE:
		default_namespace(doc, root, old);
		break;
	case KIND_ENDPOINTSLICE:
		default_slice(doc, root);
		break;
	case KIND_ENDPOINTS:
		default_protocols(doc, yyjson_mut_obj_get(root, "subsets"));
		break;
	case KIND_POD:
		default_pod(doc, root);
		break;
	case KIND_SECRET:
		default_secret(doc, root);
		break;
	case KIND_INGRESSCLASS:
		default_ingress_class(doc, root);
		break;
	case KIND_NODE:
	case KIND_CONFIGMAP:
	case KIND_EVENT:
	case KIND_INGRESS:
	case KIND_CLUSTERNETWORKPOLICY:
	case KIND_GATEWAYCLASS:
	case KIND_GATEWAY:
	case KIND_LISTENERSET:
	case KIND_HTTPROUTE:
	case KIND_GRPCROUTE:
	case KIND_TLSROUTE:
	case KIND_TCPROUTE:
	case KIND_UDPROUTE:
	case KIND_REFERENCEGRANT:
	case KIND_BACKENDTLSPOLICY:
	case KIND_ADDRESSPOOL:
	case KIND_PODNETWORK:
	case KIND_COUNT:
		break;
	}
}
