/* podnet_ips.h - the addresses of a new attachment, taken and given back. */
#pragma once

#include <stdbool.h>

#include "attachment.h"
#include "cni.h"

/* One address of each family that there are ranges for: all of them, or none. */
int ips_take(struct attachment *a, const struct cni_request *r, bool ipv6, struct err *e);
void ips_release(struct attachment *a);
