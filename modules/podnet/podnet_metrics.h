/* podnet_metrics.h - what /metrics tells of pod networks. */
#pragma once

#include <stdint.h>

#include <knetd/buf.h>

#include "cni.h"

uint64_t metrics_now(void); /* microseconds */
/* A call is through that began then; what the store has yet to write is waited for. */
void metrics_called(enum cni_verb verb, enum cni_code code, uint64_t began);
void metrics_settled(void);           /* the store has written */
void metrics_removed(unsigned count); /* attachments that GC found left over */
void podnet_metrics(struct buf *out);
