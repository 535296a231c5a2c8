/* svcnat_elems_int.h - what the files that turn plans into elements share: one pass over changes of
 * one address family. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "svcnat_elems.h"
#include "svcnat_rules.h"

struct pass {
	struct nft_txn *t;
	struct svcnat_mirror *mirror;
	uint8_t family;
	size_t sent;
};

/* data NULL in sets. What the mirror shows in its place is not sent again. */
void pass_add(struct pass *p, enum svcnat_set set, const struct nft_bytes *key,
              const struct nft_bytes *data);
void pass_del(struct pass *p, enum svcnat_set set, const struct nft_bytes *key);

/* Calls fn for each front of one of the plans, with what the other has in its place: one without
 * address where it has nothing. */
typedef void front_fn(struct pass *p, const struct svcnat_front *old,
                      const struct svcnat_front *new);
void pass_fronts(struct pass *p, const struct svcnat_change *v, size_t n, front_fn *fn);
/* The old plan, as far as the kernel has it. */
const struct svcnat_kept *pass_old(const struct pass *p, const struct svcnat_change *c);

struct nft_bytes bytes_of_mark(uint32_t number);
struct nft_bytes bytes_of_endpoint(const struct svcnat_endpoint *e);

static inline bool front_is_there(const struct svcnat_front *f)
{
	return f->at.len != 0;
}

/* Never NULL: an empty list where the front leads nowhere. */
const struct svcnat_list *inner_list(const struct svcnat_front *f);
const struct svcnat_list *outer_list(const struct svcnat_front *f);

/* svcnat_affinity.c */
void affinity_drop(struct pass *p, const struct svcnat_change *v, size_t n);
void affinity_add(struct pass *p, const struct svcnat_change *v, size_t n);
/* svcnat_traits.c: who is masqueraded, who may come */
void traits_drop(struct pass *p, const struct svcnat_change *v, size_t n);
void traits_add(struct pass *p, const struct svcnat_change *v, size_t n);
