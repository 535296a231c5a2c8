/* ingress_canary.c - see ingress_canary.h. A canary has no rules of its own: the main Ingress with
 * the same host, path and type of path has its backend as one more choice. */
#include <string.h>

#include "ingress_cache.h"
#include "ingress_canary.h"

#define CANARIES_MAX 16 /* of one rule */

struct rule_canaries {
	char *key;
	uint32_t n;
	struct {
		const struct table_canary *how;
		const struct table_choice *choice;
	} v[CANARIES_MAX];
};

static const char *key_of(const struct compiled_rule *r, struct arena *a)
{
	return arena_printf(a, "%u%.*s %.*s", r->rule.kind, (int)r->host.n, r->host.p,
	                    (int)r->rule.path.n, r->rule.path.p);
}

static void add(struct canaries *all, const struct compiled *c, const struct compiled_rule *r)
{
	const char *key = key_of(r, &all->arena);
	struct rule_canaries *x = map_get(&all->by_rule, key, strlen(key));

	if (!r->rule.action->n_choices)
		return;
	if (!x) {
		x = arena_alloc(&all->arena, sizeof(*x));
		map_put(&all->by_rule, key, strlen(key), x);
	}
	if (x->n == CANARIES_MAX)
		return;
	x->v[x->n].how = &c->as_canary;
	x->v[x->n++].choice = r->rule.action->choices;
}

void canaries_gather(struct canaries *all)
{
	struct compiled *c;

	for (size_t i = 0; (c = ingress_next(&i));)
		for (uint32_t k = 0; c->ours && c->canary && k < c->n_rules; k++)
			add(all, c, &c->rules[k]);
}

const struct table_action *canaries_join(const struct canaries *all, const struct compiled_rule *r,
                                         struct arena *a)
{
	const struct table_action *main = r->rule.action;
	const char *key = all->by_rule.len ? key_of(r, a) : NULL;
	const struct rule_canaries *x = key ? map_get(&all->by_rule, key, strlen(key)) : NULL;
	struct table_action *copy;
	struct table_choice *choices;
	struct table_canary *how;
	struct table_policy *policy;

	if (!x)
		return main;
	copy = arena_alloc(a, sizeof(*copy));
	policy = arena_alloc(a, sizeof(*policy));
	choices = arena_alloc(a, (main->n_choices + x->n) * sizeof(*choices));
	how = arena_alloc(a, x->n * sizeof(*how));
	*copy = *main;
	*policy = main->policy ? *main->policy : (struct table_policy){ .otherwise = TABLE_NONE };
	if (main->n_choices)
		memcpy(choices, main->choices, main->n_choices * sizeof(*choices));
	for (uint32_t i = 0; i < x->n; i++) {
		choices[main->n_choices + i] = *x->v[i].choice;
		choices[main->n_choices + i].weight = 0; /* only the canary's own rules choose it */
		how[i] = *x->v[i].how;
		how[i].choice = main->n_choices + i;
	}
	copy->choices = choices;
	copy->n_choices += x->n;
	policy->canaries = how;
	policy->n_canaries = x->n;
	copy->policy = policy;
	return copy;
}

void canaries_free(struct canaries *all)
{
	map_free(&all->by_rule);
	arena_free(&all->arena);
}
