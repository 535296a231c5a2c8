/* HTTPRoutes and GRPCRoutes compiled: rules in, a line of text for each rule of
 * the table out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "../../modules/ingress/backends.h"
#include "../../modules/ingress/gateway_route.h"
#include "../../modules/ingress/proxy_policy.h"

static char dir[] = "/tmp/test-gateway-XXXXXX";
static struct err e;

static void put(enum kind kind, const char *ns, const char *name, const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);

	assert_non_null(mut);
	store_begin();
	assert_int_equal(store_put(kind, ns, name, mut, 0, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
}

static int open_store(void **state)
{
	char run[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(run, sizeof(run), "%s/run", dir);
	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(conf_load(NULL, &e), 0);
	assert_int_equal(store_open(dir, run, &e), 0);
	put(KIND_SERVICE, "shop", "web",
	    "{\"spec\":{\"clusterIP\":\"10.96.0.1\",\"ports\":[{\"name\":\"http\","
	    "\"port\":80},"
	    "{\"name\":\"h2c\",\"port\":81,\"appProtocol\":\"kubernetes.io/h2c\"},"
	    "{\"name\":\"ws\",\"port\":82,\"appProtocol\":\"kubernetes.io/ws\"},"
	    "{\"name\":\"wss\",\"port\":83,\"appProtocol\":\"kubernetes.io/wss\"},"
	    "{\"name\":\"sctp\",\"port\":84,\"protocol\":\"SCTP\"}]}}");
	put(KIND_SERVICE, "far", "web",
	    "{\"spec\":{\"clusterIP\":\"10.96.0.2\",\"ports\":[{\"port\":80}]}}");
	put(KIND_SERVICE, "near", "web",
	    "{\"spec\":{\"clusterIP\":\"10.96.0.3\",\"ports\":[{\"port\":80}]}}");
	put(KIND_REFERENCEGRANT, "near", "g",
	    "{\"spec\":{\"from\":[{\"group\":\"gateway.networking.k8s.io\",\"kind\":"
	    "\"HTTPRoute\","
	    "\"namespace\":\"shop\"}],\"to\":[{\"group\":\"\",\"kind\":\"Service\"}]}"
	    "}");
	return 0;
}

static int close_store(void **state)
{
	char command[96];

	(void)state;
	backends_free();
	store_close();
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* ---- a rule as text
 * ------------------------------------------------------------------------- */

static const char *backend_name(uint32_t number)
{
	static const struct {
		struct backend_ask ask;
		const char *name;
	} known[] = {
		{ { .ns = "shop", .service = "web", .port = 80 }, "web" },
		{ { .ns = "shop", .service = "web", .port = 80, .protocol = BACKEND_H2 },
		  "web-h2" },
		{ { .ns = "shop", .service = "web", .port = 81, .protocol = BACKEND_H2 }, "h2c" },
		{ { .ns = "shop", .service = "web", .port = 82 }, "ws" },
		{ { .ns = "near", .service = "web", .port = 80 }, "near" },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (backends_want(&known[i].ask) == number)
			return known[i].name;
	return number == TABLE_NONE ? "none" : "?";
}

static void put_rewrite(struct buf *out, const struct table_rewrite *w)
{
	static const char *const kinds[] = { "", "full:", "prefix:", "regex:" };

	buf_printf(out, "%s%s|%s|%s%s|%u|%u", kinds[w->kind], w->path.p, w->host.p, w->scheme.p,
	           w->scheme.n ? ":" : "", w->port, w->status);
}

static void put_cors(struct buf *out, const struct table_cors *c)
{
	for (uint32_t i = 0; i < c->n_origins; i++)
		buf_printf(out, "%s%s", i ? "," : "", c->origins[i].text.p);
	buf_printf(out, "|%s|%s|%s|%u|%d", c->methods.p, c->headers.p, c->expose.p, c->max_age,
	           c->credentials);
}

static void put_filters(struct buf *out, const struct table_filter *v, uint32_t n)
{
	static const char *const names[] = { "set",  "add",      "del",     "rset",   "radd",
		                             "rdel", "redirect", "rewrite", "mirror", "cors" };

	for (uint32_t i = 0; i < n; i++) {
		const struct table_filter *f = &v[i];

		buf_printf(out, " %s(", names[f->type]);
		if (f->type == FILTER_MIRROR)
			buf_printf(out, "%s %u/%u", backend_name(f->backend), f->numerator,
			           f->denominator);
		else if (f->rewrite)
			put_rewrite(out, f->rewrite);
		else if (f->cors)
			put_cors(out, f->cors);
		else
			buf_printf(out, "%s%s%s", f->name.p, f->value.n ? "=" : "", f->value.p);
		buf_str(out, ")");
	}
}

static void put_values(struct buf *out, char what, const struct table_match *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, " %c:%s%c%s", what, v[i].name.p, v[i].regex ? '~' : '=',
		           v[i].value.p);
}

