/* ingress_cache.h - the compiled Ingresses. */
#pragma once

#include <knetd/store.h>

#include "ingress_compile.h"

/* for (size_t i = 0; (c = ingress_next(&i));) */
struct compiled *ingress_next(size_t *i);
/* while ((c = ingress_fresh())): compiled since they were asked for last; what the plan has of them
 * is to be taken back. */
struct compiled *ingress_fresh(void);
/* Takes back what the plan has of those that are gone. */
void ingress_bury(struct plan *p);
/* Are the certificates of spec.tls, all together, others than when this was asked last? */
bool ingress_certs_changed(void);

/* The first one whose status may have to be written; NULL: there is none. */
struct compiled *ingress_unwritten(void);
void ingress_written(struct compiled *c);
void ingress_write_all(void);
