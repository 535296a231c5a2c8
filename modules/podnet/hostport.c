/* hostport.c - see hostport.h. As `nft list table inet knetd_podnet` shows it, for IPv4:
 *
 *	map ports_at4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }
 *	map ports4    { type inet_proto . inet_service : ipv4_addr . inet_service }
 *	set ports_self4 { type ipv4_addr . ipv4_addr }                  pods with host ports, twice
 *
 *	chain hostports_in (nat prerouting, -95), hostports_out (nat output, -95)
 *		ip daddr != SERVICES fib daddr type local goto hostports4
 *	chain hostports4
 *		dnat ip to ip daddr . meta l4proto . th dport map @ports_at4
 *		dnat ip to meta l4proto . th dport map @ports4
 *	chain hostports_back (nat postrouting, 102)
 *		ct status dnat ip saddr . ip daddr @ports_self4 masquerade
 *		oif != "lo" ct status dnat ip saddr 127.0.0.0/8 masquerade
 *
 * A host port beats nothing of Services: table knetd translates at -100, and the first translation
 * of a connection is the only one, so a node port wins over a host port of the same number. What
 * knetd leaves alone in the Service ranges (which are routed to the node, and so are local) is for
 * its chain `services` to refuse: it is not looked up here.
 *
 * The source is kept but in two cases: a pod that comes to itself would drop its own address, and
 * no answer finds its way back to 127.0.0.1 or ::1 of the node. Those are masqueraded.
 *
 * Localhost. A packet from 127.0.0.1 leaves by the pod's link only with route_localnet on that
 * link, which then also takes packets TO 127.0.0.0/8 from it: without the rule in `way_back` a pod
 * could talk to every service that thinks itself private to the node (CVE-2020-8558). The answers
 * to a translated connection come to the masqueraded address and pass. IPv6 has no such switch: a
 * reply to ::1 is looked up on the link it came by, so a route `local ::1 dev knetX` lets it in;
 * what a pod itself sends to ::1 the kernel drops before any hook.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>

#include <knetd/conf.h>
#include <knetd/log.h>

#include "hostport.h"
#include "hostport_plan.h"
#include "podnet.h"

#define DSTNAT (-95)
#define SRCNAT 102

static bool available = true; /* until a kernel without `fib` is met */

enum set { AT, ANY, SELF, SETS };

static const char *set_name(enum set set, uint8_t family)
{
	static const char *const names[SETS][2] = {
		[AT] = { "ports_at4", "ports_at6" },
		[ANY] = { "ports4", "ports6" },
		[SELF] = { "ports_self4", "ports_self6" },
	};

	return names[set][family == 16];
}

static const char *chain_name(uint8_t family)
{
	return family == 4 ? "hostports4" : "hostports6";
}

/* ---- the constant part ---------------------------------------------------------------------- */

static void add_sets(struct nft_txn *t, uint8_t family)
{
	enum nft_part ip = family == 4 ? NFT_IPV4 : NFT_IPV6;
	const struct nft_set_def defs[SETS] = {
		[AT] = { .key = { ip, NFT_PROTO, NFT_PORT }, .data = { ip, NFT_PORT } },
		[ANY] = { .key = { NFT_PROTO, NFT_PORT }, .data = { ip, NFT_PORT } },
		[SELF] = { .key = { ip, ip } },
	};

	for (int i = 0; i < SETS; i++) {
		struct nft_set_def def = defs[i];

		def.name = set_name(i, family);
		nft_set_add(t, PODNET_TABLE, &def);
	}
}

static void add_entry(struct nft_txn *t, const char *chain, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(PODNET_TABLE, chain);

	nft_family(r, family);
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (conf.service.cidrs.v[i].ip.len == family)
			nft_cmp_addr(r, true, &conf.service.cidrs.v[i], false);
	nft_fib_local(r);
	nft_goto(r, chain_name(family));
	nft_rule_add(t, r);
}

static void add_translation(struct nft_txn *t, enum set set, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(PODNET_TABLE, chain_name(family));
	unsigned reg = 0;

	nft_family(r, family); /* known by now, but not to who lists the chain */
	if (set == AT) {
		nft_load_addr(r, true, family, 0);
		reg = family / 4;
	}
	nft_load_l4proto(r, reg);
	nft_load_port(r, true, reg + 1);
	nft_map_to(r, 0, set_name(set, family), 0);
	nft_dnat(r, family, 0, family / 4);
	nft_rule_add(t, r);
}

static void add_hairpin(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(PODNET_TABLE, "hostports_back");

	nft_ct_status_dnat(r, true);
	nft_family(r, family);
	nft_load_addr(r, false, family, 0);
	nft_load_addr(r, true, family, family / 4);
	nft_in_set(r, 0, set_name(SELF, family), true);
	nft_masquerade(r);
	nft_rule_add(t, r);
}

static void add_localhost(struct nft_txn *t, uint8_t family)
{
	struct nft_rule *r = nft_rule_new(PODNET_TABLE, "hostports_back");

	nft_oif_lo(r, false);
	nft_ct_status_dnat(r, true);
	nft_family(r, family);
	nft_cmp_addr(r, false, cidr_loopback(family), true);
	nft_masquerade(r);
	nft_rule_add(t, r);
}

