/* test_conf.c - knetd.ini: every default, and for everything wrong an error that names file and
 * line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <knetd/conf.h>

static char path[] = "/tmp/knettestXXXXXX";

static int load(const char *text, struct err *e)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	*e = (struct err){ 0 };
	return conf_load(path, e);
}

static void good(const char *text)
{
	struct err e;

	if (load(text, &e))
		fail_msg("%s: %s", text, e.text);
}

/* where: "2" is the line; says: words the sentence must have. */
static void bad(const char *text, int line, const char *says)
{
	char want[64];
	struct err e;

	assert_int_equal(load(text, &e), -EINVAL);
	snprintf(want, sizeof(want), "%s:%d: ", path, line);
	if (strncmp(e.text, want, strlen(want)) != 0 || !strstr(e.text, says))
		fail_msg("%s: got \"%s\", want \"%s\" and \"%s\"", text, e.text, want, says);
}

static const char *text_of(const struct endpoint *ep)
{
	static char out[80];
	char ip[IP_TEXT];

	snprintf(out, sizeof(out), "%s %u", ip_text(&ep->ip, ip), ep->port);
	return out;
}

static void test_defaults(void **state)
{
	char text[CIDR_TEXT];
	struct err e = { 0 };

	(void)state;
	assert_int_equal(conf_load(NULL, &e), 0);
	assert_string_not_equal(conf.node.name, "");
	assert_string_equal(conf.node.state_dir, "/var/lib/knetd");
	assert_string_equal(conf.node.run_dir, "/run/knetd");
	assert_string_equal(conf.api.socket, "/run/knetd/knetd.sock");
	assert_in_range(conf.node.workers, 1, 64);
	assert_int_equal(conf.node.log_level, LOG_LEVEL_INFO);
	assert_int_equal(conf.api.insecure_listen.n, 0); /* the open door is shut */
	assert_int_equal(conf.podnet.cidrs.n, 2);
	assert_string_equal(cidr_text(&conf.podnet.cidrs.v[0], text), "10.244.0.0/24");
	assert_int_equal(conf.podnet.mtu, 0);
	assert_true(conf.podnet.masquerade);
	assert_string_equal(cidr_text(&conf.service.cidrs.v[1], text), "fd00:10:96::/112");
	assert_int_equal(conf.service.node_port_first, 30000);
	assert_int_equal(conf.service.node_port_last, 32767);
	assert_string_equal(conf.dns.domain, "cluster.local");
	assert_int_equal(conf.dns.address.n, 2);
	assert_string_equal(text_of(&conf.dns.address.v[0]), "10.96.0.10 53");
	assert_string_equal(text_of(&conf.dns.address.v[1]), "fd00:10:96::a 53");
	assert_int_equal(conf.dns.ttl, 5);
	assert_int_equal(conf.dns.pods, CONF_PODS_INSECURE);
	assert_int_equal(conf.dns.cache_ttl, 3600);
	assert_int_equal(conf.dns.cache_deny_ttl, 1800);
	assert_int_equal(conf.dns.cache_size, 4 << 20);
	assert_true(conf.dns.prefetch);
	assert_int_equal(conf.dns.serve_stale, 86400);
	assert_true(conf.dns.upstreams_file);
	assert_true(conf.ingress.any_address);
	assert_int_equal(conf.ingress.http, 80);
}

static void test_the_shipped_file_is_the_defaults(void **state)
{
	static struct conf defaults;
	struct err e = { 0 };

	(void)state;
	if (access("etc/knetd.ini", R_OK) < 0)
		skip(); /* run from elsewhere */
	assert_int_equal(conf_load(NULL, &e), 0);
	defaults = conf;
	if (conf_load("etc/knetd.ini", &e))
		fail_msg("%s", e.text);
	assert_memory_equal(&conf, &defaults, sizeof(conf));
}

