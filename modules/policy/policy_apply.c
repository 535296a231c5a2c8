/* policy_apply.c - see policy_apply.h
 *
 * An ordinary sync sends the difference between the plan and what was sent last (policy_kept.c). A
 * full one lays the rules again over what is there, reads back the rest and sends the difference to
 * that: so a restart costs no packet, and what the counters have counted stays. Either is one
 * transaction, behind one for classes that are new. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/kern_check.h>
#include <knetd/log.h>

#include "policy_apply.h"
#include "policy_counts.h"
#include "policy_held.h"
#include "policy_kept.h"
#include "policy_mirror.h"
#include "policy_rules.h"

#define COMMENT_MAX 120 /* bytes; nft takes 128 */

static bool stands;   /* the table is there, as it was sent last */
static bool gone;     /* there is none */
static bool no_owner; /* the kernel has no tables that are ours alone */

struct pass {
	struct nft_txn *t;
	bool relaid;  /* no chain has rules yet, and the maps of chains are empty */
	bool changed; /* something is to be sent */
	bool counts_read;
	struct policy_applied *out;
};

/* ---- addresses ------------------------------------------------------------------------------ */

struct pod_change {
	struct kept_pod *kept;
	bool has[POLICY_MAPS];
	uint32_t value[POLICY_MAPS];
};
struct pod_changes {
	struct pod_change *v;
	size_t n, cap;
};

static void want_pod(struct pod_change *c, const struct policy_pod *p)
{
	c->has[POLICY_EGRESS] = c->has[POLICY_INGRESS] = p->here;
	c->has[POLICY_PEERS] = p->peer != 0;
	c->has[POLICY_SELVES] = p->here && (p->in || p->out);
	c->value[POLICY_EGRESS] = p->out;
	c->value[POLICY_INGRESS] = p->in;
	c->value[POLICY_PEERS] = p->peer;
}

static bool same_in(const struct pod_change *c, int map)
{
	return c->has[map] == c->kept->has[map] &&
	       (!c->has[map] || c->value[map] == c->kept->value[map]);
}

static bool same_pod(const struct pod_change *c)
{
	for (int map = 0; map < POLICY_MAPS; map++)
		if (!same_in(c, map))
			return false;
	return true;
}

/* Has it had connections that it, or others, may not have any more? A pod that comes has none, one
 * that goes takes them with it. */
static bool pod_tightened(const struct pod_change *c)
{
	const struct kept_pod *k = c->kept;

	for (int map = POLICY_EGRESS; map <= POLICY_INGRESS; map++)
		if (k->has[map] && c->has[map] && c->value[map] && !same_in(c, map))
			return true;
	return k->has[POLICY_PEERS] && !same_in(c, POLICY_PEERS) &&
	       (c->has[POLICY_EGRESS] || !k->has[POLICY_EGRESS]);
}

static void note_pod(struct pod_changes *list, struct pass *p, const struct pod_change *c)
{
	if (same_pod(c))
		return;
	p->out->tightened |= pod_tightened(c);
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->v = xrealloc(list->v, list->cap * sizeof(*list->v));
	}
	list->v[list->n++] = *c;
}

static void list_held(struct pod_changes *list, struct pass *p)
{
	unsigned n;
	const struct ip *held = policy_held(&n);

	for (unsigned i = 0; i < n; i++) {
		struct pod_change c = { .kept = kept_pod(&held[i]) };

		if (c.kept->wanted) /* a pod's */
			continue;
		c.kept->wanted = true;
		c.has[POLICY_HELD] = true;
		note_pod(list, p, &c);
	}
}

static void list_pods(struct pod_changes *list, struct pass *p)
{
	const struct policy_pod *pod;
	struct kept_pod *k;

	for (size_t i = 0; (pod = policy_plan_next_pod(&i));) {
		struct pod_change c = { .kept = kept_pod(&pod->ip) };

		c.kept->wanted = true;
		want_pod(&c, pod);
		note_pod(list, p, &c);
	}
	list_held(list, p);
	for (size_t i = 0; (k = kept_pod_next(&i));) {
		struct pod_change c = { .kept = k };

		if (!k->wanted)
			note_pod(list, p, &c);
		k->wanted = false;
	}
}

