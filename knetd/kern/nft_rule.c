/* nft_rule.c - rules, expression by expression, in the words that nft itself would use: so that
 * `nft list` recognises each group and prints it as a person would have written it.
 *
 * Registers are the 32-bit ones. 0 to 11 are the caller's; the last four are scratch for builders
 * that load and compare in one go. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_nat.h>
#include <netinet/in.h>
#include <linux/if_arp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <stddef.h>

#include <knetd/auto.h>

#include "nft_int.h"

#define SCRATCH 12
#define ARP_TARGET 24 /* behind the header, on Ethernet: 6 + 4 of the sender, 6 of the target */
#define LO_IFINDEX 1  /* in every network namespace */

struct nft_rule {
	struct nftnl_rule *r;
};

static void *must(void *p)
{
	if (!p)
		abort(); /* memory is gone, as in xmalloc() */
	return p;
}

struct nft_rule *nft_rule_new(const char *table, const char *chain)
{
	struct nft_rule *r = xcalloc(1, sizeof(*r));

	r->r = must(nftnl_rule_alloc());
	nftnl_rule_set_str(r->r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r->r, NFTNL_RULE_CHAIN, chain);
	return r;
}

void nft_rule_add(struct nft_txn *t, struct nft_rule *r)
{
	struct nlmsghdr *h =
		nft_msg(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFT_ROOM_RULE);

	if (h) {
		nftnl_rule_nlmsg_build_payload(h, r->r);
		nft_msg_end(t, h);
	}
	nftnl_rule_free(r->r);
	free(r);
}

static struct nftnl_expr *expr(struct nft_rule *r, const char *name)
{
	struct nftnl_expr *e = must(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r->r, e);
	return e;
}

static uint32_t reg32(unsigned reg)
{
	return NFT_REG32_00 + reg;
}

/* ---- loading -------------------------------------------------------------------------------- */

static void load_payload(struct nft_rule *r, uint32_t base, size_t offset, uint32_t len,
                         unsigned reg)
{
	struct nftnl_expr *e = expr(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg32(reg));
}

static void load_meta(struct nft_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *e = expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg32(reg));
}

static void load_ct(struct nft_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *e = expr(r, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg32(reg));
}

void nft_load_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg)
{
	size_t src = len == 4 ? offsetof(struct iphdr, saddr) : offsetof(struct ipv6hdr, saddr);
	size_t offset = dst ? src + len : src; /* the one follows the other in both */

	load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offset, len, reg);
}

void nft_load_arp_target(struct nft_rule *r, unsigned reg)
{
	load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, ARP_TARGET, 4, reg);
}

void nft_load_iif(struct nft_rule *r, unsigned reg)
{
	load_meta(r, NFT_META_IIF, reg);
}

void nft_load_l4proto(struct nft_rule *r, unsigned reg)
{
	load_meta(r, NFT_META_L4PROTO, reg);
}

void nft_load_priority(struct nft_rule *r, unsigned reg)
{
	load_meta(r, NFT_META_PRIORITY, reg);
}

void nft_load_number(struct nft_rule *r, uint32_t number, unsigned reg)
{
	struct nftnl_expr *e = expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, reg32(reg));
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &number, sizeof(number));
}

void nft_set_priority(struct nft_rule *r, unsigned reg)
{
	struct nftnl_expr *e = expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_PRIORITY);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, reg32(reg));
}

/* TCP, UDP and SCTP begin alike: source port, destination port. */
void nft_load_port(struct nft_rule *r, bool dst, unsigned reg)
{
	load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, dst ? 2 : 0, 2, reg);
}

/* A word about the connection's first packet, before any translation. */
static void load_original(struct nft_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *e = expr(r, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg32(reg));
}

void nft_load_original_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg)
{
	uint32_t key4 = dst ? NFT_CT_DST_IP : NFT_CT_SRC_IP;
	uint32_t key6 = dst ? NFT_CT_DST_IP6 : NFT_CT_SRC_IP6;

	load_original(r, len == 4 ? key4 : key6, reg);
}

void nft_load_original_port(struct nft_rule *r, bool dst, unsigned reg)
{
	load_original(r, dst ? NFT_CT_PROTO_DST : NFT_CT_PROTO_SRC, reg);
}

