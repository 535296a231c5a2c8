/* kern.h - the one door to the kernel's network: routing netlink, nftables, sysctls.
 *
 * Implemented by knetd/kern/ (the only users of libmnl and libnftnl), and by
 * tests/unit/fake_kern.c, which writes every call down as text. Names and numbers are the kernel's
 * own. Addresses are in network order inside struct ip; ports are in host order here and converted
 * at the door. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/ip.h>

/* ---- routing netlink: many messages, one sendmsg -------------------------------------------- */

struct rt; /* a NETLINK_ROUTE socket in some network namespace */

/* netns_fd -1: the daemon's own. Otherwise the socket is born inside that namespace. */
struct rt *rt_open(int netns_fd, struct err *e);
void rt_close(struct rt *rt);

/* Messages are queued, then sent together by rt_flush, which waits for all acknowledgements and
 * fails with the first error, naming the message ("link knet1a2b: File exists"). Messages before
 * the failed one stay in force: the caller undoes by name. */
struct rt_veth {
	const char *name, *peer; /* IFNAMSIZ */
	uint8_t mac[6], peer_mac[6];
	int peer_netns_fd; /* the peer is born there */
	unsigned mtu;
	const char *alias;   /* IFLA_IFALIAS of the host side: whose link it is */
	uint32_t rp_filter;  /* of the host side, IPv4 */
	bool route_localnet; /* of the host side: 127.0.0.0/8 may leave and come in by it */
};
void rt_veth_add(struct rt *rt, const struct rt_veth *v);
void rt_link_up(struct rt *rt, const char *name);
/* No link-local address of the kernel's own making (IN6_ADDR_GEN_MODE_NONE); while it is down. */
void rt_link_no_autoaddr(struct rt *rt, const char *name);
void rt_link_del(struct rt *rt, const char *name);
void rt_link_mtu(struct rt *rt, const char *name, unsigned mtu);
/* bits as prefix length; no duplicate address detection. scope_link: RT_SCOPE_LINK, else universe.
 */
void rt_addr_add(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits,
                 bool scope_link);
void rt_addr_del(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits);
/* A whole address that the node answers for and never speaks from: IPv4 with scope link, IPv6
 * deprecated, so that nothing takes it for a source. Marked with RT_ADDR_SERVED, by which a later
 * start knows it; no duplicate address detection. Also makes one that is there already so. */
#define RT_ADDR_SERVED 107 /* IFA_PROTO; kept by the kernel from 5.18 on */
void rt_addr_serve(struct rt *rt, unsigned ifindex, const struct ip *ip);
/* One of the machine's own, as an administrator gives it, marked with RT_ADDR_UPLINK. */
#define RT_ADDR_UPLINK 108
void rt_addr_uplink(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits);
struct rt_route {
	struct cidr dst; /* bits 0: default route of ip.len's family */
	struct ip via;   /* len 0: on link */
	struct ip src;   /* preferred source, len 0: none */
	unsigned ifindex;
	bool onlink;      /* RTNH_F_ONLINK */
	bool local;       /* RTN_LOCAL in table local */
	bool unreachable; /* RTN_UNREACHABLE, behind every other route to dst */
	uint32_t table;   /* 0: main (or local) */
	uint32_t expires; /* IPv6: seconds it lasts, 0: for good */
};
void rt_route_replace(struct rt *rt, const struct rt_route *r);
/* Beside others to the same destination, with the same metric; -EEXIST when it is there. */
void rt_route_add(struct rt *rt, const struct rt_route *r);
void rt_route_del(struct rt *rt, const struct rt_route *r);
/* "from ADDRESS lookup TABLE" at RT_RULE_PRIORITY; del takes one away, whatever its table. */
#define RT_RULE_PRIORITY 10700
void rt_rule_add(struct rt *rt, const struct ip *from, uint32_t table);
void rt_rule_del(struct rt *rt, const struct ip *from);
/* A permanent neighbour entry. */
void rt_neigh_add(struct rt *rt, unsigned ifindex, const struct ip *ip,
                  const uint8_t mac[static 6]);