static void send_pod(struct pass *p, const struct pod_change *c, int map, bool add)
{
	const char *name = policy_map_name(map, c->kept->ip.len);
	struct nft_bytes key = { 0 }, data = { 0 };

	nft_put_ip(&key, &c->kept->ip);
	if (map == POLICY_SELVES)
		nft_put_ip(&key, &c->kept->ip);
	else if (map != POLICY_HELD)
		nft_put_mark(&data, c->value[map]);
	if (add)
		nft_elem_add(p->t, POLICY_TABLE, name, &key, data.n ? &data : NULL);
	else
		nft_elem_del(p->t, POLICY_TABLE, name, &key);
	p->out->elements++;
	p->changed = true;
}

/* One map of one family: what goes, then what comes, so that elements share messages. */
static void send_map(struct pass *p, const struct pod_changes *list, int map, uint8_t family)
{
	for (int add = 0; add < 2; add++)
		for (size_t i = 0; i < list->n; i++) {
			const struct pod_change *c = &list->v[i];

			if (c->kept->ip.len == family && !same_in(c, map) &&
			    (add ? c->has[map] : c->kept->has[map]))
				send_pod(p, c, map, add);
		}
}

static void keep_pod(const struct pod_change *c)
{
	struct kept_pod *k = c->kept;
	bool any = false;

	for (int map = 0; map < POLICY_MAPS; map++) {
		k->has[map] = c->has[map];
		k->value[map] = c->value[map];
		any |= c->has[map];
	}
	if (!any)
		kept_pod_drop(k);
}

static void send_pods(struct pass *p)
{
	struct pod_changes list = { 0 };

	list_pods(&list, p);
	for (int map = 0; map < POLICY_MAPS; map++) {
		send_map(p, &list, map, 4);
		send_map(p, &list, map, 16);
	}
	for (size_t i = 0; i < list.n; i++)
		keep_pod(&list.v[i]);
	free(list.v);
}

/* ---- elements of classes -------------------------------------------------------------------- */

struct set_change {
	struct pass *p;
	char name[POLICY_NAME];
	enum policy_kind kind;
};

static void send_element(const struct set_change *s, const uint8_t *v, bool add)
{
	struct nft_bytes first = { .n = kept_width(s->kind) }, last = first;

	memcpy(first.b, v, first.n);
	memcpy(last.b, v + first.n, first.n);
	if (add)
		nft_elem_ranges_add(s->p->t, POLICY_TABLE, s->name, &first, &last);
	else
		nft_elem_ranges_del(s->p->t, POLICY_TABLE, s->name, &first, &last);
	s->p->out->elements++;
}

/* Those that `a` has and `b` has not; both are in order. Returns how many. */
static unsigned send_difference(const struct set_change *s, const struct kept_set *a,
                                const struct kept_set *b, bool add)
{
	size_t size = 2 * kept_width(s->kind);
	unsigned sent = 0, k = 0;

	for (unsigned i = 0; i < a->n; i++) {
		int order = 1;

		while (k < b->n && (order = memcmp(b->v + k * size, a->v + i * size, size)) < 0)
			k++;
		if (k < b->n && order == 0)
			continue;
		send_element(s, a->v + i * size, add);
		sent++;
	}
	return sent;
}

/* What the kernel refuses is two that meet: so what goes is sent before what comes. A set that was
 * made stays while its class does, so that the only pod that a rule speaks of comes and goes as an
 * element. */
static void send_set(struct set_change *s, struct kept_set *old, struct kept_set *new,
                     enum policy_action action)
{
	unsigned deleted, added;

	new->there |= old->there;
	if (new->there && (!old->there || s->p->relaid))
		policy_stage_add(s->p->t, s->name, s->kind);
	deleted = send_difference(s, old, new, false);
	added = send_difference(s, new, old, true);
	s->p->out->tightened |= (action == POLICY_ACCEPT ? deleted : added) != 0;
}

static void del_set(struct pass *p, const char *class, unsigned stage, enum policy_kind kind)
{
	char name[POLICY_NAME];

	policy_stage_name(name, class, stage, kind);
	nft_set_del(p->t, POLICY_TABLE, name);
}

/* ---- classes -------------------------------------------------------------------------------- */

