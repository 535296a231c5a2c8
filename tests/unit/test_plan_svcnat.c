/* test_plan_svcnat.c - Services to elements: what exactly goes to the kernel for each change. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/loop.h>
#include <knetd/module.h>
#include <knetd/store.h>

#include "../../modules/svcnat/svcnat_place.h"
#include "fake_kern.h"

extern const struct module svcnat_module;

static char state_dir[] = "/tmp/knetd-svcnat-XXXXXX", run_dir[] = "/tmp/knetd-svcnat-XXXXXX";
static struct cursor cursor;

/* ---- the stage ------------------------------------------------------------------------------ */

static void put(enum kind kind, const char *name, const char *json)
{
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	yyjson_mut_doc *copy = doc ? yyjson_doc_mut_copy(doc, NULL) : NULL;
	struct err e;

	assert_non_null(copy);
	store_begin();
	assert_int_equal(store_put(kind, "default", name, copy, STORE_RUN, NULL, &e), 0);
	assert_int_equal(store_commit(&e), 0);
	yyjson_mut_doc_free(copy);
	yyjson_doc_free(doc);
}

static void drop(enum kind kind, const char *name)
{
	struct err e;

	store_begin();
	assert_int_equal(store_delete(kind, "default", name), 0);
	assert_int_equal(store_commit(&e), 0);
}

/* A Service with one port 80 of that protocol; extra: more of its spec, with a comma in front. */
static void service(const char *name, const char *ips, const char *proto, const char *extra)
{
	char json[512];

	snprintf(json, sizeof(json),
	         "{\"metadata\":{},\"spec\":{\"clusterIPs\":[%s],\"ports\":[{\"port\":80,"
	         "\"protocol\":\"%s\"}]%s}}",
	         ips, proto, extra);
	put(KIND_SERVICE, name, json);
}

/* A slice of the Service with port 8080; addresses as a JSON list's inside: "\"10.244.0.2\",...".
 */
static void slice(const char *name, const char *of, const char *proto, const char *addresses)
{
	char json[1024], list[512] = "", copy[512], *save = NULL;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", addresses);
	for (char *a = strtok_r(copy, " ", &save); a; a = strtok_r(NULL, " ", &save))
		n += snprintf(list + n, sizeof(list) - n, "%s{\"addresses\":[\"%s\"]}",
		              n ? "," : "", a);
	snprintf(json, sizeof(json),
	         "{\"metadata\":{\"labels\":{\"kubernetes.io/"
	         "service-name\":\"%s\"}},\"addressType\":\"%s\","
	         "\"ports\":[{\"port\":8080,\"protocol\":\"%s\"}],\"endpoints\":[%s]}",
	         of, strchr(addresses, ':') ? "IPv6" : "IPv4", proto, list);
	put(KIND_ENDPOINTSLICE, name, json);
}

static int sync_now(bool full, struct err *e)
{
	struct changes c = { .full = full, .kinds = svcnat_module.watches, .cursor = &cursor };

	fake_kern_reset();
	if (full)
		cursor_now(&cursor);
	return svcnat_module.sync(&c, e);
}

static void expect(const char *text)
{
	struct err e;

	assert_int_equal(sync_now(false, &e), 0);
	assert_string_equal(fake_kern_text(), text);
}

static void ends_with(const char *end)
{
	const char *text = fake_kern_text();
	size_t all = strlen(text), n = strlen(end);

	if (all < n || strcmp(text + all - n, end) != 0)
		fail_msg("does not end with\n%s\n%s", end, text);
}

static int open_stage(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(state_dir));
	assert_non_null(mkdtemp(run_dir));
	assert_int_equal(conf_load(NULL, &e), 0);
	conf.service.metrics = 0; /* counters would be in every text */
	assert_int_equal(loop_init(&e), 0);
	assert_int_equal(store_open(state_dir, run_dir, &e), 0);
	return svcnat_module.init(&e);
}

static int close_stage(void **state)
{
	auto_free char *command = xasprintf("rm -rf %s %s", state_dir, run_dir);

	(void)state;
	svcnat_module.exit(false);
	fake_kern_reset();
	store_close();
	return system(command);
}

/* Every test begins with an empty store and an empty table. */
static int empty(void **state)
{
	static const enum kind kinds[] = { KIND_SERVICE, KIND_ENDPOINTSLICE };
	const struct object *o;
	struct err e;

	(void)state;
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; (o = store_next_object(kinds[k], &i)); i = 0) {
			auto_free char *name = xstrdup(o->name);

			drop(kinds[k], name);
		}
	return sync_now(true, &e);
}

