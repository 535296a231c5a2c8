/* test_gateway_grant.c - which references to other namespaces ReferenceGrants allow. */
#include "../../modules/ingress/gateway_grant.h"
#include "gateway_stage.h"

static bool route(const char *from, const char *to, const char *service)
{
	return gateway_grant(GW, "HTTPRoute", from, "", "Service", to, service);
}

static void in_one_namespace(void **state)
{
	(void)state;
	assert_true(route("a", "a", "s"));
	assert_false(route("a", "nowhere", "s"));
}

static void who_and_what(void **state)
{
	(void)state;
	put(KIND_REFERENCEGRANT, "data", "named",
	    "{'spec':{'from':[{'group':'" GW "','kind':'HTTPRoute','namespace':'shop'},"
	    "{'group':'" GW "','kind':'Gateway','namespace':'edge'}],"
	    "'to':[{'group':'','kind':'Service','name':'db'},{'group':'','kind':'Secret'}]}}");
	assert_true(route("shop", "data", "db"));
	assert_false(route("shop", "data", "cache"));
	assert_false(route("other", "data", "db"));
	assert_false(gateway_grant(GW, "TLSRoute", "shop", "", "Service", "data", "db"));
	assert_false(gateway_grant("", "HTTPRoute", "shop", "", "Service", "data", "db"));
	assert_false(gateway_grant(GW, "HTTPRoute", "shop", "x", "Service", "data", "db"));
	assert_true(gateway_grant(GW, "Gateway", "edge", "", "Secret", "data", "any"));
	assert_false(gateway_grant(GW, "Gateway", "edge", "", "ConfigMap", "data", "any"));
	assert_false(route("shop", "data2", "db"));
}

static void several_and_gone(void **state)
{
	(void)state;
	put(KIND_REFERENCEGRANT, "data", "rest",
	    "{'spec':{'from':[{'group':'" GW "','kind':'HTTPRoute','namespace':'shop'}],"
	    "'to':[{'group':'','kind':'Service','name':''}]}}");
	assert_true(route("shop", "data", "cache"));
	del(KIND_REFERENCEGRANT, "data", "rest");
	assert_false(route("shop", "data", "cache"));
	assert_true(route("shop", "data", "db"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_one_namespace),
		cmocka_unit_test(who_and_what),
		cmocka_unit_test(several_and_gone),
	};

	return cmocka_run_group_tests(tests, stage_open, stage_close);
}