/* A token bucket as the link's root queue: what leaves by the link is held to the rate. Replaces
 * another. Optional in the kernel: -ENOENT without CONFIG_NET_SCH_TBF. */
struct rt_tbf {
	uint64_t rate;  /* bytes a second */
	uint32_t burst; /* bytes */
};
void rt_tbf_set(struct rt *rt, unsigned ifindex, const struct rt_tbf *t);
int rt_flush(struct rt *rt, struct err *e);

/* Questions; each is a round trip of its own. */
struct rt_link {
	unsigned ifindex, mtu, flags; /* IFF_UP ... */
	uint16_t type;                /* ARPHRD_ETHER ... */
	bool port;                    /* of a bridge or a bond, which has the addresses */
	bool made;                    /* a link of software's making: veth, bridge, vlan ... */
	int peer_index;               /* IFLA_LINK, 0 if none */
	char name[16];
	char alias[256];
	uint8_t mac[6];
	struct {            /* IFLA_INET6_CONF: what stands in net/ipv6/conf/NAME */
		bool there; /* false: no IPv6 in this kernel or on this link */
		uint32_t disabled, forwarding, accept_ra;
	} ipv6;
};
int rt_link_get(struct rt *rt, const char *name, struct rt_link *out, struct err *e); /* -ENODEV */
int rt_link_each(struct rt *rt, void (*fn)(const struct rt_link *l, void *arg), void *arg,
                 struct err *e);
struct rt_addr {
	unsigned ifindex;
	struct ip ip;
	uint8_t bits;
	uint8_t proto;  /* IFA_PROTO, 0: nobody said */
	uint32_t flags; /* IFA_F_... */
};
int rt_addr_each(struct rt *rt, void (*fn)(const struct rt_addr *a, void *arg), void *arg,
                 struct err *e);
/* Unicast and local routes of tables main and local. */
int rt_route_each(struct rt *rt, void (*fn)(const struct rt_route *r, void *arg), void *arg,
                  struct err *e);
/* Unicast routes of one other table. */
int rt_route_each_in(struct rt *rt, uint32_t table, void (*fn)(const struct rt_route *r, void *arg),
                     void *arg, struct err *e);
/* Rules from one whole address to a table. */
int rt_rule_each(struct rt *rt, void (*fn)(const struct ip *from, uint32_t table, void *arg),
                 void *arg, struct err *e);
/* The links that have one. The kernel keeps the burst as a time: it comes back a little smaller. */
int rt_tbf_each(struct rt *rt, void (*fn)(unsigned ifindex, const struct rt_tbf *t, void *arg),
                void *arg, struct err *e);
/* The link that the default route leaves by (IPv4 first), -ENETUNREACH when there is none. */
int rt_uplink(struct rt *rt, struct rt_link *out, struct err *e);
/* The one of that family, 4 or 16, as ifindex; 0: none, or it could not be asked. */
unsigned rt_uplink_of(struct rt *rt, uint8_t family);

/* Deletes host links in a short-lived child, because DELLINK waits 16 ms for RCU, and then forgets
 * the connections of the addresses that were behind it (conntrack_forget); done(arg, ok) is called
 * from the loop when both are gone (also when they were gone before). Copies name and ips. name "":
 * the link is gone, its addresses are left. */
#define RT_LINK_IPS 4
int rt_link_del_later(const char *name, const struct ip *ips, unsigned n,
                      void (*done)(void *arg, bool gone), void *arg, struct err *e);
/* The one with that arg here and now, in the kernel's own time; calls its done. */
void rt_link_del_hurry(struct rt *rt, const void *arg);

/* Calls fn from the loop when a link has gone from the daemon's namespace, whoever took it away;
 * name NULL: some may have. */
