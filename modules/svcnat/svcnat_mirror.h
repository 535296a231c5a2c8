/* svcnat_mirror.h - what the kernel's maps hold, read back for a full pass. */
#pragma once

#include <knetd/arena.h>
#include <knetd/kern.h>
#include <knetd/map.h>

#include "svcnat_sets.h"

struct svcnat_mirror { /* zeros: the kernel has nothing */
	struct arena arena;
	struct map seen;
};

/* -EINTR when the table changed all the time. A map that is not there is empty. */
int svcnat_mirror_read(struct svcnat_mirror *m, struct err *e);
void svcnat_mirror_free(struct svcnat_mirror *m);

/* The data of an element (n 0 in a set), false when there is none. */
bool svcnat_mirror_get(const struct svcnat_mirror *m, enum svcnat_set set, uint8_t family,
                       const struct nft_bytes *key, struct nft_bytes *data);
/* Takes an element out: nobody will ask for it again. */
void svcnat_mirror_take(struct svcnat_mirror *m, enum svcnat_set set, uint8_t family,
                        const struct nft_bytes *key);
/* One of those that are left, taken out; false when there is none. */
bool svcnat_mirror_next(struct svcnat_mirror *m, size_t *i, enum svcnat_set *set, uint8_t *family,
                        struct nft_bytes *key);
/* The largest id among the endpoints of Services with affinity. */
uint32_t svcnat_mirror_last_id(const struct svcnat_mirror *m);
