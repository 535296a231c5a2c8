/* svcnat_rules.h - the constant part of table knetd: chains and rules. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/kern.h>

#include "svcnat_sets.h"

/* Families that Services can have here (4, 16): those with a Service range that the kernel has. */
void svcnat_rules_init(void);
bool svcnat_has_family(uint8_t family);

/* Queues the constant part over whatever the table holds: sets keep their elements, rules are laid
 * again, chains that nothing leads to are gone. node_ports: the kernel has what they need. */
void svcnat_rules_lay(struct nft_txn *t, bool node_ports);

/* Queues the deletion of the chains that pick endpoints; behind svcnat_rules_lay, which has emptied
 * the maps that lead there. -ENOENT without the table. */
int svcnat_rules_drop_picks(struct nft_txn *t, struct err *e);

/* ip daddr . meta l4proto . th dport, and without the address, from register reg on; both return
 * the first free register. */
unsigned svcnat_load_target(struct nft_rule *r, uint8_t family, unsigned reg);
unsigned svcnat_load_port(struct nft_rule *r, unsigned reg);
