/* svcnat_picks.h - the chains that choose one of N endpoints: one for each word in use.
 *
 * A word says how many endpoints a front has, whether they are its outer ones, and how long a
 * client stays with the one it got. Few are in use at a time, whatever the number of Services. */
#pragma once

#include <knetd/kern.h>

#include "svcnat_plan.h"

#define SVCNAT_PICKS_MAX 4096

/* Fills in the words of all fronts. With more than the maximum in use, affinity is left out. */
void svcnat_picks_words(struct svcnat_service *s);
/* Queues the chains of words that the table has not. */
void svcnat_picks_send(struct nft_txn *t);
void svcnat_picks_lost(void);   /* the table has none of them */
void svcnat_picks_forget(void); /* and no Service has a word */