void nft_load_random(struct nft_rule *r, uint32_t modulus, uint32_t offset, unsigned reg)
{
	struct nftnl_expr *e = expr(r, "numgen");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, reg32(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, modulus);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_OFFSET, offset);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void compare_by(struct nft_rule *r, unsigned reg, uint32_t op, const void *data,
                       uint32_t len)
{
	struct nftnl_expr *e = expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, reg32(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void compare(struct nft_rule *r, unsigned reg, bool equal, const void *data, uint32_t len)
{
	compare_by(r, reg, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, data, len);
}

static void mask(struct nft_rule *r, unsigned reg, const void *bits, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = expr(r, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, reg32(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, reg32(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

void nft_family(struct nft_rule *r, uint8_t len)
{
	uint8_t family = len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	load_meta(r, NFT_META_NFPROTO, SCRATCH);
	compare(r, SCRATCH, true, &family, sizeof(family));
}

void nft_arp_request(struct nft_rule *r)
{
	uint16_t request = htons(ARPOP_REQUEST);

	load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct arphdr, ar_op), sizeof(request),
	             SCRATCH);
	compare(r, SCRATCH, true, &request, sizeof(request));
}

void nft_l4proto(struct nft_rule *r, uint8_t proto)
{
	load_meta(r, NFT_META_L4PROTO, SCRATCH);
	compare(r, SCRATCH, true, &proto, sizeof(proto));
}

void nft_th_port(struct nft_rule *r, bool dst, uint16_t port)
{
	uint16_t be = htons(port);

	nft_load_port(r, dst, SCRATCH);
	compare(r, SCRATCH, true, &be, sizeof(be));
}

void nft_cmp_port_range(struct nft_rule *r, bool dst, uint16_t first, uint16_t last)
{
	uint16_t low = htons(first), high = htons(last);

	nft_load_port(r, dst, SCRATCH);
	compare_by(r, SCRATCH, NFT_CMP_GTE, &low, sizeof(low));
	compare_by(r, SCRATCH, NFT_CMP_LTE, &high, sizeof(high));
}

void nft_cmp_addr(struct nft_rule *r, bool dst, const struct cidr *c, bool equal)
{
	uint8_t bits[16] = { 0 };

	for (unsigned i = 0; i < c->bits; i++)
		bits[i / 8] |= 0x80 >> i % 8;
	nft_load_addr(r, dst, c->ip.len, SCRATCH);
	if (c->bits < c->ip.len * 8)
		mask(r, SCRATCH, bits, c->ip.len);
	compare(r, SCRATCH, equal, c->ip.b, c->ip.len);
}

static void compare_link(struct nft_rule *r, uint32_t key, bool is)
{
	uint32_t lo = LO_IFINDEX;

	load_meta(r, key, SCRATCH);
	compare(r, SCRATCH, is, &lo, sizeof(lo));
}

void nft_oif_lo(struct nft_rule *r, bool is)
{
	compare_link(r, NFT_META_OIF, is);
}

void nft_iif_lo(struct nft_rule *r, bool is)
{
	compare_link(r, NFT_META_IIF, is);
}

void nft_iif_none(struct nft_rule *r)
{
	uint32_t none = 0;

	load_meta(r, NFT_META_IIF, SCRATCH);
	compare(r, SCRATCH, true, &none, sizeof(none));
}

void nft_iif_named(struct nft_rule *r, const char *prefix)
{
	load_meta(r, NFT_META_IIFNAME, SCRATCH);
	compare(r, SCRATCH, true, prefix, (uint32_t)strlen(prefix));
}

void nft_no_way_back(struct nft_rule *r)
{
	struct nftnl_expr *e = expr(r, "fib");
	uint32_t missing = 0;

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS,
	                   NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, reg32(SCRATCH));
	compare(r, SCRATCH, true, &missing, sizeof(missing));
}

void nft_fib_local(struct nft_rule *r)
{
	struct nftnl_expr *e = expr(r, "fib");
	uint32_t local = RTN_LOCAL;

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, reg32(SCRATCH));
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	compare(r, SCRATCH, true, &local, sizeof(local));
}

static void ct_bit(struct nft_rule *r, uint32_t key, uint32_t bit, bool set)
{
	uint32_t zero = 0;

	load_ct(r, key, SCRATCH);
	mask(r, SCRATCH, &bit, sizeof(bit));
	compare(r, SCRATCH, !set, &zero, sizeof(zero));
}

void nft_ct_status_dnat(struct nft_rule *r, bool set)
{
	ct_bit(r, NFT_CT_STATUS, IPS_DST_NAT, set);
}

void nft_ct_state_new(struct nft_rule *r)
{
	ct_bit(r, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW), true);
}

/* ---- sets and maps -------------------------------------------------------------------------- */

static struct nftnl_expr *lookup(struct nft_rule *r, unsigned reg, const char *set)
{
	struct nftnl_expr *e = expr(r, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, reg32(reg));
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	return e;
}

void nft_in_set(struct nft_rule *r, unsigned reg, const char *set, bool in)
{
	struct nftnl_expr *e = lookup(r, reg, set);

	if (!in)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void nft_map_to(struct nft_rule *r, unsigned reg, const char *map, unsigned dreg)
{
	nftnl_expr_set_u32(lookup(r, reg, map), NFTNL_EXPR_LOOKUP_DREG, reg32(dreg));
}

void nft_vmap(struct nft_rule *r, unsigned reg, const char *map)
{
	nftnl_expr_set_u32(lookup(r, reg, map), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

static struct nftnl_expr *dynset(struct nft_rule *r, uint32_t op, const char *set, unsigned key_reg,
                                 int data_reg)
{
	struct nftnl_expr *e = expr(r, "dynset");

	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, op);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, reg32(key_reg));
	if (data_reg >= 0)
		nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_DATA, reg32((unsigned)data_reg));
	return e;
}

void nft_update(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg,
                uint32_t timeout_seconds)
{
	struct nftnl_expr *e = dynset(r, NFT_DYNSET_OP_UPDATE, set, key_reg, data_reg);

	if (timeout_seconds)
		nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_seconds * 1000ull);
}

