/* trace_policy.c - what NetworkPolicies say of the packet. This version stores them and does not
 * enforce them: they are judged all the same, and told to be a wish. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "policy_match.h"
#include "trace_plan.h"

#define STEP "policy"

struct ends { /* the documents that the views point into */
	yyjson_doc *from, *to, *from_ns, *to_ns;
};

static yyjson_val *root_of(const struct object *o, yyjson_doc **doc)
{
	*doc = o ? object_doc(o) : NULL;
	return yyjson_doc_get_root(*doc);
}

static void fill_end(struct policy_end *end, const char *ns, const struct object *pod,
                     yyjson_doc **doc, yyjson_doc **ns_doc)
{
	end->ns = ns;
	end->pod = root_of(pod, doc);
	end->ns_labels =
		json_at(root_of(store_get(KIND_NAMESPACE, "", ns), ns_doc), "metadata.labels");
}

static void fill_receiver(struct trace *t, struct policy_end *end, struct ends *docs)
{
	const struct object *attachment = trace_owner(&t->to);
	auto_doc yyjson_doc *doc = attachment ? object_doc(attachment) : NULL;
	const char *pod = json_str(yyjson_doc_get_root(doc), "spec.podRef.name");

	if (pod)
		fill_end(end, attachment->ns, store_get(KIND_POD, attachment->ns, pod), &docs->to,
		         &docs->to_ns);
}

static void fill(struct trace *t, struct policy_connection *c, struct ends *docs)
{
	*c = (struct policy_connection){ .proto = t->proto, .port = t->port };
	c->to.ip = t->to;
	for (unsigned i = 0; i < t->n_ips; i++)
		if (t->ips[i].len == t->to.len)
			c->from.ip = t->ips[i];
	if (t->source == TRACE_POD)
		fill_end(&c->from, t->ns, t->pod_object, &docs->from, &docs->from_ns);
	fill_receiver(t, &c->to, docs);
}

struct judgement {
	unsigned selected, allowing;
	const char *names; /* of those that select, at most TRACE_LISTED */
};

static void judge_one(struct trace *t, const struct object *o, enum policy_direction d,
                      const struct policy_connection *c, struct judgement *j)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *policy = yyjson_doc_get_root(doc);
	bool allows;

	if (!policy_selects(policy, o->ns, d, d == POLICY_INGRESS ? &c->to : &c->from))
		return;
	allows = policy_allows(policy, o->ns, d, c);
	j->allowing += allows;
	if (j->selected++ < TRACE_LISTED)
		j->names = arena_printf(t->arena, "%s%s%s %s", j->names, *j->names ? ", " : "",
		                        o->name, allows ? "allows" : "does not allow");
}

/* A pod that no policy selects is open; one that some select takes what one of them allows. */
static void judge(struct trace *t, enum policy_direction d, const struct policy_connection *c)
{
	const struct policy_end *pod = d == POLICY_INGRESS ? &c->to : &c->from;
	const struct list *all = pod->ns ? store_group(KIND_NETWORKPOLICY, pod->ns) : NULL;
	struct judgement j = { .names = "" };

	for (const struct list *l = all ? all->next : NULL; l && l != all; l = l->next)
		judge_one(t, container_of(l, const struct object, in_group), d, c, &j);
	if (!j.selected)
		return;
	trace_say(t, STEP, TRACE_NOTE, j.names,
	          "%s: %u polic%s select the pod in %s, and would %s this; this version does not "
	          "enforce NetworkPolicy, so it passes",
	          d == POLICY_INGRESS ? "ingress" : "egress", j.selected,
	          j.selected == 1 ? "y" : "ies", pod->ns, j.allowing ? "allow" : "deny");
}

void trace_policies(struct trace *t)
{
	struct policy_connection c;
	struct ends docs = { 0 };

	if (!store_count(KIND_NETWORKPOLICY))
		return;
	fill(t, &c, &docs);
	judge(t, POLICY_EGRESS, &c);
	judge(t, POLICY_INGRESS, &c);
	yyjson_doc_free(docs.from);
	yyjson_doc_free(docs.to);
	yyjson_doc_free(docs.from_ns);
	yyjson_doc_free(docs.to_ns);
}
