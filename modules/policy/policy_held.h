/* policy_held.h - addresses that the node has for Gateways alone. To a pod they are not its node,
 * which it always reaches: its egress policies judge what it sends there. */
#pragma once

#include <knetd/kern.h>
#include <knetd/module.h>

#define POLICY_HELD_MAX 1024

void policy_held_note(const struct changes *c); /* before anybody has taken them */
/* Looks again if a Gateway has changed, or all may have. True: others than before. */
bool policy_held_update(void);
const struct ip *policy_held(unsigned *n);
bool policy_held_has(const struct ip *ip);
