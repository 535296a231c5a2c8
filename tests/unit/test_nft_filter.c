/* test_nft_filter.c - what a filter of connections is made of, against the real kernel: classes in
 * meta priority, ranges over several parts, named counters, packets that are logged, flows that are
 * cut. The namespace has only lo, and what it says to itself is judged at output. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/loop.h>

#include "nft_bench.h"

#define TABLE "knetd_filter"
#define GROUP 107

static const struct nft_set_def peers4 = { .name = "peers4",
	                                   .key = { NFT_IPV4 },
	                                   .data = { NFT_MARK } };
static const struct nft_set_def peers6 = { .name = "peers6",
	                                   .key = { NFT_IPV6 },
	                                   .data = { NFT_MARK } };
static const struct nft_set_def classes = { .name = "classes",
	                                    .key = { NFT_MARK },
	                                    .data = { NFT_VERDICT } };
static const struct nft_set_def selves4 = { .name = "selves4", .key = { NFT_IPV4, NFT_IPV4 } };
static const struct nft_set_def out7 = { .name = "out7",
	                                 .key = { NFT_NUMBER, NFT_PROTO, NFT_PORT },
	                                 .interval = true };
static const struct nft_set_def out7_net4 = { .name = "out7_net4",
	                                      .key = { NFT_IPV4, NFT_PROTO, NFT_PORT },
	                                      .interval = true };
static const struct nft_set_def out7_net6 = { .name = "out7_net6",
	                                      .key = { NFT_IPV6, NFT_PROTO, NFT_PORT },
	                                      .interval = true };

static struct nft_bytes number(uint32_t number)
{
	struct nft_bytes k = { 0 };

	nft_put_number(&k, number);
	return k;
}

static struct nft_bytes mark(uint32_t mark)
{
	struct nft_bytes k = { 0 };

	nft_put_mark(&k, mark);
	return k;
}

static struct nft_bytes address(const char *text)
{
	struct ip a = ip(text);
	struct nft_bytes k = { 0 };

	nft_put_ip(&k, &a);
	return k;
}

static struct nft_bytes ports(struct nft_bytes k, uint8_t proto, uint16_t port)
{
	nft_put_proto(&k, proto);
	nft_put_port(&k, port);
	return k;
}

static void put(struct nft_txn *t, const char *set, struct nft_bytes first, struct nft_bytes last)
{
	nft_elem_ranges_add(t, TABLE, set, &first, &last);
}

static void peer(struct nft_txn *t, const char *set, const char *addr, uint32_t class)
{
	struct nft_bytes key = address(addr), data = mark(class);

	nft_elem_add(t, TABLE, set, &key, &data);
}

static struct nft_rule *rule(const char *chain)
{
	return nft_rule_new(TABLE, chain);
}

static void load_class(struct nft_rule *r, bool dst, uint8_t family)
{
	nft_family(r, family);
	nft_load_addr(r, dst, family, 0);
	nft_map_to(r, 0, family == 4 ? "peers4" : "peers6", 0);
	nft_set_priority(r, 0);
	nft_load_priority(r, 0);
}

static void load_ports(struct nft_rule *r, unsigned reg)
{
	nft_load_l4proto(r, reg);
	nft_load_port(r, true, reg + 1);
}

static void allow_peers(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = rule("out7");

	load_class(r, true, family);
	nft_to_network(r, 0);
	load_ports(r, 1);
	nft_in_set(r, 0, "out7", true);
	nft_verdict(r, NFT_V_RETURN);
	nft_rule_add(t, r);
}

static void allow_nets(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = rule("out7");

	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	load_ports(r, family / 4);
	nft_in_set(r, 0, family == 4 ? "out7_net4" : "out7_net6", true);
	nft_verdict(r, NFT_V_RETURN);
	nft_rule_add(t, r);
}

static void deny(struct nft_txn *t)
{
	struct nft_rule *r = rule("out7");

	nft_limit(r, 10);
	nft_log(r, GROUP, "out7", NFLOG_BYTES);
	nft_rule_add(t, r);
	r = rule("out7");
	nft_count(r, "out7");
	nft_verdict(r, NFT_V_DROP);
	nft_comment(r, "shop/web, shop/none");
	nft_rule_add(t, r);
}

static void judge(struct nft_txn *t)
{
	static const char *const chain = "judge";
	struct nft_rule *r = rule(chain);

	nft_ct_state_established(r);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(t, r);
	r = rule(chain);
	nft_tcp_not_syn(r);
	nft_ct_state_new(r);
	load_class(r, false, 4);
	nft_cmp_priority(r, 0, false);
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
	r = rule(chain);
	nft_family(r, 4);
	nft_load_addr(r, false, 4, 0);
	nft_load_addr(r, true, 4, 1);
	nft_in_set(r, 0, "selves4", true);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(t, r);
	r = rule(chain);
	load_class(r, false, 4);
	nft_vmap(r, 0, "classes");
	nft_rule_add(t, r);
	r = rule(chain);
	nft_oif_named(r, "knet");
	nft_verdict(r, NFT_V_DROP);
	nft_rule_add(t, r);
}

/* 127.0.0.7 is of class 7: it may speak to classes 1 to 3 by TCP, to class 5 in every way, and to
 * some addresses. */
