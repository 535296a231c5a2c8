/* trace_policy.c - what NetworkPolicies and ClusterNetworkPolicies say of the packet: which one
 * allows or denies it, and why. It judges by the documents (knetd/netpol_match.c,
 * netpol_cluster.c), not by the plan that the kernel was given: a second opinion. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/netpol_cluster.h>
#include <knetd/store.h>

#include "trace_ends.h"

#define STEP "policy"
#define DROPPED "DROP: the connection times out"

struct judging { /* one way of one connection */
	struct trace *t;
	enum netpol_direction way;
	struct netpol_connection c;
	const struct netpol_end *pod; /* whose policies are asked */
	const char *who;              /* "egress" */
	const char *lost;             /* what comes of a packet that is denied */
};

enum judged { OPEN, ALLOWED, DENIED };

static bool any_policy(void)
{
	return store_count(KIND_NETWORKPOLICY) || store_count(KIND_CLUSTERNETWORKPOLICY);
}

/* ---- ClusterNetworkPolicies ----------------------------------------------------------------- */

struct opened {
	yyjson_doc *doc;
	yyjson_val *root;
};

static int by_order(const void *a, const void *b)
{
	return cluster_policy_order(((const struct opened *)a)->root,
	                            ((const struct opened *)b)->root);
}

/* Those of a tier, in their order. */
static struct opened *open_tier(struct trace *t, bool admin, size_t *n)
{
	struct opened *all =
		arena_alloc(t->arena, (store_count(KIND_CLUSTERNETWORKPOLICY) + 1) * sizeof(*all));
	const struct object *o;

	*n = 0;
	for (size_t i = 0; (o = store_next_object(KIND_CLUSTERNETWORKPOLICY, &i));) {
		yyjson_doc *doc = object_doc(o);

		if (cluster_policy_admin(yyjson_doc_get_root(doc)) == admin)
			all[(*n)++] = (struct opened){ doc, yyjson_doc_get_root(doc) };
		else
			yyjson_doc_free(doc);
	}
	qsort(all, *n, sizeof(*all), by_order);
	return all;
}

static void close_tier(struct opened *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		yyjson_doc_free(all[i].doc);
}

/* "rule 2 (no metadata)" */
static const char *rule_name(struct judging *j, yyjson_val *policy, unsigned nth)
{
	yyjson_val *rules =
		json_at(policy, j->way == NETPOL_INGRESS ? "spec.ingress" : "spec.egress");
	const char *name = json_str(yyjson_arr_get(rules, nth), "name");

	return arena_printf(j->t->arena, "rule %u%s%.100s%s", nth + 1, name ? " (" : "",
	                    name ? name : "", name ? ")" : "");
}

static enum judged tell_cluster(struct judging *j, yyjson_val *policy, enum cluster_verdict verdict,
                                unsigned rule)
{
	const char *what =
		arena_printf(j->t->arena, "%s: %s of ClusterNetworkPolicy %s (%s, priority %lld)",
	                     j->who, rule_name(j, policy, rule), json_str(policy, "metadata.name"),
	                     cluster_policy_admin(policy) ? "Admin" : "Baseline",
	                     (long long)json_int(policy, "spec.priority", 0));

	if (verdict == CLUSTER_DENY) {
		trace_stop(j->t, STEP, j->lost, "%s denies it", what);
		return DENIED;
	}
	trace_say(
		j->t, STEP, verdict == CLUSTER_ACCEPT ? TRACE_OK : TRACE_NOTE, NULL, "%s %s", what,
		verdict == CLUSTER_ACCEPT ? "accepts it" : "passes it on: the next tier is asked");
	return verdict == CLUSTER_ACCEPT ? ALLOWED : OPEN;
}

static enum judged ask_tier(struct judging *j, bool admin)
{
	enum judged judged = OPEN;
	struct opened *all;
	size_t n;

	if (!store_count(KIND_CLUSTERNETWORKPOLICY))
		return OPEN;
	all = open_tier(j->t, admin, &n);
	for (size_t i = 0; i < n; i++) {
		enum cluster_verdict verdict;
		unsigned rule = 0;

		if (!cluster_policy_selects(all[i].root, j->pod))
			continue;
		verdict = cluster_policy_judge(all[i].root, j->way, &j->c, &rule);
		if (verdict == CLUSTER_NONE)
			continue;
		judged = tell_cluster(j, all[i].root, verdict, rule);
		break;
	}
	close_tier(all, n);
	return judged;
}

/* ---- NetworkPolicies ------------------------------------------------------------------------ */

struct names { /* at most TRACE_LISTED are said */
	unsigned n;
	const char *text;
};

static void name(struct trace *t, struct names *names, const char *which)
{
	if (names->n++ < TRACE_LISTED)
		names->text = arena_printf(t->arena, "%s%s%s", names->text,
		                           *names->text ? ", " : "", which);
}

