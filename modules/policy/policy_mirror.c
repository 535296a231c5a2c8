/* policy_mirror.c - see policy_mirror.h
 *
 * What has no name of ours is left alone: it is somebody else's, and has no rules any more when we
 * are through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

#include "policy_kept.h"
#include "policy_mirror.h"

#define STAGES_MAX 65536 /* that a name can speak of */

/* ---- addresses ------------------------------------------------------------------------------ */

struct map_reading {
	enum policy_map map;
	uint8_t family;
};

static void on_address(const struct nft_bytes *key, const struct nft_bytes *data, void *arg)
{
	const struct map_reading *m = arg;
	struct ip ip = { .len = m->family };
	struct kept_pod *k;

	if (key->n < ip.len)
		return;
	memcpy(ip.b, key->b, ip.len);
	k = kept_pod(&ip);
	k->has[m->map] = true;
	if (data->n == sizeof(k->value[0]))
		memcpy(&k->value[m->map], data->b, sizeof(k->value[0]));
}

/* ---- elements of a class -------------------------------------------------------------------- */

struct set_reading {
	struct kept_set *set;
	unsigned width;
	unsigned cap;
};

static void on_element(const struct nft_bytes *first, const struct nft_bytes *last, void *arg)
{
	struct set_reading *r = arg;
	struct kept_set *s = r->set;

	if (first->n != r->width || last->n != r->width)
		return;
	if (s->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 16;
		s->v = xrealloc(s->v, (size_t)r->cap * 2 * r->width);
	}
	memcpy(s->v + (size_t)s->n * 2 * r->width, first->b, r->width);
	memcpy(s->v + ((size_t)s->n * 2 + 1) * r->width, last->b, r->width);
	s->n++;
}

static int read_set(struct kept_class *k, unsigned stage, enum policy_kind kind, struct err *e)
{
	struct set_reading r = { &kept_stage(k, stage)->sets[kind], kept_width(kind), 0 };
	char name[POLICY_NAME];
	int ret;

	policy_stage_name(name, k->name, stage, kind);
	r.set->there = true;
	ret = nft_elem_each(POLICY_TABLE, name, on_element, &r, e);
	kept_set_sort(r.set, kind);
	return ret;
}

/* ---- names ---------------------------------------------------------------------------------- */

/* "in12" or "out12"; *rest is what follows. NULL: neither. */
static struct kept_class *class_of(const char *name, const char **rest)
{
	enum policy_way way = name[0] == 'o' ? POLICY_OUT : POLICY_IN;
	const char *digits = name + (way == POLICY_OUT ? 3 : 2);
	char again[POLICY_NAME], *end;
	unsigned long number;

	if (strncmp(name, way == POLICY_OUT ? "out" : "in", digits - name) != 0)
		return NULL;
	number = strtoul(digits, &end, 10);
	if (number > UINT32_MAX)
		return NULL;
	policy_class_name(again, way, (uint32_t)number);
	if (!number || strncmp(again, name, strlen(again)) != 0)
		return NULL;
	*rest = end;
	return kept_class(way, (uint32_t)number);
}

static void on_chain(const char *name, void *arg)
{
	char again[POLICY_NAME];
	const char *rest;
	struct kept_class *k = class_of(name, &rest);

	(void)arg;
	for (int chain = 0; k && chain < POLICY_CHAINS; chain++) {
		policy_chain_name(again, k->name, chain);
		k->chains[chain] |= !strcmp(again, name);
	}
}

static void on_counter(const char *name, uint64_t packets, uint64_t bytes, void *arg)
{
	const char *rest;
	struct kept_class *k = class_of(name, &rest);

	(void)packets;
	(void)bytes;
	(void)arg;
	if (k)
		k->counter |= !strcmp(k->name, name);
}

/* Their elements are read when the list of sets is through. */
static void on_set(const char *name, void *arg)
{
	char again[POLICY_NAME];
	unsigned stage = 0;
	const char *rest;
	struct kept_class *k = class_of(name, &rest);

	(void)arg;
	if (!k || (!strncmp(rest, "_stage", 6) && sscanf(rest, "_stage%u", &stage) != 1) ||
	    stage >= STAGES_MAX)
		return;
	for (enum policy_kind kind = 0; kind < POLICY_KINDS; kind++) {
		policy_stage_name(again, k->name, stage, kind);
		if (!strcmp(again, name))
			kept_stage(k, stage)->sets[kind].there = true;
	}
}

/* ---- which half ---------------------------------------------------------------------------- */

static void on_low(const char *name, void *arg)
{
	bool *low = arg;
	unsigned number;
	char end;

	*low |= (sscanf(name, "in%u%c", &number, &end) == 1 ||
	         sscanf(name, "out%u%c", &number, &end) == 1) &&
	        number <= POLICY_HALF;
}

bool policy_mirror_has_low(void)
{
	bool low = false;
	struct err e;

	return !nft_chain_each(POLICY_TABLE, on_low, &low, &e) && low;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int read_maps(struct err *e)
{
	struct map_reading m;
	int ret = 0;

	for (m.map = 0; !ret && m.map < POLICY_MAPS; m.map++)
		for (m.family = 4; !ret && m.family <= 16; m.family += 12)
			ret = nft_elem_each(POLICY_TABLE, policy_map_name(m.map, m.family),
			                    on_address, &m, e);
	return ret;
}

static int read_class(struct kept_class *k, struct err *e)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < k->n_stages; i++)
		for (enum policy_kind kind = 0; !ret && kind < POLICY_KINDS; kind++)
			if (k->stages[i].sets[kind].there)
				ret = read_set(k, i, kind, e);
	return ret;
}

int policy_mirror_read(struct err *e)
{
	int ret = read_maps(e);
	struct kept_class *k;

	if (!ret)
		ret = nft_chain_each(POLICY_TABLE, on_chain, NULL, e);
	if (!ret)
		ret = nft_set_each(POLICY_TABLE, on_set, NULL, e);
	if (!ret)
		ret = nft_named_counter_each(POLICY_TABLE, on_counter, NULL, e);
	for (size_t i = 0; !ret && (k = kept_class_next(&i));)
		ret = read_class(k, e);
	return ret;
}
