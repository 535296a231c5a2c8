/* test_gateway.c - Gateways, ListenerSets and routes of a store: what is planned of them, and what
 * their statuses say. */
#include <knetd/conf.h>

#include "../../modules/ingress/backends.h"
#include "../../modules/ingress/certs.h"
#include "../../modules/ingress/gateway.h"
#include "../../modules/ingress/gateway_routes.h"
#include "gateway_stage.h"
#include "proxy_told.h"

static struct cursor cursor;
static struct plan plan;
static unsigned writes; /* of statuses, in the last sync */

/* ---- the stage ------------------------------------------------------------------------------ */

static void sync_now(void)
{
	struct store_stats before, after;
	struct change c;
	struct err e;
	bool all;

	while (cursor_next(&cursor, &c) == CURSOR_CHANGE)
		if (GATEWAY_KINDS & KIND_BIT(c.kind))
			gateway_look(&c);
	all = gateway_is_stale();
	if (all)
		plan_clear(&plan);
	gateway_plan(&plan, all);
	certs_begin();
	gateway_keep_certs();
	certs_sweep();
	backends_sweep();
	store_read_stats(&before);
	assert_int_equal(gateway_status(&e), 0);
	store_read_stats(&after);
	writes = after.writes - before.writes;
}

/* "True Reason" of a condition in a list; "" when it is not there. */
static const char *condition(yyjson_val *list, const char *type, int64_t generation)
{
	static char text[8][256];
	static unsigned turn;
	char *out = text[turn++ % ARRAY_LEN(text)];
	yyjson_val *v;
	size_t i, n;

	out[0] = 0;
	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "type"), type)) {
			snprintf(out, 256, "%s %s", json_str(v, "status"), json_str(v, "reason"));
			assert_int_equal(json_int(v, "observedGeneration", 0), generation);
			assert_non_null(json_str(v, "lastTransitionTime"));
		}
	return out;
}

static yyjson_doc *held;
static yyjson_val *root_of(enum kind kind, const char *ns, const char *name)
{
	const struct object *o = store_get(kind, ns, name);

	assert_non_null(o);
	yyjson_doc_free(held);
	held = object_doc(o);
	return yyjson_doc_get_root(held);
}

static const char *says(enum kind kind, const char *ns, const char *name, const char *type)
{
	yyjson_val *root = root_of(kind, ns, name);

	return condition(json_at(root, "status.conditions"), type,
	                 json_int(root, "metadata.generation", 0));
}

static yyjson_val *listener(yyjson_val *root, const char *name)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(root, "status.listeners"), i, n, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "name"), name))
			return v;
	return NULL;
}

static const char *listener_says(enum kind kind, const char *of, const char *name, const char *type)
{
	yyjson_val *root = root_of(kind, "infra", of);

	return condition(yyjson_obj_get(listener(root, name), "conditions"), type,
	                 json_int(root, "metadata.generation", 0));
}

static int attached(enum kind kind, const char *of, const char *name)
{
	return json_int(listener(root_of(kind, "infra", of), name), "attachedRoutes", -1);
}

static const char *kinds(const char *of, const char *name)
{
	static char text[256];
	yyjson_val *v, *list = yyjson_obj_get(listener(root_of(KIND_GATEWAY, "infra", of), name),
	                                      "supportedKinds");
	size_t i, n;

	text[0] = 0;
	yyjson_arr_foreach (list, i, n, v)
		sprintf(text + strlen(text), "%s%s", i ? " " : "", json_str(v, "kind"));
	return text;
}

/* Of the nth entry of status.parents. */
static const char *parent_says(enum kind kind, const char *ns, const char *name, unsigned nth,
                               const char *type)
{
	yyjson_val *root = root_of(kind, ns, name),
		   *entry = yyjson_arr_get(json_at(root, "status.parents"), nth);

	return condition(yyjson_obj_get(entry, "conditions"), type,
	                 json_int(root, "metadata.generation", 0));
}