void nft_delete(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg)
{
	dynset(r, NFT_DYNSET_OP_DELETE, set, key_reg, data_reg);
}

/* ---- statements ----------------------------------------------------------------------------- */

void nft_dnat(struct nft_rule *r, uint8_t len, unsigned addr_reg, unsigned port_reg)
{
	struct nftnl_expr *e = expr(r, "nat");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg32(addr_reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, reg32(port_reg));
}

void nft_masquerade(struct nft_rule *r)
{
	nftnl_expr_set_u32(expr(r, "masq"), NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void nft_snat(struct nft_rule *r, const struct ip *ip)
{
	struct nftnl_expr *e = expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, reg32(SCRATCH));
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, ip->b, ip->len);
	e = expr(r, "nat");
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, ip->len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, reg32(SCRATCH));
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void nft_notrack(struct nft_rule *r)
{
	expr(r, "notrack");
}

void nft_counter(struct nft_rule *r)
{
	expr(r, "counter");
}

static struct nftnl_expr *verdict(struct nft_rule *r, int code)
{
	struct nftnl_expr *e = expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	return e;
}

void nft_verdict(struct nft_rule *r, enum nft_verdict v)
{
	verdict(r, v == NFT_V_ACCEPT ? NF_ACCEPT : v == NFT_V_DROP ? NF_DROP : NFT_RETURN);
}

void nft_goto(struct nft_rule *r, const char *chain)
{
	nftnl_expr_set_str(verdict(r, NFT_GOTO), NFTNL_EXPR_IMM_CHAIN, chain);
}

void nft_jump(struct nft_rule *r, const char *chain)
{
	nftnl_expr_set_str(verdict(r, NFT_JUMP), NFTNL_EXPR_IMM_CHAIN, chain);
}

static void reject(struct nft_rule *r, uint32_t type, uint8_t code)
{
	struct nftnl_expr *e = expr(r, "reject");

	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, code);
}

void nft_reject_tcp_reset(struct nft_rule *r)
{
	reject(r, NFT_REJECT_TCP_RST, 0);
}

void nft_reject_port_unreachable(struct nft_rule *r)
{
	reject(r, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
}

void nft_comment(struct nft_rule *r, const char *text)
{
	struct nftnl_udata_buf *notes = must(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));

	nftnl_udata_put_strz(notes, NFTNL_UDATA_RULE_COMMENT, text);
	nftnl_rule_set_data(r->r, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(notes),
	                    nftnl_udata_buf_len(notes));
	nftnl_udata_buf_free(notes);
}