int link_watch(void (*fn)(const char *name), struct err *e);

/* Calls fn from the loop when an address was taken away from lo; NULL: some may have. */
int addr_watch(void (*fn)(const struct ip *gone), struct err *e);

/* Calls fn from the loop when a link that is not a pod's has come, gone (flags 0) or changed (l),
 * or an address marked RT_ADDR_SERVED or RT_ADDR_UPLINK was taken away (a); with neither when a
 * default route came or went, or some of this was lost. At most two may ask. */
int lan_watch(void (*fn)(const struct rt_link *l, const struct rt_addr *a), struct err *e);

/* Calls fn from the loop with the options of router advertisements that name servers and domains
 * stand in (RFC 8106), as they came over the link of that index. */
int ra_watch(void (*fn)(unsigned ifindex, const uint8_t *options, size_t n), struct err *e);

/* ---- addresses on the wire: ARP and neighbour discovery by hand ------------------------------ */

/* Somebody on the link says that he has an address: by an answer or unasked. Our own frames, and
 * what is not sent on the link itself, are left out. */
struct wire_claim {
	unsigned ifindex;
	struct ip ip;
	uint8_t mac[6]; /* zeros: he does not say (IPv6 alone) */
	struct ip to;   /* to whom he says it: an address, or a group of IPv6 */
};
typedef void wire_fn(const struct wire_claim *c, void *arg);
struct wire;
/* Of an Ethernet link; fn is called from the loop, and must not close the wire. A link that goes
 * down and comes again is the same; one with another hardware address is to be opened anew. */
struct wire *wire_open(const struct rt_link *l, wire_fn *fn, void *arg, struct err *e);
void wire_close(struct wire *w); /* NULL is fine */
/* Tells the neighbours that the address is here: ARP as request and as reply (RFC 5227 3), or an
 * unsolicited advertisement that overrides (RFC 4861 7.2.6). 0 or -errno. */
int wire_claim(const struct wire *w, const struct ip *ip);
/* Asks who has an address; from: who gets the answer, NULL: a probe, which says nothing of us. */
int wire_ask(const struct wire *w, const struct ip *from, const struct ip *who);

/* ---- namespaces and sysctls ----------------------------------------------------------------- */

int netns_open(const char *path, struct err *e); /* descriptor, checked to be a network namespace */
uint64_t netns_inode(int netns_fd);
/* Writes /proc/sys/<path>; in the namespace netns_fd when that is not -1. A value that already
 * stands is not written. */
int sysctl_set(int netns_fd, const char *path, const char *value, struct err *e);
/* In the daemon's own namespace; false also when there is no such file. */
bool sysctl_is(const char *path, const char *value);
/* Calls fn from the loop when forwarding, of either family, is off for all links. */
int forwarding_watch(void (*fn)(void), struct err *e);
int sysctl_get(int netns_fd, const char *path, char *out, size_t size, struct err *e);

/* ---- nftables ------------------------------------------------------------------------------- */

/* A transaction: messages queue up, nft_commit sends them as one batch: all or nothing. Everything
 * is in family inet, or all of it in family arp, which a kernel need not have (nft_commit fails
 * with -EOPNOTSUPP or -ENOENT then; of the hooks it knows input alone). The strings are copied. */
struct nft_txn;
struct nft_txn *nft_begin(void);
struct nft_txn *nft_begin_arp(void);
void nft_abort(struct nft_txn *t);                /* frees it; nothing was sent */
int nft_commit(struct nft_txn *t, struct err *e); /* sends and frees it, also on failure */

