/* test_gateway_ref.c - what the backendRefs of routes come to. */
#include <netinet/in.h>

#include "../../modules/ingress/gateway_route.h"
#include "gateway_stage.h"

/* "" or "reason: message" of the reference, asked by a route of that kind in namespace shop. */
static const char *ask(enum kind kind, const char *ref, struct gateway_backend *out)
{
	static char text[1200];
	auto_doc yyjson_doc *doc = stage_read(ref);
	struct gateway_compiled c = { 0 };
	const struct object *route = put(kind, "shop", "r", "{'spec':{}}");
	bool found = gateway_find_backend(&c, route, yyjson_doc_get_root(doc), out);

	snprintf(text, sizeof(text), "%s%s%s", c.refs.reason ? c.refs.reason : "",
	         c.refs.reason ? ": " : "", c.refs.message ? c.refs.message : "");
	assert_int_equal(found, !c.refs.reason);
	gateway_compiled_free(&c);
	return text;
}

static const char *why(const char *ref)
{
	struct gateway_backend b;

	return ask(KIND_HTTPROUTE, ref, &b);
}

static void services(void)
{
	put(KIND_SERVICE, "shop", "web",
	    "{'spec':{'ports':[{'name':'a','port':80,'protocol':'TCP','appProtocol':'kubernetes.io/"
	    "h2c'},{'name':'b','port':53,'protocol':'UDP'},{'name':'c','port':53,'protocol':'TCP'}]"
	    "}}");
	put(KIND_SERVICE, "data", "db", "{'spec':{'ports':[{'port':5432,'protocol':'TCP'}]}}");
}

static void found(void **state)
{
	struct gateway_backend b;
	struct gateway_compiled c = { 0 };
	auto_doc yyjson_doc *ref = stage_read("{'name':'web','port':80}");
	const struct object *route;

	(void)state;
	stage_clear();
	services();
	route = put(KIND_HTTPROUTE, "shop", "r", "{'spec':{}}");
	assert_true(gateway_find_backend(&c, route, yyjson_doc_get_root(ref), &b));
	assert_string_equal(b.ns, "shop");
	assert_string_equal(b.name, "web");
	assert_string_equal(b.port_name, "a");
	assert_string_equal(b.app_protocol, "kubernetes.io/h2c");
	assert_int_equal(b.port, 80);
	assert_int_equal(b.proto, IPPROTO_TCP);
	assert_int_equal(c.seen.len, sizeof(struct gateway_seen));
	gateway_compiled_free(&c);
	assert_string_equal(ask(KIND_UDPROUTE, "{'name':'web','port':53}", &b), "");
	assert_int_equal(b.proto, IPPROTO_UDP);
	assert_string_equal(ask(KIND_TCPROUTE, "{'name':'web','port':53}", &b), "");
	assert_int_equal(b.proto, IPPROTO_TCP);
}

static void refused(void **state)
{
	struct gateway_backend b;

	(void)state;
	stage_clear();
	services();
	assert_string_equal(why("{'name':'none','port':80}"),
	                    "BackendNotFound: there is no Service shop/none");
	assert_string_equal(why("{'name':'web','port':81}"),
	                    "BackendNotFound: Service shop/web has no port 81");
	assert_string_equal(ask(KIND_UDPROUTE, "{'name':'web','port':80}", &b),
	                    "BackendNotFound: Service shop/web has no UDP port 80");
	assert_string_equal(why("{'kind':'Pod','name':'web','port':80}"),
	                    "InvalidKind: Pod \"web\" is no backend: only Services are");
	assert_string_equal(why("{'group':'x.y','kind':'Service','name':'web','port':80}"),
	                    "InvalidKind: x.y/Service \"web\" is no backend: only Services are");
	assert_string_equal(why("{'name':'db','namespace':'data','port':5432}"),
	                    "RefNotPermitted: no ReferenceGrant of namespace data lets HTTPRoutes "
	                    "of namespace shop refer to Service \"db\"");
	put(KIND_REFERENCEGRANT, "data", "g",
	    "{'spec':{'from':[{'group':'" GW "','kind':'HTTPRoute','namespace':'shop'}],"
	    "'to':[{'group':'','kind':'Service'}]}}");
	assert_string_equal(why("{'name':'db','namespace':'data','port':5432}"), "");
	assert_string_equal(why("{'name':'no','namespace':'data','port':1}"),
	                    "BackendNotFound: there is no Service data/no");
}

/* The first reason stays; more of the same reason is told with it, once. */
static void several_refusals(void **state)
{
	struct gateway_compiled c = { 0 };

	(void)state;
	gateway_refuse_ref(&c, "BackendNotFound", "a %d", 1);
	gateway_refuse_ref(&c, "InvalidKind", "b");
	gateway_refuse_ref(&c, "BackendNotFound", "a 1");
	gateway_refuse_ref(&c, "BackendNotFound", "c");
	assert_string_equal(c.refs.reason, "BackendNotFound");
	assert_string_equal(c.refs.message, "a 1; c");
	for (int i = 0; i < 1000; i++)
		gateway_refuse_ref(&c, "BackendNotFound", "number %d", i);
	assert_true(strlen(c.refs.message) < 2048);
	gateway_compiled_free(&c);
}

static void what_is_in_use(void **state)
{
	struct gateway_compiled c = { 0 };

	(void)state;
	gateway_see(&c, KIND_SERVICE, "a", "b");
	gateway_see(&c, KIND_SERVICE, "a", "b");
	gateway_see(&c, KIND_REFERENCEGRANT, "a", "");
	assert_int_equal(c.seen.len, 2 * sizeof(struct gateway_seen));
	assert_string_equal(((struct gateway_seen *)(void *)c.seen.data)[1].key, "a/");
	gateway_use_backend(&c, 7);
	gateway_use_backend(&c, TABLE_NONE);
	gateway_use_backend(&c, 7);
	assert_int_equal(c.backends.len, 4);
	gateway_compiled_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(refused),
		cmocka_unit_test(several_refusals),
		cmocka_unit_test(what_is_in_use),
	};

	return cmocka_run_group_tests(tests, stage_open, stage_close);
}