static void test_values(void **state)
{
	char text[UPSTREAM_TEXT];

	(void)state;
	good("[node]\nname = n1\nrun_dir=/srv/r\nlog_level = debug\nworkers = 3\n"
	     "[podnet]\ncidrs = 10.1.0.0/16,10.2.0.0/16 , fd01::/64\nmtu = 9000\nmasquerade = no\n"
	     "[service]\ncidrs = 10.9.0.0/24\nnode_ports = 1-65535\nhealthz = 0.0.0.0:10256, "
	     "[::1]:1\n"
	     "[dns]\ndomain = Example.ORG.\nlisten = 127.0.0.1:5353, [::1]:5353\n"
	     "upstreams = 9.9.9.9, [2620:fe::fe]:5300, 2620:fe::9\n"
	     "[ingress]\naddresses = 10.0.0.1, fd00::1\nhttp =\n");
	assert_string_equal(conf.node.name, "n1");
	assert_int_equal(conf.node.log_level, LOG_LEVEL_DBG);
	assert_int_equal(conf.node.workers, 3);
	assert_string_equal(conf.api.socket, "/srv/r/knetd.sock"); /* follows run_dir */
	assert_int_equal(conf.podnet.cidrs.n, 3);
	assert_int_equal(conf.podnet.mtu, 9000);
	assert_false(conf.podnet.masquerade);
	assert_string_equal(text_of(&conf.service.healthz.v[0]), "0.0.0.0 10256");
	assert_string_equal(text_of(&conf.service.healthz.v[1]), "::1 1");
	assert_string_equal(conf.dns.domain, "example.org");
	assert_int_equal(conf.dns.address.n, 1);
	assert_string_equal(text_of(&conf.dns.address.v[0]),
	                    "10.9.0.10 53"); /* follows the range */
	assert_string_equal(text_of(&conf.dns.listen.v[1]), "::1 5353");
	assert_false(conf.dns.upstreams_file);
	assert_int_equal(conf.dns.upstreams.n, 3);
	assert_string_equal(text_of(&conf.dns.upstreams.v[0].at), "9.9.9.9 53");
	assert_string_equal(text_of(&conf.dns.upstreams.v[1].at), "2620:fe::fe 5300");
	assert_string_equal(text_of(&conf.dns.upstreams.v[2].at), "2620:fe::9 53");
	assert_false(conf.ingress.any_address);
	assert_int_equal(conf.ingress.addresses.n, 2);
	assert_int_equal(conf.ingress.http, 0);
	good("[dns]\naddress = 10.96.0.53\nupstreams =\nttl = 0\npods = verified\n");
	assert_int_equal(conf.dns.ttl, 0);
	assert_int_equal(conf.dns.pods, CONF_PODS_VERIFIED);
	assert_string_equal(text_of(&conf.dns.address.v[0]), "10.96.0.53 53");
	assert_int_equal(conf.dns.upstreams.n, 0);
	assert_false(conf.dns.upstreams_file);
	good("[dns]\ncache_ttl = 0\ncache_deny_ttl = 86400\ncache_size = 64K\nserve_stale = 90m\n");
	assert_int_equal(conf.dns.cache_ttl, 0);
	assert_int_equal(conf.dns.cache_deny_ttl, 86400);
	assert_int_equal(conf.dns.cache_size, 65536);
	assert_int_equal(conf.dns.serve_stale, 5400);
	good("[dns]\nserve_stale = 0\ncache_size = 1000000\n");
	assert_int_equal(conf.dns.serve_stale, 0);
	assert_int_equal(conf.dns.cache_size, 1000000);
	good("[dns]\nupstreams = tls://9.9.9.9#dns.quad9.net, tls://[2620:fe::9]:8853#"
	     "pin-sha256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, [2620:fe::fe]\n"
	     "policy = random\nstub_domains = acme.local 10.0.0.1 10.0.0.2:5353 , Corp.example. "
	     "tls://10.1.1.1#dns.corp.example\nstub_domains = 10.in-addr.arpa 10.0.0.1\n");
	assert_string_equal(upstream_text(&conf.dns.upstreams.v[0], text),
	                    "tls://9.9.9.9:853#dns.quad9.net");
	assert_string_equal(upstream_text(&conf.dns.upstreams.v[1], text),
	                    "tls://[2620:fe::9]:8853");
	assert_int_equal(conf.dns.upstreams.v[1].n_pins, 1);
	assert_string_equal(upstream_text(&conf.dns.upstreams.v[2], text), "[2620:fe::fe]:53");
	assert_int_equal(conf.dns.policy, CONF_DNS_RANDOM);
	assert_int_equal(conf.dns.stubs.n, 3);
	assert_string_equal(conf.dns.stubs.v[1].domain, "corp.example");
	assert_int_equal(conf.dns.stubs.v[1].first, 2);
	assert_string_equal(upstream_text(&conf.dns.stubs.upstreams[1], text), "10.0.0.2:5353");
	assert_string_equal(upstream_text(&conf.dns.stubs.upstreams[2], text),
	                    "tls://10.1.1.1:853#dns.corp.example");
	good("# a comment\n\n; another\n[api]\ninsecure_listen = 127.0.0.1:8001, [::1]:8001\n");
	assert_int_equal(conf.api.insecure_listen.n, 2);
	good("");
	assert_int_equal(conf.api.insecure_listen.n, 0); /* nothing is left of the load before */
}

