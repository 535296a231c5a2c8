/* nft_rule.c - rules, expression by expression, in the words that nft itself would use: so that
 * `nft list` recognises each group and prints it as a person would have written it. What they match
 * is here, what they do then in nft_statement.c. */
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
#include <netinet/in.h>
#include <linux/if_arp.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <stddef.h>

#include <knetd/auto.h>
#include <knetd/kern_check.h>

#include "nft_int.h"

#define ARP_TARGET 24 /* behind the header, on Ethernet: 6 + 4 of the sender, 6 of the target */
#define LO_IFINDEX 1  /* in every network namespace */

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
	struct nlmsghdr *h = NULL;

	if (!r->left_out)
		h = nft_msg(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFT_ROOM_RULE);
	if (h) {
		nftnl_rule_nlmsg_build_payload(h, r->r);
		nft_msg_end(t, h);
	}
	nftnl_rule_free(r->r);
	free(r);
}

struct nftnl_expr *nft_expr(struct nft_rule *r, const char *name)
{
	struct nftnl_expr *e = must(nftnl_expr_alloc(name));

	nftnl_rule_add_expr(r->r, e);
	return e;
}

uint32_t nft_reg(unsigned reg)
{
	return NFT_REG32_00 + reg;
}

/* ---- loading -------------------------------------------------------------------------------- */

static void load_payload(struct nft_rule *r, uint32_t base, size_t offset, uint32_t len,
                         unsigned reg)
{
	struct nftnl_expr *e = nft_expr(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, nft_reg(reg));
}

static void load_meta(struct nft_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *e = nft_expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, nft_reg(reg));
}

static void load_ct(struct nft_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *e = nft_expr(r, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, nft_reg(reg));
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
	struct nftnl_expr *e = nft_expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, nft_reg(reg));
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &number, sizeof(number));
}

/* What ranges compare: their keys are in network order. */
void nft_to_network(struct nft_rule *r, unsigned reg)
{
	struct nftnl_expr *e = nft_expr(r, "byteorder");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SREG, nft_reg(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_DREG, nft_reg(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_LEN, sizeof(uint32_t));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, sizeof(uint32_t));
}

void nft_set_priority(struct nft_rule *r, unsigned reg)
{
	struct nftnl_expr *e = nft_expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_PRIORITY);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, nft_reg(reg));
}

/* TCP, UDP and SCTP begin alike: source port, destination port. */
void nft_load_port(struct nft_rule *r, bool dst, unsigned reg)
{
	load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, dst ? 2 : 0, 2, reg);
}

