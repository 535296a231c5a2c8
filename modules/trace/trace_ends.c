/* trace_ends.c - see trace_ends.h */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "trace_ends.h"

static yyjson_val *open_doc(struct trace_ends *e, yyjson_doc *doc)
{
	if (!doc)
		return NULL;
	e->docs[e->n_docs++] = doc;
	return yyjson_doc_get_root(doc);
}

static yyjson_val *read_object(struct trace_ends *e, const struct object *o)
{
	return open_doc(e, o ? object_doc(o) : NULL);
}

/* ---- pods ----------------------------------------------------------------------------------- */

static bool has_finished(yyjson_val *pod)
{
	const char *phase = json_str(pod, "status.phase");

	return phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"));
}

/* A pod with an attachment, with a Pod or without. */
static void fill_pod(struct trace_ends *e, struct netpol_end *end, const char *ns,
                     const struct object *pod)
{
	end->ns = ns;
	end->pod = read_object(e, pod);
	end->unlabelled = !end->pod || !netpol_labels_said(end->pod);
	end->ns_labels =
		json_at(read_object(e, store_get(KIND_NAMESPACE, "", ns)), "metadata.labels");
}

static bool says_address(yyjson_val *pod, const struct ip *ip)
{
	const char *text = json_str(pod, "status.podIP");
	struct ip has;
	yyjson_val *v;
	size_t i, n;

	if (text && ip_parse(&has, text) && ip_equal(&has, ip))
		return true;
	yyjson_arr_foreach (json_at(pod, "status.podIPs"), i, n, v) {
		text = json_str(v, "ip");
		if (text && ip_parse(&has, text) && ip_equal(&has, ip))
			return true;
	}
	return false;
}

/* A pod of another node: its Pod says the address, and nothing here is attached with it. */
static const struct object *pod_elsewhere(const struct ip *ip)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_POD, &i));) {
		auto_doc yyjson_doc *doc = strstr(o->json, "\"podIP") ? object_doc(o) : NULL;
		yyjson_val *root = yyjson_doc_get_root(doc);

		if (root && !json_bool(root, "spec.hostNetwork", false) && !has_finished(root) &&
		    says_address(root, ip))
			return o;
	}
	return NULL;
}

/* ---- DNS, nodes ------------------------------------------------------------------------------ */

bool trace_is_dns(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.dns.address.n; i++)
		if (ip_equal(&conf.dns.address.v[i].ip, ip))
			return true;
	return false;
}

/* The cluster DNS is what clusters have there: the pod that every policy for DNS speaks of. */
static void fill_dns(struct trace_ends *e, struct netpol_end *end)
{
	static const char pod[] =
		"{\"metadata\":{\"labels\":{\"k8s-app\":\"kube-dns\"}},\"spec\":{\"containers\":[{"
		"\"ports\":[{\"name\":\"dns\",\"protocol\":\"UDP\",\"containerPort\":53},{\"name\":"
		"\"dns-tcp\",\"protocol\":\"TCP\",\"containerPort\":53}]}]}}";

	fill_pod(e, end, "kube-system", NULL);
	end->pod = open_doc(e, yyjson_read(pod, sizeof(pod) - 1, 0));
	end->unlabelled = false;
}

static void fill_node(struct trace_ends *e, struct netpol_end *end)
{
	const struct object *o;
	struct ip has;
	yyjson_val *v;
	size_t n_nodes = 0, i, n;

	while ((o = store_next_object(KIND_NODE, &n_nodes))) {
		auto_doc yyjson_doc *doc = object_doc(o);

		yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "status.addresses"), i, n,
		                    v) {
			const char *text = json_str(v, "address");

			if (!text || !ip_parse(&has, text) || !ip_equal(&has, &end->ip))
				continue;
			end->node_labels = json_at(read_object(e, o), "metadata.labels");
			return;
		}
	}
}

/* ---- the two -------------------------------------------------------------------------------- */

static void fill_sender(struct trace *t, struct trace_ends *e)
{
	struct netpol_end *end = &e->c.from;

	for (unsigned i = 0; i < t->n_ips; i++)
		if (t->ips[i].len == t->to.len)
			end->ip = t->ips[i];
	if (t->source != TRACE_POD)
		return;
	fill_pod(e, end, t->ns, t->pod_object);
	e->from_finished = has_finished(end->pod);
}

static void fill_receiver(struct trace *t, struct trace_ends *e)
{
	const struct object *attachment = trace_owner(&t->to), *pod;
	struct netpol_end *end = &e->c.to;

	end->ip = t->to;
	if (trace_is_dns(&t->to)) {
		fill_dns(e, end);
	} else if (attachment) {
		auto_doc yyjson_doc *doc = object_doc(attachment);
		const char *name = json_str(yyjson_doc_get_root(doc), "spec.podRef.name");

		e->to_here = true;
		fill_pod(e, end, attachment->ns,
		         name ? store_get(KIND_POD, attachment->ns, name) : NULL);
		e->to_finished = has_finished(end->pod);
	} else if ((pod = pod_elsewhere(&t->to))) {
		fill_pod(e, end, pod->ns, pod);
	} else {
		fill_node(e, end);
	}
}

void trace_ends_open(struct trace *t, struct trace_ends *e)
{
	*e = (struct trace_ends){ .c = { .proto = t->proto, .port = t->port } };
	fill_sender(t, e);
	fill_receiver(t, e);
}

void trace_ends_close(struct trace_ends *e)
{
	for (unsigned i = 0; i < e->n_docs; i++)
		yyjson_doc_free(e->docs[i]);
}