static const char *said(struct trace *t, const struct names *names)
{
	return names->n <= TRACE_LISTED ? names->text
	                                : arena_printf(t->arena, "%s and %u more", names->text,
	                                               names->n - TRACE_LISTED);
}

static void deny(struct judging *j, const struct names *isolating)
{
	const char *hint = j->pod->unlabelled
	                           ? "; nobody has said the pod's labels yet (annotation "
	                             "knetd.io/labels), so that all policies of its namespace hold"
	                   : j->c.port ? ""
	                               : "; no port is given: rules with ports are not met";

	trace_stop(j->t, STEP, j->lost, "%s: isolated by %s in namespace %s, and none allows it%s",
	           j->who, said(j->t, isolating), j->pod->ns, hint);
}

/* A pod that no policy selects is open; one that some select takes what one of them allows. One
 * whose labels nobody has said is isolated by all of them, and takes what those for all pods
 * allow. */
static enum judged ask_namespace(struct judging *j)
{
	const struct list *all = store_group(KIND_NETWORKPOLICY, j->pod->ns);
	struct names isolating = { 0, "" }, allowing = { 0, "" };

	for (const struct list *l = all ? all->next : NULL; l && l != all; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);
		auto_doc yyjson_doc *doc = object_doc(o);
		yyjson_val *policy = yyjson_doc_get_root(doc);
		bool selects = netpol_selects(policy, o->ns, j->way, j->pod);

		if (selects || (j->pod->unlabelled && netpol_isolates(policy, j->way)))
			name(j->t, &isolating, o->name);
		if (selects && netpol_allows(policy, o->ns, j->way, &j->c))
			name(j->t, &allowing, o->name);
	}
	if (!isolating.n)
		return OPEN;
	if (!allowing.n) {
		deny(j, &isolating);
		return DENIED;
	}
	trace_say(j->t, STEP, TRACE_OK, NULL, "%s: allowed by %s, of %u NetworkPolic%s in %s",
	          j->who, said(j->t, &allowing), isolating.n, isolating.n == 1 ? "y" : "ies",
	          j->pod->ns);
	return ALLOWED;
}

/* ---- one way, both ways --------------------------------------------------------------------- */

static bool ask(struct judging *j)
{
	enum judged judged = ask_tier(j, true);

	if (judged == OPEN)
		judged = ask_namespace(j);
	if (judged == OPEN)
		judged = ask_tier(j, false);
	return judged != DENIED;
}

static bool judge(struct trace *t, const struct trace_ends *e, enum netpol_direction way,
                  const char *who, const char *lost)
{
	bool in = way == NETPOL_INGRESS;
	struct judging j = { .t = t, .way = way, .c = e->c, .who = who, .lost = lost };
	struct netpol_end *other = in ? &j.c.from : &j.c.to;

	j.pod = in ? &j.c.to : &j.c.from;
	if (in ? e->from_finished : e->to_finished)
		*other = (struct netpol_end){ .ip = other->ip };
	return !j.pod->ns || ask(&j);
}

/* Says why nobody is asked; true when so. */
static bool exempt(struct trace *t, const struct trace_ends *e, bool to_node)
{
	if (ip_equal(&e->c.from.ip, &e->c.to.ip))
		return true;
	if (t->source == TRACE_NODE && e->to_here)
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "a node always reaches its own pods: no policy is asked");
	else if (to_node && t->source == TRACE_POD)
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "a pod always reaches its own node: no policy is asked");
	return to_node || (t->source == TRACE_NODE && e->to_here);
}

void trace_policies(struct trace *t, bool to_node)
{
	struct trace_ends e;

	if (!any_policy())
		return;
	if (!conf.policy.enabled) {
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "[policy] enabled = no: no policy is in force");
		return;
	}
	trace_ends_open(t, &e);
	if (!exempt(t, &e, to_node) && judge(t, &e, NETPOL_EGRESS, "egress", DROPPED) && e.to_here)
		judge(t, &e, NETPOL_INGRESS, "ingress", DROPPED);
	trace_ends_close(&e);
}

bool trace_policies_dns(struct trace *t)
{
	struct trace asking = *t;
	struct trace_ends e;

	if (!any_policy() || !conf.policy.enabled || t->source != TRACE_POD)
		return true;
	for (unsigned i = 0; i < conf.dns.address.n; i++) {
		asking.to = conf.dns.address.v[i].ip;
		if (trace_has_family(t, asking.to.len))
			break;
	}
	asking.proto = IPPROTO_UDP;
	asking.port = 53;
	trace_ends_open(&asking, &e);
	judge(t, &e, NETPOL_EGRESS, "egress to the cluster DNS",
	      "no answer from the DNS: its address, UDP port 53, has to be allowed too");
	trace_ends_close(&e);
	return !t->stopped;
}