static size_t n_parents(enum kind kind, const char *ns, const char *name)
{
	return yyjson_arr_size(json_at(root_of(kind, ns, name), "status.parents"));
}

static void gateway(const char *name, const char *more, const char *listeners)
{
	auto_free char *text = xasprintf("{'metadata':{},'spec':{'gatewayClassName':'knetd'%s,"
	                                 "'listeners':[%s]}}",
	                                 more, listeners);

	put(KIND_GATEWAY, "infra", name, text);
}

#define HTTP(name, more) "{'name':'" name "','port':80,'protocol':'HTTP'" more "}"
#define HOST(host) ",'hostname':'" host "'"
#define ALL ",'allowedRoutes':{'namespaces':{'from':'All'}}"

static void route_of(enum kind kind, const char *ns, const char *name, const char *parents,
                     const char *more)
{
	auto_free char *text =
		xasprintf("{'spec':{'parentRefs':[%s]%s,'rules':[{'backendRefs':[{'name':'web',"
	                  "'port':80}]}]}}",
	                  parents, more);

	put(kind, ns, name, text);
}

static void route(const char *ns, const char *name, const char *parents, const char *more)
{
	route_of(KIND_HTTPROUTE, ns, name, parents, more);
}

static void service(const char *ns, const char *name)
{
	put(KIND_SERVICE, ns, name,
	    "{'spec':{'ports':[{'port':80,'protocol':'TCP'},{'port':53,'protocol':'UDP'}]}}");
}

static int begin(void **state)
{
	(void)state;
	stage_clear();
	put(KIND_NAMESPACE, "", "infra", "{'metadata':{'labels':{'role':'infra'}}}");
	put(KIND_NAMESPACE, "", "web", "{'metadata':{'labels':{'role':'web'}}}");
	service("infra", "web");
	service("web", "web");
	sync_now();
	return 0;
}

/* ---- the class ------------------------------------------------------------------------------ */

static void the_class(void **state)
{
	yyjson_val *list, *v;
	const char *last = "";
	size_t i, n;

	(void)state;
	assert_string_equal(says(KIND_GATEWAYCLASS, "", "knetd", "Accepted"), "True Accepted");
	assert_string_equal(says(KIND_GATEWAYCLASS, "", "knetd", "SupportedVersion"),
	                    "True SupportedVersion");
	list = json_at(root_of(KIND_GATEWAYCLASS, "", "knetd"), "status.supportedFeatures");
	assert_true(yyjson_arr_size(list) > 40);
	assert_true(yyjson_arr_size(list) <= 64);
	yyjson_arr_foreach (list, i, n, v) {
		assert_true(strcmp(last, json_str(v, "name")) < 0);
		last = json_str(v, "name");
	}
	put(KIND_GATEWAYCLASS, "", "wishes",
	    "{'spec':{'controllerName':'knetd.io/gateway','parametersRef':{'group':'a.b','kind':"
	    "'C','name':'d'}}}");
	put(KIND_GATEWAYCLASS, "", "theirs", "{'spec':{'controllerName':'example.com/c'}}");
	sync_now();
	assert_string_equal(says(KIND_GATEWAYCLASS, "", "wishes", "Accepted"),
	                    "False InvalidParameters");
	assert_null(json_at(root_of(KIND_GATEWAYCLASS, "", "theirs"), "status"));
}

static void foreign_gateways(void **state)
{
	(void)state;
	put(KIND_GATEWAYCLASS, "", "theirs", "{'spec':{'controllerName':'example.com/c'}}");
	put(KIND_GATEWAY, "infra", "g",
	    "{'spec':{'gatewayClassName':'theirs','listeners':[" HTTP("a", "") "]}}");
	route("infra", "r", "{'name':'g'}", "");
	sync_now();
	assert_null(json_at(root_of(KIND_GATEWAY, "infra", "g"), "status"));
	assert_null(json_at(root_of(KIND_HTTPROUTE, "infra", "r"), "status"));
	assert_int_equal(plan.n_rules, 0);
}

