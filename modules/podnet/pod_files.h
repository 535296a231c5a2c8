/* pod_files.h - <run_dir>/pods/<containerID>/{resolv.conf,hosts,hostname} for pods whose runtime
 * has no kubelet beside it, on request ("files": true); <run_dir>/resolv.conf for any pod of
 * namespace default. */
#pragma once

#include <knetd/arena.h>

#include "attachment.h"
#include "cni.h"

/* *dns, NULL before: the same resolver as the member "dns" of a result; the caller frees it, also
 * after a failure. */
int pod_files_write(const struct attachment *a, const struct cni_request *r, yyjson_doc **dns,
                    struct err *e);
void pod_files_remove(const struct attachment *a);
/* Writes <run_dir>/resolv.conf, and removes the folders of containers that no attachment has. */
int pod_files_repair(struct err *e);
