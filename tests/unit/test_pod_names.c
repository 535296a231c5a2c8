/* test_pod_names.c - resolv.conf, hosts and hostname of pods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/object.h>

#include "../../modules/podnet/pod_names.h"

#define HOST                                                                                       \
	"# mine\nnameserver 192.0.2.1\nsearch old.example\nsearch corp.example\noptions "          \
	"timeout:1\n"

static struct buf out;

static const char *resolver(const char *spec, const struct cni_dns *asked)
{
	auto_doc yyjson_doc *doc = yyjson_read(spec, strlen(spec), 0);
	auto_arena struct arena arena = { 0 };
	struct cni_dns dns;

	names_resolver(&dns, yyjson_doc_get_root(doc), "shop", asked, HOST, &arena);
	buf_reset(&out);
	names_write_resolver(&out, &dns);
	buf_add(&out, "", 1);
	return out.data;
}

static int start(void **state)
{
	struct err e;

	(void)state;
	return conf_load(NULL, &e);
}

static int stop(void **state)
{
	(void)state;
	buf_free(&out);
	return 0;
}

static void follows_the_policy(void **state)
{
	(void)state;
	assert_string_equal(resolver("{}", NULL),
	                    "search shop.svc.cluster.local svc.cluster.local cluster.local "
	                    "old.example corp.example\nnameserver 10.96.0.10\n"
	                    "nameserver fd00:10:96::a\noptions ndots:5\n");
	assert_string_equal(resolver("{\"dnsPolicy\":\"Default\"}", NULL),
	                    "search corp.example\nnameserver 192.0.2.1\noptions timeout:1\n");
	assert_string_equal(resolver("{\"dnsPolicy\":\"None\"}", NULL), "");
}

static void merges_dns_config(void **state)
{
	(void)state;
	assert_string_equal(
		resolver("{\"dnsPolicy\":\"Default\",\"dnsConfig\":{\"nameservers\":[\"192.0.2.1\","
	                 "\"192.0.2.2\",\"192.0.2.3\",\"192.0.2.4\"],\"searches\":[\"x.example\"],"
	                 "\"options\":[{\"name\":\"timeout\",\"value\":\"9\"},{\"name\":\"rotate\"}"
	                 "]}}",
	                 NULL),
		"search corp.example x.example\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n"
		"nameserver 192.0.2.3\noptions timeout:9 rotate\n");
}

static void keeps_lines_whole(void **state)
{
	(void)state;
	assert_string_equal(
		resolver("{\"dnsPolicy\":\"None\",\"dnsConfig\":{\"searches\":[\"a\\nnameserver "
	                 "6.6.6.6\",\"b c\",\"ok\"]}}",
	                 NULL),
		"search ok\n");
}

static void takes_what_is_asked(void **state)
{
	struct cni_dns asked = { .domain = "",
		                 .n_servers = 1,
		                 .servers = { "192.0.2.9" },
		                 .n_options = 1,
		                 .options = { "ndots:2" } };

	(void)state;
	assert_string_equal(resolver("{}", &asked),
	                    "search shop.svc.cluster.local svc.cluster.local cluster.local "
	                    "old.example corp.example\nnameserver 192.0.2.9\noptions ndots:2\n");
}

static void cuts_a_long_search_list(void **state)
{
	struct cni_dns asked = { .domain = "", .n_searches = CNI_DNS_LIST };
	static char words[CNI_DNS_LIST][201];
	const char *text;

	(void)state;
	for (unsigned i = 0; i < CNI_DNS_LIST; i++) {
		memset(words[i], 'a' + (int)(i % 26), 200);
		words[i][0] = (char)('A' + i / 26);
		asked.searches[i] = words[i];
	}
	text = resolver("{}", &asked);
	assert_true(strcspn(text, "\n") <= 2048 + strlen("search "));
	assert_true(strcspn(text, "\n") > 1800);
}

static void names_the_host(void **state)
{
	static const char spec[] =
		"{\"hostname\":\"web\",\"subdomain\":\"shop\",\"setHostnameAsFQDN\":true}";
	auto_doc yyjson_doc *doc = yyjson_read(spec, strlen(spec), 0);
	struct attachment a = { .ns = "x", .pod = "web-0", .container = "0123456789abcdef" };

	(void)state;
	buf_reset(&out);
	names_write_hostname(&out, yyjson_doc_get_root(doc), &a);
	names_write_hostname(&out, NULL, &a);
	*a.pod = 0;
	names_write_hostname(&out, NULL, &a);
	buf_add(&out, "", 1);
	assert_string_equal(out.data, "web.shop.x.svc.cluster.local\nweb-0\n0123456789ab\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_policy),      cmocka_unit_test(merges_dns_config),
		cmocka_unit_test(keeps_lines_whole),       cmocka_unit_test(takes_what_is_asked),
		cmocka_unit_test(cuts_a_long_search_list), cmocka_unit_test(names_the_host),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
