/* policy_kept.h - what table knetd_policy has: of each address, of each class. Written by what was
 * applied (policy_apply.c), and by reading the kernel (policy_mirror.c). */
#pragma once

#include <knetd/map.h>

#include "policy_rules.h"

struct kept_pod { /* one address; the maps it stands in */
	struct ip ip;
	bool has[POLICY_MAPS];
	uint32_t value[POLICY_MAPS]; /* none of POLICY_SELVES */
	bool wanted;                 /* the walk at hand has met it */
};

/* The elements of one set, in order: a first key and a last one each, of `width` bytes. */
struct kept_set {
	bool there; /* the kernel has the set */
	unsigned n;
	uint8_t *v;
};
unsigned kept_width(enum policy_kind kind);
void kept_set_encode(struct kept_set *out, const struct policy_stage *s, enum policy_kind kind);
void kept_set_sort(struct kept_set *s, enum policy_kind kind);
void kept_set_free(struct kept_set *s);

struct kept_stage {
	struct kept_set sets[POLICY_KINDS];
};
struct kept_class {
	char name[POLICY_NAME];
	enum policy_way way;
	uint32_t number;
	bool chains[POLICY_CHAINS];
	bool reached, counter; /* the map of chains leads to it; its counter is there */
	uint64_t content;      /* of the plan's class; 0: not known */
	uint64_t objects;      /* a hash of its policies, */
	uint64_t names;        /* and of their names */
	char *rules;           /* what its rules are made of; NULL: they have none */
	unsigned n_stages;
	struct kept_stage *stages;
	bool wanted;
};

/* Found, or made empty. */
struct kept_pod *kept_pod(const struct ip *ip);
struct kept_class *kept_class(enum policy_way way, uint32_t number);
struct kept_stage *kept_stage(struct kept_class *k, unsigned i); /* makes room up to it */
struct kept_class *kept_class_find(enum policy_way way, uint32_t number);
struct kept_pod *kept_pod_next(size_t *i); /* in no order; the one given may be dropped */
struct kept_class *kept_class_next(size_t *i);
void kept_pod_drop(struct kept_pod *k);
void kept_class_drop(struct kept_class *k);
void kept_class_resize(struct kept_class *k, unsigned n_stages);
void kept_forget(void);