static void test_wrong_values(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *says;
	} cases[] = {
		{ "[nodes]\nname=x\n", 2, "unknown section" },
		{ "[node]\nnmae=x\n", 2, "[node] nmae: unknown key" },
		{ "name=x\n", 1, "unknown section" },
		{ "[node]\n\n\n# hello\nworkers = 0\n", 5, "\"0\"" },
		{ "[node]\nworkers = 65\n", 2, "1 to 64" },
		{ "[node]\nworkers = -1\n", 2, "1 to 64" },
		{ "[node]\nworkers = 2x\n", 2, "1 to 64" },
		{ "[node]\nworkers = 99999999999999999999\n", 2, "1 to 64" },
		{ "[node]\nstate_dir = relative\n", 2, "absolute" },
		{ "[node]\nlog_level = loud\n", 2, "warn" },
		{ "[node]\nname = "
		  "0123456789012345678901234567890123456789012345678901234567890123\n",
		  2, "shorter" },
		{ "[podnet]\ncidrs = 10.0.0.0\n", 2, "10.0.0.0" },
		{ "[podnet]\ncidrs = 10.0.0.0/8,\n[podnet]\ncidrs = nonsense\n", 4, "nonsense" },
		{ "[podnet]\ncidrs=1.0.0.0/8,2.0.0.0/8,3.0.0.0/8,4.0.0.0/8,5.0.0.0/8,6.0.0.0/"
		  "8,7.0.0.0/8,8.0.0.0/8,9.0.0.0/8\n",
		  2, "at most 8" },
		{ "[podnet]\nmtu = 1279\n", 2, "1280" },
		{ "[podnet]\nmtu = 65536\n", 2, "65535" },
		{ "[podnet]\nmasquerade = true\n", 2, "yes or no" },
		{ "[podnet]\nmasquerade_except = 10.1.0.0\n", 2, "ranges like" },
		{ "[podnet]\noutbound = eth0\n", 2, "an address of the node" },
		{ "[podnet]\noutbound = 127.0.0.1\n", 2, "an address of the node" },
		{ "[podnet]\n\noutbound = 192.0.2.7, fe80::1\n", 3, "an address of the node" },
		{ "[podnet]\noutbound = 192.0.2.7, 192.0.2.8\n", 2, "at most one" },
		{ "[service]\ncidrs = 10.0.0.0/24, 10.1.0.0/24\n", 2, "at most one" },
		{ "[service]\nnode_ports = 30000\n", 2, "FIRST-LAST" },
		{ "[service]\nhealthz = 10256\n", 2, "ADDRESS:PORT" },
		{ "[service]\nnode_ports = 2-1\n", 2, "FIRST-LAST" },
		{ "[service]\nnode_ports = 0-1\n", 2, "FIRST-LAST" },
		{ "[service]\nnode_ports = 1-65536\n", 2, "FIRST-LAST" },
		{ "[service]\nnode_ports = 1-2-3\n", 2, "FIRST-LAST" },
		{ "[dns]\ncache_ttl = 86401\n", 2, "0 to 86400" },
		{ "[dns]\ncache_deny_ttl = 1h\n", 2, "0 to 86400" },
		{ "[dns]\ncache_size = 63K\n", 2, "64K to 256M" },
		{ "[dns]\ncache_size = 257M\n", 2, "64K to 256M" },
		{ "[dns]\ncache_size = M\n", 2, "64K to 256M" },
		{ "[dns]\ncache_size = \n", 2, "64K to 256M" },
		{ "[dns]\ncache_size = 4G\n", 2, "64K to 256M" },
		{ "[dns]\nserve_stale = 8d\n", 2, "at most 7d" },
		{ "[dns]\nserve_stale = -1\n", 2, "at most 7d" },
		{ "[dns]\nserve_stale = 99999999999999999999d\n", 2, "at most 7d" },
		{ "[dns]\nprefetch = maybe\n", 2, "yes or no" },
		{ "[dns]\ndomain = \n", 2, "cluster.local" },
		{ "[dns]\ndomain = .\n", 2, "cluster.local" },
		{ "[dns]\ndomain = a..b\n", 2, "cluster.local" },
		{ "[dns]\ndomain = under_score\n", 2, "cluster.local" },
		{ "[dns]\ndomain = "
		  "0123456789012345678901234567890123456789012345678901234567890123.x\n",
		  2, "63" },
		{ "[dns]\nlisten = 127.0.0.1\n", 2, "ADDRESS:PORT" },
		{ "[dns]\nupstreams = dns.example\n", 2, "addresses" },
		{ "[dns]\nupstreams = 9.9.9.9#dns.quad9.net\n", 2, "tls://" },
		{ "[dns]\nupstreams = tls://9.9.9.9\n", 2, "proves nothing" },
		{ "[dns]\nupstreams = tls://9.9.9.9#9.9.9.9\n", 2, "name" },
		{ "[dns]\nupstreams = tls://9.9.9.9#a#b\n", 2, "one name" },
		{ "[dns]\nupstreams = tls://9.9.9.9#pin-sha256=abc=\n", 2, "44" },
		{ "[dns]\nupstreams = tls://dns.quad9.net#dns.quad9.net\n", 2, "addresses" },
		{ "[dns]\nupstreams = [9.9.9.9]\n", 2, "addresses" },
		{ "[dns]\npolicy = best\n", 2, "round_robin" },
		{ "[dns]\nstub_domains = corp.example\n", 2, "DOMAIN ADDRESS" },
		{ "[dns]\nstub_domains = 10.0.0.1 corp.example\n", 2, "addresses" },
		{ "[dns]\nstub_domains = a..b 10.0.0.1\n", 2, "in-addr" },
		{ "[dns]\nstub_domains = a.b 10.0.0.1, A.B. 10.0.0.2\n", 2, "once" },
		{ "[dns]\ntls_ca = ca.pem\n", 2, "absolute" },
		{ "[dns]\nttl = 3601\n", 2, "0 to 3600" },
		{ "[dns]\nttl =\n", 2, "0 to 3600" },
		{ "[dns]\npods = yes\n", 2, "insecure, verified or disabled" },
		{ "[dns]\naddress = 10.96.0.10:53\n", 2, "auto" },
		{ "[dns]\naddress = 10.0.0.1, 10.0.0.2, 10.0.0.3\n", 2, "at most two" },
		{ "[ingress]\nhttp = 65536\n", 2, "65535" },
		{ "[ingress]\naddresses = *, 10.0.0.1\n", 2, "addresses" },
		{ "[api]\ninsecure_listen = 0.0.0.0:80\n", 2, "loopback" },
		{ "[api]\ninsecure_listen = [::]:80\n", 2, "loopback" },
		{ "[api]\ninsecure_listen = 10.0.0.1:80\n", 2, "loopback" },
		{ "[node]\nname = x\nwhat is this\n", 3, "neither" },
		{ "[node\n", 1, "neither" },
		{ "[lb]\npools = 192.0.2.0/24, here\n", 2, "or node" },
		{ "[lb]\npools = 127.0.0.0/24\n", 2, "unicast" },
		{ "[lb]\npools = 192.0.2.9-230.0.0.1\n", 2, "unicast" },
		{ "[lb]\npools = fe80::1\n", 2, "unicast" },
		{ "[lb]\nannounce = eth0, none\n", 2, "names of links" },
		{ "[lb]\nannounce =\n", 2, "names of links" },
		{ "[lb]\nannounce = a-name-that-is-too-long\n", 2, "names of links" },
		{ "[service]\nexternal_ips = some\n", 2, "yes" },
		{ "[service]\nmetrics = 10001\n", 2, "0 to 10000" },
		{ "[service]\nmetrics = all\n", 2, "0 to 10000" },
		{ "[kube]\nkubeconfig = /etc/kubeconfig\n", 2, "not supported" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		bad(cases[i].text, cases[i].line, cases[i].says);
}

/* The first of several is told, as it is the one to mend. */
static void test_first_error(void **state)
{
	(void)state;
	bad("[node]\nworkers = 0\nlog_level = loud\n", 2, "workers");
}

static void test_what_does_not_fit_together(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(load("[podnet]\ncidrs = 10.96.4.0/24\n", &e), -EINVAL);
	assert_non_null(strstr(e.text, "10.96.4.0/24"));
	assert_non_null(strstr(e.text, "10.96.0.0/16"));
	assert_int_equal(load("[podnet]\ncidrs = 10.0.0.0/8\n", &e),
	                 -EINVAL); /* either way round */
	assert_int_equal(load("[api]\nsocket = here\n", &e), -EINVAL);
	assert_int_equal(load("[podnet]\nmasquerade = no\noutbound = 192.0.2.7\n", &e), -EINVAL);
	assert_non_null(strstr(e.text, "masquerade = yes"));
	good("[podnet]\ncidrs = 10.97.0.0/16\n");
	assert_int_equal(load("[lb]\npools = 192.0.2.0/24, 10.244.0.200-10.244.1.9\n", &e),
	                 -EINVAL);
	assert_non_null(strstr(e.text, "10.244.0.200"));
	assert_non_null(strstr(e.text, "[podnet] cidrs 10.244.0.0/24"));
	assert_int_equal(load("[lb]\npools = fd00:10::/32\n", &e), -EINVAL);
	assert_int_equal(load("[lb]\npools = 10.96.9.9\n", &e), -EINVAL);
	assert_non_null(strstr(e.text, "[service] cidrs 10.96.0.0/16"));
	good("[lb]\npools = 192.0.2.7, node, 2001:db8::/120\n");
	assert_true(conf.lb.node && conf.lb.pools.n == 2);
	assert_true(conf.lb.announce.automatic && !conf.lb.announce.none);
	good("[lb]\nannounce = none\n");
	assert_true(!conf.lb.announce.automatic && conf.lb.announce.none);
	good("[lb]\nannounce = eth0, ens*\n");
	assert_true(!conf.lb.announce.automatic && conf.lb.announce.n == 2);
	assert_string_equal(conf.lb.announce.v[1], "ens*");
}

static void test_missing_file(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(conf_load("/nonexistent/knetd.ini", &e), -ENOENT);
	assert_non_null(strstr(e.text, "/nonexistent/knetd.ini"));
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	log_set_level(LOG_LEVEL_ERR);
	close(fd);
	return fd < 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_the_shipped_file_is_the_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_first_error),
		cmocka_unit_test(test_what_does_not_fit_together),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