/* ---- the constant part ---------------------------------------------------------------------- */

static void is_constant(void **state)
{
	auto_free char *nothing = NULL;
	struct err e;

	(void)state;
	assert_int_equal(sync_now(true, &e), 0);
	nothing = xstrdup(fake_kern_text());
	assert_non_null(
		strstr(nothing, "route replace local 10.96.0.0/16 src 10.96.0.10 link 1\n"));
	assert_non_null(strstr(
		nothing,
		"add rule knetd prerouting | ipv4 | r0 = daddr | r1 = l4proto | r2 = dport | "
		"r0 = r0 map @svc4 | priority = r0 | r0 = priority | r0 vmap @pick\n"));
	assert_non_null(strstr(
		nothing, "add rule knetd prerouting | ipv4 | saddr != 10.244.0.0/24 | r0 = daddr | "
			 "r1 = l4proto | r2 = dport | r0 = r0 map @outer4 | priority = r0 | "
			 "r0 = priority | r0 vmap @pick\n"));
	assert_non_null(strstr(
		nothing, "add rule knetd input | ipv6 | daddr fd00:10:96::/112 | ct state new | "
			 "goto services\n"));
	assert_non_null(strstr(nothing, "add knetd dns4 10.96.0.10 . udp . 53\n"));
	assert_null(strstr(nothing, "add knetd svc4"));
	service("web", "\"10.96.0.20\"", "TCP", "");
	assert_int_equal(sync_now(true, &e), 0);
	assert_null(strstr(fake_kern_text(), "pick1")); /* a Service adds no rule */
	assert_int_equal(strlen(fake_kern_text()),
	                 strlen(nothing) + strlen("add knetd pick 0 : goto refuse\n"
	                                          "add knetd cluster4 10.96.0.20\n"
	                                          "add knetd svc4 10.96.0.20 . tcp . 80 : 0\n"
	                                          "commit\n"));
}

/* ---- one change at a time ------------------------------------------------------------------- */

#define PICK_RULES(n)                                                                              \
	"add chain knetd pick" n "\n"                                                              \
	"add rule knetd pick" n " | r0 = random mod " n " | priority = r0\n"                       \
	"add rule knetd pick" n " | goto deal\n"                                                   \
	"add knetd pick " n " : goto pick" n "\n"

#define REFUSES "add knetd pick 0 : goto refuse\n"

static void adds_a_service(void **state)
{
	(void)state;
	service("web", "\"10.96.0.20\"", "TCP", "");
	expect(REFUSES "add knetd cluster4 10.96.0.20\n"
	               "add knetd svc4 10.96.0.20 . tcp . 80 : 0\ncommit\n");
	slice("web-a", "web", "TCP", "10.244.0.2");
	expect(PICK_RULES("1") "del knetd svc4 10.96.0.20 . tcp . 80\n"
	                       "add knetd eps4 10.96.0.20 . tcp . 80 . 0 : 10.244.0.2 . 8080\n"
	                       "add knetd svc4 10.96.0.20 . tcp . 80 : 1\n"
	                       "add knetd hairpin4 10.244.0.2 . 10.244.0.2\n"
	                       "commit\n");
	expect(""); /* and nothing twice */
}

static void serves_both_families(void **state)
{
	(void)state;
	service("web", "\"10.96.0.20\",\"fd00:10:96::20\"", "UDP", "");
	slice("web-6", "web", "UDP", "fd00:10:244::2");
	expect(REFUSES PICK_RULES(
		"1") "add knetd cluster4 10.96.0.20\n"
	             "add knetd svc4 10.96.0.20 . udp . 80 : 0\n"
	             "add knetd cluster6 fd00:10:96::20\n"
	             "add knetd eps6 fd00:10:96::20 . udp . 80 . 0 : fd00:10:244::2 . 8080\n"
	             "add knetd svc6 fd00:10:96::20 . udp . 80 : 1\n"
	             "add knetd hairpin6 fd00:10:244::2 . fd00:10:244::2\n"
	             "commit\n");
}

static void web_with(const char *addresses)
{
	struct err e;

	service("web", "\"10.96.0.20\"", "TCP", "");
	slice("web-a", "web", "TCP", addresses);
	assert_int_equal(sync_now(true, &e), 0);
}

