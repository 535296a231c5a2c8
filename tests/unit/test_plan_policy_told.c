/* test_plan_policy_told.c - denied packets read and put into words, how many lines there are, and
 * what counters of classes come to for policies; over the fake kernel door. */
#include <errno.h>
#include <unistd.h>

#include "policy_stage.h"

#include <knetd/kern.h>
#include <knetd/loop.h>

#include "../../modules/policy/policy_counts.h"
#include "../../modules/policy/policy_log.h"
#include "../../modules/policy/policy_packet.h"
#include "../../modules/policy/policy_rules.h"
#include "fake_kern.h"

/* ---- packets -------------------------------------------------------------------------------- */

/* 10.244.0.1:4242 > 10.244.0.2:80, TCP */
static const uint8_t tcp4[] = { 0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 244,
	                        0,    1, 0, 0,  0, 0, 0,    0, 0,  0, 0, 0, 0,  0,
	                        0,    0, 0, 0,  0, 0, 0,    0, 0,  0, 0, 0 };
static uint8_t packet4[40], packet6[64];

static void make_packets(void)
{
	static const uint8_t to4[] = { 10, 244, 0, 2, 0x10, 0x92, 0, 80 };
	static const uint8_t udp[] = { 0, 53, 0x10, 0x92 };
	struct ip a, b;

	memcpy(packet4, tcp4, sizeof(packet4));
	memcpy(packet4 + 16, to4, sizeof(to4));
	assert_true(ip_parse(&a, "fd00::1") && ip_parse(&b, "2001:db8::9"));
	memset(packet6, 0, sizeof(packet6));
	packet6[0] = 0x60;
	packet6[6] = 60; /* destination options, eight bytes, then UDP */
	memcpy(packet6 + 8, a.b, 16);
	memcpy(packet6 + 24, b.b, 16);
	packet6[40] = IPPROTO_UDP;
	memcpy(packet6 + 48, udp, sizeof(udp));
}

static bool is(const struct ip *ip, const char *text)
{
	char out[IP_TEXT];

	return !strcmp(ip_text(ip, out), text);
}

static void packets_are_read(void **state)
{
	struct policy_packet p;
	char text[POLICY_PACKET_TEXT];

	(void)state;
	make_packets();
	assert_true(policy_packet_read(&p, packet4, sizeof(packet4)));
	assert_true(is(&p.from, "10.244.0.1") && is(&p.to, "10.244.0.2") && p.ports);
	assert_int_equal(p.proto, IPPROTO_TCP);
	assert_int_equal(p.from_port, 4242);
	assert_int_equal(p.to_port, 80);
	packet4[7] = 1; /* a later fragment: what stands there are no ports */
	assert_true(policy_packet_read(&p, packet4, sizeof(packet4)) && !p.ports);
	packet4[7] = 0;
	packet4[0] = 0x46; /* an option */
	assert_true(policy_packet_read(&p, packet4, sizeof(packet4)) && p.to_port == 0);
	assert_true(policy_packet_read(&p, packet6, sizeof(packet6)));
	assert_true(is(&p.from, "fd00::1") && is(&p.to, "2001:db8::9") && p.ports);
	assert_int_equal(p.proto, IPPROTO_UDP);
	assert_int_equal(p.from_port, 53);
	packet6[6] = 44; /* a fragment, the second one */
	packet6[42] = 1;
	assert_true(policy_packet_read(&p, packet6, sizeof(packet6)) && !p.ports);
	assert_int_equal(p.proto, IPPROTO_UDP);
	assert_string_equal(policy_packet_proto(IPPROTO_ICMPV6, text), "icmpv6");
	assert_string_equal(policy_packet_proto(47, text), "protocol 47");
}

