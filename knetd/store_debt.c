/* store_debt.c - what the store owes to the disk: the keys of objects that in memory are, or are
 * gone, as the disk did not take it. What is written for one is what memory says when it is. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/map.h>

#include "store_int.h"
#include "store_lmdb.h"

struct debt {
	enum kind kind;
	bool to[ENV_COUNT];
	char name[]; /* in LMDB: the kind's plural, '/', the object's key */
};

static struct map debts; /* by name */

static struct debt *debt_of(const struct object *o)
{
	const char *plural = kind_info[o->kind].plural;
	size_t n = strlen(plural) + 1 + strlen(o->key);
	struct debt *d = xcalloc(1, sizeof(*d) + n + 1), *known;

	d->kind = o->kind;
	stpcpy(stpcpy(stpcpy(d->name, plural), "/"), o->key);
	known = map_get(&debts, d->name, n);
	if (!known) {
		map_put(&debts, d->name, n, d);
		return d;
	}
	free(d);
	return known;
}

void debt_add(const struct object *o)
{
	if (!debts.len)
		log_warn("store: what must not be refused is in memory alone until the disk takes "
		         "it");
	debt_of(o)->to[o->run ? ENV_RUN : ENV_STATE] = true;
}

bool debts_any(void)
{
	return debts.len != 0;
}

/* To one environment: the object, if it belongs there, else nothing in its place. */
static int pay(enum store_env env, const struct debt *d, struct err *e)
{
	struct lmdb_write w = { .env = env, .key = d->name };
	const struct object *o =
		store_get_key(d->kind, d->name + strlen(kind_info[d->kind].plural) + 1);

	if (o && o->run == (env == ENV_RUN)) {
		w.data = o->json;
		w.n = o->json_len;
	}
	return lmdb_write(&w, 1, e);
}

static int pay_all_to(enum store_env env, struct err *e)
{
	struct debt *d;
	int ret = 0;

	for (size_t i = 0; !ret && (d = map_next(&debts, &i));) {
		if (d->to[env])
			ret = pay(env, d, e);
		d->to[env] &= ret != 0;
	}
	return ret;
}

static void drop_paid(void)
{
	struct debt *d;

	for (size_t i = 0; (d = map_next(&debts, &i));)
		if (!d->to[ENV_RUN] && !d->to[ENV_STATE])
			free(map_del(&debts, d->name, strlen(d->name)));
	if (!debts.len)
		log_info("store: the disk has all again");
}

void debts_pay(void)
{
	struct err e;

	if (!debts.len)
		return;
	pay_all_to(ENV_RUN, &e);
	pay_all_to(ENV_STATE, &e);
	drop_paid();
}

int debts_pay_before(const struct lmdb_write *w, size_t n, struct err *e)
{
	bool run = false;

	for (size_t i = 0; debts.len && i < n; i++)
		run |= w[i].env == ENV_RUN;
	return run ? pay_all_to(ENV_RUN, e) : 0;
}

void debts_forget(void)
{
	struct debt *d;

	for (size_t i = 0; (d = map_next(&debts, &i));)
		free(d);
	map_free(&debts);
}
