/* policy_anchors.c - see policy_anchors.h */
#include <stdlib.h>

#include <knetd/auto.h>

#include "policy_anchors.h"

struct anchor_bucket {
	uint64_t pair;
	struct list list;
};

static struct anchor_bucket *bucket_new(uint64_t pair)
{
	struct anchor_bucket *b = xcalloc(1, sizeof(*b));

	b->pair = pair;
	list_init(&b->list);
	return b;
}

void anchors_add(struct anchors *a, const struct policy_selector *s, struct list *node)
{
	struct anchor_bucket *b =
		s->anchor ? map_get(&a->buckets, &s->anchor, sizeof(s->anchor)) : a->rest;

	if (!b) {
		b = bucket_new(s->anchor);
		if (s->anchor)
			map_put(&a->buckets, &b->pair, sizeof(b->pair), b);
		else
			a->rest = b;
	}
	list_add_tail(&b->list, node);
}

void anchors_del(struct anchors *a, const struct policy_selector *s, struct list *node)
{
	struct anchor_bucket *b =
		s->anchor ? map_get(&a->buckets, &s->anchor, sizeof(s->anchor)) : a->rest;

	list_del(node);
	if (!b || !list_empty(&b->list))
		return;
	if (s->anchor) {
		map_del(&a->buckets, &b->pair, sizeof(b->pair));
		if (!a->buckets.len)
			map_free(&a->buckets);
	} else {
		a->rest = NULL;
	}
	free(b);
}

static const struct anchor_bucket *next_bucket(struct anchor_walk *w)
{
	const struct anchor_bucket *b = NULL;

	while (!b && w->next <= w->labels->n) {
		uint32_t i = w->next++;

		b = i == w->labels->n ? w->a->rest
		                      : map_get(&w->a->buckets, &w->labels->v[i].pair,
		                                sizeof(w->labels->v[i].pair));
	}
	return b;
}

const struct list *anchors_next(struct anchor_walk *w)
{
	const struct anchor_bucket *b;

	if (w->head && w->at->next != w->head)
		return w->at = w->at->next;
	b = next_bucket(w);
	if (!b)
		return NULL;
	w->head = &b->list;
	return w->at = w->head->next;
}
