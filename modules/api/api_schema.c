/* api_schema.c - the fields of each kind that knetd knows, with their types: a wrong type is
 * refused with its path, an unknown field is kept and told. What is OPEN is an object whose inside
 * is not the network's business. A null is as good as nothing, as in Kubernetes' own decoder, and
 * is taken out here: what comes after may trust that a known field that is there has its type. */
#include <string.h>

#include <knetd/auto.h>

#include "api.h"

enum type {
	T_STR,
	T_INT,
	T_BOOL,
	T_INT_OR_STR,
	T_STR_MAP,
	T_STR_LIST,
	T_OBJ,
	T_OBJ_LIST,
	T_OPEN,
	T_ANY
};

struct field {
	const char *name;
	enum type type;
	const struct field *sub; /* of T_OBJ and T_OBJ_LIST; ends with name NULL */
};

// clang-format off
#define END { NULL, T_ANY, NULL }
#define OTHERS { "*", T_ANY, NULL } /* further fields are somebody else's: not told as unknown */
// clang-format on

static const struct field owner[] = { { "apiVersion", T_STR, NULL },
	                              { "kind", T_STR, NULL },
	                              { "name", T_STR, NULL },
	                              { "uid", T_STR, NULL },
	                              { "controller", T_BOOL, NULL },
	                              { "blockOwnerDeletion", T_BOOL, NULL },
	                              END };
static const struct field meta[] = { { "name", T_STR, NULL },
	                             { "generateName", T_STR, NULL },
	                             { "namespace", T_STR, NULL },
	                             { "labels", T_STR_MAP, NULL },
	                             { "annotations", T_STR_MAP, NULL },
	                             { "uid", T_STR, NULL },
	                             { "resourceVersion", T_STR, NULL },
	                             { "generation", T_INT, NULL },
	                             { "creationTimestamp", T_STR, NULL },
	                             { "deletionTimestamp", T_STR, NULL },
	                             { "deletionGracePeriodSeconds", T_INT, NULL },
	                             { "finalizers", T_STR_LIST, NULL },
	                             { "ownerReferences", T_OBJ_LIST, owner },
	                             { "managedFields", T_ANY, NULL },
	                             { "selfLink", T_STR, NULL },
	                             END };
// clang-format off
#define META { "apiVersion", T_STR, NULL }, { "kind", T_STR, NULL }, { "metadata", T_OBJ, meta }
// clang-format on

static const struct field expression[] = {
	{ "key", T_STR, NULL }, { "operator", T_STR, NULL }, { "values", T_STR_LIST, NULL }, END
};
static const struct field label_selector[] = { { "matchLabels", T_STR_MAP, NULL },
	                                       { "matchExpressions", T_OBJ_LIST, expression },
	                                       END };

static const struct field service_port[] = { { "name", T_STR, NULL },
	                                     { "port", T_INT, NULL },
	                                     { "protocol", T_STR, NULL },
	                                     { "targetPort", T_INT_OR_STR, NULL },
	                                     { "nodePort", T_INT, NULL },
	                                     { "appProtocol", T_STR, NULL },
	                                     END };
static const struct field client_ip[] = { { "timeoutSeconds", T_INT, NULL }, END };
static const struct field affinity[] = { { "clientIP", T_OBJ, client_ip }, END };
static const struct field service_spec[] = { { "type", T_STR, NULL },
	                                     { "selector", T_STR_MAP, NULL },
	                                     { "clusterIP", T_STR, NULL },
	                                     { "clusterIPs", T_STR_LIST, NULL },
	                                     { "externalIPs", T_STR_LIST, NULL },
	                                     { "externalName", T_STR, NULL },
	                                     { "externalTrafficPolicy", T_STR, NULL },
	                                     { "internalTrafficPolicy", T_STR, NULL },
	                                     { "healthCheckNodePort", T_INT, NULL },
	                                     { "ipFamilies", T_STR_LIST, NULL },
	                                     { "ipFamilyPolicy", T_STR, NULL },
	                                     { "loadBalancerClass", T_STR, NULL },
	                                     { "loadBalancerIP", T_STR, NULL },
	                                     { "loadBalancerSourceRanges", T_STR_LIST, NULL },
	                                     { "allocateLoadBalancerNodePorts", T_BOOL, NULL },
	                                     { "publishNotReadyAddresses", T_BOOL, NULL },
	                                     { "sessionAffinity", T_STR, NULL },
	                                     { "sessionAffinityConfig", T_OBJ, affinity },
	                                     { "trafficDistribution", T_STR, NULL },
	                                     { "ports", T_OBJ_LIST, service_port },
	                                     END };