/* Whatever the bytes are: none behind the end is looked at. */
static void any_bytes(void **state)
{
	struct policy_packet p;

	(void)state;
	make_packets();
	for (size_t n = 0; n <= sizeof(packet6); n++) {
		auto_free uint8_t *six = xmalloc(n + 1), *four = xmalloc(n + 1);

		memcpy(six, packet6, n);
		assert_int_equal(policy_packet_read(&p, six, n), n >= 40);
		memcpy(four, packet4, n < sizeof(packet4) ? n : sizeof(packet4));
		if (n <= sizeof(packet4))
			assert_int_equal(policy_packet_read(&p, four, n), n >= 20);
	}
	srand(1);
	for (int round = 0; round < 100000; round++) {
		size_t n = (size_t)rand() % 80;
		uint8_t *b = malloc(n + 1);

		for (size_t i = 0; i < n; i++)
			b[i] = (uint8_t)(i == 6 && rand() % 2 ? 60 : rand());
		if (n)
			b[0] = (uint8_t)((round & 1 ? 0x60 : 0x40) | (b[0] & 15));
		b = realloc(b, n ? n : 1);
		policy_packet_read(&p, b, n);
		free(b);
	}
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void world(const char *policies)
{
	char name[8];

	drop_all();
	put(KIND_NAMESPACE, "", "shop", "{\"metadata\":{}}");
	put(KIND_POD, "shop", "web", "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{}}");
	put(KIND_PODNETWORK, "shop", "web-eth0",
	    "{\"spec\":{\"podRef\":{\"name\":\"web\"}},\"status\":{\"ips\":[\"10.244.0.1\"]}}");
	for (const char *p = policies; *p; p++) {
		snprintf(name, sizeof(name), "%c", *p);
		put(KIND_NETWORKPOLICY, "shop", name,
		    "{\"spec\":{\"podSelector\":{},\"policyTypes\":[\"Egress\"]}}");
	}
	update(true);
	check_classes();
}

static const char *class_of_web(void)
{
	static char name[POLICY_NAME];
	struct ip ip;

	assert_true(ip_parse(&ip, "10.244.0.1"));
	policy_class_name(name, POLICY_OUT, policy_plan_pod_at(&ip)->out);
	return name;
}

static void assert_line(const char *prefix, const uint8_t *data, size_t n, const char *want)
{
	struct nflog_packet p = { .prefix = prefix, .data = data, .len = n };
	auto_buf struct buf line = { 0 };

	policy_log_line(&line, &p);
	buf_add(&line, "", 1);
	assert_string_equal(line.data, want);
}

#define WEB_OUT "policy: denied egress tcp 10.244.0.1:4242 (shop/web) -> 10.244.0.2:80"

static void lines(void **state)
{
	(void)state;
	make_packets();
	world("ab");
	assert_line(class_of_web(), packet4, sizeof(packet4), WEB_OUT " by shop/a, shop/b");
	assert_line("midstream", packet4, sizeof(packet4),
	            "policy: denied tcp 10.244.0.1:4242 (shop/web) -> 10.244.0.2:80, midstream");
	assert_line("out99", packet4, sizeof(packet4), WEB_OUT); /* it is gone meanwhile */
	assert_line("outside", packet4, sizeof(packet4),
	            "policy: denied tcp 10.244.0.1:4242 (shop/web) -> 10.244.0.2:80, outside");
	assert_line("in99", packet6, sizeof(packet6),
	            "policy: denied ingress udp [fd00::1]:53 -> [2001:db8::9]:4242");
	assert_line("in99", packet6, 3, "");
	world("abcdefg");
	assert_line(class_of_web(), packet4, sizeof(packet4),
	            WEB_OUT " by shop/a, shop/b, shop/c, shop/d and 3 more");
}

static unsigned long long lost(void)
{
	auto_buf struct buf out = { 0 };
	unsigned long long n;

	policy_log_metrics(&out);
	buf_add(&out, "", 1);
	assert_int_equal(sscanf(strrchr(out.data, ' '), " %llu", &n), 1);
	return n;
}

/* Of a flood so many lines as are said; the others are counted. */
static void a_flood(void **state)
{
	struct nflog_packet p = { .prefix = "in99", .data = packet4, .len = sizeof(packet4) };
	unsigned long long before = lost();
	int kept = dup(STDERR_FILENO);

	(void)state;
	conf.policy.log = true;
	policy_log_begin();
	assert_true(policy_log_on());
	assert_non_null(freopen("/dev/null", "w", stderr));
	for (int i = 0; i < 5000; i++)
		fake_kern_logged(POLICY_LOG_GROUP, &p);
	fake_kern_logged(POLICY_LOG_GROUP, NULL);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_int_equal(lost() - before, 5000 - POLICY_LOG_LINES + 1);
	policy_log_end();
	assert_false(policy_log_on());
}

/* No reader, or no such rules: told of, and no rule that would fail with all the others. */
static void a_kernel_that_cannot_log(void **state)
{
	struct nft_txn *t = nft_begin();
	struct err e;

	(void)state;
	conf.policy.log = true;
	fake_kern_fail_nflog(EOPNOTSUPP);
	policy_log_begin();
	assert_false(policy_log_on());
	fake_kern_fail_nflog(0);
	fake_kern_fail_commit(ENOENT);
	policy_log_begin();
	assert_false(policy_log_on());
	fake_kern_reset();
	policy_log_rule(t, "t", "c", "out1");
	assert_int_equal(nft_commit(t, &e), 0);
	assert_string_equal(fake_kern_text(), "commit\n");
	policy_log_begin();
	assert_true(policy_log_on());
	fake_kern_reset();
	t = nft_begin();
	policy_log_rule(t, "t", "c", "out1");
	assert_int_equal(nft_commit(t, &e), 0);
	assert_string_equal(
		fake_kern_text(),
		"add rule t c | limit 10/s | log \"out1\" group 6 snaplen 128\ncommit\n");
	policy_log_end();
}

/* ---- counters ------------------------------------------------------------------------------- */

static void make_counter(const char *name, uint32_t packets)
{
	struct nft_txn *t = nft_begin();
	struct err e;

	nft_named_counter_add(t, POLICY_TABLE, name);
	assert_int_equal(nft_commit(t, &e), 0);
	fake_kern_count(POLICY_TABLE, name, packets);
}

static void assert_counts(const char *want)
{
	auto_buf struct buf out = { 0 };
	auto_buf struct buf found = { 0 };
	const char *label = "{namespace=\"shop\",policy=\"";

	policy_counts_write(&out);
	buf_add(&out, "", 1);
	for (const char *p = out.data; (p = strstr(p, label));) {
		unsigned n;

		p += strlen(label);
		assert_int_equal(sscanf(strchr(p, ' '), " %u", &n), 1);
		buf_printf(&found, "%c%u ", *p, n);
	}
	buf_add(&found, "", 1);
	assert_int_equal(strlen(found.data), strlen(want));
	for (const char *p = want; *p; p = strchr(p, ' ') + 1) { /* they come in no order */
		auto_free char *one = strndup(p, (size_t)(strchr(p, ' ') + 1 - p));

		if (!strstr(found.data, one))
			fail_msg("no %s in %s", one, found.data);
	}
}

static void counts(void **state)
{
	(void)state;
	world("ab");
	make_counter(class_of_web(), 5); /* of an earlier daemon: nobody knows whose */
	policy_counts_follow();
	assert_counts("a0 b0 ");
	fake_kern_count(POLICY_TABLE, class_of_web(), 7);
	assert_counts("a2 b2 ");
	fake_kern_count(POLICY_TABLE, class_of_web(), 10);
	drop(KIND_NETWORKPOLICY, "shop", "b");
	put(KIND_NETWORKPOLICY, "shop", "c",
	    "{\"spec\":{\"podSelector\":{},\"policyTypes\":[\"Egress\"]}}");
	update(false);
	policy_counts_follow(); /* the three were a's and b's */
	assert_counts("a5 c0 ");
	fake_kern_count(POLICY_TABLE, class_of_web(), 11);
	policy_counts_read();
	fake_kern_count(POLICY_TABLE, class_of_web(), 4); /* somebody reset it */
	assert_counts("a10 c5 ");
	policy_counts_restart();
	fake_kern_count(POLICY_TABLE, class_of_web(), 6);
	assert_counts("a16 c11 ");
	world("");
	policy_counts_follow();
	assert_counts("");
	policy_counts_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_read),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(lines),
		cmocka_unit_test(a_flood),
		cmocka_unit_test(a_kernel_that_cannot_log),
		cmocka_unit_test(counts),
	};
	struct err e;

	if (loop_init(&e))
		return 1;
	return cmocka_run_group_tests(tests, stage_open, stage_close);
}
