/* policy_plan.h - what the NetworkPolicies mean for each pod. Pure: the store in, a plan out; the
 * kernel is policy_apply.c's.
 *
 * Every pod has three numbers:
 *   peer   what the others' rules may say of it: pods of one namespace that match the same
 *          selectors in force (and give the same named ports that rules speak of) share one.
 *          Namespace index << POLICY_PEER_BITS | class in the namespace, so that a whole namespace,
 *          or all of them, are one range of numbers. 0: nobody's peer (a pod that has finished).
 *   in,out which policies isolate it in that direction: pods that the same policies select share
 *          one; 0: none, it is open.
 * Numbers stay from plan to plan where they can: of a class that splits, one part keeps it.
 *
 * What a class takes is an ordered list of stages; the first that has a piece for the connection
 * decides, the class's `rest` when none has. A NetworkPolicy class is one stage of POLICY_ACCEPT
 * and rest POLICY_DROP; ClusterNetworkPolicies put stages before and behind. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/ip.h>
#include <knetd/module.h>
#include <knetd/object.h>

/* What exceeds one of these denies, and policy_plan_trouble tells of it. */
#define POLICY_POLICIES_MAX 16384 /* whose rules are in force */
#define POLICY_RULES_MAX 1024     /* of a policy, each way */
#define POLICY_PEERS_MAX 1024     /* of a rule */
#define POLICY_PORTS_MAX 1024     /* of a rule */
#define POLICY_EXCEPT_MAX 1024    /* of an ipBlock */
#define POLICY_TERMS_MAX 65536    /* distinct choices of pods by labels, of all rules */
#define POLICY_NAMED_MAX 4096     /* of a rule for egress: named ports, times peers */
#define POLICY_PIECES_MAX 32768   /* of a stage and kind */
#define POLICY_STAGES_MAX                                                                          \
	256 /* of a class: rules of ClusterNetworkPolicies that say the same in a row are one */

#define POLICY_PEER_BITS                                                                           \
	12 /* classes of a namespace; pods that find none left are its last one                    \
	    */

/* The kinds that policy_plan_update looks at. */
enum {
	POLICY_WATCHES = KIND_BIT(KIND_NETWORKPOLICY) | KIND_BIT(KIND_CLUSTERNETWORKPOLICY) |
	                 KIND_BIT(KIND_NAMESPACE) | KIND_BIT(KIND_POD) | KIND_BIT(KIND_PODNETWORK) |
	                 KIND_BIT(KIND_NODE)
};

enum policy_way { POLICY_IN, POLICY_OUT };
enum policy_action {
	POLICY_ACCEPT,
	POLICY_DROP,
	POLICY_PASS /* on to the first stage behind the Admin tier */
};

struct policy_ports { /* all: 0..255, 0..65535 */
	uint8_t proto_first, proto_last;
	uint16_t first, last;
};
/* Of one stage and kind no two pieces overlap; sorted by first, then ports. */
struct policy_peers_piece { /* the other end is a pod with a number in the range */
	uint32_t first, last;
	struct policy_ports ports;
};
struct policy_net_piece {      /* the other end's address is in the range, a pod's or not */
	struct ip first, last; /* of one family */
	struct policy_ports ports;
};
struct policy_stage {
	enum policy_action action;
	bool admin; /* of the Admin tier */
	unsigned n_peers, n_nets4, n_nets6;
	const struct policy_peers_piece *peers;
	const struct policy_net_piece *nets4, *nets6;
};
struct policy_class {
	uint32_t number; /* from 1, within its way */
	enum policy_way way;
	unsigned n_stages;
	const struct policy_stage *stages;
	enum policy_action rest;
	uint64_t content; /* a hash of all the above but the number: equal means nothing to send */
	unsigned n_policies;
	/* That made it, in order of name; borrowed until the next update. None: pods whose labels
	 * nobody has said, in a namespace whose policies all ask for labels. */
	const struct object *const *policies;
};
struct policy_pod { /* one address */
	struct ip ip;
	bool here;     /* on this node: only these are judged; others are peers alone */
	bool labelled; /* false: nobody has said its labels yet, the strictest that its namespace
	                  says holds */
	uint32_t peer, in, out;
	const char *ns, *name; /* of the Pod ("" none) */
};

/* There is one plan; it keeps compiled policies, matches of selectors, numbers. */

/* Brings the plan up to date with the store: what changed, or all. Returns true when anything that
 * the kernel must know may have changed. What was borrowed before is gone then. */
bool policy_plan_update(struct changes *c);
void policy_plan_forget(void);
/* All numbers from here on are of the upper half (or not): those that a former life has left in the
 * kernel are of the other one, and stand for something else. While nothing is planned. */
#define POLICY_HALF 65536u /* of the numbers of classes */
void policy_plan_number_above(bool half);
/* Is there any policy at all? Without one there is no table and no packet is looked at. */
bool policy_plan_any(void);

/* Walks: for (size_t i = 0; (p = policy_plan_next_pod(&i));). The cluster DNS addresses are among
 * them, as pods of kube-system that are not here. */
const struct policy_pod *policy_plan_next_pod(size_t *i);
const struct policy_class *policy_plan_next_class(size_t *i);     /* those in use, both ways */
const struct policy_pod *policy_plan_pod_at(const struct ip *ip); /* NULL: no pod has it */
const struct policy_class *policy_plan_class(enum policy_way way, uint32_t number);

/* Would a first packet pass (behind any translation)? why (may be NULL): the class that says no,
 * NULL when it passes. A pod always reaches its own address. */
bool policy_plan_allows(const struct ip *from, const struct ip *to, uint8_t proto, uint16_t port,
                        const struct policy_class **why);

/* Has any ClusterNetworkPolicy changed since this was asked last? */
bool policy_plan_cluster_changed(void);
/* What of a policy cannot be met, in a sentence; NULL when all of it is in force. Borrowed. */
const char *policy_plan_trouble(const struct object *policy);
/* How many pods it selects, here or elsewhere, finished ones not among them. */
size_t policy_plan_selects(const struct object *policy);
