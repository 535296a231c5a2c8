/* podnet_pod.h - the Pod object that an attachment creates or completes. All of it happens inside
 * the caller's store transaction. */
#pragma once

#include <knetd/err.h>

#include "attachment.h"
#include "cni.h"

/* Says on the Pod which PodNetwork its addresses come from, and whether we made the Pod. */
#define POD_CREATED_BY "knetd.io/created-by"
#define POD_LABELS "knetd.io/labels"

/* Makes the namespace when it is missing, then creates or completes the Pod. -EINVAL: the labels
 * annotation is not in Kubernetes' form. */
int pod_attached(const struct attachment *a, const struct cni_request *r, struct err *e);
/* Deletes the Pod, or takes the network off one that was made through the API. Leaves a Pod alone
 * that has its addresses from another attachment by now. */
int pod_detached(const struct attachment *a, struct err *e);
/* The same for Pods whose PodNetwork is gone (after a reboot). */
int pods_forget_lost(struct err *e);