static void put_action(struct buf *out, const struct table_action *a)
{
	put_filters(out, a->filters, a->n_filters);
	buf_str(out, " >");
	for (uint32_t i = 0; i < a->n_choices; i++) {
		buf_printf(out, " %s*%u", backend_name(a->choices[i].backend),
		           a->choices[i].weight);
		put_filters(out, a->choices[i].filters, a->choices[i].n_filters);
	}
	if (a->request_ms || a->backend_ms)
		buf_printf(out, " t=%u/%d", a->request_ms, (int)a->backend_ms);
	for (uint32_t i = 0; a->retry && i < a->retry->n_codes; i++)
		buf_printf(out, "%s%u", i ? "," : " retry=", a->retry->codes[i]);
	if (a->retry)
		buf_printf(out, " x%u after %u", a->retry->attempts, a->retry->backoff_ms);
	if (a->policy)
		buf_printf(out, " cookie %s %d", a->policy->affinity->name.p,
		           (int)a->policy->affinity->max_age);
	if (a->rule.n)
		buf_printf(out, " name=%s", a->rule.p);
}

static void put_rule(struct buf *out, const struct gateway_rule *g)
{
	static const char kinds[] = "<=~";
	const struct table_rule *r = &g->rule;

	buf_printf(out, "%u.%u %c%s%s%s%s", g->order.rule, g->order.match, kinds[r->kind],
	           r->path.p, r->nocase ? " i" : "", r->method.n ? " " : "", r->method.p);
	put_values(out, 'h', r->headers, r->n_headers);
	put_values(out, 'q', r->queries, r->n_queries);
	put_action(out, r->action);
	buf_str(out, "\n");
}

static void put_says(struct buf *out, const char *what, const struct gateway_says *s)
{
	if (s->reason)
		buf_printf(out, "%s %s: %s\n", what, s->reason, s->message);
}

/* ---- the table
 * ------------------------------------------------------------------------------
 */

#define WEB "\"backendRefs\":[{\"name\":\"web\",\"port\":80}]"
#define FILTERS(list) "[{\"filters\":[" list "]," WEB "}]"
#define MATCH(list) "[{\"matches\":[" list "]," WEB "}]"

