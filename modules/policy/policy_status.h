/* policy_status.h - status.conditions of ClusterNetworkPolicies. */
#pragma once

/* Accepted, or what of a policy is not in force; written where it is not said already. */
void policy_status_write(void);
