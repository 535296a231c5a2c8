/* policy_stage.h - a store with pods and policies, the plan over it, and what the simple evaluator
 * (knetd/netpol_match.h) says of the same. */
#pragma once

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/conf.h>
#include <knetd/netpol_match.h>
#include <knetd/store.h>

#include "../../modules/policy/policy_plan.h"

static char state_dir[] = "/tmp/knetd-policy-XXXXXX", run_dir[] = "/tmp/knetd-policy-XXXXXX";
static struct cursor cursor;

static int stage_open(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(state_dir));
	assert_non_null(mkdtemp(run_dir));
	assert_int_equal(conf_load(NULL, &e), 0);
	assert_int_equal(store_open(state_dir, run_dir, &e), 0);
	cursor_now(&cursor);
	return 0;
}

static int stage_close(void **state)
{
	char command[96];

	(void)state;
	policy_plan_forget();
	store_close();
	snprintf(command, sizeof(command), "rm -rf %s %s", state_dir, run_dir);
	return system(command);
}

__attribute__((format(printf, 4, 5))) static void put(enum kind kind, const char *ns,
                                                      const char *name, const char *fmt, ...)
{
	auto_free char *json = NULL;
	auto_doc yyjson_doc *doc = NULL;
	auto_mut yyjson_mut_doc *copy = NULL;
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&json, fmt, ap) >= 0);
	va_end(ap);
	doc = yyjson_read(json, strlen(json), 0);
	if (!doc)
		fail_msg("no JSON: %s", json);
	copy = yyjson_doc_mut_copy(doc, NULL);
	store_begin();
	if (store_put(kind, ns, name, copy, STORE_RUN, NULL, &e))
		fail_msg("%s", e.text);
	assert_int_equal(store_commit(&e), 0);
}

static void drop(enum kind kind, const char *ns, const char *name)
{
	struct err e;

	store_begin();
	assert_int_equal(store_delete(kind, ns, name), 0);
	assert_int_equal(store_commit(&e), 0);
}

static void drop_all(void)
{
	static const enum kind kinds[] = { KIND_NETWORKPOLICY, KIND_CLUSTERNETWORKPOLICY,
		                           KIND_POD,           KIND_PODNETWORK,
		                           KIND_NAMESPACE,     KIND_NODE };
	const struct object *o;

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; (o = store_next_object(kinds[k], &i)); i = 0) {
			auto_object struct object *mine = object_ref(o);

			drop(kinds[k], mine->ns, mine->name);
		}
}

static bool update(bool full)
{
	struct changes c = { .full = full, .kinds = POLICY_WATCHES, .cursor = &cursor };

	if (full)
		cursor_now(&cursor);
	return policy_plan_update(&c);
}

/* ---- pieces --------------------------------------------------------------------------------- */

static bool ports_meet(const struct policy_ports *a, const struct policy_ports *b)
{
	return a->proto_first <= b->proto_last && b->proto_first <= a->proto_last &&
	       a->first <= b->last && b->first <= a->last;
}

static void check_peers(const struct policy_stage *s)
{
	for (unsigned i = 0; i < s->n_peers; i++) {
		const struct policy_peers_piece *a = &s->peers[i];

		assert_true(a->first <= a->last && a->first >= 1 << POLICY_PEER_BITS);
		for (unsigned k = i + 1; k < s->n_peers; k++) {
			const struct policy_peers_piece *b = &s->peers[k];

			assert_true(a->first <= b->first);
			assert_false(a->first <= b->last && b->first <= a->last &&
			             ports_meet(&a->ports, &b->ports));
		}
	}
}

static void check_nets(const struct policy_net_piece *v, unsigned n, uint8_t len)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(v[i].first.len, len);
		assert_true(ip_order(&v[i].first, &v[i].last) <= 0);
		for (unsigned k = i + 1; k < n; k++) {
			assert_true(ip_order(&v[i].first, &v[k].first) <= 0);
			assert_false(ip_order(&v[i].first, &v[k].last) <= 0 &&
			             ip_order(&v[k].first, &v[i].last) <= 0 &&
			             ports_meet(&v[i].ports, &v[k].ports));
		}
	}
}

/* What the kernel will be given holds together. */
static void check_classes(void)
{
	const struct policy_class *c;
	const struct policy_pod *p;

	for (size_t i = 0; (c = policy_plan_next_class(&i));) {
		assert_ptr_equal(policy_plan_class(c->way, c->number), c);
		for (unsigned k = 0; k < c->n_stages; k++) {
			check_peers(&c->stages[k]);
			check_nets(c->stages[k].nets4, c->stages[k].n_nets4, 4);
			check_nets(c->stages[k].nets6, c->stages[k].n_nets6, 16);
		}
		for (unsigned k = 0; k < c->n_policies; k++)
			assert_ptr_equal(store_get_key(c->policies[k]->kind, c->policies[k]->key),
			                 c->policies[k]);
	}
	for (size_t i = 0; (p = policy_plan_next_pod(&i));) {
		assert_true(!p->in || policy_plan_class(POLICY_IN, p->in));
		assert_true(!p->out || policy_plan_class(POLICY_OUT, p->out));
		assert_ptr_equal(policy_plan_pod_at(&p->ip), p);
	}
}