static const struct {
	const char *rules, *text;
} http[] = {
	{ NULL, "0.0 < >\n" },
	{ "[]", "0.0 < >\n" },
	{ "[{" WEB "}]", "0.0 < > web*1\n" },
	/* matches */
	{ MATCH("{},{\"path\":{\"value\":\"/a/"
	        "\"}},{\"path\":{\"type\":\"Exact\",\"value\":\"/a/"
	        "\"}}"),
	  "0.0 < > web*1\n0.1 </a > web*1\n0.2 =/a/ > web*1\n" },
	{ MATCH("{\"path\":{\"value\":\"/a%20b/%2e\"}}"), "0.0 </a b/. > web*1\n" },
	{ MATCH("{\"path\":{\"type\":\"RegularExpression\",\"value\":\"/"
	        "(?:a|b)[(?:]+\"}}"),
	  "0.0 ~^(/(a|b)[(?:]+)$ > web*1\n" },
	{ MATCH("{\"path\":{\"type\":\"RegularExpression\",\"value\":\"(?i)/a\"}}"),
	  "0.0 ~^(/a)$ i > web*1\n" },
	{ MATCH("{\"method\":\"GET\",\"headers\":[{\"name\":\"X-A\",\"value\":\"B\"},"
	        "{\"name\":\"x-a\",\"value\":\"C\"},{\"name\":\"v\",\"type\":"
	        "\"RegularExpression\","
	        "\"value\":\"1|2\"}],\"queryParams\":[{\"name\":\"Q\",\"value\":\"1\"}"
	        ","
	        "{\"name\":\"q\",\"value\":\"2\"},{\"name\":\"Q\",\"value\":\"3\"}]}"),
	  "0.0 < GET h:x-a=B h:v~^(1|2)$ q:Q=1 q:q=2 > web*1\n" },
	{ MATCH("{\"path\":{\"type\":\"RegularExpression\",\"value\":\"/"
	        "((a{99}){99})\"}}"),
	  "accepted UnsupportedValue: spec.rules[0].matches[0].path.value: no "
	  "regular expression: "
	  "with "
	  "its repeats written out it is longer than 256 characters\n" },
	{ MATCH("{\"path\":{\"type\":\"Glob\",\"value\":\"/*\"}}"),
	  "accepted UnsupportedValue: spec.rules[0].matches[0].path.type: Glob is "
	  "not known\n" },
	{ "[{\"matches\":[{\"path\":{\"type\":\"Glob\"}}]},{\"name\":\"good\"," WEB "}]",
	  "1.0 < > web*1 name=good\npartly UnsupportedValue: Dropped Rule: "
	  "spec.rules[0].matches[0].path.type: Glob is not known\n" },
	/* filters */
	{ FILTERS("{\"type\":\"RequestHeaderModifier\",\"requestHeaderModifier\":{"
	          "\"set\":[{\"name\":\"A\",\"value\":\"1\"}],\"add\":[{\"name\":"
	          "\"B\",\"value\":"
	          "\"2\"}],"
	          "\"remove\":[\"C\"]}},"
	          "{\"type\":\"ResponseHeaderModifier\",\"responseHeaderModifier\":{"
	          "\"set\":[{\"name\":\"D\",\"value\":\"1\"}],\"add\":[{\"name\":"
	          "\"E\",\"value\":"
	          "\"2\"}],"
	          "\"remove\":[\"F\"]}}"),
	  "0.0 < set(A=1) add(B=2) del(C) rset(D=1) radd(E=2) rdel(F) > web*1\n" },
	{ FILTERS("{\"type\":\"RequestHeaderModifier\",\"requestHeaderModifier\":{"
	          "\"set\":[{\"name\":\"Host\",\"value\":\"a.b\"}]}}"),
	  "0.0 < rewrite(|a.b||0|0) > web*1\n" },
	{ FILTERS("{\"type\":\"RequestHeaderModifier\",\"requestHeaderModifier\":{"
	          "\"set\":[{\"name\":\"A\",\"value\":\"1\\r\\nX: 2\"}]}}"),
	  "accepted UnsupportedValue: spec.rules[0].filters[0]: the value of A has "
	  "control "
	  "characters\n" },
	{ FILTERS("{\"type\":\"ResponseHeaderModifier\",\"responseHeaderModifier\":{"
	          "\"remove\":[\"Content-Length\"]}}"),
	  "accepted UnsupportedValue: spec.rules[0].filters[0]: the field "
	  "Content-Length cannot be "
	  "changed\n" },
	{ "[{\"filters\":[{\"type\":\"RequestRedirect\",\"requestRedirect\":{}}]}]",
	  "0.0 < redirect(|||0|302) >\n" },
	{ "[{\"filters\":[{\"type\":\"RequestRedirect\",\"requestRedirect\":{"
	  "\"scheme\":\"https\","
	  "\"hostname\":\"a.b\",\"port\":8443,\"statusCode\":308,\"path\":{\"type\":"
	  "\"ReplaceFullPath\","
	  "\"replaceFullPath\":\"/x y?z\"}}}]}]",
	  "0.0 < redirect(full:/x%20y%3Fz|a.b|https:|8443|308) >\n" },
	{ "[{\"filters\":[{\"type\":\"RequestRedirect\",\"requestRedirect\":{"
	  "\"statusCode\":200}}]}"
	  "]",
	  "accepted UnsupportedValue: spec.rules[0].filters[0].statusCode: 200 is "
	  "no redirect\n" },
	{ FILTERS("{\"type\":\"URLRewrite\",\"urlRewrite\":{\"hostname\":\"a.b\","
	          "\"path\":{"
	          "\"type\":\"ReplacePrefixMatch\",\"replacePrefixMatch\":\"x%20\"}}}"),
	  "0.0 < rewrite(prefix:/x%20|a.b||0|0) > web*1\n" },
	{ FILTERS("{\"type\":\"URLRewrite\",\"urlRewrite\":{\"hostname\":\"a.b\"}},"
	          "{\"type\":\"RequestRedirect\",\"requestRedirect\":{}}"),
	  "accepted IncompatibleFilters: spec.rules[0].filters: a request is "
	  "redirected or "
	  "rewritten, "
	  "not both\n" },
	{ FILTERS("{\"type\":\"RequestMirror\",\"requestMirror\":{\"backendRef\":{"
	          "\"name\":\"web\","
	          "\"port\":81}}},{\"type\":\"RequestMirror\",\"requestMirror\":{"
	          "\"percent\":20,"
	          "\"backendRef\":{\"name\":\"web\",\"port\":82}}},{\"type\":"
	          "\"RequestMirror\","
	          "\"requestMirror\":{\"fraction\":{\"numerator\":1,\"denominator\":2},"
	          "\"backendRef\":{"
	          "\"name\":\"web\",\"namespace\":\"near\",\"port\":80}}},{\"type\":"
	          "\"RequestMirror\","
	          "\"requestMirror\":{\"percent\":0,\"backendRef\":{\"name\":\"web\","
	          "\"port\":80}}"
	          "}"),
	  "0.0 < mirror(h2c 100/100) mirror(ws 20/100) mirror(near 1/2) > web*1\n" },
	{ FILTERS("{\"type\":\"RequestMirror\",\"requestMirror\":{\"backendRef\":{"
	          "\"name\":\"no\","
	          "\"port\":81}}}"),
	  "0.0 < > web*1\nrefs BackendNotFound: there is no Service shop/no\n" },
	{ FILTERS("{\"type\":\"CORS\",\"cors\":{\"allowOrigins\":[\"https://"
	          "*.X\",\"http://b\"],"
	          "\"allowMethods\":[\"GET\",\"PUT\"],\"allowHeaders\":[\"*\"],"
	          "\"exposeHeaders\":[\"a\",\"b\"],\"allowCredentials\":true}}"),
	  "0.0 < cors(https://*.x,http://b|GET, PUT|*|a, b|5|1) > web*1\n" },
	{ FILTERS("{\"type\":\"ExtensionRef\",\"extensionRef\":{\"group\":\"g\","
	          "\"kind\":\"K\","
	          "\"name\":\"n\"}}"),
	  "0.0 < >\nrefs InvalidKind: spec.rules[0].filters[0]: a filter of kind K "
	  "in group g is "
	  "not "
	  "known\n" },
	{ FILTERS("{\"type\":\"ExternalAuth\",\"externalAuth\":{}}"),
	  "accepted UnsupportedValue: spec.rules[0].filters[0].type: ExternalAuth "
	  "is not "
	  "supported\n" },
	/* backends */
	{ "[{\"backendRefs\":[{\"name\":\"web\",\"port\":80,\"weight\":70},"
	  "{\"name\":\"web\",\"port\":81,\"weight\":30},{\"name\":\"web\",\"port\":"
	  "82,\"weight\":0}"
	  "]}]",
	  "0.0 < > web*70 h2c*30\n" },
	{ "[{\"backendRefs\":[{\"name\":\"web\",\"port\":80,\"weight\":0}]}]", "0.0 < >\n" },
	{ "[{\"backendRefs\":[{\"name\":\"no\",\"port\":80,\"weight\":3},{\"name\":"
	  "\"web\","
	  "\"port\":80}]}]",
	  "0.0 < > none*3 web*1\nrefs BackendNotFound: there is no Service "
	  "shop/no\n" },
	{ "[{\"backendRefs\":[{\"name\":\"web\",\"port\":99}]}]",
	  "0.0 < > none*1\nrefs BackendNotFound: Service shop/web has no port 99\n" },
	{ "[{\"backendRefs\":[{\"kind\":\"Pod\",\"name\":\"web\",\"port\":80}]}]",
	  "0.0 < > none*1\nrefs InvalidKind: Pod \"web\" is no backend: only "
	  "Services are\n" },
	{ "[{\"backendRefs\":[{\"namespace\":\"far\",\"name\":\"web\",\"port\":80},"
	  "{\"namespace\":\"near\",\"name\":\"web\",\"port\":80}]}]",
	  "0.0 < > none*1 near*1\nrefs RefNotPermitted: no ReferenceGrant of "
	  "namespace far lets "
	  "HTTPRoutes of namespace shop refer to Service \"web\"\n" },
	{ "[{\"backendRefs\":[{\"name\":\"web\",\"port\":83},{\"name\":\"web\","
	  "\"port\":84}]}]",
	  "0.0 < > none*1 none*1\nrefs UnsupportedProtocol: Service shop/web port "
	  "83: its "
	  "appProtocol "
	  "needs a BackendTLSPolicy; Service shop/web port 84: the port is none of "
	  "TCP\n" },
	{ "[{\"backendRefs\":[{\"name\":\"web\",\"port\":80,\"filters\":[{\"type\":"
	  "\"RequestHeaderModifier\",\"requestHeaderModifier\":{\"remove\":[\"A\"]}}"
	  "]},"
	  "{\"name\":\"web\",\"port\":82,\"filters\":[{\"type\":\"ExtensionRef\","
	  "\"extensionRef\":{"
	  "\"group\":\"g\",\"kind\":\"K\",\"name\":\"n\"}}]}]}]",
	  "0.0 < > web*1 del(A) none*1\nrefs InvalidKind: "
	  "spec.rules[0].backendRefs[1].filters[0]: "
	  "a "
	  "filter of kind K in group g is not known\n" },
	/* timeouts and retries */
	{ "[{\"timeouts\":{\"request\":\"1h2m3s4ms\"}," WEB "}]", "0.0 < > web*1 t=3723004/-1\n" },
	{ "[{\"timeouts\":{\"request\":\"0s\"}," WEB "}]", "0.0 < > web*1 t=0/-1\n" },
	{ "[{\"timeouts\":{\"request\":\"10s\",\"backendRequest\":\"500ms\"}," WEB "}]",
	  "0.0 < > web*1 t=10000/500\n" },
	{ "[{\"timeouts\":{\"backendRequest\":\"0s\"}," WEB "}]", "0.0 < > web*1 t=0/-1\n" },
	{ "[{\"retry\":{\"codes\":[500,503],\"attempts\":3,\"backoff\":\"10ms\"}"
	  "," WEB "}]",
	  "0.0 < > web*1 retry=500,503 x3 after 10\n" },
	{ "[{\"retry\":{}," WEB "}]", "0.0 < > web*1 x1 after 25\n" },
	{ "[{\"sessionPersistence\":{}," WEB "}]", "0.0 < > web*1 cookie knetd-session -1\n" },
	{ "[{\"sessionPersistence\":{\"sessionName\":\"s\",\"absoluteTimeout\":"
	  "\"1h\","
	  "\"cookieConfig\":{\"lifetimeType\":\"Permanent\"}}," WEB "}]",
	  "0.0 < > web*1 cookie s 3600\n" },
	{ "[{\"sessionPersistence\":{\"type\":\"Header\"}," WEB "}]",
	  "accepted UnsupportedValue: spec.rules[0].sessionPersistence: sessions "
	  "are kept by cookies, of "
	  "letters, digits and -_.\n" },
	{ "[{\"retry\":{\"codes\":[200]}," WEB "}]",
	  "accepted UnsupportedValue: spec.rules[0].retry.codes[0]: answers of "
	  "status 200 are "
	  "never "
	  "tried again\n" },
};