static void adds_an_endpoint(void **state)
{
	(void)state;
	web_with("10.244.0.3");
	slice("web-a", "web", "TCP", "10.244.0.2 10.244.0.3"); /* sorts before, but goes behind */
	expect(PICK_RULES("2") "del knetd svc4 10.96.0.20 . tcp . 80\n"
	                       "add knetd eps4 10.96.0.20 . tcp . 80 . 1 : 10.244.0.2 . 8080\n"
	                       "add knetd svc4 10.96.0.20 . tcp . 80 : 2\n"
	                       "add knetd hairpin4 10.244.0.2 . 10.244.0.2\n"
	                       "commit\n");
}

static void moves_the_last_into_the_hole(void **state)
{
	(void)state;
	web_with("10.244.0.2 10.244.0.3 10.244.0.4");
	slice("web-a", "web", "TCP", "10.244.0.3 10.244.0.4");
	expect(PICK_RULES("2") "del knetd svc4 10.96.0.20 . tcp . 80\n"
	                       "del knetd eps4 10.96.0.20 . tcp . 80 . 0\n"
	                       "del knetd eps4 10.96.0.20 . tcp . 80 . 2\n"
	                       "add knetd eps4 10.96.0.20 . tcp . 80 . 0 : 10.244.0.4 . 8080\n"
	                       "add knetd svc4 10.96.0.20 . tcp . 80 : 2\n"
	                       "del knetd hairpin4 10.244.0.2 . 10.244.0.2\n"
	                       "commit\n");
	slice("web-a", "web", "TCP", "10.244.0.4");
	expect(PICK_RULES("1") "del knetd svc4 10.96.0.20 . tcp . 80\n"
	                       "del knetd eps4 10.96.0.20 . tcp . 80 . 1\n"
	                       "add knetd svc4 10.96.0.20 . tcp . 80 : 1\n"
	                       "del knetd hairpin4 10.244.0.3 . 10.244.0.3\n"
	                       "commit\n");
}

static void swaps_in_place(void **state)
{
	(void)state;
	web_with("10.244.0.2 10.244.0.3");
	slice("web-a", "web", "TCP", "10.244.0.3 10.244.0.9");
	expect("del knetd eps4 10.96.0.20 . tcp . 80 . 0\n"
	       "add knetd eps4 10.96.0.20 . tcp . 80 . 0 : 10.244.0.9 . 8080\n"
	       "del knetd hairpin4 10.244.0.2 . 10.244.0.2\n"
	       "add knetd hairpin4 10.244.0.9 . 10.244.0.9\n"
	       "commit\n");
}

static void refuses_without_endpoints(void **state)
{
	(void)state;
	web_with("10.244.0.2");
	drop(KIND_ENDPOINTSLICE, "web-a");
	expect(REFUSES "del knetd svc4 10.96.0.20 . tcp . 80\n"
	               "del knetd eps4 10.96.0.20 . tcp . 80 . 0\n"
	               "add knetd svc4 10.96.0.20 . tcp . 80 : 0\n"
	               "del knetd hairpin4 10.244.0.2 . 10.244.0.2\n"
	               "commit\n");
	drop(KIND_SERVICE, "web");
	expect("del knetd svc4 10.96.0.20 . tcp . 80\n"
	       "del knetd cluster4 10.96.0.20\ncommit\n");
}

static void shares_a_hairpin(void **state)
{
	(void)state;
	web_with("10.244.0.2");
	service("api", "\"10.96.0.21\"", "TCP", "");
	slice("api-a", "api", "TCP", "10.244.0.2");
	expect("add knetd cluster4 10.96.0.21\n"
	       "add knetd eps4 10.96.0.21 . tcp . 80 . 0 : 10.244.0.2 . 8080\n"
	       "add knetd svc4 10.96.0.21 . tcp . 80 : 1\n"
	       "commit\n");
	drop(KIND_ENDPOINTSLICE, "web-a");
	expect(REFUSES "del knetd svc4 10.96.0.20 . tcp . 80\n"
	               "del knetd eps4 10.96.0.20 . tcp . 80 . 0\n"
	               "add knetd svc4 10.96.0.20 . tcp . 80 : 0\n"
	               "commit\n");
}