static uint64_t names_of(const struct policy_class *c)
{
	uint64_t hash = c->n_policies;

	for (unsigned i = 0; i < c->n_policies; i++)
		hash = hash_bytes(c->policies[i]->key, strlen(c->policies[i]->key), hash);
	return hash;
}

static void write_comment(struct buf *out, const struct policy_class *c)
{
	for (unsigned i = 0; i < c->n_policies; i++) {
		const char *key = c->policies[i]->key;

		if (out->len + strlen(key) + 2 > COMMENT_MAX - sizeof(", 4294967295 more")) {
			buf_printf(out, "%s%u more", i ? ", " : "", c->n_policies - i);
			return;
		}
		buf_printf(out, "%s%s", i ? ", " : "", key);
	}
}

/* All that policy_class_rules looks at. */
static char *describe_rules(const struct policy_class *c, const struct kept_class *k,
                            const char *comment)
{
	struct buf out = { 0 };

	for (unsigned i = 0; i < c->n_stages; i++) {
		const struct kept_set *sets = k->stages[i].sets;

		buf_printf(&out, "%d%d%d%d%d ", c->stages[i].action, c->stages[i].admin,
		           sets[POLICY_BY_PEER].there, sets[POLICY_BY_NET4].there,
		           sets[POLICY_BY_NET6].there);
	}
	buf_printf(&out, "%d %s", c->rest, comment);
	buf_add(&out, "", 1);
	return out.data;
}