/* Makes the table empty and ready (created, deleted, created again: one atomic replacement). */
void nft_table_replace(struct nft_txn *t, const char *table);
void nft_table_add(struct nft_txn *t, const char *table);         /* keeps what is there */
void nft_table_add_dormant(struct nft_txn *t, const char *table); /* its chains see no packet */
void nft_table_del(struct nft_txn *t, const char *table);         /* must exist */
/* Makes it, or takes over what a process that is gone has owned: ours as long as this one lives,
 * and nobody else changes or flushes it; behind us it stays. -EOPNOTSUPP from nft_commit: it is
 * there and was never owned, or the kernel is older than 6.9. */
void nft_table_own(struct nft_txn *t, const char *table);
/* 1 the table is there, 0 it is not, -errno. */
int nft_table_exists(const char *table, struct err *e);
/* Takes it away at once, with all that is in it; one that is not there is as good. */
int nft_table_remove(const char *table, struct err *e);

enum nft_hook {
	NFT_HOOK_NONE,
	NFT_HOOK_PREROUTING,
	NFT_HOOK_INPUT,
	NFT_HOOK_FORWARD,
	NFT_HOOK_OUTPUT,
	NFT_HOOK_POSTROUTING
};
enum nft_chain_type { NFT_CHAIN_FILTER, NFT_CHAIN_NAT };
/* hook NONE: a regular chain, type and priority ignored. Policy accept. One that is there already
 * stays, with its rules; -EEXIST when it has another hook. */
void nft_chain_add(struct nft_txn *t, const char *table, const char *chain, enum nft_hook hook,
                   enum nft_chain_type type, int priority);
void nft_chain_del(struct nft_txn *t, const char *table, const char *chain);
/* Takes the rules out of all chains; chains, sets and elements stay. The table must exist. */
void nft_rules_flush(struct nft_txn *t, const char *table);
void nft_chain_flush(struct nft_txn *t, const char *table, const char *chain); /* its rules */
/* Chains of the table that have rules; none without the table. */
int nft_chain_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                   struct err *e);

/* The parts of a key or of data, in nft's type names. Each part takes 4 bytes (IPv6: 16) in keys
 * and data alike, padded with zeros behind; NFT_MARK is a 32-bit number in host order, NFT_NUMBER
 * one in network order, as ranges need it. */
enum nft_part {
	NFT_END,
	NFT_IPV4,
	NFT_IPV6,
	NFT_PROTO,
	NFT_PORT,
	NFT_MARK,
	NFT_IFINDEX,
	NFT_NUMBER,
	NFT_VERDICT
};
#define NFT_PARTS 5
struct nft_set_def {
	const char *name;
	enum nft_part key[NFT_PARTS];  /* ends with NFT_END */
	enum nft_part data[NFT_PARTS]; /* empty: a set; {NFT_VERDICT}: a verdict map */
	bool interval; /* ranges: of its one part (nft_elem_range) or of each (nft_elem_ranges_add)
	                */
	bool dynamic;  /* rules add and delete elements, which may time out; needs a size */
	bool counter;  /* each element counts how often a rule has found it */
	unsigned size; /* stated maximum, 0 none */
	unsigned timeout; /* of a dynamic one: seconds an element stays; 0: until it is deleted */
};
/* One that is there already stays, with its elements; -EEXIST when it is made differently. */
void nft_set_add(struct nft_txn *t, const char *table, const struct nft_set_def *def);
void nft_set_flush(struct nft_txn *t, const char *table, const char *set); /* all its elements */
void nft_set_del(struct nft_txn *t, const char *table, const char *set);   /* no rule uses it */
/* Sets and maps of the table; none without the table. */
int nft_set_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                 struct err *e);

struct nft_bytes { /* a key or data value being put together */
	uint8_t b[64];
	unsigned n;
};
void nft_put_ip(struct nft_bytes *k, const struct ip *ip);
void nft_put_proto(struct nft_bytes *k, uint8_t proto);
void nft_put_port(struct nft_bytes *k, uint16_t port);
void nft_put_mark(struct nft_bytes *k, uint32_t mark);
void nft_put_ifindex(struct nft_bytes *k, unsigned ifindex);
void nft_put_number(struct nft_bytes *k, uint32_t number);

