/* fields_gateway.c - fields of gateway.networking.k8s.io, as of Gateway API 1.6 with its
 * experimental channel. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field gateway_ref_parameters_fields[] = {
	{ "group", STRING, REQUIRED, 0, NULL, NULL, "Group of the parameters object." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the parameters object." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the parameters object." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the parameters object, when it has one." },
	END
};
static const struct message gateway_ref_parameters = { "io.k8s.networking.gateway.ParametersReference", "Names the object that holds further parameters of a class.", gateway_ref_parameters_fields };

static const struct field gateway_supported_feature_fields[] = {
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the feature, as the conformance tests spell it." },
	END
};
static const struct message gateway_supported_feature = { "io.k8s.networking.gateway.SupportedFeature", "One feature that the controller implements.", gateway_supported_feature_fields };

static const struct field gateway_gateway_class_spec_fields[] = {
	{ "controllerName", STRING, REQUIRED, 0, NULL, NULL, "The controller that serves Gateways of this class." },
	{ "description", STRING, 0, 0, NULL, NULL, "A sentence for people who choose a class." },
	{ "parametersRef", OBJECT, 0, 0, &gateway_ref_parameters, NULL, "Further parameters, kept in another object." },
	END
};
static const struct message gateway_gateway_class_spec = { "io.k8s.networking.gateway.GatewayClassSpec", "What a GatewayClass asks for.", gateway_gateway_class_spec_fields };

static const struct field gateway_gateway_class_status_fields[] = {
	{ "conditions", OBJECT, LIST, 0, &meta_condition, "type", "Whether the class is accepted, and why not." },
	{ "supportedFeatures", OBJECT, LIST, 0, &gateway_supported_feature, "name", "What the controller implements." },
	END
};
static const struct message gateway_gateway_class_status = { "io.k8s.networking.gateway.GatewayClassStatus", "What the controller says about a GatewayClass.", gateway_gateway_class_status_fields };

static const struct field gateway_gateway_class_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_gateway_class_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_gateway_class_status, NULL, "What the controller says." },
	END
};
const struct message gateway_gateway_class = { "io.k8s.networking.gateway.GatewayClass", "A kind of Gateway, and the controller that serves it.", gateway_gateway_class_fields };

static const struct field gateway_secret_ref_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the object; empty is the core group." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the object; Secret when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the object." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the object; another than the Gateway's needs a ReferenceGrant." },
	END
};
static const struct message gateway_secret_ref = { "io.k8s.networking.gateway.SecretObjectReference", "Names an object with a certificate, a Secret as a rule.", gateway_secret_ref_fields };

static const struct field gateway_object_ref_fields[] = {
	{ "group", STRING, REQUIRED, 0, NULL, NULL, "Group of the object; empty is the core group." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the object." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the object." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the object; another than the referrer's needs a ReferenceGrant." },
	END
};
static const struct message gateway_object_ref = { "io.k8s.networking.gateway.ObjectReference", "Names an object, maybe of another namespace.", gateway_object_ref_fields };

static const struct field gateway_local_ref_fields[] = {
	{ "group", STRING, REQUIRED, 0, NULL, NULL, "Group of the object; empty is the core group." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the object." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the object." },
	END
};
static const struct message gateway_local_ref = { "io.k8s.networking.gateway.LocalObjectReference", "Names an object of the same namespace.", gateway_local_ref_fields };

static const struct field gateway_gateway_address_fields[] = {
	{ "type", STRING, 0, 0, NULL, NULL, "IPAddress or Hostname; IPAddress when unset." },
	{ "value", STRING, 0, 0, NULL, NULL, "The address; left out, one of that type is chosen." },
	END
};
static const struct message gateway_gateway_address = { "io.k8s.networking.gateway.GatewaySpecAddress", "An address that a Gateway asks for.", gateway_gateway_address_fields };

static const struct field gateway_gateway_status_address_fields[] = {
	{ "type", STRING, 0, 0, NULL, NULL, "IPAddress or Hostname." },
	{ "value", STRING, REQUIRED, 0, NULL, NULL, "The address." },
	END
};
static const struct message gateway_gateway_status_address = { "io.k8s.networking.gateway.GatewayStatusAddress", "An address that a Gateway is reached at.", gateway_gateway_status_address_fields };

static const struct field gateway_listener_namespaces_fields[] = {
	{ "from", STRING, 0, 0, NULL, NULL, "All, Same, Selector or None; None when unset." },
	{ "selector", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "Labels of the namespaces, when from is Selector." },
	END
};
static const struct message gateway_listener_namespaces = { "io.k8s.networking.gateway.ListenerNamespaces", "Namespaces whose ListenerSets may add listeners.", gateway_listener_namespaces_fields };

static const struct field gateway_allowed_listeners_fields[] = {
	{ "namespaces", OBJECT, 0, 0, &gateway_listener_namespaces, NULL, "From which namespaces." },
	END
};
static const struct message gateway_allowed_listeners = { "io.k8s.networking.gateway.AllowedListeners", "Who may add listeners to a Gateway.", gateway_allowed_listeners_fields };

static const struct field gateway_gateway_infrastructure_fields[] = {
	{ "labels", STRING, MAP, 0, NULL, NULL, "Labels for them." },
	{ "annotations", STRING, MAP, 0, NULL, NULL, "Annotations for them." },
	{ "parametersRef", OBJECT, 0, 0, &gateway_local_ref, NULL, "Further parameters, kept in another object." },
	END
};
static const struct message gateway_gateway_infrastructure = { "io.k8s.networking.gateway.GatewayInfrastructure", "What is put on things made for a Gateway.", gateway_gateway_infrastructure_fields };

static const struct field gateway_route_kind_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the route; gateway.networking.k8s.io when unset." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the route, as HTTPRoute." },
	END
};
static const struct message gateway_route_kind = { "io.k8s.networking.gateway.RouteGroupKind", "A kind of route.", gateway_route_kind_fields };

static const struct field gateway_route_namespaces_fields[] = {
	{ "from", STRING, 0, 0, NULL, NULL, "All, Same or Selector; Same when unset." },
	{ "selector", OBJECT, ATOMIC, 0, &meta_label_selector, NULL, "Labels of the namespaces, when from is Selector." },
	END
};
static const struct message gateway_route_namespaces = { "io.k8s.networking.gateway.RouteNamespaces", "Namespaces whose routes may attach.", gateway_route_namespaces_fields };

static const struct field gateway_allowed_routes_fields[] = {
	{ "namespaces", OBJECT, 0, 0, &gateway_route_namespaces, NULL, "From which namespaces." },
	{ "kinds", OBJECT, LIST, 0, &gateway_route_kind, NULL, "Of which kinds; those that fit the protocol when unset." },
	END
};
static const struct message gateway_allowed_routes = { "io.k8s.networking.gateway.AllowedRoutes", "Which routes may attach to a listener.", gateway_allowed_routes_fields };

static const struct field gateway_listener_tls_fields[] = {
	{ "mode", STRING, 0, 0, NULL, NULL, "Terminate (the Gateway decrypts) or Passthrough (the backend does); Terminate when unset." },
	{ "certificateRefs", OBJECT, LIST, 0, &gateway_secret_ref, NULL, "Certificates that the listener presents." },
	{ "options", STRING, MAP, 0, NULL, NULL, "Further options, named by implementations." },
	END
};
static const struct message gateway_listener_tls = { "io.k8s.networking.gateway.ListenerTLSConfig", "How a listener treats TLS.", gateway_listener_tls_fields };

static const struct field gateway_listener_fields[] = {
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the listener, unique in its Gateway." },
	{ "hostname", STRING, 0, 0, NULL, NULL, "Host name to accept, maybe *.example.com; every one when unset." },
	{ "port", INT32, REQUIRED, 0, NULL, NULL, "Port to listen on." },
	{ "protocol", STRING, REQUIRED, 0, NULL, NULL, "HTTP, HTTPS, TLS, TCP or UDP." },
	{ "tls", OBJECT, 0, 0, &gateway_listener_tls, NULL, "How TLS is treated; for HTTPS and TLS." },
	{ "allowedRoutes", OBJECT, 0, 0, &gateway_allowed_routes, NULL, "Which routes may attach." },
	END
};
static const struct message gateway_listener = { "io.k8s.networking.gateway.Listener", "One address, port and protocol at which a Gateway accepts traffic.", gateway_listener_fields };

static const struct field gateway_client_validation_fields[] = {
	{ "caCertificateRefs", OBJECT, LIST | REQUIRED, 0, &gateway_object_ref, NULL, "Where the trusted certificate authorities are." },
	{ "mode", STRING, 0, 0, NULL, NULL, "AllowValidOnly or AllowInsecureFallback; AllowValidOnly when unset." },
	END
};
static const struct message gateway_client_validation = { "io.k8s.networking.gateway.FrontendTLSValidation", "How certificates of clients are checked.", gateway_client_validation_fields };

static const struct field gateway_tls_config_fields[] = {
	{ "validation", OBJECT, 0, 0, &gateway_client_validation, NULL, "How certificates of clients are checked; they are not asked for when unset." },
	END
};
static const struct message gateway_tls_config = { "io.k8s.networking.gateway.TLSConfig", "TLS towards clients.", gateway_tls_config_fields };

static const struct field gateway_tls_port_config_fields[] = {
	{ "port", INT32, REQUIRED, 0, NULL, NULL, "The port." },
	{ "tls", OBJECT, REQUIRED, 0, &gateway_tls_config, NULL, "What holds there instead of the default." },
	END
};
static const struct message gateway_tls_port_config = { "io.k8s.networking.gateway.TLSPortConfig", "TLS towards clients, on one port.", gateway_tls_port_config_fields };

static const struct field gateway_frontend_tls_fields[] = {
	{ "default", OBJECT, REQUIRED, 0, &gateway_tls_config, NULL, "What holds on every port without an own entry." },
	{ "perPort", OBJECT, LIST, 0, &gateway_tls_port_config, "port", "What holds on single ports." },
	END
};
static const struct message gateway_frontend_tls = { "io.k8s.networking.gateway.FrontendTLSConfig", "TLS towards clients of all HTTPS listeners.", gateway_frontend_tls_fields };

static const struct field gateway_backend_tls_fields[] = {
	{ "clientCertificateRef", OBJECT, 0, 0, &gateway_secret_ref, NULL, "The certificate that the Gateway presents to backends." },
	END
};
static const struct message gateway_backend_tls = { "io.k8s.networking.gateway.GatewayBackendTLS", "TLS towards backends.", gateway_backend_tls_fields };

static const struct field gateway_gateway_tls_fields[] = {
	{ "backend", OBJECT, 0, 0, &gateway_backend_tls, NULL, "Towards backends." },
	{ "frontend", OBJECT, 0, 0, &gateway_frontend_tls, NULL, "Towards clients." },
	END
};
static const struct message gateway_gateway_tls = { "io.k8s.networking.gateway.GatewayTLSConfig", "TLS of a whole Gateway.", gateway_gateway_tls_fields };

static const struct field gateway_gateway_spec_fields[] = {
	{ "gatewayClassName", STRING, REQUIRED, 0, NULL, NULL, "The GatewayClass that serves it." },
	{ "listeners", OBJECT, LIST | REQUIRED, 0, &gateway_listener, "name", "Where traffic is accepted." },
	{ "addresses", OBJECT, LIST, 0, &gateway_gateway_address, NULL, "Addresses asked for; the controller chooses when unset." },
	{ "infrastructure", OBJECT, 0, 0, &gateway_gateway_infrastructure, NULL, "What is put on things made for this Gateway." },
	{ "allowedListeners", OBJECT, 0, 0, &gateway_allowed_listeners, NULL, "Who may add further listeners." },
	{ "tls", OBJECT, 0, 0, &gateway_gateway_tls, NULL, "TLS towards clients and backends, for all listeners." },
	{ "defaultScope", STRING, 0, 0, NULL, NULL, "All or None: whether routes without parents attach to this Gateway." },
	END
};
static const struct message gateway_gateway_spec = { "io.k8s.networking.gateway.GatewaySpec", "What a Gateway asks for.", gateway_gateway_spec_fields };

static const struct field gateway_listener_status_fields[] = {
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the listener." },
	{ "supportedKinds", OBJECT, LIST, 0, &gateway_route_kind, NULL, "Kinds of route that may attach." },
	{ "attachedRoutes", INT32, REQUIRED, 0, NULL, NULL, "How many routes are attached." },
	{ "conditions", OBJECT, LIST | REQUIRED, 0, &meta_condition, "type", "Whether the listener is accepted, programmed and free of conflicts." },
	END
};
static const struct message gateway_listener_status = { "io.k8s.networking.gateway.ListenerStatus", "The state of one listener.", gateway_listener_status_fields };

static const struct field gateway_gateway_status_fields[] = {
	{ "addresses", OBJECT, LIST, 0, &gateway_gateway_status_address, NULL, "Where the Gateway is reached." },
	{ "conditions", OBJECT, LIST, 0, &meta_condition, "type", "Whether the Gateway is accepted and programmed." },
	{ "listeners", OBJECT, LIST, 0, &gateway_listener_status, "name", "The state of each listener." },
	{ "attachedListenerSets", INT32, 0, 0, NULL, NULL, "How many ListenerSets are attached." },
	END
};
static const struct message gateway_gateway_status = { "io.k8s.networking.gateway.GatewayStatus", "What the controller says about a Gateway.", gateway_gateway_status_fields };

static const struct field gateway_gateway_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_gateway_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_gateway_status, NULL, "What the controller says." },
	END
};
const struct message gateway_gateway = { "io.k8s.networking.gateway.Gateway", "A point where outside traffic enters: addresses, ports and certificates; routes attach to it.", gateway_gateway_fields };

static const struct field gateway_parent_gateway_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the parent; gateway.networking.k8s.io when unset." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the parent; Gateway when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the parent." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the parent; the ListenerSet's own when unset." },
	END
};
static const struct message gateway_parent_gateway = { "io.k8s.networking.gateway.ParentGatewayReference", "Names the Gateway that listeners are added to.", gateway_parent_gateway_fields };

static const struct field gateway_listener_set_spec_fields[] = {
	{ "parentRef", OBJECT, REQUIRED, 0, &gateway_parent_gateway, NULL, "The Gateway that the listeners are added to; it has to allow that (allowedListeners)." },
	{ "listeners", OBJECT, LIST | REQUIRED, 0, &gateway_listener, "name", "Where traffic is accepted, on the Gateway's addresses." },
	END
};
static const struct message gateway_listener_set_spec = { "io.k8s.networking.gateway.ListenerSetSpec", "What a ListenerSet asks for.", gateway_listener_set_spec_fields };

static const struct field gateway_listener_set_status_fields[] = {
	{ "conditions", OBJECT, LIST, 0, &meta_condition, "type", "Whether the ListenerSet is accepted and programmed." },
	{ "listeners", OBJECT, LIST, 0, &gateway_listener_status, "name", "The state of each listener." },
	END
};
static const struct message gateway_listener_set_status = { "io.k8s.networking.gateway.ListenerSetStatus", "What the controller says about a ListenerSet.", gateway_listener_set_status_fields };

static const struct field gateway_listener_set_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_listener_set_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_listener_set_status, NULL, "What the controller says." },
	END
};
const struct message gateway_listener_set = { "io.k8s.networking.gateway.ListenerSet", "Further listeners for a Gateway, maybe from another namespace.", gateway_listener_set_fields };

static const struct field gateway_parent_ref_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the parent; gateway.networking.k8s.io when unset." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the parent: Gateway (when unset), ListenerSet or Service." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the parent; the route's own when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the parent." },
	{ "sectionName", STRING, 0, 0, NULL, NULL, "Name of one listener; all of them when unset." },
	{ "port", INT32, 0, 0, NULL, NULL, "Port of the listeners to attach to; all of them when unset." },
	END
};
static const struct message gateway_parent_ref = { "io.k8s.networking.gateway.ParentReference", "Names what a route attaches to, a Gateway as a rule.", gateway_parent_ref_fields };

static const struct field gateway_route_parent_status_fields[] = {
	{ "parentRef", OBJECT, REQUIRED, 0, &gateway_parent_ref, NULL, "The parent." },
	{ "controllerName", STRING, REQUIRED, 0, NULL, NULL, "Who wrote this entry." },
	{ "conditions", OBJECT, LIST | REQUIRED, 0, &meta_condition, "type", "Whether the route is accepted and its references are resolved." },
	END
};
static const struct message gateway_route_parent_status = { "io.k8s.networking.gateway.RouteParentStatus", "What one controller says about a route at one parent.", gateway_route_parent_status_fields };

static const struct field gateway_route_status_fields[] = {
	{ "parents", OBJECT, LIST | REQUIRED, 0, &gateway_route_parent_status, NULL, "One entry a parent." },
	END
};
static const struct message gateway_route_status = { "io.k8s.networking.gateway.RouteStatus", "What controllers say about a route.", gateway_route_status_fields };

static const struct field gateway_backend_object_ref_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the backend; empty (the core group) when unset." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the backend; Service when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the backend." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the backend; another than the route's needs a ReferenceGrant." },
	{ "port", INT32, 0, 0, NULL, NULL, "Port of the Service (not of its pods); needed for Services." },
	END
};
static const struct message gateway_backend_object_ref = { "io.k8s.networking.gateway.BackendObjectReference", "Names a backend: a Service and its port.", gateway_backend_object_ref_fields };

static const struct field gateway_backend_ref_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the backend; empty (the core group) when unset." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the backend; Service when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the backend." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the backend; another than the route's needs a ReferenceGrant." },
	{ "port", INT32, 0, 0, NULL, NULL, "Port of the Service (not of its pods); needed for Services." },
	{ "weight", INT32, 0, 0, NULL, NULL, "Its share, against the sum of all weights; 1 when unset, 0 gets nothing." },
	END
};
static const struct message gateway_backend_ref = { "io.k8s.networking.gateway.BackendRef", "A backend and its share of the traffic.", gateway_backend_ref_fields };

static const struct field gateway_http_header_fields[] = {
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the header, in any case." },
	{ "value", STRING, REQUIRED, 0, NULL, NULL, "Value of the header." },
	END
};
static const struct message gateway_http_header = { "io.k8s.networking.gateway.HTTPHeader", "A header and its value.", gateway_http_header_fields };

static const struct field gateway_header_filter_fields[] = {
	{ "set", OBJECT, LIST, 0, &gateway_http_header, "name", "Headers to put in place of what is there." },
	{ "add", OBJECT, LIST, 0, &gateway_http_header, "name", "Headers to add to what is there." },
	{ "remove", STRING, LIST | SET, 0, NULL, "", "Names of headers to take out." },
	END
};
static const struct message gateway_header_filter = { "io.k8s.networking.gateway.HTTPHeaderFilter", "Changes to headers.", gateway_header_filter_fields };

static const struct field gateway_fraction_fields[] = {
	{ "numerator", INT32, REQUIRED, 0, NULL, NULL, "What stands above the line." },
	{ "denominator", INT32, 0, 0, NULL, NULL, "What stands below the line; 100 when unset." },
	END
};
static const struct message gateway_fraction = { "io.k8s.networking.gateway.Fraction", "A share, as a fraction.", gateway_fraction_fields };

static const struct field gateway_mirror_filter_fields[] = {
	{ "backendRef", OBJECT, REQUIRED, 0, &gateway_backend_object_ref, NULL, "Where the copies go." },
	{ "percent", INT32, 0, 0, NULL, NULL, "How many of 100 requests are copied; all when neither this nor fraction is set." },
	{ "fraction", OBJECT, 0, 0, &gateway_fraction, NULL, "Which share of the requests is copied." },
	END
};
static const struct message gateway_mirror_filter = { "io.k8s.networking.gateway.HTTPRequestMirrorFilter", "Sends a copy of requests to a further backend, whose answers are thrown away.", gateway_mirror_filter_fields };

static const struct field gateway_path_modifier_fields[] = {
	{ "type", STRING, REQUIRED, 0, NULL, NULL, "ReplaceFullPath or ReplacePrefixMatch." },
	{ "replaceFullPath", STRING, 0, 0, NULL, NULL, "The new path." },
	{ "replacePrefixMatch", STRING, 0, 0, NULL, NULL, "What stands in for the prefix that matched." },
	END
};
static const struct message gateway_path_modifier = { "io.k8s.networking.gateway.HTTPPathModifier", "A change of the path.", gateway_path_modifier_fields };

static const struct field gateway_redirect_filter_fields[] = {
	{ "scheme", STRING, 0, 0, NULL, NULL, "http or https; the request's own when unset." },
	{ "hostname", STRING, 0, 0, NULL, NULL, "Host name to redirect to; the request's own when unset." },
	{ "path", OBJECT, 0, 0, &gateway_path_modifier, NULL, "Change of the path." },
	{ "port", INT32, 0, 0, NULL, NULL, "Port to redirect to; follows from the scheme when unset." },
	{ "statusCode", INT32, 0, 0, NULL, NULL, "301, 302, 303, 307 or 308; 302 when unset." },
	END
};
static const struct message gateway_redirect_filter = { "io.k8s.networking.gateway.HTTPRequestRedirectFilter", "Answers with a redirect.", gateway_redirect_filter_fields };

static const struct field gateway_rewrite_filter_fields[] = {
	{ "hostname", STRING, 0, 0, NULL, NULL, "The new Host header." },
	{ "path", OBJECT, 0, 0, &gateway_path_modifier, NULL, "Change of the path." },
	END
};
static const struct message gateway_rewrite_filter = { "io.k8s.networking.gateway.HTTPURLRewriteFilter", "Changes the request before it goes to the backend.", gateway_rewrite_filter_fields };

static const struct field gateway_cors_filter_fields[] = {
	{ "allowOrigins", STRING, LIST | SET, 0, NULL, "", "Origins that may, as https://example.com, https://*.example.com or *." },
	{ "allowCredentials", BOOL, 0, 0, NULL, NULL, "Whether cookies and authorization may be sent along." },
	{ "allowMethods", STRING, LIST | SET, 0, NULL, "", "Methods that may be used; * is all." },
	{ "allowHeaders", STRING, LIST | SET, 0, NULL, "", "Request headers that may be sent; * is all." },
	{ "exposeHeaders", STRING, LIST | SET, 0, NULL, "", "Response headers that scripts may read; * is all." },
	{ "maxAge", INT32, 0, 0, NULL, NULL, "Seconds for which a browser may keep the answer to its preflight; 5 when unset." },
	END
};
static const struct message gateway_cors_filter = { "io.k8s.networking.gateway.HTTPCORSFilter", "Answers to cross-origin requests of browsers.", gateway_cors_filter_fields };

static const struct field gateway_grpc_auth_fields[] = {
	{ "allowedHeaders", STRING, LIST | SET, 0, NULL, "", "Request headers that it gets to see." },
	END
};
static const struct message gateway_grpc_auth = { "io.k8s.networking.gateway.GRPCAuthConfig", "How an authorization service is asked over gRPC.", gateway_grpc_auth_fields };

static const struct field gateway_http_auth_fields[] = {
	{ "path", STRING, 0, 0, NULL, NULL, "Path that is asked, with the request's own path behind it." },
	{ "allowedHeaders", STRING, LIST | SET, 0, NULL, "", "Request headers that it gets to see." },
	{ "allowedResponseHeaders", STRING, LIST | SET, 0, NULL, "", "Headers of its answer that go to the backend." },
	END
};
static const struct message gateway_http_auth = { "io.k8s.networking.gateway.HTTPAuthConfig", "How an authorization service is asked over HTTP.", gateway_http_auth_fields };

static const struct field gateway_forward_body_fields[] = {
	{ "maxSize", INT32, 0, 0, NULL, NULL, "Bytes of it; none when 0." },
	END
};
static const struct message gateway_forward_body = { "io.k8s.networking.gateway.ForwardBodyConfig", "How much of a body the authorization service gets.", gateway_forward_body_fields };

static const struct field gateway_auth_filter_fields[] = {
	{ "protocol", STRING, REQUIRED, 0, NULL, NULL, "HTTP or GRPC." },
	{ "backendRef", OBJECT, REQUIRED, 0, &gateway_backend_object_ref, NULL, "The service that is asked." },
	{ "grpc", OBJECT, 0, 0, &gateway_grpc_auth, NULL, "How, over gRPC." },
	{ "http", OBJECT, 0, 0, &gateway_http_auth, NULL, "How, over HTTP." },
	{ "forwardBody", OBJECT, 0, 0, &gateway_forward_body, NULL, "Whether the body is sent along." },
	END
};
static const struct message gateway_auth_filter = { "io.k8s.networking.gateway.HTTPExternalAuthFilter", "Asks a service whether a request may pass.", gateway_auth_filter_fields };

static const struct field gateway_http_filter_fields[] = {
	{ "type", STRING, REQUIRED, 0, NULL, NULL, "Which member below it is: RequestHeaderModifier, ResponseHeaderModifier, RequestMirror, RequestRedirect, URLRewrite, CORS, ExternalAuth or ExtensionRef." },
	{ "requestHeaderModifier", OBJECT, 0, 0, &gateway_header_filter, NULL, "Changes to the request's headers." },
	{ "responseHeaderModifier", OBJECT, 0, 0, &gateway_header_filter, NULL, "Changes to the response's headers." },
	{ "requestMirror", OBJECT, 0, 0, &gateway_mirror_filter, NULL, "A copy to a further backend." },
	{ "requestRedirect", OBJECT, 0, 0, &gateway_redirect_filter, NULL, "A redirect as the answer." },
	{ "urlRewrite", OBJECT, 0, 0, &gateway_rewrite_filter, NULL, "Another host or path for the backend." },
	{ "cors", OBJECT, 0, 0, &gateway_cors_filter, NULL, "Answers to cross-origin requests." },
	{ "externalAuth", OBJECT, 0, 0, &gateway_auth_filter, NULL, "A question to an authorization service." },
	{ "extensionRef", OBJECT, 0, 0, &gateway_local_ref, NULL, "A filter of some implementation." },
	END
};
static const struct message gateway_http_filter = { "io.k8s.networking.gateway.HTTPRouteFilter", "One step on the way of a request or its response.", gateway_http_filter_fields };

static const struct field gateway_http_backend_ref_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the backend; empty (the core group) when unset." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the backend; Service when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the backend." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the backend; another than the route's needs a ReferenceGrant." },
	{ "port", INT32, 0, 0, NULL, NULL, "Port of the Service (not of its pods); needed for Services." },
	{ "weight", INT32, 0, 0, NULL, NULL, "Its share, against the sum of all weights; 1 when unset, 0 gets nothing." },
	{ "filters", OBJECT, LIST, 0, &gateway_http_filter, NULL, "Steps for requests that go to this backend." },
	END
};
static const struct message gateway_http_backend_ref = { "io.k8s.networking.gateway.HTTPBackendRef", "A backend, its share and its own filters.", gateway_http_backend_ref_fields };

static const struct field gateway_path_match_fields[] = {
	{ "type", STRING, 0, 0, NULL, NULL, "Exact, PathPrefix or RegularExpression; PathPrefix when unset." },
	{ "value", STRING, 0, 0, NULL, NULL, "What it is compared with; / when unset." },
	END
};
static const struct message gateway_path_match = { "io.k8s.networking.gateway.HTTPPathMatch", "How a path is compared.", gateway_path_match_fields };

static const struct field gateway_header_match_fields[] = {
	{ "type", STRING, 0, 0, NULL, NULL, "Exact or RegularExpression; Exact when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the header, in any case." },
	{ "value", STRING, REQUIRED, 0, NULL, NULL, "What it is compared with." },
	END
};
static const struct message gateway_header_match = { "io.k8s.networking.gateway.HTTPHeaderMatch", "How a header is compared.", gateway_header_match_fields };

static const struct field gateway_query_match_fields[] = {
	{ "type", STRING, 0, 0, NULL, NULL, "Exact or RegularExpression; Exact when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the parameter." },
	{ "value", STRING, REQUIRED, 0, NULL, NULL, "What it is compared with." },
	END
};
static const struct message gateway_query_match = { "io.k8s.networking.gateway.HTTPQueryParamMatch", "How a query parameter is compared.", gateway_query_match_fields };

static const struct field gateway_http_match_fields[] = {
	{ "path", OBJECT, 0, 0, &gateway_path_match, NULL, "Its path." },
	{ "headers", OBJECT, LIST, 0, &gateway_header_match, "name", "Its headers." },
	{ "queryParams", OBJECT, LIST, 0, &gateway_query_match, "name", "Its query parameters." },
	{ "method", STRING, 0, 0, NULL, NULL, "Its method." },
	END
};
static const struct message gateway_http_match = { "io.k8s.networking.gateway.HTTPRouteMatch", "What a request has to look like; all members have to match.", gateway_http_match_fields };

static const struct field gateway_http_timeouts_fields[] = {
	{ "request", STRING, 0, 0, NULL, NULL, "For the whole answer, as 10s; 0s is for ever." },
	{ "backendRequest", STRING, 0, 0, NULL, NULL, "For one try at one backend." },
	END
};
static const struct message gateway_http_timeouts = { "io.k8s.networking.gateway.HTTPRouteTimeouts", "How long may be waited.", gateway_http_timeouts_fields };

static const struct field gateway_http_retry_fields[] = {
	{ "codes", INT32, LIST | SET, 0, NULL, "", "Status codes of the backend that count as failed." },
	{ "attempts", INT32, 0, 0, NULL, NULL, "How many times it is tried again." },
	{ "backoff", STRING, 0, 0, NULL, NULL, "How long to wait between tries, as 100ms." },
	END
};
static const struct message gateway_http_retry = { "io.k8s.networking.gateway.HTTPRouteRetry", "Whether a failed request is tried again.", gateway_http_retry_fields };

static const struct field gateway_cookie_config_fields[] = {
	{ "lifetimeType", STRING, 0, 0, NULL, NULL, "Session or Permanent; Session when unset." },
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the cookie." },
	{ "path", STRING, 0, 0, NULL, NULL, "Path of the cookie; / when unset." },
	END
};
static const struct message gateway_cookie_config = { "io.k8s.networking.gateway.CookieConfig", "The cookie that keeps a client at its backend.", gateway_cookie_config_fields };

static const struct field gateway_header_config_fields[] = {
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the header." },
	END
};
static const struct message gateway_header_config = { "io.k8s.networking.gateway.HeaderConfig", "The header that keeps a client at its backend.", gateway_header_config_fields };

static const struct field gateway_session_persistence_fields[] = {
	{ "absoluteTimeout", STRING, 0, 0, NULL, NULL, "When a session ends in any case." },
	{ "type", STRING, 0, 0, NULL, NULL, "Cookie or Header; Cookie when unset." },
	{ "cookie", OBJECT, 0, 0, &gateway_cookie_config, NULL, "The cookie." },
	{ "header", OBJECT, 0, 0, &gateway_header_config, NULL, "The header." },
	END
};
static const struct message gateway_session_persistence = { "io.k8s.networking.gateway.SessionPersistence", "Keeps a client at the backend it first got.", gateway_session_persistence_fields };

static const struct field gateway_http_rule_fields[] = {
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the rule, unique in its route." },
	{ "matches", OBJECT, LIST, 0, &gateway_http_match, NULL, "What requests look like; one of these has to match, and every request does when unset." },
	{ "filters", OBJECT, LIST, 0, &gateway_http_filter, NULL, "Steps for all of these requests." },
	{ "backendRefs", OBJECT, LIST, 0, &gateway_http_backend_ref, NULL, "Where they go, by weight; 500 is answered when there is none." },
	{ "timeouts", OBJECT, 0, 0, &gateway_http_timeouts, NULL, "How long may be waited." },
	{ "retry", OBJECT, 0, 0, &gateway_http_retry, NULL, "Whether failed requests are tried again." },
	{ "sessionPersistence", OBJECT, 0, 0, &gateway_session_persistence, NULL, "Keeps clients at their backend." },
	END
};
static const struct message gateway_http_rule = { "io.k8s.networking.gateway.HTTPRouteRule", "What happens to requests that match.", gateway_http_rule_fields };

static const struct field gateway_http_route_spec_fields[] = {
	{ "parentRefs", OBJECT, LIST, 0, &gateway_parent_ref, NULL, "What the route attaches to." },
	{ "useDefaultGateways", STRING, 0, 0, NULL, NULL, "All or None: whether the route attaches to default Gateways." },
	{ "hostnames", STRING, LIST, 0, NULL, NULL, "Host names it is for, maybe *.example.com; those of the listener when unset." },
	{ "rules", OBJECT, LIST, 0, &gateway_http_rule, NULL, "What happens to requests; the most specific match wins, over all routes." },
	END
};
static const struct message gateway_http_route_spec = { "io.k8s.networking.gateway.HTTPRouteSpec", "What an HTTPRoute asks for.", gateway_http_route_spec_fields };

static const struct field gateway_http_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_http_route_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_route_status, NULL, "What controllers say." },
	END
};
const struct message gateway_http_route = { "io.k8s.networking.gateway.HTTPRoute", "Sends HTTP requests to Services, by host, path, headers, method and query.", gateway_http_route_fields };

static const struct field gateway_grpc_filter_fields[] = {
	{ "type", STRING, REQUIRED, 0, NULL, NULL, "Which member below it is: RequestHeaderModifier, ResponseHeaderModifier, RequestMirror or ExtensionRef." },
	{ "requestHeaderModifier", OBJECT, 0, 0, &gateway_header_filter, NULL, "Changes to the request's headers." },
	{ "responseHeaderModifier", OBJECT, 0, 0, &gateway_header_filter, NULL, "Changes to the response's headers." },
	{ "requestMirror", OBJECT, 0, 0, &gateway_mirror_filter, NULL, "A copy to a further backend." },
	{ "extensionRef", OBJECT, 0, 0, &gateway_local_ref, NULL, "A filter of some implementation." },
	END
};
static const struct message gateway_grpc_filter = { "io.k8s.networking.gateway.GRPCRouteFilter", "One step on the way of a call or its answer.", gateway_grpc_filter_fields };

static const struct field gateway_grpc_backend_ref_fields[] = {
	{ "group", STRING, 0, 0, NULL, NULL, "Group of the backend; empty (the core group) when unset." },
	{ "kind", STRING, 0, 0, NULL, NULL, "Kind of the backend; Service when unset." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the backend." },
	{ "namespace", STRING, 0, 0, NULL, NULL, "Namespace of the backend; another than the route's needs a ReferenceGrant." },
	{ "port", INT32, 0, 0, NULL, NULL, "Port of the Service (not of its pods); needed for Services." },
	{ "weight", INT32, 0, 0, NULL, NULL, "Its share, against the sum of all weights; 1 when unset, 0 gets nothing." },
	{ "filters", OBJECT, LIST, 0, &gateway_grpc_filter, NULL, "Steps for calls that go to this backend." },
	END
};
static const struct message gateway_grpc_backend_ref = { "io.k8s.networking.gateway.GRPCBackendRef", "A backend, its share and its own filters.", gateway_grpc_backend_ref_fields };

static const struct field gateway_grpc_method_match_fields[] = {
	{ "type", STRING, 0, 0, NULL, NULL, "Exact or RegularExpression; Exact when unset." },
	{ "service", STRING, 0, 0, NULL, NULL, "Name of the service, with its package." },
	{ "method", STRING, 0, 0, NULL, NULL, "Name of the method." },
	END
};
static const struct message gateway_grpc_method_match = { "io.k8s.networking.gateway.GRPCMethodMatch", "How service and method of a call are compared.", gateway_grpc_method_match_fields };

static const struct field gateway_grpc_match_fields[] = {
	{ "method", OBJECT, 0, 0, &gateway_grpc_method_match, NULL, "Its service and method." },
	{ "headers", OBJECT, LIST, 0, &gateway_header_match, "name", "Its headers." },
	END
};
static const struct message gateway_grpc_match = { "io.k8s.networking.gateway.GRPCRouteMatch", "What a call has to look like; all members have to match.", gateway_grpc_match_fields };

static const struct field gateway_grpc_rule_fields[] = {
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the rule, unique in its route." },
	{ "matches", OBJECT, LIST, 0, &gateway_grpc_match, NULL, "What calls look like; one of these has to match, and every call does when unset." },
	{ "filters", OBJECT, LIST, 0, &gateway_grpc_filter, NULL, "Steps for all of these calls." },
	{ "backendRefs", OBJECT, LIST, 0, &gateway_grpc_backend_ref, NULL, "Where they go, by weight." },
	{ "sessionPersistence", OBJECT, 0, 0, &gateway_session_persistence, NULL, "Keeps clients at their backend." },
	END
};
static const struct message gateway_grpc_rule = { "io.k8s.networking.gateway.GRPCRouteRule", "What happens to calls that match.", gateway_grpc_rule_fields };

static const struct field gateway_grpc_route_spec_fields[] = {
	{ "parentRefs", OBJECT, LIST, 0, &gateway_parent_ref, NULL, "What the route attaches to." },
	{ "useDefaultGateways", STRING, 0, 0, NULL, NULL, "All or None: whether the route attaches to default Gateways." },
	{ "hostnames", STRING, LIST, 0, NULL, NULL, "Host names it is for, maybe *.example.com; those of the listener when unset." },
	{ "rules", OBJECT, LIST, 0, &gateway_grpc_rule, NULL, "What happens to calls; the most specific match wins." },
	END
};
static const struct message gateway_grpc_route_spec = { "io.k8s.networking.gateway.GRPCRouteSpec", "What a GRPCRoute asks for.", gateway_grpc_route_spec_fields };

static const struct field gateway_grpc_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_grpc_route_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_route_status, NULL, "What controllers say." },
	END
};
const struct message gateway_grpc_route = { "io.k8s.networking.gateway.GRPCRoute", "Sends gRPC calls to Services, by host, service, method and headers.", gateway_grpc_route_fields };

static const struct field gateway_l4_rule_fields[] = {
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the rule, unique in its route." },
	{ "backendRefs", OBJECT, LIST | REQUIRED, 0, &gateway_backend_ref, NULL, "Where they go, by weight." },
	END
};
static const struct message gateway_l4_rule = { "io.k8s.networking.gateway.L4RouteRule", "Where the connections of a route go.", gateway_l4_rule_fields };

static const struct field gateway_tls_route_spec_fields[] = {
	{ "parentRefs", OBJECT, LIST, 0, &gateway_parent_ref, NULL, "What the route attaches to." },
	{ "useDefaultGateways", STRING, 0, 0, NULL, NULL, "All or None: whether the route attaches to default Gateways." },
	{ "hostnames", STRING, LIST | REQUIRED, 0, NULL, NULL, "Server names (SNI) it is for, maybe *.example.com." },
	{ "rules", OBJECT, LIST | REQUIRED, 0, &gateway_l4_rule, NULL, "Where connections go." },
	END
};
static const struct message gateway_tls_route_spec = { "io.k8s.networking.gateway.TLSRouteSpec", "What a TLSRoute asks for.", gateway_tls_route_spec_fields };

static const struct field gateway_tls_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_tls_route_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_route_status, NULL, "What controllers say." },
	END
};
const struct message gateway_tls_route = { "io.k8s.networking.gateway.TLSRoute", "Sends TLS connections to Services by the server name in their first message.", gateway_tls_route_fields };

static const struct field gateway_l4_route_spec_fields[] = {
	{ "parentRefs", OBJECT, LIST, 0, &gateway_parent_ref, NULL, "What the route attaches to." },
	{ "useDefaultGateways", STRING, 0, 0, NULL, NULL, "All or None: whether the route attaches to default Gateways." },
	{ "rules", OBJECT, LIST | REQUIRED, 0, &gateway_l4_rule, NULL, "Where the traffic goes." },
	END
};
static const struct message gateway_l4_route_spec = { "io.k8s.networking.gateway.L4RouteSpec", "What a TCPRoute or UDPRoute asks for.", gateway_l4_route_spec_fields };

static const struct field gateway_tcp_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_l4_route_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_route_status, NULL, "What controllers say." },
	END
};
const struct message gateway_tcp_route = { "io.k8s.networking.gateway.TCPRoute", "Sends the TCP connections of a listener to Services.", gateway_tcp_route_fields };

static const struct field gateway_udp_route_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_l4_route_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_route_status, NULL, "What controllers say." },
	END
};
const struct message gateway_udp_route = { "io.k8s.networking.gateway.UDPRoute", "Sends the UDP datagrams of a listener to Services.", gateway_udp_route_fields };

static const struct field gateway_grant_from_fields[] = {
	{ "group", STRING, REQUIRED, 0, NULL, NULL, "Group of the referring objects." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the referring objects." },
	{ "namespace", STRING, REQUIRED, 0, NULL, NULL, "Namespace of the referring objects." },
	END
};
static const struct message gateway_grant_from = { "io.k8s.networking.gateway.ReferenceGrantFrom", "Who may refer.", gateway_grant_from_fields };

static const struct field gateway_grant_to_fields[] = {
	{ "group", STRING, REQUIRED, 0, NULL, NULL, "Group of the objects; empty is the core group." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the objects." },
	{ "name", STRING, 0, 0, NULL, NULL, "Name of the object; all of the kind when unset." },
	END
};
static const struct message gateway_grant_to = { "io.k8s.networking.gateway.ReferenceGrantTo", "What may be referred to.", gateway_grant_to_fields };

static const struct field gateway_reference_grant_spec_fields[] = {
	{ "from", OBJECT, LIST | REQUIRED, 0, &gateway_grant_from, NULL, "Who may refer." },
	{ "to", OBJECT, LIST | REQUIRED, 0, &gateway_grant_to, NULL, "To what, in the grant's own namespace." },
	END
};
static const struct message gateway_reference_grant_spec = { "io.k8s.networking.gateway.ReferenceGrantSpec", "What a ReferenceGrant allows.", gateway_reference_grant_spec_fields };

static const struct field gateway_reference_grant_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_reference_grant_spec, NULL, "What is allowed." },
	END
};
const struct message gateway_reference_grant = { "io.k8s.networking.gateway.ReferenceGrant", "Allows objects of other namespaces to refer to objects of this one.", gateway_reference_grant_fields };

static const struct field gateway_policy_target_ref_fields[] = {
	{ "group", STRING, REQUIRED, 0, NULL, NULL, "Group of the target; empty is the core group." },
	{ "kind", STRING, REQUIRED, 0, NULL, NULL, "Kind of the target, as Service." },
	{ "name", STRING, REQUIRED, 0, NULL, NULL, "Name of the target." },
	{ "sectionName", STRING, 0, 0, NULL, NULL, "One part of the target, as the name of a Service's port." },
	END
};
static const struct message gateway_policy_target_ref = { "io.k8s.networking.gateway.LocalPolicyTargetReferenceWithSectionName", "Names what a policy is for, in its own namespace.", gateway_policy_target_ref_fields };

static const struct field gateway_subject_alt_name_fields[] = {
	{ "type", STRING, REQUIRED, 0, NULL, NULL, "Hostname or URI." },
	{ "hostname", STRING, 0, 0, NULL, NULL, "The host name." },
	{ "uri", STRING, 0, 0, NULL, NULL, "The URI." },
	END
};
static const struct message gateway_subject_alt_name = { "io.k8s.networking.gateway.SubjectAltName", "A name that the backend's certificate has to carry.", gateway_subject_alt_name_fields };

static const struct field gateway_backend_tls_validation_fields[] = {
	{ "caCertificateRefs", OBJECT, LIST, 0, &gateway_local_ref, NULL, "Where the trusted certificate authorities are, a ConfigMap with ca.crt as a rule." },
	{ "wellKnownCACertificates", STRING, 0, 0, NULL, NULL, "System: those of the machine, in place of caCertificateRefs." },
	{ "hostname", STRING, REQUIRED, 0, NULL, NULL, "The server name (SNI), and the name in the certificate." },
	{ "subjectAltNames", OBJECT, LIST, 0, &gateway_subject_alt_name, NULL, "Names in the certificate, in place of hostname." },
	END
};
static const struct message gateway_backend_tls_validation = { "io.k8s.networking.gateway.BackendTLSPolicyValidation", "How the backend's certificate is checked.", gateway_backend_tls_validation_fields };

static const struct field gateway_backend_tls_policy_spec_fields[] = {
	{ "targetRefs", OBJECT, LIST | REQUIRED, 0, &gateway_policy_target_ref, NULL, "The backends it is for." },
	{ "validation", OBJECT, REQUIRED, 0, &gateway_backend_tls_validation, NULL, "How their certificates are checked." },
	{ "options", STRING, MAP, 0, NULL, NULL, "Further options, named by implementations." },
	END
};
static const struct message gateway_backend_tls_policy_spec = { "io.k8s.networking.gateway.BackendTLSPolicySpec", "What a BackendTLSPolicy asks for.", gateway_backend_tls_policy_spec_fields };

static const struct field gateway_policy_ancestor_status_fields[] = {
	{ "ancestorRef", OBJECT, REQUIRED, 0, &gateway_parent_ref, NULL, "The Gateway." },
	{ "controllerName", STRING, REQUIRED, 0, NULL, NULL, "Who wrote this entry." },
	{ "conditions", OBJECT, LIST | REQUIRED, 0, &meta_condition, "type", "Whether the policy is accepted and its references are resolved." },
	END
};
static const struct message gateway_policy_ancestor_status = { "io.k8s.networking.gateway.PolicyAncestorStatus", "What one controller says about a policy at one Gateway.", gateway_policy_ancestor_status_fields };

static const struct field gateway_policy_status_fields[] = {
	{ "ancestors", OBJECT, LIST | REQUIRED, 0, &gateway_policy_ancestor_status, NULL, "One entry a Gateway." },
	END
};
static const struct message gateway_policy_status = { "io.k8s.networking.gateway.PolicyStatus", "What controllers say about a policy.", gateway_policy_status_fields };

static const struct field gateway_backend_tls_policy_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OBJECT, REQUIRED, 0, &gateway_backend_tls_policy_spec, NULL, "What is asked for." },
	{ "status", OBJECT, 0, 0, &gateway_policy_status, NULL, "What controllers say." },
	END
};
const struct message gateway_backend_tls_policy = { "io.k8s.networking.gateway.BackendTLSPolicy", "Makes the Gateway speak TLS to a Service's pods, and says whom to trust.", gateway_backend_tls_policy_fields };

// clang-format on