/* ---- attaching ------------------------------------------------------------------------------ */

static void one_route(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	route("infra", "r", "{'name':'g'}", "");
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"), "True Accepted");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Programmed"), "True Programmed");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "ResolvedRefs"), "True ResolvedRefs");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "a", "Accepted"), "True Accepted");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "a", "Programmed"), "True Programmed");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "a", "Conflicted"),
	                    "False NoConflicts");
	assert_string_equal(kinds("g", "a"), "HTTPRoute GRPCRoute");
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 1);
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "Accepted"),
	                    "True Accepted");
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "ResolvedRefs"),
	                    "True ResolvedRefs");
	assert_int_equal(plan.n_rules, 2); /* at either address */
	sync_now();
	assert_int_equal(writes, 0); /* all is said already */
}

static void routes_go(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	route("infra", "r", "{'name':'g'}", "");
	route("infra", "s", "{'name':'g'}", "");
	sync_now();
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 2);
	del(KIND_HTTPROUTE, "infra", "s");
	sync_now();
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 1);
	assert_int_equal(writes, 1);
	del(KIND_GATEWAY, "infra", "g");
	sync_now();
	assert_int_equal(n_parents(KIND_HTTPROUTE, "infra", "r"), 0);
	assert_int_equal(plan.n_rules, 0);
}

/* What other controllers say of a route stays; what is somebody's own of ours is made right. */
static void others_entries(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	put(KIND_HTTPROUTE, "infra", "r",
	    "{'spec':{'parentRefs':[{'name':'g'},{'name':'theirs'}]},'status':{'parents':["
	    "{'parentRef':{'name':'theirs'},'controllerName':'example.com/c','conditions':[]},"
	    "{'parentRef':{'name':'old'},'controllerName':'knetd.io/gateway','conditions':[]}]}}");
	sync_now();
	assert_int_equal(n_parents(KIND_HTTPROUTE, "infra", "r"), 2);
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 1, "Accepted"),
	                    "True Accepted");
	del(KIND_GATEWAY, "infra", "g");
	sync_now();
	assert_int_equal(n_parents(KIND_HTTPROUTE, "infra", "r"), 1);
}

struct attach_row {
	const char *ns, *ref, *hosts; /* of the route */
	const char *accepted;
	int a, b; /* attached to listeners a and b */
};

/* Listener a: port 80, host a.example.com, of its namespace; b: port 81, *.example.com, of all. */
static void references(void **state)
{
	static const struct attach_row rows[] = {
		{ "infra", "{'name':'g'}", "", "True Accepted", 1, 1 },
		{ "infra", "{'name':'g','sectionName':'a'}", "", "True Accepted", 1, 0 },
		{ "infra", "{'name':'g','sectionName':'c'}", "", "False NoMatchingParent", 0, 0 },
		{ "infra", "{'name':'g','port':81}", "", "True Accepted", 0, 1 },
		{ "infra", "{'name':'g','port':82}", "", "False NoMatchingParent", 0, 0 },
		{ "infra", "{'name':'g','sectionName':'a','port':81}", "", "False NoMatchingParent",
		  0, 0 },
		{ "infra", "{'name':'g','sectionName':'b','port':81}", "", "True Accepted", 0, 1 },
		{ "web", "{'name':'g','namespace':'infra'}", "", "True Accepted", 0, 1 },
		{ "web", "{'name':'g','namespace':'infra','sectionName':'a'}", "",
		  "False NotAllowedByListeners", 0, 0 },
		{ "infra", "{'name':'g'}", "'a.example.com'", "True Accepted", 1, 1 },
		{ "infra", "{'name':'g'}", "'b.example.com'", "True Accepted", 0, 1 },
		{ "infra", "{'name':'g'}", "'example.com'", "False NoMatchingListenerHostname", 0,
		  0 },
		{ "infra", "{'name':'g'}", "'x.org','*.com'", "True Accepted", 1, 1 },
		{ "infra", "{'name':'g','sectionName':'a'}", "'b.example.com'",
		  "False NoMatchingListenerHostname", 0, 0 },
		{ "web", "{'name':'g','namespace':'infra'}", "'example.org'",
		  "False NoMatchingListenerHostname", 0, 0 },
	};

	(void)state;
	gateway("g", "",
	        HTTP("a", HOST("a.example.com")) ",{'name':'b','port':81,'protocol':"
	                                         "'HTTP'" HOST("*.example.com") ALL "}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct attach_row *t = &rows[i];
		auto_free char *hosts = xasprintf(",'hostnames':[%s]", t->hosts);

		route(t->ns, "r", t->ref, *t->hosts ? hosts : "");
		sync_now();
		assert_string_equal(parent_says(KIND_HTTPROUTE, t->ns, "r", 0, "Accepted"),
		                    t->accepted);
		assert_int_equal(attached(KIND_GATEWAY, "g", "a"), t->a);
		assert_int_equal(attached(KIND_GATEWAY, "g", "b"), t->b);
		del(KIND_HTTPROUTE, t->ns, "r");
	}
}

