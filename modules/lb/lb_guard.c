/* lb_guard.c - see lb_guard.h
 *
 * The kernel has the address, so whatever listens on all addresses of the node (sshd, the API's
 * neighbour) would answer there too, on ports that no Service has:
 *
 *	table inet knetd_lb {
 *		set held4 { type ipv4_addr }
 *		set held6 { type ipv6_addr }
 *		set doors4 { type ipv4_addr . inet_proto . inet_service }
 *		set doors6 { type ipv6_addr . inet_proto . inet_service }
 *		chain input { type filter hook input priority filter; policy accept;
 *			ct state new ip daddr . meta l4proto . th dport @doors4 accept
 *			ct state new meta l4proto tcp ip daddr @held4 reject with tcp reset
 *			ct state new meta l4proto udp ip daddr @held4 reject
 *			... the same with sctp, and for IPv6
 *		}
 *	}
 *
 * What a Service has was translated before and comes by with another destination. Ping is answered.
 * The doors are Gateways': there the proxy listens. An address that is the node's own anyway is
 *left alone: there the node's services belong. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "lb_arp.h"
#include "lb_guard.h"

static struct nft_txn *txn; /* NULL: nothing is queued */
static bool stands;         /* the table, as we made it */
static bool gone;           /* there is none */
static unsigned generation = 1, held;

static const char *set_of(const struct lb_address *a)
{
	return a->ip.len == 4 ? "held4" : "held6";
}

static void add_rule(uint8_t family, uint8_t proto)
{
	struct nft_rule *r = nft_rule_new(LB_TABLE, "input");

	nft_ct_state_new(r);
	nft_l4proto(r, proto);
	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	nft_in_set(r, 0, family == 4 ? "held4" : "held6", true);
	if (proto == IPPROTO_TCP)
		nft_reject_tcp_reset(r);
	else
		nft_reject_port_unreachable(r);
	nft_rule_add(txn, r);
}

static void pass_doors(uint8_t family)
{
	struct nft_rule *r = nft_rule_new(LB_TABLE, "input");
	unsigned next = family / 4;

	nft_ct_state_new(r);
	nft_family(r, family);
	nft_load_addr(r, true, family, 0);
	nft_load_l4proto(r, next);
	nft_load_port(r, true, next + 1);
	nft_in_set(r, 0, family == 4 ? "doors4" : "doors6", true);
	nft_verdict(r, NFT_V_ACCEPT);
	nft_rule_add(txn, r);
}

static void make_table(void)
{
	static const struct nft_set_def sets[2][2] = {
		{ { .name = "held4", .key = { NFT_IPV4 } },
		  { .name = "doors4", .key = { NFT_IPV4, NFT_PROTO, NFT_PORT } } },
		{ { .name = "held6", .key = { NFT_IPV6 } },
		  { .name = "doors6", .key = { NFT_IPV6, NFT_PROTO, NFT_PORT } } },
	};

	nft_table_replace(txn, LB_TABLE);
	nft_chain_add(txn, LB_TABLE, "input", NFT_HOOK_INPUT, NFT_CHAIN_FILTER, 0);
	for (unsigned i = 0; i < 2; i++) {
		nft_set_add(txn, LB_TABLE, &sets[i][0]);
		nft_set_add(txn, LB_TABLE, &sets[i][1]);
		pass_doors(i ? 16 : 4);
		add_rule(i ? 16 : 4, IPPROTO_TCP);
		add_rule(i ? 16 : 4, IPPROTO_UDP);
		add_rule(i ? 16 : 4, IPPROTO_SCTP);
	}
}

static void begin(void)
{
	if (txn)
		return;
	txn = nft_begin();
	if (!stands)
		make_table();
	stands = true;
	gone = false;
}

static void put(const struct lb_address *a, bool add)
{
	struct nft_bytes key = { 0 };

	begin();
	nft_put_ip(&key, &a->ip);
	if (add)
		nft_elem_add(txn, LB_TABLE, set_of(a), &key, NULL);
	else
		nft_elem_del(txn, LB_TABLE, set_of(a), &key);
}

static void put_door(const struct lb_address *a, const struct lb_port *door, bool add)
{
	const char *set = a->ip.len == 4 ? "doors4" : "doors6";
	struct nft_bytes key = { 0 };

	begin();
	nft_put_ip(&key, &a->ip);
	nft_put_proto(&key, door->proto);
	nft_put_port(&key, door->port);
	if (add)
		nft_elem_add(txn, LB_TABLE, set, &key, NULL);
	else
		nft_elem_del(txn, LB_TABLE, set, &key);
}

static bool has_door(const struct lb_port *v, unsigned n, const struct lb_port *door)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i].proto == door->proto && v[i].port == door->port)
			return true;
	return false;
}

/* Only what differs from what the table has. */
static void put_doors(struct lb_address *a, const struct lb_port *v, unsigned n)
{
	for (unsigned i = 0; i < a->n_passed; i++)
		if (!has_door(v, n, &a->passed[i]))
			put_door(a, &a->passed[i], false);
	for (unsigned i = 0; i < n; i++)
		if (!has_door(a->passed, a->n_passed, &v[i]))
			put_door(a, &v[i], true);
	free(a->passed);
	a->passed = n ? xcalloc(n, sizeof(*v)) : NULL;
	a->n_passed = n;
	if (n)
		memcpy(a->passed, v, n * sizeof(*v));
}

void lb_guard_address(struct lb_address *a)
{
	if (a->own) {
		lb_guard_forget(a);
		return;
	}
	if (a->guard != generation) {
		put(a, true);
		a->guard = generation;
		a->n_passed = 0;
		held++;
	}
	put_doors(a, a->doors, a->n_doors);
}

void lb_guard_forget(struct lb_address *a)
{
	if (a->guard != generation)
		a->n_passed = 0; /* of a table that is no more */
	put_doors(a, NULL, 0);
	if (a->guard != generation)
		return;
	put(a, false);
	a->guard = 0;
	held--;
}

void lb_guard_lost(void)
{
	if (txn)
		nft_abort(txn);
	txn = NULL;
	stands = gone = false;
	held = 0;
	generation++;
}

int lb_guard_commit(struct err *e)
{
	struct nft_txn *t = txn;
	int ret;

	if (!held) {
		if (!gone)
			lb_guard_remove();
		return 0;
	}
	if (!t)
		return 0;
	txn = NULL;
	ret = nft_commit(t, e);
	if (ret)
		lb_guard_lost();
	return ret;
}

void lb_guard_remove(void)
{
	struct err e;

	lb_guard_lost();
	gone = nft_table_remove(LB_TABLE, &e) == 0;
	if (!gone)
		log_warn("lb: %s", e.text);
}
