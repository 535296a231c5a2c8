/* policy_rules.h - the table inet knetd_policy: its constant part, and the chains of one class.
 *
 * A class is known by its name: "in3" are pods that the same policies isolate from who comes to
 * them, "out3" from whom they go to. So are its chain, its sets and its counter called. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/kern.h>

#include "policy_plan.h"

#define POLICY_TABLE "knetd_policy"
#define POLICY_NAME 48           /* bytes of any name in the table */
#define POLICY_UNKNOWN "unknown" /* what its counter is called: packets of pods not known yet */

#define POLICY_CUT_MAX 65536 /* elements of each set of ways that are cut */

enum policy_map {
	POLICY_EGRESS,  /* a pod's address, here : its class of whom it goes to, 0: anybody */
	POLICY_INGRESS, /* ... : its class of who comes, 0: anybody */
	POLICY_PEERS,   /* a pod's address, here or elsewhere : peer number */
	POLICY_SELVES,  /* address . the same: a pod that is isolated reaches itself */
	POLICY_HELD,    /* an address that the node has for Gateways alone */
	POLICY_MAPS
};
const char *policy_map_name(enum policy_map map, uint8_t family);
/* A dynamic set of ways (address . port . address . port) that must not begin anything:
 * policy_cut.c's. */
const char *policy_cut_name(uint8_t family);
/* The map from classes to their chains. */
const char *policy_chains_name(enum policy_way way);
void policy_class_name(char out[static POLICY_NAME], enum policy_way way, uint32_t number);

/* What a stage of a class looks at: who the other end is as a pod, or its address. */
enum policy_kind { POLICY_BY_PEER, POLICY_BY_NET4, POLICY_BY_NET6, POLICY_KINDS };
void policy_stage_name(char out[static POLICY_NAME], const char *class, unsigned stage,
                       enum policy_kind kind);
void policy_stage_add(struct nft_txn *t, const char *set, enum policy_kind kind);

/* Chains of a class: where it begins, what is behind the Admin tier, and where it drops. */
enum policy_chain { POLICY_FIRST, POLICY_REST, POLICY_NO, POLICY_CHAINS };
void policy_chain_name(char out[static POLICY_NAME], const char *class, enum policy_chain chain);
bool policy_class_has(const struct policy_class *c, enum policy_chain chain);
/* Queues the rules of its chains, which must be there and empty. sets: which there are, of each
 * stage. */
void policy_class_rules(struct nft_txn *t, const struct policy_class *c, const char *class,
                        const bool (*sets)[POLICY_KINDS], const char *comment);

/* The constant part: chains, maps and rules, in a table that is new or whose rules were flushed.
 * Elements of the maps of addresses stay, of the others there are none. */
void policy_rules_lay(struct nft_txn *t);
