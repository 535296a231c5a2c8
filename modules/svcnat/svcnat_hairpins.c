/* svcnat_hairpins.c - see svcnat_hairpins.h */
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "svcnat_hairpins.h"

struct hairpin {
	struct ip ip;
	bool in_kernel, touched;
	unsigned refs;
	struct hairpin *next; /* of the touched ones */
};

static struct map hairpins; /* by address bytes */
static struct hairpin *touched;

void hairpin_count(const struct ip *ip, int by)
{
	struct hairpin *h = map_get(&hairpins, ip->b, ip->len);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		h->ip = *ip;
		map_put(&hairpins, h->ip.b, h->ip.len, h);
	}
	h->refs += by;
	if (h->touched)
		return;
	h->touched = true;
	h->next = touched;
	touched = h;
}

void hairpins_changed(void (*fn)(const struct ip *ip, bool there, void *arg), void *arg)
{
	struct hairpin *h;

	while ((h = touched)) {
		touched = h->next;
		h->touched = false;
		if (h->in_kernel != (h->refs > 0))
			fn(&h->ip, h->refs > 0, arg);
		h->in_kernel = h->refs > 0;
		if (h->refs)
			continue;
		map_del(&hairpins, h->ip.b, h->ip.len);
		free(h);
	}
}

void hairpins_forget(void)
{
	struct hairpin *h;

	for (size_t i = 0; (h = map_next(&hairpins, &i));)
		free(h);
	map_free(&hairpins);
	touched = NULL;
}