static void make(struct nft_txn *t, bool logs)
{
	static const struct nft_set_def *const sets[] = { &peers4, &peers6,    &classes,  &selves4,
		                                          &out7,   &out7_net4, &out7_net6 };
	struct nft_bytes seven = mark(7), none = mark(0);

	nft_table_replace(t, TABLE);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		nft_set_add(t, TABLE, sets[i]);
	nft_named_counter_add(t, TABLE, "out7");
	nft_chain_add(t, TABLE, "judge", NFT_HOOK_OUTPUT, NFT_CHAIN_FILTER, -10);
	nft_chain_add(t, TABLE, "out7", NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
	for (uint8_t family = 4; family <= 16; family += 12) {
		allow_peers(t, family);
		allow_nets(t, family);
	}
	if (logs)
		deny(t);
	judge(t);
	nft_elem_goto(t, TABLE, "classes", &seven, "out7");
	nft_elem_return(t, TABLE, "classes", &none);
	peer(t, "peers4", "127.0.0.7", 7);
	peer(t, "peers4", "127.0.0.2", 2);
	peer(t, "peers4", "127.0.0.5", 5);
	put(t, "out7", ports(number(1), IPPROTO_TCP, 80), ports(number(3), IPPROTO_TCP, 90));
	put(t, "out7", ports(number(5), 0, 0), ports(number(5), 255, 65535));
	put(t, "out7_net4", ports(address("127.1.0.0"), IPPROTO_UDP, 53),
	    ports(address("127.1.255.255"), IPPROTO_UDP, 53));
	put(t, "out7_net4", ports(address("127.2.0.3"), IPPROTO_UDP, 53),
	    ports(address("127.2.0.9"), IPPROTO_UDP, 53));
	put(t, "out7_net6", ports(address("2001:db8::"), 0, 0),
	    ports(address("2001:db8::ffff"), 255, 65535));
}

static int make_all(void **state)
{
	struct nft_txn *t = nft_begin();

	(void)state;
	make(t, true);
	commit(t);
	return 0;
}

static void listed(void **state)
{
	(void)state;
	lists("\t\ttype mark . inet_proto . inet_service\n");
	lists("\t\telements = { 0x00000001-0x00000003 . tcp . 80-90,\n"
	      "\t\t\t     0x00000005 . 0-255 . 0-65535 }");
	lists("\t\telements = { 127.1.0.0/16 . udp . 53,\n"
	      "\t\t\t     127.2.0.3-127.2.0.9 . udp . 53 }");
	lists("elements = { 2001:db8::/112 . 0-255 . 0-65535 }");
	lists("0x00000007 : goto out7");
	lists("0x00000000 : return");
	lists("meta priority set ip daddr map @peers4 meta priority . meta l4proto . th dport "
	      "@out7 return\n");
	lists("meta priority set ip6 daddr map @peers6 meta priority . meta l4proto . th dport "
	      "@out7 return\n");
	lists("ip daddr . meta l4proto . th dport @out7_net4 return\n");
	lists("ip6 daddr . meta l4proto . th dport @out7_net6 return\n");
	lists("limit rate 10/second log prefix \"out7\" group 107 snaplen 128\n");
	lists("counter name \"out7\" drop comment \"shop/web, shop/none\"\n");
	lists("ct state established,related accept\n");
	lists("tcp flags ! syn ct state new meta priority set ip saddr map @peers4 meta priority "
	      "!= none drop\n");
	lists("ip saddr . ip daddr @selves4 accept\n");
	lists("meta priority set ip saddr map @peers4 meta priority vmap @classes\n");
	lists("oifname \"knet*\" drop\n");
}

/* ---- packets -------------------------------------------------------------------------------- */

static int lo_up(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	(void)state;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
	return 0;
}

static struct sockaddr_in sockaddr(const char *addr, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct ip a = ip(addr);

	memcpy(&sa.sin_addr, a.b, 4);
	return sa;
}

static int socket_at(int type, const char *addr, uint16_t port)
{
	struct sockaddr_in sa = sockaddr(addr, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (void *)&sa, sizeof(sa)), 0);
	return fd;
}