static void add_chains(struct pass *p, struct kept_class *k, const struct policy_class *c)
{
	char name[POLICY_NAME];

	for (int chain = 0; chain < POLICY_CHAINS; chain++) {
		if (!policy_class_has(c, chain) || (k->chains[chain] && !p->relaid))
			continue;
		policy_chain_name(name, k->name, chain);
		nft_chain_add(p->t, POLICY_TABLE, name, NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
	}
	if (!k->counter)
		nft_named_counter_add(p->t, POLICY_TABLE, k->name);
	k->counter = true;
}

static void flush_chains(struct pass *p, const struct kept_class *k)
{
	char name[POLICY_NAME];

	for (int chain = 0; chain < POLICY_CHAINS; chain++) {
		if (!k->chains[chain] || !k->rules)
			continue;
		policy_chain_name(name, k->name, chain);
		nft_chain_flush(p->t, POLICY_TABLE, name);
	}
}

/* Those that the class (NULL: nothing) has no use for. They have no rules, and nobody leads there.
 */
static void del_chains(struct pass *p, struct kept_class *k, const struct policy_class *c)
{
	char name[POLICY_NAME];

	for (int chain = POLICY_CHAINS - 1; chain >= 0; chain--) {
		bool wanted = c && policy_class_has(c, chain);

		policy_chain_name(name, k->name, chain);
		if (k->chains[chain] && !wanted)
			nft_chain_del(p->t, POLICY_TABLE, name);
		k->chains[chain] = wanted;
	}
}

static void replace_rules(struct pass *p, struct kept_class *k, const struct policy_class *c,
                          const char *comment, char *rules)
{
	auto_free bool(*sets)[POLICY_KINDS] = xcalloc(c->n_stages + 1, sizeof(*sets));

	for (unsigned i = 0; i < c->n_stages; i++)
		for (int kind = 0; kind < POLICY_KINDS; kind++)
			sets[i][kind] = k->stages[i].sets[kind].there;
	flush_chains(p, k);
	policy_class_rules(p->t, c, k->name, (const bool(*)[POLICY_KINDS])sets, comment);
	del_chains(p, k, c);
	free(k->rules);
	k->rules = rules;
}

static void lead_there(struct pass *p, struct kept_class *k)
{
	struct nft_bytes key = { 0 };

	if (k->reached)
		return;
	nft_put_mark(&key, k->number);
	nft_elem_goto(p->t, POLICY_TABLE, policy_chains_name(k->way), &key, k->name);
	p->out->elements++;
	k->reached = true;
}

/* Fills the sets; old: what was in them. */
static void send_stages(struct pass *p, struct kept_class *k, const struct policy_class *c,
                        struct kept_stage *old)
{
	struct set_change s = { .p = p };

	for (unsigned i = 0; i < c->n_stages; i++)
		for (s.kind = 0; s.kind < POLICY_KINDS; s.kind++) {
			struct kept_set new;

			policy_stage_name(s.name, k->name, i, s.kind);
			kept_set_encode(&new, &c->stages[i], s.kind);
			send_set(&s, &old[i].sets[s.kind], &new, c->stages[i].action);
			k->stages[i].sets[s.kind] = new;
		}
}

static void drop_sets(struct pass *p, const struct kept_class *k, struct kept_stage *old,
                      unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (enum policy_kind kind = 0; kind < POLICY_KINDS; kind++) {
			if (old[i].sets[kind].there && i >= k->n_stages)
				del_set(p, k->name, i, kind);
			kept_set_free(&old[i].sets[kind]);
		}
	free(old);
}

/* The stages as they were, at least n of them; the class has n new empty ones. */
static struct kept_stage *exchange_stages(struct kept_class *k, unsigned n, unsigned *n_old)
{
	struct kept_stage *old;

	if (k->n_stages < n)
		kept_class_resize(k, n);
	old = k->stages;
	*n_old = k->n_stages;
	k->stages = NULL;
	k->n_stages = 0;
	kept_class_resize(k, n);
	return old;
}

static void send_class(struct pass *p, struct kept_class *k, const struct policy_class *c)
{
	struct buf comment = { 0 };
	struct kept_stage *old;
	unsigned n_old;
	char *rules;
	bool is_new = !k->chains[POLICY_FIRST];

	p->changed = p->out->classes = true;
	write_comment(&comment, c);
	buf_add(&comment, "", 1);
	add_chains(p, k, c);
	old = exchange_stages(k, c->n_stages, &n_old);
	send_stages(p, k, c, old);
	rules = describe_rules(c, k, comment.data);
	if (!k->rules || strcmp(k->rules, rules) != 0) {
		p->out->tightened |= !is_new;
		replace_rules(p, k, c, comment.data, TAKE(rules));
	}
	drop_sets(p, k, old, n_old);
	lead_there(p, k);
	k->content = c->content;
	free(rules);
	buf_free(&comment);
}

static void send_class_gone(struct pass *p, struct kept_class *k)
{
	struct nft_bytes key = { 0 };
	struct kept_stage *old;
	unsigned n_old;

	if (!p->counts_read)
		policy_counts_read();
	p->counts_read = true;
	nft_put_mark(&key, k->number);
	if (k->reached)
		nft_elem_del(p->t, POLICY_TABLE, policy_chains_name(k->way), &key);
	flush_chains(p, k);
	del_chains(p, k, NULL);
	old = exchange_stages(k, 0, &n_old);
	drop_sets(p, k, old, n_old);
	if (k->counter)
		nft_named_counter_del(p->t, POLICY_TABLE, k->name);
	p->changed = p->out->classes = true;
	kept_class_drop(k);
}

/* Its elements, or the names in its comment. Objects are replaced and not changed: with the same
 * ones the names are the same. */
static bool is_changed(struct kept_class *k, const struct policy_class *c)
{
	uint64_t objects = hash_bytes(c->policies, c->n_policies * sizeof(*c->policies), 0);
	uint64_t names = objects == k->objects ? k->names : names_of(c);
	bool changed = !k->rules || k->content != c->content || k->names != names;

	k->objects = objects;
	k->names = names;
	return changed;
}

/* Those that nobody leads to yet. */
static void send_new_classes(struct pass *p)
{
	const struct policy_class *c;

	for (size_t i = 0; (c = policy_plan_next_class(&i));) {
		struct kept_class *k = kept_class(c->way, c->number);

		if (!k->chains[POLICY_FIRST] && is_changed(k, c))
			send_class(p, k, c);
	}
}

static void send_classes(struct pass *p)
{
	const struct policy_class *c;
	struct kept_class *k;

	for (size_t i = 0; (c = policy_plan_next_class(&i));) {
		k = kept_class(c->way, c->number);
		if (is_changed(k, c))
			send_class(p, k, c);
		k->wanted = true;
	}
	for (size_t i = 0; (k = kept_class_next(&i));) {
		bool wanted = k->wanted;

		k->wanted = false;
		if (!wanted)
			send_class_gone(p, k);
	}
}

/* ---- one transaction ------------------------------------------------------------------------ */

/* NEW: there is no table; ANEW: the one that is there is thrown away. */
enum ground { GROUND_SAME, GROUND_RELAID, GROUND_NEW, GROUND_ANEW };

/* A packet that is on its way through the rules while a transaction ends sees new elements and the
 * chains as they were: a new one without any rule, through which it would pass. And sets of ranges
 * get theirs behind all else. So what elements are to lead to is there before they do. */
static int send_ahead(struct pass *p, struct err *e)
{
	int ret;

	send_new_classes(p);
	if (!p->changed)
		return 0;
	ret = nft_commit(p->t, e);
	p->t = NULL;
	if (ret)
		return ret;
	p->out->transactions++;
	p->changed = false;
	p->t = nft_begin();
	return 0;
}

/* All of them are about to be flushed, those that went ahead too. */
static void forget_rules(void)
{
	struct kept_class *k;

	for (size_t i = 0; (k = kept_class_next(&i));) {
		free(k->rules);
		k->rules = NULL;
		k->reached = false;
	}
}

/* While we live a table that is owned is changed by nobody else; behind us it stays as it is, and
 * the next to come takes it over. */
static void lay(struct nft_txn *t, enum ground ground)
{
	if (ground == GROUND_SAME)
		return;
	if (ground == GROUND_ANEW)
		nft_table_del(t, POLICY_TABLE);
	if (no_owner)
		nft_table_add(t, POLICY_TABLE);
	else
		nft_table_own(t, POLICY_TABLE);
	if (ground == GROUND_RELAID)
		nft_rules_flush(t, POLICY_TABLE);
	policy_rules_lay(t);
}

static int send(enum ground ground, struct policy_applied *out, struct err *e)
{
	struct pass p = { .t = nft_begin(), .out = out };
	bool kept = ground == GROUND_SAME || ground == GROUND_RELAID;
	int ret = kept ? send_ahead(&p, e) : 0;

	if (ret) {
		stands = false;
		return ret;
	}
	p.relaid = ground != GROUND_SAME;
	if (p.relaid)
		forget_rules();
	if (!kept)
		policy_counts_read();
	lay(p.t, ground);
	send_classes(&p);
	send_pods(&p);
	if (ground == GROUND_SAME && !p.changed) {
		nft_abort(p.t);
		return 0;
	}
	ret = nft_commit(p.t, e);
	if (!ret && !kept)
		policy_counts_restart();
	stands = ret == 0;
	gone = false;
	out->transactions += !ret;
	return ret;
}

/* What is there was made by another version, or put out of shape. */
static bool out_of_shape(int ret)
{
	return ret == -EEXIST || ret == -ENOENT || ret == -EBUSY || ret == -EINVAL ||
	       ret == -EOPNOTSUPP;
}

static int make(enum ground ground, struct policy_applied *out, struct err *e)
{
	int ret;

	kept_forget();
	no_owner |= kern_lacks(KERN_NFT_OWNER);
	ret = send(ground, out, e);
	if (ret != -EOPNOTSUPP || no_owner)
		return ret;
	no_owner = true;
	kept_forget();
	return send(ground, out, e);
}

static int apply_all(struct policy_applied *out, struct err *e)
{
	int exists = nft_table_exists(POLICY_TABLE, e), ret;

	if (exists < 0)
		return exists;
	out->tightened = true;
	if (!exists)
		return make(GROUND_NEW, out, e);
	kept_forget();
	no_owner |= kern_lacks(KERN_NFT_OWNER);
	ret = policy_mirror_read(e);
	if (!ret)
		ret = send(GROUND_RELAID, out, e);
	if (!out_of_shape(ret))
		return ret;
	log_info("policy: table " POLICY_TABLE " is made anew: %s", e->text);
	return make(GROUND_ANEW, out, e);
}

int policy_apply(bool full, struct policy_applied *out, struct err *e)
{
	*out = (struct policy_applied){ .classes = full || !policy_plan_any() };
	if (!policy_plan_any())
		return full || !gone ? policy_apply_remove(e) : 0;
	return full || !stands ? apply_all(out, e) : send(GROUND_SAME, out, e);
}

int policy_apply_remove(struct err *e)
{
	int ret;

	policy_counts_read();
	ret = nft_table_remove(POLICY_TABLE, e);
	kept_forget();
	stands = false;
	gone = ret == 0;
	return ret;
}

void policy_apply_forget(void)
{
	kept_forget();
	stands = gone = false;
}
