/* api_valid.c - which rules an object has to keep, by its kind. All of what is wrong is found at
 * once, not only the first. */
#include <knetd/auto.h>

#include "api_valid.h"

void valid_object(enum kind kind, yyjson_mut_doc *doc, yyjson_mut_val *root,
                  const struct object *old, struct causes *c)
{
	auto_doc yyjson_doc *old_doc = old ? object_doc(old) : NULL;
	yyjson_val *was = yyjson_doc_get_root(old_doc);

	valid_meta(kind, root, c);
	switch (kind) {
	case KIND_SERVICE:
		valid_service(doc, root, was, c);
		break;
	case KIND_ENDPOINTSLICE:
		valid_slice(root, was, c);
		break;
	case KIND_ENDPOINTS:
		valid_endpoints(root, c);
		break;
	case KIND_POD:
		valid_pod(root, was, c);
		valid_pod_status(root, c);
		break;
	case KIND_NODE:
		valid_node(root, was, c);
		break;
	case KIND_NAMESPACE:
		valid_namespace(root, c);
		break;
	case KIND_CONFIGMAP:
		valid_config_map(root, was, c);
		break;
	case KIND_SECRET:
		valid_secret(root, was, c);
		break;
	case KIND_EVENT:
		valid_event(root, c);
		break;
	case KIND_INGRESS:
		valid_ingress(root, was, c);
		break;
	case KIND_INGRESSCLASS:
		valid_ingress_class(root, was, c);
		break;
	case KIND_NETWORKPOLICY:
		valid_policy(root, c);
		break;
	case KIND_CLUSTERNETWORKPOLICY:
		valid_cluster_policy(root, c);
		break;
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
		valid_gateway_kind(kind, root, was, c);
		break;
	case KIND_ADDRESSPOOL:
		valid_schema(kind, root, c);
		valid_pool(root, c);
		break;
	case KIND_PODNETWORK:
	case KIND_COUNT:
		break;
	}
}

void valid_status(enum kind kind, yyjson_mut_val *root, struct causes *c)
{
	if (kind == KIND_SERVICE || kind == KIND_INGRESS)
		check_balancer(c, root, kind == KIND_SERVICE);
	if (kind == KIND_SERVICE && !text_is(root, "spec.type", "LoadBalancer") &&
	    yyjson_mut_arr_size(mut_at(root, "status.loadBalancer.ingress")))
		wrong_here(c, CHILD(CHILD(AT("status"), "loadBalancer"), "ingress"),
		           "may only be used when `spec.type` is 'LoadBalancer'");
	if (kind == KIND_POD)
		valid_pod_status(root, c);
}