static void hosts_meet(void **state)
{
	static const char *const rows[][3] = {
		{ "", "", "" },
		{ "", "a.b", "a.b" },
		{ "a.b", "", "a.b" },
		{ "a.b", "a.b", "a.b" },
		{ "a.b", "c.b", NULL },
		{ "*.b", "a.b", "a.b" },
		{ "a.b", "*.b", "a.b" },
		{ "*.b", "b", NULL },
		{ "b", "*.b", NULL },
		{ "*.b", "x.y.b", "x.y.b" },
		{ "*.b", "*.a.b", "*.a.b" },
		{ "*.a.b", "*.b", "*.a.b" },
		{ "*.b", "*.b", "*.b" },
		{ "*.b", "*.c", NULL },
		{ "*.b", "ab", NULL },
		{ "*.b", "", "*.b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *host = gateway_host_meet(rows[i][0], rows[i][1]);

		assert_int_equal(host != NULL, rows[i][2] != NULL);
		if (host)
			assert_string_equal(host, rows[i][2]);
	}
}

static void namespaces_by_label(void **state)
{
	(void)state;
	gateway("g", "",
	        HTTP("a", ",'allowedRoutes':{'namespaces':{'from':'Selector','selector':{"
	                  "'matchLabels':{'role':'web'}}}}"));
	route("web", "r", "{'name':'g','namespace':'infra'}", "");
	route("infra", "r", "{'name':'g'}", "");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "web", "r", 0, "Accepted"),
	                    "True Accepted");
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "Accepted"),
	                    "False NotAllowedByListeners");
	put(KIND_NAMESPACE, "", "web", "{'metadata':{'labels':{'role':'other'}}}");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "web", "r", 0, "Accepted"),
	                    "False NotAllowedByListeners");
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 0);
}