static void moves_a_slice(void **state)
{
	(void)state;
	web_with("10.244.0.2");
	service("api", "\"10.96.0.21\"", "TCP", "");
	slice("web-a", "api", "TCP", "10.244.0.2");
	expect(REFUSES "del knetd svc4 10.96.0.20 . tcp . 80\n"
	               "del knetd eps4 10.96.0.20 . tcp . 80 . 0\n"
	               "add knetd cluster4 10.96.0.21\n"
	               "add knetd eps4 10.96.0.21 . tcp . 80 . 0 : 10.244.0.2 . 8080\n"
	               "add knetd svc4 10.96.0.21 . tcp . 80 : 1\n"
	               "add knetd svc4 10.96.0.20 . tcp . 80 : 0\n"
	               "commit\n");
}

#define WALK "commit\nconntrack walk 17\n"

/* The flow goes that is answered by somebody else; those to other places stay. */
static void forgets_udp_flows(void **state)
{
	struct err e;

	(void)state;
	fake_kern_flow(IPPROTO_UDP, "10.96.0.30:80", "10.244.0.9:8080");
	fake_kern_flow(IPPROTO_UDP, "10.96.0.30:80", "10.244.0.2:8080");
	fake_kern_flow(IPPROTO_UDP, "10.96.0.30:81", "10.244.0.9:8080");
	fake_kern_flow(IPPROTO_TCP, "10.96.0.30:80", "10.244.0.9:8080");
	service("dns", "\"10.96.0.30\"", "UDP", "");
	slice("dns-a", "dns", "UDP", "10.244.0.2 10.244.0.3");
	assert_int_equal(sync_now(true, &e), 0);
	ends_with(WALK "conntrack purge 17 10.96.0.30:80 -> 10.244.0.9:8080\n");
	fake_kern_flow(IPPROTO_UDP, "10.96.0.30:80", "10.244.0.3:8080");
	slice("dns-a", "dns", "UDP", "10.244.0.3 10.244.0.2 10.244.0.4");
	assert_int_equal(sync_now(false, &e), 0);
	assert_null(strstr(fake_kern_text(), "conntrack"));
	slice("dns-a", "dns", "UDP", "10.244.0.2 10.244.0.4");
	assert_int_equal(sync_now(false, &e), 0);
	ends_with(WALK "conntrack purge 17 10.96.0.30:80 -> 10.244.0.3:8080\n");
	drop(KIND_SERVICE, "dns");
	assert_int_equal(sync_now(false, &e), 0);
	ends_with(WALK "conntrack purge 17 10.96.0.30:80 -> 10.244.0.2:8080\n");
	fake_kern_no_flows();
}

/* Only an external address or a node port may have flows from before it had endpoints. */
static void looks_for_flows_where_there_may_be_some(void **state)
{
	struct err e;

	(void)state;
	service("late", "\"10.96.0.31\"", "UDP", "");
	assert_int_equal(sync_now(false, &e), 0);
	assert_null(strstr(fake_kern_text(), "conntrack"));
	slice("late-a", "late", "UDP", "10.244.0.2");
	assert_int_equal(sync_now(false, &e), 0);
	assert_null(strstr(fake_kern_text(), "conntrack"));
	fake_kern_flow(IPPROTO_UDP, "192.0.2.7:80", "192.0.2.7:80");
	service("late", "\"10.96.0.31\"", "UDP",
	        ",\"type\":\"LoadBalancer\"},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":"
	        "\"192.0.2.7\"}]}");
	assert_int_equal(sync_now(false, &e), 0);
	ends_with(WALK "conntrack purge 17 192.0.2.7:80 -> 192.0.2.7:80\n");
}

/* Who terminates keeps its flows until it has ended. */
static void forgets_flows_when_the_endpoint_has_ended(void **state)
{
	struct err e;

	(void)state;
	fake_kern_flow(IPPROTO_UDP, "10.96.0.32:80", "10.244.0.2:8080");
	service("game", "\"10.96.0.32\"", "UDP", "");
	slice("game-a", "game", "UDP", "10.244.0.2 10.244.0.3");
	assert_int_equal(sync_now(false, &e), 0);
	put(KIND_ENDPOINTSLICE, "game-a",
	    "{\"metadata\":{\"labels\":{\"kubernetes.io/service-name\":\"game\"}},"
	    "\"addressType\":\"IPv4\",\"ports\":[{\"port\":8080,\"protocol\":\"UDP\"}],"
	    "\"endpoints\":[{\"addresses\":[\"10.244.0.3\"]},{\"addresses\":[\"10.244.0.2\"],"
	    "\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}}]}");
	assert_int_equal(sync_now(false, &e), 0);
	ends_with(WALK);
	slice("game-a", "game", "UDP", "10.244.0.3");
	assert_int_equal(sync_now(false, &e), 0);
	ends_with("conntrack walk 17\nconntrack purge 17 10.96.0.32:80 -> 10.244.0.2:8080\n");
	slice("game-a", "game", "UDP", "10.244.0.3 10.244.0.4");
	assert_int_equal(sync_now(false, &e), 0);
	ends_with("commit\n");
}

