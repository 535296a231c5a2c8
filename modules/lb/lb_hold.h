/* lb_hold.h - the records of lb_alloc.h: addresses, who holds them, which ports, under which
 * sharing keys. What they say is always the whole truth; what may be done is lb_choose.c's. Pure.
 */
#pragma once

#include "lb_alloc.h"

/* An address whose bytes behind its length are 0, as it is in keys. */
struct ip lb_hold_key(const struct ip *ip);
struct lb_addr *lb_hold_find(const struct lb_alloc *a, const struct ip *ip);
/* Who has that port of it; NULL: nobody. */
const struct lb_claim *lb_hold_of_port(const struct lb_alloc *a, const struct ip *ip,
                                       const struct lb_port *port);
/* struct lb_addr by in_share: those of a sharing key, the oldest first; NULL: none. */
const struct list *lb_hold_shared(const struct lb_alloc *a, const char *share);
bool lb_hold_is_nodes(const struct lb_alloc *a, const struct ip *ip); /* the node's own */
bool lb_hold_in_pool(const struct lb_alloc *a, const struct lb_pool *pool, const struct ip *ip);

void lb_hold_take(struct lb_alloc *a, struct lb_hold *hold, struct lb_pool *pool,
                  const struct ip *ip, const struct lb_ask *ask);
void lb_hold_give_back(struct lb_alloc *a, struct lb_hold *hold); /* nothing held is fine */
/* What others have to agree with who share it: told by the only one that holds it. */
void lb_hold_terms(struct lb_alloc *a, struct lb_addr *addr, const struct lb_ask *ask);
void lb_hold_set_ports(struct lb_alloc *a, struct lb_hold *hold, const struct lb_ask *ask);
void lb_hold_drop_ports(struct lb_alloc *a, struct lb_hold *hold); /* while the claim has them */
void lb_hold_changed(struct lb_alloc *a, struct lb_addr *addr);    /* has to be told of */
void lb_hold_forget(struct lb_alloc *a, struct lb_addr *addr);     /* one that nobody holds */