/* False: it was dropped on the way out. */
static bool udp(const char *from, const char *to, uint16_t port)
{
	struct sockaddr_in sa = sockaddr(to, port);
	int fd = socket_at(SOCK_DGRAM, from, 0);
	ssize_t n = sendto(fd, "hello", 5, 0, (void *)&sa, sizeof(sa));

	assert_true(n == 5 || errno == EPERM);
	close(fd);
	return n == 5;
}

static void judged(void **state)
{
	(void)state;
	assert_true(udp("127.0.0.1", "127.0.0.2", 80)); /* of no class */
	assert_true(udp("127.0.0.2", "127.0.0.7", 80)); /* neither does this */
	assert_false(udp("127.0.0.7", "127.0.0.2", 80));
	assert_true(udp("127.0.0.7", "127.0.0.5", 1));
	assert_true(udp("127.0.0.7", "127.0.0.5", 65535));
	assert_true(udp("127.0.0.7", "127.1.2.3", 53));
	assert_false(udp("127.0.0.7", "127.1.2.3", 54));
	assert_true(udp("127.0.0.7", "127.2.0.3", 53));
	assert_true(udp("127.0.0.7", "127.2.0.9", 53));
	assert_false(udp("127.0.0.7", "127.2.0.10", 53));
}

/* One piece gives way to another, and a part of it to nothing, in one transaction. */
static void ranges_change(void **state)
{
	struct nft_bytes first = ports(address("127.2.0.3"), IPPROTO_UDP, 53);
	struct nft_bytes last = ports(address("127.2.0.9"), IPPROTO_UDP, 53);
	struct nft_txn *t = nft_begin();
	struct err e = { 0 };

	(void)state;
	nft_elem_ranges_del(t, TABLE, "out7_net4", &first, &last);
	put(t, "out7_net4", ports(address("127.2.0.5"), IPPROTO_UDP, 53),
	    ports(address("127.2.0.12"), IPPROTO_UDP, 60));
	commit(t);
	assert_false(udp("127.0.0.7", "127.2.0.4", 53));
	assert_true(udp("127.0.0.7", "127.2.0.12", 57));
	t = nft_begin();
	put(t, "out7_net4", first, last); /* it meets the other */
	assert_int_not_equal(nft_commit(t, &e), 0);
	assert_non_null(strstr(e.text, "add element inet knetd_filter out7_net4"));
	t = nft_begin();
	nft_elem_ranges_del(t, TABLE, "out7_net4", &first, &last);
	assert_int_equal(nft_commit(t, &e), -ENOENT);
}

struct counts {
	unsigned n;
	uint64_t packets, bytes;
	char name[32];
};

static void keep(const char *name, uint64_t packets, uint64_t bytes, void *arg)
{
	struct counts *c = arg;

	c->n++;
	c->packets = packets;
	c->bytes = bytes;
	snprintf(c->name, sizeof(c->name), "%s", name);
}

static struct counts count(void)
{
	struct counts c = { 0 };
	struct err e = { 0 };

	if (nft_named_counter_each(TABLE, keep, &c, &e))
		fail_msg("%s", e.text);
	return c;
}

static void counted(void **state)
{
	struct nft_txn *t;
	struct counts c;
	struct err e;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_false(udp("127.0.0.7", "127.0.0.2", 80));
	c = count();
	assert_int_equal(c.n, 1);
	assert_string_equal(c.name, "out7");
	assert_int_equal(c.packets, 3);
	assert_int_equal(c.bytes, 3 * (20 + 8 + 5));
	t = nft_begin();
	nft_named_counter_add(t, TABLE, "out7");
	commit(t);
	assert_int_equal(count().packets, 3); /* once more changes nothing */
	t = nft_begin();
	nft_named_counter_del(t, TABLE, "out7");
	assert_int_equal(nft_commit(t, &e), -EBUSY);
	assert_non_null(strstr(e.text, "delete counter inet knetd_filter out7"));
	t = nft_begin();
	nft_rules_flush(t, TABLE);
	nft_named_counter_del(t, TABLE, "out7");
	commit(t);
	assert_int_equal(count().n, 0);
	assert_int_equal(nft_named_counter_each("nothing", keep, &c, &e), 0);
}

