/* Policies of any content, one a line ("N" with the spec of a NetworkPolicy, "C" of a
 * ClusterNetworkPolicy), each in the place of the one three lines before: compiled, and with some
 * pods made into pieces, which must not overlap and must be within their maxima. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../modules/policy/policy_int.h"

#define LINES 12
#define PLACES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct object *objects[PLACES];
static struct identity *pods[4];

/* ---- some pods ------------------------------------------------------------------------------ */

static struct identity *add_pod(const char *ns, const char *labels, size_t n, bool labelled)
{
	static const char ports[] = "6 80 web\0"
				    "17 53 dns\0"
				    "0 90 any";
	struct pod_facts f = { .labelled = labelled, .n_ports = 3 };
	struct identity *id;

	f.space = space_get(ns);
	buf_add(&f.labels, labels, n);
	buf_add(&f.ports, ports, sizeof(ports));
	id = identity_get(&f);
	buf_free(&f.labels);
	buf_free(&f.ports);
	space_put(f.space);
	id->pods = id->placed = id->here = 1;
	identity_touch(id);
	return id;
}

static void add_pods(void)
{
	static const char web[] = "app\0web", db[] = "app\0db\0tier\0back";

	pods[0] = add_pod("a", web, sizeof(web), true);
	pods[1] = add_pod("a", db, sizeof(db), true);
	pods[2] = add_pod("b", web, sizeof(web), true);
	pods[3] = add_pod("a", NULL, 0, false);
}

static void drop_pods(void)
{
	for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
		pods[i]->pods = pods[i]->placed = pods[i]->here = 0;
		identity_touch(pods[i]);
	}
}

/* ---- what comes of it ----------------------------------------------------------------------- */

static bool apart(const struct policy_ports *a, const struct policy_ports *b)
{
	return a->proto_first > b->proto_last || b->proto_first > a->proto_last ||
	       a->first > b->last || b->first > a->last;
}

static void check_peers(const struct policy_stage *s)
{
	if (s->n_peers > POLICY_PIECES_MAX)
		abort();
	for (unsigned i = 1; i < s->n_peers; i++) {
		const struct policy_peers_piece *a = &s->peers[i - 1], *b = &s->peers[i];

		if (a->first > a->last || a->first > b->first ||
		    (a->last >= b->first && (a->first != b->first || !apart(&a->ports, &b->ports))))
			abort();
	}
}

static void check_nets(const struct policy_net_piece *v, unsigned n)
{
	if (n > POLICY_PIECES_MAX)
		abort();
	for (unsigned i = 1; i < n; i++)
		if (ip_order(&v[i - 1].first, &v[i].first) > 0 ||
		    (ip_order(&v[i - 1].last, &v[i].first) >= 0 &&
		     (!ip_equal(&v[i - 1].first, &v[i].first) ||
		      !apart(&v[i - 1].ports, &v[i].ports))))
			abort();
}

static void settle(void)
{
	const struct pod_class *c;

	classes_settle();
	terms_settle();
	policies_mark(false);
	classes_build();
	policies_clean();
	terms_clean();
	for (size_t i = 0; (c = class_next(&i));)
		for (unsigned k = 0; k < c->plan.n_stages; k++) {
			check_peers(&c->plan.stages[k]);
			check_nets(c->plan.stages[k].nets4, c->plan.stages[k].n_nets4);
			check_nets(c->plan.stages[k].nets6, c->plan.stages[k].n_nets6);
		}
}

/* ---- policies ------------------------------------------------------------------------------- */

static struct object *object_made(const char *spec, bool cluster, unsigned place)
{
	static const char *const keys[] = { "a/0", "a/1", "a/2" };
	auto_free char *json = xasprintf("{\"spec\":%s}", spec);
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	struct object *o;
	size_t n;

	if (!doc)
		return NULL;
	o = xcalloc(1, sizeof(*o));
	o->json = yyjson_write(doc, 0, &n);
	o->json_len = n;
	o->refs = 2; /* never freed by others */
	o->kind = cluster ? KIND_CLUSTERNETWORKPOLICY : KIND_NETWORKPOLICY;
	o->key = cluster ? keys[place] + 2 : keys[place];
	o->name = keys[place] + 2;
	o->ns = cluster ? "" : "a";
	return o;
}

static void set_place(unsigned place, struct object *o)
{
	struct object *old = objects[place];

	if (old && (!o || strcmp(o->key, old->key) != 0))
		policies_set(old->key, NULL);
	objects[place] = o;
	if (o)
		policies_set(o->key, o);
	if (old)
		free((char *)old->json);
	free(old);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = strndup((const char *)data, size);
	unsigned lines = 0;
	char *rest = text;

	for (char *p = text; *p; p++)
		if (*p & 0x80)
			*p = '?'; /* the API lets nothing in that is no UTF-8 */
	add_pods();
	for (char *line = strsep(&rest, "\n"); line && lines < LINES; line = strsep(&rest, "\n")) {
		struct object *o =
			*line ? object_made(line + 1, *line == 'C', lines % PLACES) : NULL;

		set_place(lines++ % PLACES, o);
		settle();
	}
	for (unsigned i = 0; i < PLACES; i++)
		set_place(i, NULL);
	drop_pods();
	settle();
	classes_forget();
	if (policies_count() || space_at(1))
		abort();
	return 0;
}