static void kinds_of_routes(void **state)
{
	(void)state;
	gateway("g", "",
	        HTTP("none",
	             ",'allowedRoutes':{'kinds':[{'kind':'TCPRoute'}]}") ","
	                                                                 "{'name':'one','port':81,'"
	                                                                 "protocol':'HTTP','"
	                                                                 "allowedRoutes':{'kinds':["
	                                                                 "{'kind':'HTTPRoute'},{'"
	                                                                 "kind':'Mystery'}]}},"
	                                                                 "{'name':'tcp','port':82,'"
	                                                                 "protocol':'TCP'},"
	                                                                 "{'name':'udp','port':82,'"
	                                                                 "protocol':'UDP'},"
	                                                                 "{'name':'odd','port':83,'"
	                                                                 "protocol':'ODD'}");
	route("infra", "h", "{'name':'g'}", "");
	route_of(KIND_TCPROUTE, "infra", "t", "{'name':'g'}", "");
	route_of(KIND_TCPROUTE, "infra", "u", "{'name':'g','sectionName':'one'}", "");
	sync_now();
	assert_string_equal(kinds("g", "none"), "");
	assert_string_equal(kinds("g", "one"), "HTTPRoute");
	assert_string_equal(kinds("g", "tcp"), "TCPRoute");
	assert_string_equal(kinds("g", "udp"), "UDPRoute");
	assert_string_equal(kinds("g", "odd"), "");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "none", "ResolvedRefs"),
	                    "False InvalidRouteKinds");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "one", "ResolvedRefs"),
	                    "False InvalidRouteKinds");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "odd", "Accepted"),
	                    "False UnsupportedProtocol");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "odd", "Programmed"), "False Invalid");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"), "True ListenersNotValid");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "ResolvedRefs"),
	                    "False ListenersNotResolved");
	assert_int_equal(attached(KIND_GATEWAY, "g", "one"), 1);
	assert_int_equal(attached(KIND_GATEWAY, "g", "tcp"), 1);
	assert_int_equal(attached(KIND_GATEWAY, "g", "udp"), 0);
	assert_string_equal(parent_says(KIND_TCPROUTE, "infra", "u", 0, "Accepted"),
	                    "False NotAllowedByListeners");
	gateway("g", "", "{'name':'odd','port':83,'protocol':'ODD'}");
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"),
	                    "False ListenersNotValid");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Programmed"), "False Invalid");
}

/* ---- conflicts ------------------------------------------------------------------------------ */

static void conflicts_within(void **state)
{
	(void)state;
	gateway("g", "",
	        HTTP("a", "") ",{'name':'b','port':80,'protocol':'TCP'},"
	                      "{'name':'c','port':81,'protocol':'HTTP'},"
	                      "{'name':'d','port':81,'protocol':'UDP'}");
	sync_now();
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "a", "Conflicted"),
	                    "True ProtocolConflict");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "a", "Accepted"),
	                    "False ProtocolConflict");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "b", "Programmed"),
	                    "False ProtocolConflict");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "c", "Programmed"), "True Programmed");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "d", "Programmed"), "True Programmed");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"), "True ListenersNotValid");
}

/* On addresses that they share the first one stays. */
static void conflicts_between(void **state)
{
	(void)state;
	gateway("a", "", HTTP("x", "") "," HTTP("y", HOST("y.example.com")));
	gateway("b", "", HTTP("x", "") "," HTTP("z", HOST("z.example.com")));
	sync_now();
	assert_string_equal(listener_says(KIND_GATEWAY, "a", "x", "Programmed"), "True Programmed");
	assert_string_equal(listener_says(KIND_GATEWAY, "b", "x", "Conflicted"),
	                    "True HostnameConflict");
	assert_string_equal(listener_says(KIND_GATEWAY, "b", "z", "Programmed"), "True Programmed");
	assert_string_equal(says(KIND_GATEWAY, "infra", "b", "Accepted"), "True ListenersNotValid");
	del(KIND_GATEWAY, "infra", "a");
	sync_now();
	assert_string_equal(listener_says(KIND_GATEWAY, "b", "x", "Conflicted"),
	                    "False NoConflicts");
	assert_string_equal(says(KIND_GATEWAY, "infra", "b", "Accepted"), "True Accepted");
}

/* ---- ListenerSets --------------------------------------------------------------------------- */

static void set(const char *ns, const char *name, const char *listeners)
{
	auto_free char *text = xasprintf("{'spec':{'parentRef':{'name':'g','namespace':'infra'},"
	                                 "'listeners':[%s]}}",
	                                 listeners);

	put(KIND_LISTENERSET, ns, name, text);
}