static const struct field service[] = {
	META, { "spec", T_OBJ, service_spec }, { "status", T_OPEN, NULL }, END
};

static const struct field slice_conditions[] = {
	{ "ready", T_BOOL, NULL }, { "serving", T_BOOL, NULL }, { "terminating", T_BOOL, NULL }, END
};
static const struct field slice_endpoint[] = { { "addresses", T_STR_LIST, NULL },
	                                       { "conditions", T_OBJ, slice_conditions },
	                                       { "hostname", T_STR, NULL },
	                                       { "nodeName", T_STR, NULL },
	                                       { "zone", T_STR, NULL },
	                                       { "targetRef", T_OPEN, NULL },
	                                       { "deprecatedTopology", T_STR_MAP, NULL },
	                                       { "hints", T_OPEN, NULL },
	                                       END };
static const struct field slice_port[] = { { "name", T_STR, NULL },
	                                   { "port", T_INT, NULL },
	                                   { "protocol", T_STR, NULL },
	                                   { "appProtocol", T_STR, NULL },
	                                   END };
static const struct field slice[] = { META,
	                              { "addressType", T_STR, NULL },
	                              { "endpoints", T_OBJ_LIST, slice_endpoint },
	                              { "ports", T_OBJ_LIST, slice_port },
	                              END };

static const struct field backend_port[] = { { "name", T_STR, NULL },
	                                     { "number", T_INT, NULL },
	                                     END };
static const struct field backend_service[] = { { "name", T_STR, NULL },
	                                        { "port", T_OBJ, backend_port },
	                                        END };
static const struct field backend[] = { { "service", T_OBJ, backend_service },
	                                { "resource", T_OPEN, NULL },
	                                END };
static const struct field ingress_path[] = {
	{ "path", T_STR, NULL }, { "pathType", T_STR, NULL }, { "backend", T_OBJ, backend }, END
};
static const struct field ingress_http[] = { { "paths", T_OBJ_LIST, ingress_path }, END };
static const struct field ingress_rule[] = { { "host", T_STR, NULL },
	                                     { "http", T_OBJ, ingress_http },
	                                     END };
static const struct field ingress_tls[] = { { "hosts", T_STR_LIST, NULL },
	                                    { "secretName", T_STR, NULL },
	                                    END };
static const struct field ingress_spec[] = { { "ingressClassName", T_STR, NULL },
	                                     { "defaultBackend", T_OBJ, backend },
	                                     { "tls", T_OBJ_LIST, ingress_tls },
	                                     { "rules", T_OBJ_LIST, ingress_rule },
	                                     END };
static const struct field ingress[] = {
	META, { "spec", T_OBJ, ingress_spec }, { "status", T_OPEN, NULL }, END
};
static const struct field class_spec[] = { { "controller", T_STR, NULL },
	                                   { "parameters", T_OPEN, NULL },
	                                   END };
static const struct field ingress_class[] = { META, { "spec", T_OBJ, class_spec }, END };

static const struct field policy_port[] = {
	{ "protocol", T_STR, NULL }, { "port", T_INT_OR_STR, NULL }, { "endPort", T_INT, NULL }, END
};
static const struct field ip_block[] = { { "cidr", T_STR, NULL },
	                                 { "except", T_STR_LIST, NULL },
	                                 END };
static const struct field policy_peer[] = { { "podSelector", T_OBJ, label_selector },
	                                    { "namespaceSelector", T_OBJ, label_selector },
	                                    { "ipBlock", T_OBJ, ip_block },
	                                    END };
static const struct field policy_in[] = { { "from", T_OBJ_LIST, policy_peer },
	                                  { "ports", T_OBJ_LIST, policy_port },
	                                  END };
