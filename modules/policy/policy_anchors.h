/* policy_anchors.h - selectors found by labels: those that ask for one certain label lie under it,
 * so that whoever has other labels never meets them. What is found still has to be matched. */
#pragma once

#include <knetd/list.h>
#include <knetd/map.h>

#include "policy_labels.h"

struct anchors { /* zeroed is empty */
	struct map buckets;
	struct anchor_bucket *rest; /* those that ask for none */
};
/* Whoever has the selector, by a node of his own. */
void anchors_add(struct anchors *a, const struct policy_selector *s, struct list *node);
void anchors_del(struct anchors *a, const struct policy_selector *s, struct list *node);

/* for (struct anchor_walk w = { a, labels }; (node = anchors_next(&w));) - nothing may come or go.
 */
struct anchor_walk {
	const struct anchors *a;
	const struct policy_labels *labels;
	uint32_t next; /* label; one behind the last: the rest */
	const struct list *head, *at;
};
const struct list *anchors_next(struct anchor_walk *w);