static void listener_sets(void **state)
{
	yyjson_val *root;

	(void)state;
	gateway("g", ",'allowedListeners':{'namespaces':{'from':'Same'}}",
	        HTTP("a", HOST("a.example.com")));
	set("infra", "s", HTTP("a", HOST("a.example.com")) "," HTTP("b", HOST("b.example.com")));
	set("infra", "t", HTTP("b", HOST("b.example.com")));
	set("web", "u", HTTP("c", HOST("c.example.com")));
	route("infra", "r", "{'kind':'ListenerSet','name':'s'}", "");
	route("infra", "q", "{'name':'g'},{'kind':'ListenerSet','name':'s','sectionName':'b'}", "");
	route("infra", "p", "{'name':'g','sectionName':'b'}", "");
	sync_now();
	assert_string_equal(says(KIND_LISTENERSET, "infra", "s", "Accepted"),
	                    "True ListenersNotValid");
	assert_string_equal(says(KIND_LISTENERSET, "infra", "s", "Programmed"), "True Programmed");
	assert_string_equal(listener_says(KIND_LISTENERSET, "s", "a", "Conflicted"),
	                    "True HostnameConflict");
	assert_string_equal(listener_says(KIND_LISTENERSET, "s", "b", "Programmed"),
	                    "True Programmed");
	assert_string_equal(says(KIND_LISTENERSET, "infra", "t", "Accepted"),
	                    "False ListenersNotValid");
	assert_string_equal(says(KIND_LISTENERSET, "infra", "t", "Programmed"),
	                    "False ListenersNotValid");
	assert_string_equal(says(KIND_LISTENERSET, "web", "u", "Accepted"), "False NotAllowed");
	assert_string_equal(says(KIND_LISTENERSET, "web", "u", "Programmed"), "False NotAllowed");
	root = root_of(KIND_GATEWAY, "infra", "g");
	assert_int_equal(json_int(root, "status.attachedListenerSets", -1), 1);
	assert_int_equal(attached(KIND_LISTENERSET, "s", "b"), 2);
	assert_int_equal(attached(KIND_LISTENERSET, "s", "a"), 1);
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 1);
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "q", 0, "Accepted"),
	                    "True Accepted");
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "q", 1, "Accepted"),
	                    "True Accepted");
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "p", 0, "Accepted"),
	                    "False NoMatchingParent");
	/* what loses to the Gateway is in nobody's way in its own set */
	set("infra", "t",
	    "{'name':'x','port':80,'protocol':'TCP'}," HTTP("d", HOST("d.example.com")));
	sync_now();
	assert_string_equal(listener_says(KIND_LISTENERSET, "t", "x", "Conflicted"),
	                    "True ProtocolConflict");
	assert_string_equal(listener_says(KIND_LISTENERSET, "t", "d", "Programmed"),
	                    "True Programmed");
	gateway("g", "", HTTP("a", HOST("a.example.com")));
	sync_now();
	assert_string_equal(says(KIND_LISTENERSET, "infra", "s", "Accepted"), "False NotAllowed");
	assert_string_equal(listener_says(KIND_LISTENERSET, "s", "b", "Accepted"),
	                    "False NotAllowed");
}

/* ---- references of routes ------------------------------------------------------------------- */

static void grants(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	put(KIND_HTTPROUTE, "infra", "r",
	    "{'spec':{'parentRefs':[{'name':'g'}],'rules':[{'backendRefs':[{'name':'web',"
	    "'namespace':'web','port':80}]}]}}");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "ResolvedRefs"),
	                    "False RefNotPermitted");
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "Accepted"),
	                    "True Accepted");
	put(KIND_REFERENCEGRANT, "web", "g",
	    "{'spec':{'from':[{'group':'" GW "','kind':'HTTPRoute','namespace':'infra'}],"
	    "'to':[{'group':'','kind':'Service'}]}}");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "ResolvedRefs"),
	                    "True ResolvedRefs");
	del(KIND_REFERENCEGRANT, "web", "g");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "ResolvedRefs"),
	                    "False RefNotPermitted");
}

static void backends_come_and_go(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	route("infra", "r", "{'name':'g'}", "");
	del(KIND_SERVICE, "infra", "web");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "ResolvedRefs"),
	                    "False BackendNotFound");
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 1);
	service("infra", "web");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "r", 0, "ResolvedRefs"),
	                    "True ResolvedRefs");
	assert_int_equal(writes, 1);
}