/* A word about the connection's first packet, before any translation. */
static void load_original(struct nft_rule *r, uint32_t key, unsigned reg)
{
	struct nftnl_expr *e = nft_expr(r, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, nft_reg(reg));
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
	struct nftnl_expr *e;

	if (kern_lacks(KERN_NFT_NUMGEN)) {
		nft_load_number(r, offset, reg);
		return;
	}
	e = nft_expr(r, "numgen");
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, nft_reg(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, modulus);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, NFT_NG_RANDOM);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_OFFSET, offset);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void compare_by(struct nft_rule *r, unsigned reg, uint32_t op, const void *data,
                       uint32_t len)
{
	struct nftnl_expr *e = nft_expr(r, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, nft_reg(reg));
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
	struct nftnl_expr *e = nft_expr(r, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, nft_reg(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, nft_reg(reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

void nft_family(struct nft_rule *r, uint8_t len)
{
	uint8_t family = len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	load_meta(r, NFT_META_NFPROTO, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, true, &family, sizeof(family));
}

void nft_arp_request(struct nft_rule *r)
{
	uint16_t request = htons(ARPOP_REQUEST);

	load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct arphdr, ar_op), sizeof(request),
	             NFT_SCRATCH);
	compare(r, NFT_SCRATCH, true, &request, sizeof(request));
}

void nft_l4proto(struct nft_rule *r, uint8_t proto)
{
	load_meta(r, NFT_META_L4PROTO, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, true, &proto, sizeof(proto));
}

void nft_th_port(struct nft_rule *r, bool dst, uint16_t port)
{
	uint16_t be = htons(port);

	nft_load_port(r, dst, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, true, &be, sizeof(be));
}

void nft_cmp_port_range(struct nft_rule *r, bool dst, uint16_t first, uint16_t last)
{
	uint16_t low = htons(first), high = htons(last);

	nft_load_port(r, dst, NFT_SCRATCH);
	compare_by(r, NFT_SCRATCH, NFT_CMP_GTE, &low, sizeof(low));
	compare_by(r, NFT_SCRATCH, NFT_CMP_LTE, &high, sizeof(high));
}

void nft_cmp_priority(struct nft_rule *r, uint32_t number, bool equal)
{
	load_meta(r, NFT_META_PRIORITY, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, equal, &number, sizeof(number));
}

void nft_tcp_not_syn(struct nft_rule *r)
{
	const size_t flags = offsetof(struct tcphdr, ack_seq) + 5; /* behind a byte of lengths */
	uint8_t syn = 2, none = 0;

	nft_l4proto(r, IPPROTO_TCP);
	load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, flags, sizeof(syn), NFT_SCRATCH);
	mask(r, NFT_SCRATCH, &syn, sizeof(syn));
	compare(r, NFT_SCRATCH, true, &none, sizeof(none));
}

void nft_cmp_addr(struct nft_rule *r, bool dst, const struct cidr *c, bool equal)
{
	uint8_t bits[16] = { 0 };

	for (unsigned i = 0; i < c->bits; i++)
		bits[i / 8] |= 0x80 >> i % 8;
	nft_load_addr(r, dst, c->ip.len, NFT_SCRATCH);
	if (c->bits < c->ip.len * 8)
		mask(r, NFT_SCRATCH, bits, c->ip.len);
	compare(r, NFT_SCRATCH, equal, c->ip.b, c->ip.len);
}

static void compare_link(struct nft_rule *r, uint32_t key, bool is)
{
	uint32_t lo = LO_IFINDEX;

	load_meta(r, key, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, is, &lo, sizeof(lo));
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

	load_meta(r, NFT_META_IIF, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, true, &none, sizeof(none));
}

static void link_named(struct nft_rule *r, uint32_t key, const char *prefix)
{
	load_meta(r, key, NFT_SCRATCH);
	compare(r, NFT_SCRATCH, true, prefix, (uint32_t)strlen(prefix));
}

void nft_iif_named(struct nft_rule *r, const char *prefix)
{
	link_named(r, NFT_META_IIFNAME, prefix);
}

void nft_oif_named(struct nft_rule *r, const char *prefix)
{
	link_named(r, NFT_META_OIFNAME, prefix);
}

void nft_no_way_back(struct nft_rule *r)
{
	struct nftnl_expr *e = nft_expr(r, "fib");
	uint32_t missing = 0;

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS,
	                   NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, nft_reg(NFT_SCRATCH));
	compare(r, NFT_SCRATCH, true, &missing, sizeof(missing));
}

void nft_fib_local(struct nft_rule *r)
{
	struct nftnl_expr *e = nft_expr(r, "fib");
	uint32_t local = RTN_LOCAL;

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, nft_reg(NFT_SCRATCH));
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	compare(r, NFT_SCRATCH, true, &local, sizeof(local));
}

/* One of the bits at least, or none of them. */
static void ct_bits(struct nft_rule *r, uint32_t key, uint32_t bits, bool set)
{
	uint32_t zero = 0;

	load_ct(r, key, NFT_SCRATCH);
	mask(r, NFT_SCRATCH, &bits, sizeof(bits));
	compare(r, NFT_SCRATCH, !set, &zero, sizeof(zero));
}

void nft_ct_status_dnat(struct nft_rule *r, bool set)
{
	ct_bits(r, NFT_CT_STATUS, IPS_DST_NAT, set);
}

void nft_ct_state_new(struct nft_rule *r)
{
	ct_bits(r, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW), true);
}

void nft_ct_state_established(struct nft_rule *r)
{
	ct_bits(r, NFT_CT_STATE,
	        NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED), true);
}

/* ---- sets and maps -------------------------------------------------------------------------- */

static struct nftnl_expr *lookup(struct nft_rule *r, unsigned reg, const char *set)
{
	struct nftnl_expr *e = nft_expr(r, "lookup");

	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, nft_reg(reg));
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
	nftnl_expr_set_u32(lookup(r, reg, map), NFTNL_EXPR_LOOKUP_DREG, nft_reg(dreg));
}

void nft_vmap(struct nft_rule *r, unsigned reg, const char *map)
{
	nftnl_expr_set_u32(lookup(r, reg, map), NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
}

static struct nftnl_expr *dynset(struct nft_rule *r, uint32_t op, const char *set, unsigned key_reg,
                                 int data_reg)
{
	struct nftnl_expr *e = nft_expr(r, "dynset");

	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, op);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, nft_reg(key_reg));
	if (data_reg >= 0)
		nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_DATA, nft_reg((unsigned)data_reg));
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

/* ---- notes ----------------------------------------------------------------------------------- */

void nft_comment(struct nft_rule *r, const char *text)
{
	struct nftnl_udata_buf *notes = must(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));

	nftnl_udata_put_strz(notes, NFTNL_UDATA_RULE_COMMENT, text);
	nftnl_rule_set_data(r->r, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(notes),
	                    nftnl_udata_buf_len(notes));
	nftnl_udata_buf_free(notes);
}