/* ---- counters ------------------------------------------------------------------------------- */

/* One place: the second gets it when the first has gone and somebody looks at it again. */
static void counts_some(void **state)
{
	struct err e;

	(void)state;
	conf.service.metrics = 1;
	service("first", "\"10.96.0.35\"", "TCP", "");
	service("second", "\"10.96.0.36\"", "TCP", "");
	assert_int_equal(sync_now(false, &e), 0);
	assert_non_null(strstr(fake_kern_text(), "add knetd hits4 10.96.0.35 . tcp . 80\n"));
	assert_null(strstr(fake_kern_text(), "hits4 10.96.0.36"));
	slice("first-a", "first", "TCP", "10.244.0.2");
	assert_int_equal(sync_now(false, &e), 0);
	assert_null(strstr(fake_kern_text(), "hits4")); /* it counts on */
	assert_int_equal(sync_now(true, &e), 0);
	assert_null(strstr(fake_kern_text(), "add knetd hits4"));
	drop(KIND_SERVICE, "first");
	assert_int_equal(sync_now(true, &e), 0);
	assert_non_null(strstr(fake_kern_text(), "del knetd hits4 10.96.0.35 . tcp . 80\n"));
	assert_non_null(strstr(fake_kern_text(), "add knetd hits4 10.96.0.36 . tcp . 80\n"));
	conf.service.metrics = 0;
	assert_int_equal(sync_now(true, &e), 0);
	drop(KIND_SERVICE, "second");
	assert_int_equal(sync_now(false, &e), 0);
}

/* ---- what is not served --------------------------------------------------------------------- */

static void skips_what_is_not_ours(void **state)
{
	(void)state;
	service("headless", "\"None\"", "TCP", ",\"clusterIP\":\"None\"");
	service("alias", "\"10.96.0.40\"", "TCP",
	        ",\"type\":\"ExternalName\",\"externalName\":\"x.example\"");
	put(KIND_SERVICE, "foreign",
	    "{\"metadata\":{\"labels\":{\"service.kubernetes.io/service-proxy-name\":\"other\"}},"
	    "\"spec\":{\"clusterIPs\":[\"10.96.0.41\"],\"ports\":[{\"port\":80}]}}");
	put(KIND_SERVICE, "labelled",
	    "{\"metadata\":{\"labels\":{\"service.kubernetes.io/headless\":\"\"}},"
	    "\"spec\":{\"clusterIPs\":[\"10.96.0.42\"],\"ports\":[{\"port\":80}]}}");
	slice("foreign-a", "foreign", "TCP", "10.244.0.2");
	slice("nobody-a", "nobody", "TCP", "10.244.0.2");
	expect("");
}

static void gives_an_address_to_one(void **state)
{
	struct err e;

	(void)state;
	service("first", "\"10.96.0.50\"", "TCP", "");
	expect(REFUSES "add knetd cluster4 10.96.0.50\n"
	               "add knetd svc4 10.96.0.50 . tcp . 80 : 0\ncommit\n");
	service("second", "\"10.96.0.50\"", "TCP", "");
	expect("");
	drop(KIND_SERVICE, "first");
	expect("del knetd svc4 10.96.0.50 . tcp . 80\n"
	       "del knetd cluster4 10.96.0.50\ncommit\n");
	assert_int_equal(sync_now(true, &e), 0); /* asked for when the address became free */
	assert_non_null(strstr(fake_kern_text(), "add knetd cluster4 10.96.0.50\n"));
}

static void passes_an_address_on(void **state)
{
	(void)state;
	web_with("10.244.0.2");
	drop(KIND_SERVICE, "web");
	service("new", "\"10.96.0.20\"", "TCP", "");
	slice("web-a", "new", "TCP", "10.244.0.2");
	expect("del knetd svc4 10.96.0.20 . tcp . 80\n"
	       "del knetd eps4 10.96.0.20 . tcp . 80 . 0\n"
	       "del knetd cluster4 10.96.0.20\n"
	       "add knetd cluster4 10.96.0.20\n"
	       "add knetd eps4 10.96.0.20 . tcp . 80 . 0 : 10.244.0.2 . 8080\n"
	       "add knetd svc4 10.96.0.20 . tcp . 80 : 1\n"
	       "commit\n");
}

