/* pod_names.h - what resolv.conf, hosts and hostname of a pod say, as the kubelet would write them.
 * Pure: text in, text out. */
#pragma once

#include <knetd/arena.h>
#include <knetd/buf.h>

#include "attachment.h"
#include "cni.h"

/* spec: of the Pod, NULL for none. host: the node's resolv.conf, "" for none. Strings live as long
 * as what they came from and the arena. */
void names_resolver(struct cni_dns *out, yyjson_val *spec, const char *ns,
                    const struct cni_dns *asked, const char *host, struct arena *arena);
void names_write_resolver(struct buf *out, const struct cni_dns *d);
void names_write_hosts(struct buf *out, yyjson_val *spec, const struct attachment *a,
                       const struct cni_request *r);
void names_write_hostname(struct buf *out, yyjson_val *spec, const struct attachment *a);
