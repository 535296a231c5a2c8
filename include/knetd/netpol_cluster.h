/* netpol_cluster.h - ClusterNetworkPolicies against one connection. Pure; as
 * policy.networking.k8s.io says. The tiers in their order: Admin by priority until one accepts,
 * denies or passes; NetworkPolicies (netpol_match.h), the last word for pods that one selects;
 * Baseline by priority; what nobody has judged passes. */
#pragma once

#include <knetd/netpol_match.h>
#include <knetd/object.h>

enum cluster_verdict { CLUSTER_NONE, CLUSTER_ACCEPT, CLUSTER_DENY, CLUSTER_PASS };

/* Is the pod at that side of a connection one of its subjects? One whose labels nobody has said is
 * that of every policy that asks for labels in its namespace, for what that denies. */
bool cluster_policy_selects(yyjson_val *policy, const struct netpol_end *pod);
/* What it says of the connection; asked of one that selects. *rule: which of its rules does, when
 * one does. */
enum cluster_verdict cluster_policy_judge(yyjson_val *policy, enum netpol_direction direction,
                                          const struct netpol_connection *c, unsigned *rule);
/* Why some of it is not in force, in a sentence; NULL when all is. Into a: */
struct arena;
char *cluster_policy_trouble(yyjson_val *policy, struct arena *a);

/* Are a rule's peers all of a kind that is implemented? */
bool cluster_peers_known(yyjson_val *peers);
bool cluster_policy_admin(yyjson_val *policy); /* of the Admin tier */
/* Admin before Baseline, then by priority, then by name: <0, 0, >0. */
int cluster_policy_order(yyjson_val *a, yyjson_val *b);
