/* nft_statement.c - what a rule does with a packet that it has matched. */
#include <stdbool.h>
#include <stdio.h>

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_nat.h>

#include <knetd/kern_check.h>

#include "nft_int.h"

void nft_dnat(struct nft_rule *r, uint8_t len, unsigned addr_reg, unsigned port_reg)
{
	struct nftnl_expr *e = nft_expr(r, "nat");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, nft_reg(addr_reg));
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, nft_reg(port_reg));
}

void nft_masquerade(struct nft_rule *r)
{
	if (kern_lacks(KERN_NFT_MASQ)) {
		r->left_out = true;
		return;
	}
	nftnl_expr_set_u32(nft_expr(r, "masq"), NFTNL_EXPR_MASQ_FLAGS,
	                   NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void nft_snat(struct nft_rule *r, const struct ip *ip)
{
	struct nftnl_expr *e = nft_expr(r, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, nft_reg(NFT_SCRATCH));
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, ip->b, ip->len);
	e = nft_expr(r, "nat");
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, ip->len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, nft_reg(NFT_SCRATCH));
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FLAGS, NF_NAT_RANGE_PROTO_RANDOM_FULLY);
}

void nft_notrack(struct nft_rule *r)
{
	nft_expr(r, "notrack");
}

void nft_counter(struct nft_rule *r)
{
	nft_expr(r, "counter");
}

void nft_count(struct nft_rule *r, const char *counter)
{
	struct nftnl_expr *e;

	if (kern_lacks(KERN_NFT_OBJREF)) {
		nft_counter(r);
		return;
	}
	e = nft_expr(r, "objref");
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, counter);
}

#define BURST 5 /* what nft takes when nobody says otherwise, and does not print */

void nft_limit(struct nft_rule *r, uint32_t packets_a_second)
{
	struct nftnl_expr *e = nft_expr(r, "limit");

	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, packets_a_second);
	nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, BURST);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

void nft_log(struct nft_rule *r, uint16_t group, const char *prefix, uint32_t snaplen)
{
	struct nftnl_expr *e = nft_expr(r, "log");

	nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, prefix);
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, group);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, snaplen);
}

static struct nftnl_expr *verdict(struct nft_rule *r, int code)
{
	struct nftnl_expr *e = nft_expr(r, "immediate");

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
	struct nftnl_expr *e;

	if (kern_lacks(KERN_NFT_REJECT)) {
		nft_verdict(r, NFT_V_DROP);
		return;
	}
	e = nft_expr(r, "reject");
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