/* ---- failures ------------------------------------------------------------------------------- */

static void recovers_from_a_failure(void **state)
{
	struct err e;

	(void)state;
	web_with("10.244.0.2");
	slice("web-a", "web", "TCP", "10.244.0.7");
	fake_kern_fail_commit(ENOENT);
	assert_int_equal(sync_now(false, &e), -ENOENT);
	assert_string_equal(fake_kern_text(), "");
	assert_int_equal(sync_now(true, &e), 0); /* as the core does */
	assert_non_null(strstr(fake_kern_text(), "add table knetd\n"));
	assert_non_null(
		strstr(fake_kern_text(), "eps4 10.96.0.20 . tcp . 80 . 0 : 10.244.0.7 . 8080\n"));
	assert_non_null(strstr(fake_kern_text(), "del knetd hairpin4 10.244.0.2 . 10.244.0.2\n"));
}

static void finds_all_well(void **state)
{
	struct err e;

	(void)state;
	web_with("10.244.0.2 10.244.0.3");
	assert_int_equal(sync_now(true, &e), 0);
	assert_null(strstr(fake_kern_text(), "add knetd eps4"));
	assert_null(strstr(fake_kern_text(), "svc4 10.96.0.20"));
}

/* ---- places --------------------------------------------------------------------------------- */

static unsigned read_endpoints(struct svcnat_endpoint *out, const char *hosts)
{
	unsigned n = 0;

	for (; hosts[n]; n++)
		out[n].at = (struct endpoint){ { 4, { 10, 0, 0, (uint8_t)hosts[n] } }, 80 };
	return n;
}

static void check_places(const char *old, const char *new, const char *expected)
{
	auto_arena struct arena arena = { 0 };
	struct svcnat_endpoint before[32], after[32];
	struct svcnat_list a = { .n = read_endpoints(before, old), .eps = before };
	struct svcnat_list b = { .n = read_endpoints(after, new), .eps = after };
	char got[33] = "";

	svcnat_place(&a, &b, &arena);
	for (unsigned i = 0; i < b.n; i++)
		got[i] = (char)b.eps[i].at.ip.b[3];
	assert_string_equal(got, expected);
}

static void keeps_places(void **state)
{
	(void)state;
	check_places("", "", "");
	check_places("abc", "", "");
	check_places("", "cab", "abc");
	check_places("abc", "abc", "abc");
	check_places("cab", "abc", "cab");
	check_places("abcd", "bcd", "dbc");
	check_places("abcd", "cd", "dc");
	check_places("abcd", "xbcd", "xbcd");
	check_places("abcd", "wxyz", "wxyz");
	check_places("ab", "abcdef", "abcdef");
	check_places("abcdef", "af", "af");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_constant, empty),
		cmocka_unit_test_setup(adds_a_service, empty),
		cmocka_unit_test_setup(serves_both_families, empty),
		cmocka_unit_test_setup(adds_an_endpoint, empty),
		cmocka_unit_test_setup(moves_the_last_into_the_hole, empty),
		cmocka_unit_test_setup(swaps_in_place, empty),
		cmocka_unit_test_setup(refuses_without_endpoints, empty),
		cmocka_unit_test_setup(shares_a_hairpin, empty),
		cmocka_unit_test_setup(moves_a_slice, empty),
		cmocka_unit_test_setup(forgets_udp_flows, empty),
		cmocka_unit_test_setup(looks_for_flows_where_there_may_be_some, empty),
		cmocka_unit_test_setup(forgets_flows_when_the_endpoint_has_ended, empty),
		cmocka_unit_test_setup(counts_some, empty),
		cmocka_unit_test_setup(skips_what_is_not_ours, empty),
		cmocka_unit_test_setup(gives_an_address_to_one, empty),
		cmocka_unit_test_setup(passes_an_address_on, empty),
		cmocka_unit_test_setup(recovers_from_a_failure, empty),
		cmocka_unit_test_setup(finds_all_well, empty),
		cmocka_unit_test(keeps_places),
	};

	return cmocka_run_group_tests(tests, open_stage, close_stage);
}