static const struct {
	const char *rules, *text;
} grpc[] = {
	{ NULL, "" },
	{ "[{" WEB "}]", "0.0 < > web-h2*1\n" },
	{ MATCH("{\"method\":{\"service\":\"a.S\",\"method\":\"Do\"},\"headers\":[{"
	        "\"name\":\"V\","
	        "\"value\":\"2\"}]},{\"method\":{\"service\":\"a.S\"}},{\"method\":{"
	        "\"method\":"
	        "\"Do\"}}"),
	  "0.0 =/a.S/Do h:v=2 > web-h2*1\n0.1 </a.S > web-h2*1\n0.2 ~^(/[^/]+/Do)$ "
	  "> web-h2*1\n" },
	{ MATCH("{\"method\":{\"type\":\"RegularExpression\",\"service\":\"a|b\"}}"),
	  "0.0 ~^(/(a|b)/([^/]+))$ > web-h2*1\n" },
	{ "[{\"backendRefs\":[{\"name\":\"web\",\"port\":81},{\"name\":\"web\","
	  "\"port\":82}]}]",
	  "0.0 < > h2c*1 none*1\nrefs UnsupportedProtocol: Service shop/web port "
	  "82: its "
	  "appProtocol "
	  "is none of gRPC\n" },
	{ FILTERS("{\"type\":\"URLRewrite\",\"urlRewrite\":{}}"),
	  "accepted UnsupportedValue: spec.rules[0].filters[0].type: URLRewrite is "
	  "not "
	  "supported\n" },
};