/* data NULL for sets. Consecutive elements of one set are packed into few messages. */
void nft_elem_add(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key, const struct nft_bytes *data);
void nft_elem_goto(struct nft_txn *t, const char *table, const char *set,
                   const struct nft_bytes *key, const char *chain);
void nft_elem_return(struct nft_txn *t, const char *table, const char *set,
                     const struct nft_bytes *key);
void nft_elem_del(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key);
void nft_elem_range(struct nft_txn *t, const char *table, const char *set,
                    const struct cidr *range);
/* In a set of ranges over several parts: what matches is in the range of first and last in each of
 * them. Two of one set must not meet: the kernel refuses that (-EEXIST, -ENOTEMPTY). */
void nft_elem_ranges_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *first, const struct nft_bytes *last);
void nft_elem_ranges_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *first, const struct nft_bytes *last);
/* The same; key has all parts but the last, which alone is a range. */
void nft_elem_prefix_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last);
void nft_elem_prefix_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last);
/* Reads a set back: for tests, repair and comparison. fn sees key and data (n = 0 for verdicts); in
 * a set of ranges, data is a range's last key when there are several parts, and with one part it is
 * empty for a range's first key and the key again for the first one behind it. All or nothing:
 * -EINTR when it changes too fast to be read, -EMSGSIZE when it is too long, -ENOENT. */
int nft_elem_each(const char *table, const char *set,
                  void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                  void *arg, struct err *e);
/* The same for those of n keys that are there. A list costs the kernel more than its length (it
 * begins anew every few hundred elements), single elements cost it the same however many there are:
 * from some ten thousand on this is quicker. Nothing guards it against changes meanwhile. */
#define NFT_DUMP_ELEMENTS 30000
int nft_elem_get(const char *table, const char *set, const struct nft_bytes *keys, size_t n,
                 void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                 void *arg, struct err *e);
/* The same of a set with counters. */
int nft_counter_each(const char *table, const char *set,
                     void (*fn)(const struct nft_bytes *key, uint64_t packets, uint64_t bytes,
                                void *arg),
                     void *arg, struct err *e);

/* Counters with a name, which rules raise (nft_count). One that is there already stays, with what
 * it has counted; one that a rule raises cannot be deleted before that rule. */
void nft_named_counter_add(struct nft_txn *t, const char *table, const char *name);
void nft_named_counter_del(struct nft_txn *t, const char *table, const char *name);
int nft_named_counter_each(const char *table,
                           void (*fn)(const char *name, uint64_t packets, uint64_t bytes,
                                      void *arg),
                           void *arg, struct err *e); /* none without the table */

/* A flow table: once a rule has given it a connection (nft_flow_add), packets of that connection
 * which come in by one of the links leave by the other end's at once, past all chains but
 * translated. One that is there gets these links too, at most NFT_FLOW_LINKS in one message; a link
 * that is deleted leaves by itself. Optional in the kernel: CONFIG_NF_FLOW_TABLE_INET,
 * CONFIG_NFT_FLOW_OFFLOAD. A connection in there cannot be forgotten by conntrack_purge and the
 * like: see conntrack_on_busy. */
#define NFT_FLOW_LINKS 2000
void nft_flowtable_add(struct nft_txn *t, const char *table, const char *name,
                       const char *const *links, unsigned n);
/* Waits, some milliseconds, until what was deleted is gone: a flow table's connections are free. */
void nft_settle(void);

/* What the kernel check (kern_check.h) has found missing is worked around where there is a way: a
 * refusal drops, a random number is its lowest, a named counter has no name, and a rule that
 * masquerades is left out.
 *
 * Rules: expressions are appended one by one and work on 32-bit registers, numbered 0 to 15 here
 * (NFT_REG32_00 + n). Each builder knows nft's own way, so that `nft list` reads well. */
