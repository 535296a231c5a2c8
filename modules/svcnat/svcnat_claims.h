/* svcnat_claims.h - which Service has which ClusterIP, external address with port, and node port.
 *
 * Two with the same would make the kernel refuse a transaction, so who claimed it first has it. */
#pragma once

#include "svcnat_plan.h"

/* Takes out of the plan what another Service has, with a warning. key: "namespace/name". */
void svcnat_claims_check(struct svcnat_service *s, const char *key);
/* Whose front it is: only its first SVCNAT_FRONT_ID bytes count. NULL: nobody's. */
const struct svcnat_kept *svcnat_claims_owner(const struct svcnat_front *f);
void svcnat_claims_take(const struct svcnat_kept *k);
/* True when somebody was refused what is free now, or something else, since claims_begin(). */
bool svcnat_claims_release(const struct svcnat_kept *k);
void svcnat_claims_begin(void); /* a full pass: everybody asks again */
void svcnat_claims_forget(void);
