/* gateway_class.c - GatewayClasses: ours made when it is not there, and what we say of those that
 * name our controller. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "gateway.h"
#include "gateway_told.h"

/* As the conformance tests spell them, in the order of the alphabet. */
static const char *const features[] = {
	"BackendTLSPolicy",
	"BackendTLSPolicySANValidation",
	"GRPCRoute",
	"GRPCRouteNamedRouteRule",
	"Gateway",
	"GatewayAddressEmpty",
	"GatewayBackendClientCertificate",
	"GatewayFrontendClientCertificateValidation",
	"GatewayFrontendClientCertificateValidationInsecureFallback",
	"GatewayHTTPListenerIsolation",
	"GatewayHTTPSListenerDetectMisdirectedRequests",
	"GatewayPort8080",
	"GatewayStaticAddresses",
	"HTTPRoute",
	"HTTPRoute303RedirectStatusCode",
	"HTTPRoute307RedirectStatusCode",
	"HTTPRoute308RedirectStatusCode",
	"HTTPRouteBackendProtocolH2C",
	"HTTPRouteBackendProtocolWebSocket",
	"HTTPRouteBackendRequestHeaderModification",
	"HTTPRouteBackendTimeout",
	"HTTPRouteCORS",
	"HTTPRouteDestinationPortMatching",
	"HTTPRouteHostRewrite",
	"HTTPRouteMethodMatching",
	"HTTPRouteNamedRouteRule",
	"HTTPRouteParentRefPort",
	"HTTPRoutePathRedirect",
	"HTTPRoutePathRewrite",
	"HTTPRoutePortRedirect",
	"HTTPRouteQueryParamMatching",
	"HTTPRouteRequestMirror",
	"HTTPRouteRequestMultipleMirrors",
	"HTTPRouteRequestPercentageMirror",
	"HTTPRouteRequestTimeout",
	"HTTPRouteResponseHeaderModification",
	"HTTPRouteRetry",
	"HTTPRouteRetryBackendTimeout",
	"HTTPRouteRetryConnectionError",
	"HTTPRouteSchemeRedirect",
	"ListenerSet",
	"ReferenceGrant",
	"TCPRoute",
	"TLSRoute",
	"TLSRouteModeMixed",
	"TLSRouteModeTerminate",
	"UDPRoute",
};

int gateway_class_make(struct err *e)
{
	static const char text[] = "{\"spec\":{\"controllerName\":\"" GATEWAY_CONTROLLER
				   "\",\"description\":\"Gateways of this node, by knetd\"}}";
	auto_doc yyjson_doc *doc = NULL;
	auto_mut yyjson_mut_doc *new = NULL;

	if (store_get(KIND_GATEWAYCLASS, "", GATEWAY_CLASS) ||
	    store_is_damaged(KIND_GATEWAYCLASS, "", GATEWAY_CLASS))
		return 0;
	doc = yyjson_read(text, strlen(text), 0);
	new = yyjson_doc_mut_copy(doc, NULL);
	return store_put(KIND_GATEWAYCLASS, "", GATEWAY_CLASS, new, 0, NULL, e);
}

static void tell(const struct object *o, yyjson_val *root, struct buf *b)
{
	struct gateway_says accepted = { NULL, NULL }, version = { NULL, NULL };
	int64_t generation = json_int(root, "metadata.generation", 0);

	if (json_at(root, "spec.parametersRef"))
		accepted = (struct gateway_says){ "InvalidParameters",
			                          "spec.parametersRef: this controller has no "
			                          "parameters" };
	(void)o;
	buf_str(b, "{\"conditions\":[");
	gateway_put_says(b, "Accepted", "Accepted", &accepted, generation);
	gateway_put_says(b, "SupportedVersion", "SupportedVersion", &version, generation);
	buf_str(b, "],\"supportedFeatures\":[");
	for (size_t i = 0; i < ARRAY_LEN(features); i++)
		buf_printf(b, "%s{\"name\":\"%s\"}", i ? "," : "", features[i]);
	buf_str(b, "]}");
}

int gateway_class_tell(struct err *e)
{
	size_t max = store_count(KIND_GATEWAYCLASS), n = 0;
	auto_free const struct object **v = xcalloc(max + 1, sizeof(struct object *));
	const struct object *o;
	int ret = 0;

	for (size_t i = 0; (o = store_next_object(KIND_GATEWAYCLASS, &i));)
		v[n++] = object_ref(o);
	for (size_t i = 0; i < n; i++) {
		auto_doc yyjson_doc *doc = object_doc(v[i]);
		yyjson_val *root = yyjson_doc_get_root(doc);
		const char *controller = json_str(root, "spec.controllerName");
		auto_buf struct buf b = { 0 };

		if (!ret && controller && !strcmp(controller, GATEWAY_CONTROLLER)) {
			tell(v[i], root, &b);
			buf_add(&b, "", 1);
			ret = gateway_status_write(KIND_GATEWAYCLASS, "", v[i]->name, b.data, e);
		}
		object_unref((struct object *)v[i]);
	}
	return ret;
}