struct nft_rule;
struct nft_rule *nft_rule_new(const char *table, const char *chain);
void nft_rule_add(struct nft_txn *t, struct nft_rule *r);      /* takes it */
void nft_family(struct nft_rule *r, uint8_t len);              /* meta nfproto: 4 or 16 */
void nft_l4proto(struct nft_rule *r, uint8_t proto);           /* meta l4proto == */
void nft_th_port(struct nft_rule *r, bool dst, uint16_t port); /* th dport/sport == */
void nft_load_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg);
void nft_arp_request(struct nft_rule *r);                   /* arp operation request */
void nft_load_arp_target(struct nft_rule *r, unsigned reg); /* arp daddr ip */
void nft_load_iif(struct nft_rule *r, unsigned reg);        /* iif */
void nft_load_l4proto(struct nft_rule *r, unsigned reg);
void nft_load_port(struct nft_rule *r, bool dst, unsigned reg);
void nft_load_priority(struct nft_rule *r, unsigned reg);                /* meta priority */
void nft_to_network(struct nft_rule *r, unsigned reg);                   /* a number */
void nft_load_number(struct nft_rule *r, uint32_t number, unsigned reg); /* in host order */
void nft_set_priority(struct nft_rule *r, unsigned reg);                 /* meta priority set */
/* numgen random mod MODULUS offset OFFSET */
void nft_load_random(struct nft_rule *r, uint32_t modulus, uint32_t offset, unsigned reg);
/* ct original ip daddr, ct original proto-dst: what the client asked for. */
void nft_load_original_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg);
void nft_load_original_port(struct nft_rule *r, bool dst, unsigned reg);
void nft_cmp_addr(struct nft_rule *r, bool dst, const struct cidr *c, bool equal);
void nft_cmp_port_range(struct nft_rule *r, bool dst, uint16_t first, uint16_t last);
void nft_cmp_priority(struct nft_rule *r, uint32_t number, bool equal);
void nft_tcp_not_syn(struct nft_rule *r); /* tcp flags ! syn, of TCP alone */
/* lookup; in=false: != @set */
void nft_in_set(struct nft_rule *r, unsigned reg, const char *set, bool in);
void nft_map_to(struct nft_rule *r, unsigned reg, const char *map, unsigned dreg); /* map @map */
void nft_vmap(struct nft_rule *r, unsigned reg, const char *map);                  /* vmap @map */
/* update @set { key timeout ... : data }, delete @set { key : data }: a set that is dynamic. A map
 * has data also when an element is deleted (any value of it), a set has not: data_reg -1. */
void nft_update(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg,
                uint32_t timeout_seconds);
void nft_delete(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg);
void nft_dnat(struct nft_rule *r, uint8_t len, unsigned addr_reg, unsigned port_reg);
/* Both with a random port: two pods that leave at the same time by the same port do not collide. */
void nft_masquerade(struct nft_rule *r);
void nft_snat(struct nft_rule *r, const struct ip *ip); /* snat ip to ADDRESS */
void nft_ct_status_dnat(struct nft_rule *r, bool set);  /* ct status dnat / ct status & dnat == 0 */
void nft_ct_state_new(struct nft_rule *r);
void nft_ct_state_established(struct nft_rule *r); /* ct state established,related */
void nft_oif_lo(struct nft_rule *r, bool is);      /* oif "lo" / oif != "lo" */
void nft_iif_lo(struct nft_rule *r, bool is);
void nft_iif_none(struct nft_rule *r); /* iif 0, at postrouting: born on this node */
void nft_iif_named(struct nft_rule *r, const char *prefix); /* iifname "PREFIX*" */
void nft_oif_named(struct nft_rule *r, const char *prefix);
/* fib saddr . iif oif missing: the way back to the source is not the link it came by. */
void nft_no_way_back(struct nft_rule *r);
void nft_fib_local(struct nft_rule *r); /* fib daddr type local */
void nft_notrack(struct nft_rule *r);
void nft_counter(struct nft_rule *r);
void nft_count(struct nft_rule *r, const char *counter); /* counter name "NAME" */
/* limit rate N/second: the rule goes on for so many packets; each rule counts for itself. */
void nft_limit(struct nft_rule *r, uint32_t packets_a_second);
/* log prefix "..." group N snaplen N: a copy of the packet's first bytes to nflog_open's reader, or
 * to nobody. Optional in the kernel: nft_commit fails with -ENOENT without CONFIG_NFT_LOG or
 * CONFIG_NETFILTER_NETLINK_LOG. */
