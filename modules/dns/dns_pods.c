/* dns_pods.c - see dns_pods.h */
#include <string.h>

#include <knetd/auto.h>

#include "dns_pods.h"

static bool ended(yyjson_val *root)
{
	const char *phase = json_str(root, "status.phase");

	return phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"));
}

static void add_ip(struct dns_pod_facts *f, const char *text)
{
	struct ip ip;

	if (!text || !ip_parse(&ip, text) || f->n_ips == ARRAY_LEN(f->ips))
		return;
	if (!f->n_ips || f->ips[0].len != ip.len)
		f->ips[f->n_ips++] = ip;
}

/* Does the Pod's resolver search <ns>.svc.<zone>, svc.<zone>, <zone> for names of up to four dots?
 * That is what every runtime writes for dnsPolicy ClusterFirst, unless dnsConfig adds to it. */
static bool standard_search(yyjson_val *root)
{
	const char *policy = json_str(root, "spec.dnsPolicy");
	yyjson_val *config = json_at(root, "spec.dnsConfig"), *option;
	size_t i, n;

	if ((policy && strcmp(policy, "ClusterFirst") != 0) ||
	    yyjson_arr_size(yyjson_obj_get(config, "searches")))
		return false;
	yyjson_arr_foreach (yyjson_obj_get(config, "options"), i, n, option) {
		const char *value = json_str(option, "value");

		if (yyjson_equals_str(yyjson_obj_get(option, "name"), "ndots") &&
		    (!value || strcmp(value, "5") != 0))
			return false;
	}
	return true;
}

void dns_pod_read(const struct object *pod, struct dns_pod_facts *out)
{
	auto_doc yyjson_doc *doc = pod ? object_doc(pod) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc), *item;
	size_t i, n;

	*out = (struct dns_pod_facts){ 0 };
	if (!pod || json_bool(root, "spec.hostNetwork", false) || ended(root))
		return;
	yyjson_arr_foreach (json_at(root, "status.podIPs"), i, n, item)
		add_ip(out, json_str(item, "ip"));
	add_ip(out, json_str(root, "status.podIP"));
	if (out->n_ips && standard_search(root))
		out->flags = DNS_POD_AUTOPATH;
}

bool dns_pod_same(const struct dns_pod_facts *a, const struct dns_pod_facts *b)
{
	bool same = a->n_ips == b->n_ips && a->flags == b->flags;

	for (unsigned i = 0; same && i < a->n_ips; i++)
		same = ip_equal(&a->ips[i], &b->ips[i]);
	return same;
}

void dns_records_pod(const struct dns_target *t, const struct object *pod)
{
	uint8_t key[17], ns[DNS_NAME_MAX];
	struct dns_pod_facts f;

	dns_pod_read(pod, &f);
	if (!f.n_ips || !dns_name_from_text(ns, pod->ns))
		return;
	for (unsigned i = 0; i < f.n_ips; i++) {
		size_t n = dns_address_key(key, DNS_KEY_POD, &f.ips[i]);

		dns_entry_pod(dns_target_shard(t, key, n), dns_owner_pod(pod->ns, pod->name),
		              &f.ips[i], f.flags, ns);
	}
}
