/* policy_counts.c - see policy_counts.h
 *
 * Counters go with their classes and come anew with the table, so what they say is added up here:
 * when somebody asks, when a class gets other policies, and before one goes. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/map.h>
#include <knetd/store.h>

#include "policy_counts.h"
#include "policy_rules.h"

struct denier { /* a policy, one way */
	uint64_t packets;
	unsigned classes; /* that it makes */
	enum kind kind;
	enum policy_way way;
	size_t key_len;
	char *name; /* in key */
	char key[]; /* the way, the kind, "namespace/name" */
};
struct counted {       /* a class */
	uint64_t last; /* what its counter said */
	uint64_t policies;
	bool wanted;
	unsigned n;
	struct denier **v;
	char name[POLICY_NAME];
};

static struct map deniers;             /* struct denier by key */
static struct map classes;             /* struct counted by name */
static uint64_t unknown, unknown_last; /* of pods that are not known yet */

static bool begun; /* what counters had before us was counted for others: numbers are not kept */

/* ---- reading -------------------------------------------------------------------------------- */

static uint64_t since(uint64_t *last, uint64_t now)
{
	uint64_t more = now < *last ? now : now - *last; /* it began again */

	*last = now;
	return more;
}

static void add_up(const char *name, uint64_t packets, uint64_t bytes, void *arg)
{
	struct counted *c = map_get(&classes, name, strlen(name));
	uint64_t more;

	(void)bytes;
	(void)arg;
	if (!strcmp(name, POLICY_UNKNOWN)) {
		more = since(&unknown_last, packets);
		unknown += begun ? more : 0;
	}
	if (!c)
		return;
	more = since(&c->last, packets);
	if (!begun)
		return;
	for (unsigned i = 0; i < c->n; i++)
		c->v[i]->packets += more;
}

void policy_counts_read(void)
{
	struct err e;

	nft_named_counter_each(POLICY_TABLE, add_up, NULL, &e); /* without, they stay as they are */
}

void policy_counts_restart(void)
{
	struct counted *c;

	for (size_t i = 0; (c = map_next(&classes, &i));)
		c->last = 0;
	unknown_last = 0;
	begun = true;
}

/* ---- who is counted ------------------------------------------------------------------------- */

static void denier_free(struct denier *d)
{
	map_del(&deniers, d->key, d->key_len);
	free(d);
}

static struct denier *denier_get(const struct object *policy, enum policy_way way)
{
	size_t n = strlen(policy->key) + 3;
	auto_free char *key = xmalloc(n);
	struct denier *d;

	key[0] = (char)('a' + way);
	key[1] = (char)('a' + policy->kind);
	memcpy(key + 2, policy->key, n - 2);
	d = map_get(&deniers, key, n);
	if (d || deniers.len >= POLICY_COUNTS_MAX)
		return d;
	d = xcalloc(1, sizeof(*d) + n);
	d->kind = policy->kind;
	d->way = way;
	d->key_len = n;
	memcpy(d->key, key, n);
	d->name = d->key + 2;
	map_put(&deniers, d->key, n, d);
	return d;
}

static void release(struct counted *c)
{
	for (unsigned i = 0; i < c->n; i++)
		c->v[i]->classes--;
	free(c->v);
	c->v = NULL;
	c->n = 0;
}

static void hold(struct counted *c, const struct policy_class *class)
{
	c->v = xcalloc(class->n_policies + 1, sizeof(*c->v));
	for (unsigned i = 0; i < class->n_policies; i++) {
		struct denier *d = denier_get(class->policies[i], class->way);

		if (!d)
			continue;
		d->classes++;
		c->v[c->n++] = d;
	}
}

/* Of their versions, which are no two objects'. */
static uint64_t policies_of(const struct policy_class *class)
{
	uint64_t hash = class->n_policies;

	for (unsigned i = 0; i < class->n_policies; i++)
		hash = hash_bytes(&class->policies[i]->version, sizeof(uint64_t), hash);
	return hash;
}

static struct counted *counted_get(const struct policy_class *class)
{
	char name[POLICY_NAME];
	struct counted *c;

	policy_class_name(name, class->way, class->number);
	c = map_get(&classes, name, strlen(name));
	if (c)
		return c;
	c = xcalloc(1, sizeof(*c));
	memcpy(c->name, name, sizeof(c->name));
	map_put(&classes, c->name, strlen(c->name), c);
	return c;
}

static void counted_free(struct counted *c)
{
	map_del(&classes, c->name, strlen(c->name));
	release(c);
	free(c);
}

static bool any_changed(void)
{
	const struct policy_class *class;

	for (size_t i = 0; (class = policy_plan_next_class(&i));) {
		const struct counted *c = counted_get(class);

		if (c->v && c->policies != policies_of(class))
			return true;
	}
	return false;
}

/* Of policies that are gone nothing is told any more. */
static void sweep(void)
{
	struct denier *d;

	for (size_t i = 0; (d = map_next(&deniers, &i));)
		if (!d->classes && !store_get_key(d->kind, d->name))
			denier_free(d);
}

void policy_counts_follow(void)
{
	const struct policy_class *class;
	struct counted *c;

	if (any_changed())
		policy_counts_read();
	for (size_t i = 0; (class = policy_plan_next_class(&i));) {
		uint64_t policies = policies_of(class);

		c = counted_get(class);
		c->wanted = true;
		if (c->v && c->policies == policies)
			continue;
		release(c);
		hold(c, class);
		c->policies = policies;
	}
	for (size_t i = 0; (c = map_next(&classes, &i));) {
		bool wanted = c->wanted;

		c->wanted = false;
		if (!wanted)
			counted_free(c);
	}
	if (!begun)
		policy_counts_read();
	begun = true;
	sweep();
}

void policy_counts_forget(void)
{
	struct counted *c;
	struct denier *d;

	for (size_t i = 0; (c = map_next(&classes, &i));)
		counted_free(c);
	for (size_t i = 0; (d = map_next(&deniers, &i));)
		denier_free(d);
	map_free(&classes);
	map_free(&deniers);
	unknown = unknown_last = 0;
	begun = false;
}

/* ---- told ----------------------------------------------------------------------------------- */

#define DENIED "knetd_policy_denied_packets_total"

/* Names of namespaces and policies have nothing in them that would want quoting. */
static void write_denier(struct buf *out, const struct denier *d)
{
	const char *slash = strchr(d->name, '/');

	buf_printf(out, DENIED "{namespace=\"%.*s\",policy=\"%s\",direction=\"%s\"} %llu\n",
	           slash ? (int)(slash - d->name) : 0, d->name, slash ? slash + 1 : d->name,
	           d->way == POLICY_IN ? "ingress" : "egress", (unsigned long long)d->packets);
}

void policy_counts_write(struct buf *out)
{
	const struct denier *d;

	if (classes.len)
		policy_counts_read();
	buf_str(out,
	        "# HELP " DENIED " Packets that found no policy that allows them, for each that "
	        "isolates the pod.\n# TYPE " DENIED " counter\n");
	for (size_t i = 0; (d = map_next(&deniers, &i));)
		write_denier(out, d);
	buf_printf(
		out,
		"# HELP knetd_policy_unknown_packets_total Packets of pods that policies did not "
		"know yet.\n# TYPE knetd_policy_unknown_packets_total counter\n"
		"knetd_policy_unknown_packets_total %llu\n",
		(unsigned long long)unknown);
}