/* Of an HTTPRoute and a GRPCRoute with hosts in common the older one is attached. */
static void one_host_one_kind(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	route("infra", "a", "{'name':'g'}", ",'hostnames':['*.example.com']");
	route_of(KIND_GRPCROUTE, "infra", "b", "{'name':'g'}", ",'hostnames':['a.example.com']");
	route_of(KIND_GRPCROUTE, "infra", "c", "{'name':'g'}", ",'hostnames':['a.example.org']");
	sync_now();
	assert_string_equal(parent_says(KIND_HTTPROUTE, "infra", "a", 0, "Accepted"),
	                    "True Accepted");
	assert_string_equal(parent_says(KIND_GRPCROUTE, "infra", "b", 0, "Accepted"),
	                    "False HostnameConflict");
	assert_string_equal(parent_says(KIND_GRPCROUTE, "infra", "c", 0, "Accepted"),
	                    "True Accepted");
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 2);
	del(KIND_HTTPROUTE, "infra", "a");
	sync_now();
	assert_string_equal(parent_says(KIND_GRPCROUTE, "infra", "b", 0, "Accepted"),
	                    "True Accepted");
}

/* ---- addresses ------------------------------------------------------------------------------ */

static const char *addresses(const char *of)
{
	static char text[256];
	yyjson_val *v;
	size_t i, n;

	text[0] = 0;
	yyjson_arr_foreach (json_at(root_of(KIND_GATEWAY, "infra", of), "status.addresses"), i, n,
	                    v)
		sprintf(text + strlen(text), "%s%s", i ? " " : "", json_str(v, "value"));
	return text;
}

static void where_it_is(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ""));
	sync_now();
	assert_string_equal(addresses("g"), "192.0.2.1 2001:db8::1");
	gateway("g", ",'addresses':[{'value':'192.0.2.1'}]", HTTP("a", ""));
	sync_now();
	assert_string_equal(addresses("g"), "192.0.2.1");
	gateway("g", ",'addresses':[{'value':'192.0.2.9'},{'value':'192.0.2.1'}]", HTTP("a", ""));
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"), "True Accepted");
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Programmed"),
	                    "False AddressNotUsable");
	assert_string_equal(addresses("g"), "192.0.2.1");
	gateway("g", ",'addresses':[{'type':'a.b/c','value':'x'}]", HTTP("a", ""));
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"),
	                    "False UnsupportedAddress");
	gateway("g", ",'addresses':[{}]", HTTP("a", ""));
	sync_now();
	assert_string_equal(addresses("g"), "192.0.2.1 2001:db8::1");
}

/* With pools, module lb says where. */
static void from_the_pools(void **state)
{
	(void)state;
	put(KIND_ADDRESSPOOL, "", "p", "{'spec':{'addresses':['198.51.100.0/24']}}");
	gateway("g", "", HTTP("a", ""));
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Programmed"),
	                    "False AddressNotAssigned");
	assert_string_equal(listener_says(KIND_GATEWAY, "g", "a", "Programmed"), "False Pending");
	put(KIND_GATEWAY, "infra", "g",
	    "{'metadata':{'annotations':{'knetd.io/allocated-from-pool':'p'}},'spec':{"
	    "'gatewayClassName':'knetd','listeners':[" HTTP(
		    "a", "") "]},'status':{'addresses':["
	                     "{'type':'IPAddress','value':'198.51.100.0'}]}}");
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Programmed"), "True Programmed");
	assert_string_equal(addresses("g"), "198.51.100.0");
}

static void parameters(void **state)
{
	(void)state;
	gateway("g", ",'infrastructure':{'parametersRef':{'group':'a.b','kind':'C','name':'d'}}",
	        HTTP("a", ""));
	sync_now();
	assert_string_equal(says(KIND_GATEWAY, "infra", "g", "Accepted"),
	                    "False InvalidParameters");
}

