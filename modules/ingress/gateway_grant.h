/* gateway_grant.h - ReferenceGrants: may an object refer to one of another namespace? Pure reading
 * of the store. */
#pragma once

#include <stdbool.h>

#include <knetd/object.h>

#define GATEWAY_GROUP "gateway.networking.k8s.io"

/* May objects of that kind (group and kind in words: "gateway.networking.k8s.io", "HTTPRoute") in
 * namespace `from` refer to the object `name` in namespace `to`? In one namespace they always may.
 * Whoever asks has to ask again when a ReferenceGrant in `to` changes. */
bool gateway_grant(const char *from_group, const char *from_kind, const char *from,
                   const char *to_group, const char *to_kind, const char *to, const char *name);
/* The same of an object. */
bool gateway_granted(const struct object *from, const char *to_group, const char *to_kind,
                     const char *to, const char *name);
