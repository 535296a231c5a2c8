/* svcnat_rules.h - the constant part of table knetd: maps, chains and rules. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/kern.h>

#define SVCNAT_TABLE "knetd"

/* Families that Services can have here (4, 16): those with a Service range that the kernel has. */
void svcnat_rules_init(void);
bool svcnat_has_family(uint8_t family);

/* "svc" and 4 gives "svc4". The names are constants. */
enum svcnat_set { SVCNAT_SVC, SVCNAT_EPS, SVCNAT_CLUSTER, SVCNAT_HAIRPIN, SVCNAT_DNS, SVCNAT_SETS };
const char *svcnat_set_name(enum svcnat_set set, uint8_t family);

/* Replaces the whole table by an empty one with everything that does not depend on Services. */
void svcnat_rules_replace(struct nft_txn *t);
/* The chain that picks one of n endpoints, unless it was made since the last replacement. */
void svcnat_rules_pick(struct nft_txn *t, unsigned n);