void nft_log(struct nft_rule *r, uint16_t group, const char *prefix, uint32_t snaplen);
enum nft_verdict { NFT_V_ACCEPT, NFT_V_DROP, NFT_V_RETURN };
void nft_verdict(struct nft_rule *r, enum nft_verdict v);
void nft_goto(struct nft_rule *r, const char *chain);
void nft_jump(struct nft_rule *r, const char *chain);
void nft_reject_tcp_reset(struct nft_rule *r);
void nft_reject_port_unreachable(struct nft_rule *r);         /* icmpx type port-unreachable */
void nft_flow_add(struct nft_rule *r, const char *flowtable); /* flow add @NAME */
void nft_comment(struct nft_rule *r, const char *text);

/* Calls fn from the loop when somebody else (not this process) changed a table, of family inet or
 * arp, whose name is `table` or begins with `table` followed by '_', or when notifications were
 * lost (table NULL). */
int nft_watch(const char *table, void (*fn)(const char *table), struct err *e);

/* Packets that rules log (nft_log), read from the loop. What comes faster than it is read is lost.
 */
#define NFLOG_BYTES 128 /* of a packet at the most */
struct nflog_packet {
	const char *prefix;  /* "" none */
	unsigned iif, oif;   /* 0 none */
	const uint8_t *data; /* from the IP header on */
	size_t len;
};
typedef void nflog_fn(const struct nflog_packet *p, void *arg); /* NULL: some were lost */
struct nflog;
/* One reader a group; fn must not close it. EOPNOTSUPP without CONFIG_NETFILTER_NETLINK_LOG. */
struct nflog *nflog_open(uint16_t group, nflog_fn *fn, void *arg, struct err *e);
void nflog_close(struct nflog *l); /* NULL is fine */
int nflog_probe(void);             /* 0: in this namespace there could be a reader, else -errno */

struct conntrack_flow { /* a connection that the kernel tracks; ports 0: it has none */
	uint8_t proto;
	struct endpoint client; /* who sent its first packet, before any translation */
	struct endpoint to;     /* where he sent it */
	struct endpoint from;   /* who answers it */
};
/* Deletes the flows of that protocol (0: of all) for which stale() is true, in one walk of the
 * kernel's table, which costs the more the more flows there are; family 4, 16, or 0 for both.
 * stale() may see a flow more than once. */
int conntrack_purge(uint8_t proto, uint8_t family,
                    bool (*stale)(const struct conntrack_flow *f, void *arg), void *arg,
                    struct err *e);
/* Deletes entries whose original destination is one of these ports, translated or not; an address
 * 0.0.0.0 or :: is loopback and each of own, of that family. */
int conntrack_purge_ports(uint8_t proto, const struct endpoint *v, unsigned n, const struct ip *own,
                          unsigned n_own, struct err *e);
/* Deletes every entry with one of these addresses: as its sender, its destination, or what a
 * translation leads to. */
int conntrack_forget(const struct ip *ips, unsigned n, struct err *e);
/* 0 when the kernel can be asked for its connections, else -errno. */
int conntrack_probe(void);
/* Called when a connection cannot be forgotten because a flow table has it: fn gives them all back,
 * and the walk is done again. One fn. */
void conntrack_on_busy(void (*fn)(void));