static const struct field policy_out[] = { { "to", T_OBJ_LIST, policy_peer },
	                                   { "ports", T_OBJ_LIST, policy_port },
	                                   END };
static const struct field policy_spec[] = { { "podSelector", T_OBJ, label_selector },
	                                    { "policyTypes", T_STR_LIST, NULL },
	                                    { "ingress", T_OBJ_LIST, policy_in },
	                                    { "egress", T_OBJ_LIST, policy_out },
	                                    END };
static const struct field policy[] = {
	META, { "spec", T_OBJ, policy_spec }, { "status", T_OPEN, NULL }, END
};

static const struct field container_port[] = {
	{ "name", T_STR, NULL },     { "containerPort", T_INT, NULL }, { "protocol", T_STR, NULL },
	{ "hostPort", T_INT, NULL }, { "hostIP", T_STR, NULL },        END
};
static const struct field container[] = {
	{ "name", T_STR, NULL }, { "ports", T_OBJ_LIST, container_port }, OTHERS, END
};
static const struct field pod_spec[] = { { "containers", T_OBJ_LIST, container },
	                                 { "initContainers", T_OBJ_LIST, container },
	                                 { "hostname", T_STR, NULL },
	                                 { "subdomain", T_STR, NULL },
	                                 { "nodeName", T_STR, NULL },
	                                 { "hostNetwork", T_BOOL, NULL },
	                                 OTHERS,
	                                 END };
static const struct field pod_ip[] = { { "ip", T_STR, NULL }, END };
static const struct field condition[] = {
	{ "type", T_STR, NULL }, { "status", T_STR, NULL }, OTHERS, END
};
static const struct field pod_status[] = { { "phase", T_STR, NULL },
	                                   { "podIP", T_STR, NULL },
	                                   { "podIPs", T_OBJ_LIST, pod_ip },
	                                   { "conditions", T_OBJ_LIST, condition },
	                                   OTHERS,
	                                   END };
static const struct field pod[] = {
	META, { "spec", T_OBJ, pod_spec }, { "status", T_OBJ, pod_status }, END
};

static const struct field open_spec[] = {
	META, { "spec", T_OPEN, NULL }, { "status", T_OPEN, NULL }, END
};
static const struct field config_map[] = { META,
	                                   { "data", T_STR_MAP, NULL },
	                                   { "binaryData", T_STR_MAP, NULL },
	                                   { "immutable", T_BOOL, NULL },
	                                   END };
static const struct field secret[] = { META,
	                               { "data", T_STR_MAP, NULL },
	                               { "stringData", T_STR_MAP, NULL },
	                               { "type", T_STR, NULL },
	                               { "immutable", T_BOOL, NULL },
	                               END };
static const struct field event[] = { META,
	                              { "involvedObject", T_OPEN, NULL },
	                              { "reason", T_STR, NULL },
	                              { "message", T_STR, NULL },
	                              { "source", T_OPEN, NULL },
	                              { "firstTimestamp", T_STR, NULL },
	                              { "lastTimestamp", T_STR, NULL },
	                              { "count", T_INT, NULL },
	                              { "type", T_STR, NULL },
	                              { "eventTime", T_STR, NULL },
	                              { "series", T_OPEN, NULL },
	                              { "action", T_STR, NULL },
	                              { "related", T_OPEN, NULL },
	                              { "reportingComponent", T_STR, NULL },
	                              { "reportingInstance", T_STR, NULL },
	                              END };

static const struct field *const schemas[KIND_COUNT] = {
	[KIND_NAMESPACE] = open_spec,  [KIND_POD] = pod,
	[KIND_SERVICE] = service,      [KIND_ENDPOINTSLICE] = slice,
	[KIND_INGRESS] = ingress,      [KIND_INGRESSCLASS] = ingress_class,
	[KIND_NETWORKPOLICY] = policy, [KIND_CONFIGMAP] = config_map,
	[KIND_SECRET] = secret,        [KIND_EVENT] = event,
	[KIND_PODNETWORK] = open_spec,
};

static const char *type_name(yyjson_mut_val *v)
{
	if (yyjson_mut_is_str(v))
		return "string";
	if (yyjson_mut_is_num(v))
		return "number";
	if (yyjson_mut_is_bool(v))
		return "bool";
	return yyjson_mut_is_arr(v) ? "array" : yyjson_mut_is_obj(v) ? "object" : "null";
}