static void add_rules(struct nft_txn *t, uint8_t family)
{
	nft_chain_add(t, PODNET_TABLE, chain_name(family), NFT_HOOK_NONE, NFT_CHAIN_NAT, 0);
	add_sets(t, family);
	add_translation(t, AT, family);
	add_translation(t, ANY, family);
	add_entry(t, "hostports_in", family);
	add_entry(t, "hostports_out", family);
	add_hairpin(t, family);
	add_localhost(t, family);
}

/* ---- elements ------------------------------------------------------------------------------- */

static const char *element(const struct hostport *p, struct nft_bytes *key, struct nft_bytes *data)
{
	bool any = ip_is_any(&p->at);

	if (!any)
		nft_put_ip(key, &p->at);
	nft_put_proto(key, p->proto);
	nft_put_port(key, p->port);
	nft_put_ip(data, &p->pod);
	nft_put_port(data, p->pod_port);
	return set_name(any ? ANY : AT, p->at.len);
}

static void queue_port(struct nft_txn *t, const struct hostport *p, bool add)
{
	struct nft_bytes key = { 0 }, data = { 0 };
	const char *set = element(p, &key, &data);

	if (add)
		nft_elem_add(t, PODNET_TABLE, set, &key, &data);
	else
		nft_elem_del(t, PODNET_TABLE, set, &key);
}

static void queue_self(struct nft_txn *t, const struct ip *pod, bool add)
{
	struct nft_bytes key = { 0 };

	nft_put_ip(&key, pod);
	nft_put_ip(&key, pod);
	if (add)
		nft_elem_add(t, PODNET_TABLE, set_name(SELF, pod->len), &key, NULL);
	else
		nft_elem_del(t, PODNET_TABLE, set_name(SELF, pod->len), &key);
}

/* An attachment has an address a family: few. */
static void queue_all(struct nft_txn *t, const struct hostports *h, bool add)
{
	struct ip pods[CNI_FAMILIES];
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++) {
		queue_port(t, &h->v[i], add);
		if (n < CNI_FAMILIES && !ip_is_in(&h->v[i].pod, pods, n))
			pods[n++] = h->v[i].pod;
	}
	for (unsigned i = 0; i < n; i++)
		queue_self(t, &pods[i], add);
}

void hostport_rules(struct nft_txn *t, bool fib)
{
	struct hostports *h;

	available = fib;
	if (!fib)
		return;
	nft_chain_add(t, PODNET_TABLE, "hostports_in", NFT_HOOK_PREROUTING, NFT_CHAIN_NAT, DSTNAT);
	nft_chain_add(t, PODNET_TABLE, "hostports_out", NFT_HOOK_OUTPUT, NFT_CHAIN_NAT, DSTNAT);
	nft_chain_add(t, PODNET_TABLE, "hostports_back", NFT_HOOK_POSTROUTING, NFT_CHAIN_NAT,
	              SRCNAT);
	for (uint8_t family = 4; family <= 16; family += 12)
		add_rules(t, family);
	for (size_t i = 0; (h = hostports_next(&i));) {
		queue_all(t, h, true);
		h->open = true;
	}
}

/* ---- flows that know the port from before -------------------------------------------------------
 */

#define OWN_MAX 1024 /* addresses of the node that are looked after */

struct own {
	unsigned n;
	struct ip ips[OWN_MAX];
};

static void saw_addr(const struct rt_addr *a, void *arg)
{
	struct own *own = arg;

	if (own->n < OWN_MAX)
		own->ips[own->n++] = a->ip;
}

static unsigned udp_ports(const struct hostports *h, struct endpoint *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->n; i++)
		if (h->v[i].proto == IPPROTO_UDP)
			out[n++] = (struct endpoint){ h->v[i].at, h->v[i].port };
	return n;
}

/* A client that keeps sending from one port never opens another flow, so the one it has would go on
 * to the node itself, or to who had the port before. TCP ends by itself. */
static void purge_udp(const struct hostports *h)
{
	static struct own own;
	struct endpoint v[CNI_PORTS_MAX * CNI_FAMILIES];
	unsigned n = udp_ports(h, v);
	struct err e;

	if (!n)
		return;
	own.n = 0;
	if (rt_addr_each(podnet.host, saw_addr, &own, &e) ||
	    conntrack_purge_ports(IPPROTO_UDP, v, n, own.ips, own.n, &e))
		log_warn("podnet: %s: %s", h->who, e.text);
}

/* ---- the life of one attachment's ports -------------------------------------------------------
 */

int hostport_take(const struct attachment *a, struct err *e)
{
	if (a->n_ports && !available)
		return err_set(e, EOPNOTSUPP, "host ports need a kernel with CONFIG_NFT_FIB_INET");
	return hostports_take(a, e);
}

/* When the elements alone cannot be added, somebody has just taken the table away: then all of it
 * is made again, with ours. */
int hostport_open(const struct attachment *a, struct err *e)
{
	struct hostports *h = hostports_of(a);
	struct nft_txn *t;

	if (!h)
		return 0;
	t = nft_begin();
	queue_all(t, h, true);
	h->open = nft_commit(t, e) == 0;
	if (!h->open && rules_replace(e))
		return -e->code;
	purge_udp(h);
	return 0;
}

void hostport_close(const struct attachment *a)
{
	struct hostports *h = hostports_of(a);
	struct nft_txn *t;
	struct err e;

	if (!h)
		return;
	if (h->open) {
		t = nft_begin();
		queue_all(t, h, false);
		if (nft_commit(t, &e)) {
			log_info("podnet: %s: %s: repairing", h->who, e.text);
			module_resync(&podnet_module);
		}
	}
	hostports_drop(a);
}