static void check(enum kind kind, const char *rules, const char *wanted)
{
	static const struct gateway_terms terms = { .client_cert = TABLE_NONE };
	auto_free char *json =
		xasprintf("{\"metadata\":{\"creationTimestamp\":\"2026\"},\"spec\":{%s%s}}",
	                  rules ? "\"rules\":" : "", rules ? rules : "");
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	struct object route = { .kind = kind, .key = "shop/r", .ns = "shop", .name = "r" };
	struct gateway_compiled c = { 0 };
	auto_buf struct buf text = { 0 };

	assert_non_null(doc);
	gateway_http_compile(&route, yyjson_doc_get_root(doc), &terms, &c);
	for (unsigned i = 0; i < c.n_rules; i++)
		put_rule(&text, &c.rules[i]);
	put_says(&text, "accepted", &c.accepted);
	put_says(&text, "partly", &c.partly);
	put_says(&text, "refs", &c.refs);
	buf_add(&text, "", 1);
	gateway_compiled_free(&c);
	if (strcmp(text.data, wanted) != 0)
		fail_msg("%s\ngives:\n%swanted:\n%s", rules, text.data, wanted);
}

static void test_http(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(http); i++)
		check(KIND_HTTPROUTE, http[i].rules, http[i].text);
}

static void test_grpc(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(grpc); i++)
		check(KIND_GRPCROUTE, grpc[i].rules, grpc[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_grpc),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
