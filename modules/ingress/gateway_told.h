/* gateway_told.h - what the objects of Gateway API are told: their statuses as texts. All inside a
 * transaction. */
#pragma once

#include "gateway_model.h"
#include "gateway_routes.h"
#include "gateway_status.h"

int gateway_class_make(struct err *e);
int gateway_class_tell(struct err *e);
int gateway_tell_parent(const struct gateway_parent *p, struct err *e);
int gateway_tell_route(const struct gateway_route *r, struct err *e);