static void check_object(yyjson_mut_val *obj, const struct field *fields, const char *path,
                         struct causes *c);

static void check_strings(yyjson_mut_val *v, const char *path, struct causes *c)
{
	yyjson_mut_val *key, *item;
	size_t i, n;

	if (yyjson_mut_is_obj(v)) {
		yyjson_mut_obj_foreach (v, i, n, key, item) {
			if (yyjson_mut_is_null(item))
				yyjson_mut_set_str(item,
				                   ""); /* "key:" with nothing behind it, in YAML */
			else if (!yyjson_mut_is_str(item))
				cause_type(c,
				           arena_printf(c->arena, "%s.%s", path,
				                        yyjson_mut_get_str(key)),
				           "string", type_name(item));
		}
	} else {
		yyjson_mut_arr_foreach (v, i, n, item)
			if (!yyjson_mut_is_str(item))
				cause_type(c, arena_printf(c->arena, "%s[%zu]", path, i), "string",
				           type_name(item));
	}
}

static void check_list(yyjson_mut_val *v, const struct field *f, const char *path, struct causes *c)
{
	yyjson_mut_val *item;
	size_t i, n;

	yyjson_mut_arr_foreach (v, i, n, item) {
		const char *at = arena_printf(c->arena, "%s[%zu]", path, i);

		if (yyjson_mut_is_obj(item))
			check_object(item, f->sub, at, c);
		else
			cause_type(c, at, "object", type_name(item));
	}
}

static void check_field(yyjson_mut_val *v, const struct field *f, const char *path,
                        struct causes *c)
{
	static const char *const wanted[] = {
		"string",           "int32",  "bool",  "int or string", "object of strings",
		"array of strings", "object", "array", "object",        ""
	};
	bool good = true;

	switch (f->type) {
	case T_STR:
		good = yyjson_mut_is_str(v);
		break;
	case T_INT:
		good = yyjson_mut_is_int(v);
		break;
	case T_BOOL:
		good = yyjson_mut_is_bool(v);
		break;
	case T_INT_OR_STR:
		good = yyjson_mut_is_int(v) || yyjson_mut_is_str(v);
		break;
	case T_STR_MAP:
		if ((good = yyjson_mut_is_obj(v)))
			check_strings(v, path, c);
		break;
	case T_STR_LIST:
		if ((good = yyjson_mut_is_arr(v)))
			check_strings(v, path, c);
		break;
	case T_OBJ:
		if ((good = yyjson_mut_is_obj(v)))
			check_object(v, f->sub, path, c);
		break;
	case T_OBJ_LIST:
		if ((good = yyjson_mut_is_arr(v)))
			check_list(v, f, path, c);
		break;
	case T_OPEN:
		good = yyjson_mut_is_obj(v);
		break;
	case T_ANY:
		break;
	}
	if (!good)
		cause_type(c, path, wanted[f->type], type_name(v));
}

static const struct field *find_field(const struct field *f, const char *name)
{
	while (f->name && strcmp(f->name, name) != 0 && strcmp(f->name, "*") != 0)
		f++;
	return f->name ? f : NULL;
}

static void check_object(yyjson_mut_val *obj, const struct field *fields, const char *path,
                         struct causes *c)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(obj);
	yyjson_mut_val *key;

	while ((key = yyjson_mut_obj_iter_next(&it))) {
		yyjson_mut_val *v = yyjson_mut_obj_iter_get_val(key);
		const char *name = yyjson_mut_get_str(key);
		const struct field *f = find_field(fields, name);
		const char *at = arena_printf(c->arena, "%s%s%s", path, *path ? "." : "", name);

		if (!f && c->n_unknown < ARRAY_LEN(c->unknown))
			c->unknown[c->n_unknown++] = at;
		else if (f && yyjson_mut_is_null(v) && f->type != T_ANY)
			yyjson_mut_obj_iter_remove(&it);
		else if (f)
			check_field(v, f, at, c);
	}
}

void schema_check(enum kind kind, yyjson_mut_val *root, struct causes *c)
{
	check_object(root, schemas[kind], "", c);
}
