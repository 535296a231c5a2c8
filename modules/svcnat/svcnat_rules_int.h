/* svcnat_rules_int.h - what the files that lay the rules share. */
#pragma once

#include <stdbool.h>

#include <knetd/conf.h>
#include <knetd/kern.h>

#include "svcnat_rules.h"

struct nft_rule *svcnat_rule(const char *chain, uint8_t family); /* of one family's packets */
/* ip saddr/daddr != each of the ranges of the family. */
void svcnat_outside(struct nft_rule *r, bool dst, const struct conf_cidrs *ranges, uint8_t family);
/* Look the packet up in one of the four maps of words, and follow the word. */
void svcnat_add_translation(struct nft_txn *t, const char *chain, uint8_t family,
                            enum svcnat_set set);
/* The same for clients that are neither pods nor the node. */
void svcnat_add_outer_translation(struct nft_txn *t, const char *chain, uint8_t family,
                                  enum svcnat_set set);

/* Counts the packet when its front is in the set, unless nothing is to be counted. */
void svcnat_add_count(struct nft_txn *t, const char *chain, uint8_t family, enum svcnat_set set);
void svcnat_add_node_ports(struct nft_txn *t, const struct cidr *services);
void svcnat_add_node_at(struct nft_txn *t, uint8_t family); /* the set's elements */
void svcnat_add_masquerading(struct nft_txn *t, const struct cidr *services);
void svcnat_add_masquerading_entry(struct nft_txn *t);