/* ---- many ----------------------------------------------------------------------------------- */

static void one_of_many(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", ALL));
	for (int i = 0; i < 500; i++) {
		auto_free char *name = xasprintf("r%d", i);

		route("infra", name, "{'name':'g'}", "");
	}
	sync_now();
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 500);
	assert_int_equal(plan.n_rules, 2 * 500);
	route("infra", "r7", "{'name':'g'}", ",'hostnames':['a.b']");
	sync_now();
	assert_int_equal(writes, 1); /* of that route alone */
	route("infra", "new", "{'name':'g'}", "");
	sync_now();
	assert_int_equal(writes, 2); /* and of the Gateway, which counts them */
	assert_int_equal(attached(KIND_GATEWAY, "g", "a"), 501);
}

static unsigned chance(unsigned below)
{
	static unsigned seed = 3;

	seed = seed * 1103515245 + 12345;
	return (seed >> 12) % below;
}

static void change_something(void)
{
	static const char *const hosts[] = { "", ",'hostnames':['a.b']",
		                             ",'hostnames':['*.b','x.c']" };
	static const char *const parents[] = { "{'name':'g'}", "{'name':'h'}",
		                               "{'name':'g','sectionName':'b'},{'name':'h'}" };
	enum kind kind = chance(12) ? KIND_HTTPROUTE : KIND_GRPCROUTE;
	auto_free char *name = xasprintf("r%u", chance(30));

	if (!chance(15)) {
		if (store_get(KIND_SERVICE, "infra", "web"))
			del(KIND_SERVICE, "infra", "web");
		else
			service("infra", "web");
	} else if (!chance(3) && store_get(kind, "infra", name)) {
		del(kind, "infra", name);
	} else {
		route_of(kind, "infra", name, parents[chance(3)], hosts[chance(3)]);
	}
}

/* Whatever came and went: what is kept is what a full pass makes of the store. */
static void kept_is_made(void **state)
{
	(void)state;
	gateway("g", "", HTTP("a", "") "," HTTP("b", ",'hostname':'*.b'"));
	gateway("h", "", HTTP("c", ""));
	for (unsigned i = 0; i < 120; i++) {
		auto_buf struct buf kept = { 0 }, made = { 0 };

		for (unsigned n = 1 + chance(4); n--;)
			change_something();
		sync_now();
		plan_bytes(&plan, &kept);
		gateway_look_all();
		sync_now();
		plan_bytes(&plan, &made);
		assert_int_equal(kept.len, made.len);
		assert_memory_equal(kept.data, made.data, kept.len);
		assert_int_equal(writes, 0); /* nor is anything else said of it */
	}
}

static int open_all(void **state)
{
	struct err e;

	if (conf_load(NULL, &e) || stage_open(state))
		return -1;
	conf.ingress.any_address = false;
	conf.ingress.addresses.n = 2;
	ip_parse(&conf.ingress.addresses.v[0].ip, "192.0.2.1");
	ip_parse(&conf.ingress.addresses.v[1].ip, "2001:db8::1");
	conf.ingress.http = 0;
	cursor_now(&cursor);
	plan_init(&plan);
	return 0;
}

static int close_all(void **state)
{
	yyjson_doc_free(held);
	plan_free(&plan);
	gateway_free();
	certs_free();
	backends_free();
	return stage_close(state);
}

#define TEST(fn) cmocka_unit_test_setup(fn, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_class),        TEST(foreign_gateways),     TEST(one_route),
		TEST(routes_go),        TEST(others_entries),       TEST(references),
		TEST(hosts_meet),       TEST(namespaces_by_label),  TEST(kinds_of_routes),
		TEST(conflicts_within), TEST(conflicts_between),    TEST(listener_sets),
		TEST(grants),           TEST(backends_come_and_go), TEST(one_host_one_kind),
		TEST(where_it_is),      TEST(from_the_pools),       TEST(parameters),
		TEST(one_of_many),      TEST(kept_is_made),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
