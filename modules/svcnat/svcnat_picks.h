/* svcnat_picks.h - the chains that choose one of N endpoints: one for each word in use.
 *
 * A word says how many endpoints a front has, whether they are its outer ones, and how long a
 * client stays with the one it got. Few are in use at a time, whatever the number of Services. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/kern.h>

#define SVCNAT_PICKS_MAX 4096

/* 0 and the other word's meaning: with `affinity` left out when there are too many words already.
 */
uint32_t svcnat_word(unsigned n, bool outer, uint32_t affinity, bool node_port);
/* Queues the chains of words that svcnat_word() gave and that the table has not. */
void svcnat_picks_send(struct nft_txn *t);
/* The table has none. */
void svcnat_picks_forget(void);
