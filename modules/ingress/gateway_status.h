/* gateway_status.h - statuses written: only when they say something else than what is there, with
 * the times of conditions that did not change, and without touching what is others'. */
#pragma once

#include <knetd/store.h>

#include "gateway_route.h"

/* desired: the status as JSON, conditions without lastTransitionTime. Members that it does not have
 * stay as they are; of `parents` entries of other controllers stay too, of conditions those of
 * other types. Inside a transaction. */
int gateway_status_write(enum kind kind, const char *ns, const char *name, const char *desired,
                         struct err *e);
/* Was that version written by gateway_status_write? Then it is no news. Forgets objects that are
 * gone. */
bool gateway_status_own(const struct change *c);
void gateway_status_free(void);

/* {"type":..,"status":..,"reason":..,"message":..,"observedGeneration":..}, with a comma in front
 * unless it is the first in its list. */
void gateway_put_condition(struct buf *b, const char *type, bool status, const char *reason,
                           const char *message, int64_t generation);
/* Of that type: True with reason `good` when says has none; else False with its reason. */
void gateway_put_says(struct buf *b, const char *type, const char *good,
                      const struct gateway_says *says, int64_t generation);