/* ---- logged packets ------------------------------------------------------------------------- */

struct logged {
	unsigned n;
	char prefix[32];
	unsigned iif, oif;
	size_t len;
	uint8_t data[NFLOG_BYTES];
};

static void on_logged(const struct nflog_packet *p, void *arg)
{
	struct logged *l = arg;

	assert_non_null(p);
	l->n++;
	l->iif = p->iif;
	l->oif = p->oif;
	l->len = p->len;
	assert_true(p->len <= sizeof(l->data));
	memcpy(l->data, p->data, p->len);
	snprintf(l->prefix, sizeof(l->prefix), "%s", p->prefix);
	loop_stop();
}

static void too_late(struct timer *t)
{
	(void)t;
	fail_msg("nothing was logged");
}

static void logged(void **state)
{
	struct timer patience = { .fn = too_late };
	struct logged l = { 0 };
	struct nflog *log;
	struct err e = { 0 };

	(void)state;
	log = nflog_open(GROUP, on_logged, &l, &e);
	if (!log)
		fail_msg("%s", e.text);
	assert_null(nflog_open(GROUP, on_logged, &l, &e));
	assert_int_equal(e.code, EBUSY);
	assert_false(udp("127.0.0.7", "127.0.0.2", 80));
	timer_set(&patience, 30000);
	loop_run();
	timer_del(&patience);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.prefix, "out7");
	assert_int_equal(l.iif, 0);
	assert_int_equal(l.oif, 1);
	assert_int_equal(l.len, 20 + 8 + 5);
	assert_memory_equal(l.data + 12, "\x7f\0\0\x07\x7f\0\0\x02", 8);
	assert_memory_equal(l.data + 28, "hello", 5);
	nflog_close(log);
	log = nflog_open(GROUP, on_logged, &l, &e); /* free again */
	assert_non_null(log);
	nflog_close(log);
	nflog_close(NULL);
}

/* ---- flows ---------------------------------------------------------------------------------- */

struct flows {
	unsigned n, tcp, udp;
	uint16_t client; /* whose flow is stale */
};

static bool stale(const struct conntrack_flow *f, void *arg)
{
	struct flows *seen = arg;

	seen->n++;
	seen->tcp += f->proto == IPPROTO_TCP;
	seen->udp += f->proto == IPPROTO_UDP;
	assert_int_equal(f->client.ip.len, 4);
	assert_int_equal(f->client.ip.b[3], 7);
	assert_int_equal(f->to.ip.b[3], 5);
	assert_int_equal(f->to.port, f->from.port);
	return f->client.port == seen->client;
}

static struct flows walk(uint8_t proto, uint8_t family, uint16_t client)
{
	struct flows seen = { .client = client };
	struct err e = { 0 };

	if (conntrack_purge(proto, family, stale, &seen, &e))
		fail_msg("%s", e.text);
	return seen;
}

static void flows_of_all_protocols(void **state)
{
	struct sockaddr_in to = sockaddr("127.0.0.5", 4000);
	int listener = socket_at(SOCK_STREAM, "127.0.0.5", 4000);
	int t = socket_at(SOCK_STREAM, "127.0.0.7", 4001), d;
	struct flows seen;

	(void)state;
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(connect(t, (void *)&to, sizeof(to)), 0);
	walk(0, 0, 0); /* what other tests have left is none of ours */
	d = socket_at(SOCK_DGRAM, "127.0.0.7", 4002);
	assert_int_equal(sendto(d, "x", 1, 0, (void *)&to, sizeof(to)), 1);
	seen = walk(0, 0, 4001);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.tcp, 1);
	assert_int_equal(seen.udp, 1);
	assert_int_equal(walk(0, 4, 0).n, 1);
	assert_int_equal(walk(0, 16, 0).n, 0);
	assert_int_equal(walk(IPPROTO_TCP, 4, 0).n, 0);
	assert_int_equal(walk(IPPROTO_UDP, 4, 4002).udp, 1);
	assert_int_equal(walk(0, 4, 0).n, 0);
	close(listener);
	close(t);
	close(d);
}

#define TEST(f) cmocka_unit_test_setup(f, make_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listed), TEST(flows_of_all_protocols), /* first: there are no others yet */
		TEST(judged), TEST(ranges_change),          TEST(counted), TEST(logged),
	};
	struct err e;

	if (!into_namespace())
		return 0;
	if (loop_init(&e)) {
		printf("%s\n", e.text);
		return 1;
	}
	return cmocka_run_group_tests(tests, lo_up, NULL);
}
