/* api_valid_pod.c - the rules of Pod as far as they matter to a network (ValidatePod in
 * Kubernetes): names, ports, host names, DNS, addresses, and which fields an update may change.
 * A Pod here may be written by hand to describe what CNI attached, so no container, image or
 * policy is required. */
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

#define POD_CONTAINERS 256 /* held against each other */
#define POD_PORTS 256

static bool twice(yyjson_mut_val *list, size_t nth, const char *name, const char *value)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (i < nth && text_is(v, name, value))
			return true;
	return false;
}

static void check_container_ports(struct causes *c, const struct at *at, yyjson_mut_val *ports)
{
	yyjson_mut_val *p;
	size_t i, n;

	if (yyjson_mut_arr_size(ports) > POD_PORTS) {
		wrong_many(c, at, yyjson_mut_arr_size(ports), POD_PORTS);
		return;
	}
	yyjson_mut_arr_foreach (ports, i, n, p) {
		const struct at *here = ITEM(at, i);
		const char *name = text_of(p, "name");
		unsigned before = c->n;

		if (*name) {
			check_port_name(c, CHILD(here, "name"), name);
			if (c->n == before && twice(ports, i, "name", name))
				wrong_twice(c, CHILD(here, "name"), name);
		}
		if (!number_of(p, "containerPort"))
			wrong_missing(c, CHILD(here, "containerPort"), "");
		else
			check_port(c, CHILD(here, "containerPort"),
			           yyjson_mut_obj_get(p, "containerPort"));
		if (number_of(p, "hostPort"))
			check_port(c, CHILD(here, "hostPort"), yyjson_mut_obj_get(p, "hostPort"));
		check_word(c, here, p, "protocol", valid_protocols, true);
		if (*text_of(p, "hostIP"))
			check_ip(c, CHILD(here, "hostIP"), text_of(p, "hostIP"));
	}
}

static void check_containers(struct causes *c, yyjson_mut_val *spec, const char *list_name)
{
	static const char *const pull[] = { "Always", "IfNotPresent", "Never", NULL };
	const struct at *at = CHILD(AT("spec"), list_name);
	yyjson_mut_val *list = yyjson_mut_obj_get(spec, list_name), *v;
	size_t i, n;

	if (yyjson_mut_arr_size(list) > POD_CONTAINERS) {
		wrong_many(c, at, yyjson_mut_arr_size(list), POD_CONTAINERS);
		return;
	}
	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *name = text_of(v, "name");

		if (!*name)
			wrong_missing(c, CHILD(ITEM(at, i), "name"), "");
		else
			check_label(c, CHILD(ITEM(at, i), "name"), name);
		check_container_ports(c, CHILD(ITEM(at, i), "ports"),
		                      yyjson_mut_obj_get(v, "ports"));
		check_word(c, ITEM(at, i), v, "imagePullPolicy", pull, false);
		if (*name && twice(list, i, "name", name))
			wrong_twice(c, CHILD(ITEM(at, i), "name"), name);
	}
}

/* Two containers cannot have one port of the machine. */
static void check_host_ports(struct causes *c, yyjson_mut_val *spec)
{
	yyjson_mut_val *container, *p;
	const char *seen[POD_PORTS];
	size_t i, n, k, m, count = 0;

	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "containers"), i, n, container)
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(container, "ports"), k, m, p) {
			const struct at *at =
				CHILD(ITEM(CHILD(AT("spec"), "containers"), i), "ports");
			const char *key;

			if (!number_of(p, "hostPort") || count == POD_PORTS)
				continue;
			key = arena_printf(c->arena, "%s/%s/%lld", text_of(p, "protocol"),
			                   text_of(p, "hostIP"),
			                   (long long)number_of(p, "hostPort"));
			for (size_t j = 0; j < count; j++)
				if (!strcmp(seen[j], key)) {
					wrong_twice(c, CHILD(ITEM(at, k), "hostPort"), key);
					break;
				}
			seen[count++] = key;
		}
}

static void check_host_network(struct causes *c, yyjson_mut_val *spec)
{
	yyjson_mut_val *container, *p;
	size_t i, n, k, m;

	if (!yyjson_mut_is_true(yyjson_mut_obj_get(spec, "hostNetwork")))
		return;
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, "containers"), i, n, container)
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(container, "ports"), k, m, p) {
			const struct at *at =
				CHILD(ITEM(CHILD(AT("spec"), "containers"), i), "ports");

			if (number_of(p, "hostPort") &&
			    number_of(p, "hostPort") != number_of(p, "containerPort"))
				wrong_number(
					c, CHILD(ITEM(at, k), "hostPort"), number_of(p, "hostPort"),
					"must match `containerPort` when `hostNetwork` is true");
		}
}

static void check_dns(struct causes *c, yyjson_mut_val *spec)
{
	const struct at *at = CHILD(AT("spec"), "dnsConfig");
	yyjson_mut_val *config = yyjson_mut_obj_get(spec, "dnsConfig"),
		       *servers = yyjson_mut_obj_get(config, "nameservers"),
		       *searches = yyjson_mut_obj_get(config, "searches"), *v;
	size_t i, n, chars = 0;

	if (text_is(spec, "dnsPolicy", "None") && !config)
		wrong_missing(c, at, "must provide `dnsConfig` when `dnsPolicy` is None");
	else if (text_is(spec, "dnsPolicy", "None") && !yyjson_mut_arr_size(servers))
		wrong_missing(c, CHILD(at, "nameservers"),
		              "must provide at least one DNS nameserver when `dnsPolicy` is None");
	if (yyjson_mut_arr_size(servers) > 3)
		wrong_json(c, CHILD(at, "nameservers"), servers,
		           "must not have more than 3 nameservers");
	yyjson_mut_arr_foreach (servers, i, n, v)
		check_ip(c, ITEM(CHILD(at, "nameservers"), i), yyjson_mut_get_str(v));
	if (yyjson_mut_arr_size(searches) > 32)
		wrong_json(c, CHILD(at, "searches"), searches,
		           "must not have more than 32 search paths");
	yyjson_mut_arr_foreach (searches, i, n, v) {
		size_t len = yyjson_mut_get_len(v);
		const char *s = yyjson_mut_get_str(v);

		chars += len + (i > 0);
		if (strcmp(s, ".") != 0)
			check_subdomain(c, ITEM(CHILD(at, "searches"), i),
			                arena_strndup(c->arena, s,
			                              len && s[len - 1] == '.' ? len - 1 : len));
	}
	if (chars > 2048)
		wrong_json(c, CHILD(at, "searches"), searches,
		           "must not have more than 2048 characters (including spaces) in the "
		           "search list");
}

/* What an update may not change, taken out of both before they are compared. */
static void strip_free(yyjson_mut_val *spec)
{
	static const char *const fields[] = { "activeDeadlineSeconds", "tolerations",
		                              "schedulingGates", "terminationGracePeriodSeconds" };
	static const char *const lists[] = { "containers", "initContainers" };
	yyjson_mut_val *v;
	size_t i, n;

	for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++)
		yyjson_mut_obj_remove_key(spec, fields[k]);
	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++)
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(spec, lists[k]), i, n, v)
			yyjson_mut_obj_remove_key(v, "image");
}

static void check_pod_update(struct causes *c, yyjson_mut_val *spec, yyjson_val *was)
{
	const struct at *at = AT("spec");
	yyjson_mut_doc *doc;
	yyjson_mut_val *now, *before;

	if (!yyjson_arr_size(yyjson_obj_get(was, "containers")))
		return; /* CNI made it; now somebody says what it is */
	if (yyjson_arr_size(yyjson_obj_get(was, "containers")) !=
	    yyjson_mut_arr_size(yyjson_mut_obj_get(spec, "containers"))) {
		wrong_here(c, CHILD(at, "containers"),
		           "pod updates may not add or remove containers");
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	now = yyjson_mut_val_mut_copy(doc, spec);
	before = yyjson_val_mut_copy(doc, was);
	if (!yyjson_mut_obj_get(before, "nodeName"))
		yyjson_mut_obj_remove_key(now, "nodeName"); /* placing it is no change of mind */
	strip_free(now);
	strip_free(before);
	if (!yyjson_mut_equals(now, before))
		wrong_here(
			c, at,
			"pod updates may not change fields other than "
			"`spec.containers[*].image`,`spec.initContainers[*].image`,"
			"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
			"existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
			"be set to 1 if it was previously negative)");
	yyjson_mut_doc_free(doc);
}

void valid_pod(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	static const char *const restart[] = { "Always", "OnFailure", "Never", NULL };
	static const char *const dns[] = { "ClusterFirstWithHostNet", "ClusterFirst", "Default",
		                           "None", NULL };
	static const char *const labels[] = { "hostname", "subdomain" };
	static const char *const names[] = { "nodeName", "serviceAccountName" };
	const struct at *at = AT("spec");
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec");

	check_containers(c, spec, "containers");
	check_containers(c, spec, "initContainers");
	check_host_ports(c, spec);
	check_host_network(c, spec);
	check_word(c, at, spec, "restartPolicy", restart, false);
	check_word(c, at, spec, "dnsPolicy", dns, false);
	check_labels(c, CHILD(at, "nodeSelector"), yyjson_mut_obj_get(spec, "nodeSelector"));
	check_dns(c, spec);
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (*text_of(spec, labels[i]))
			check_label(c, CHILD(at, labels[i]), text_of(spec, labels[i]));
		if (*text_of(spec, names[i]))
			check_subdomain(c, CHILD(at, names[i]), text_of(spec, names[i]));
	}
	if (old)
		check_pod_update(c, spec, yyjson_obj_get(old, "spec"));
}

void valid_pod_status(yyjson_mut_val *root, struct causes *c)
{
	const struct at *at = CHILD(AT("status"), "podIPs");
	yyjson_mut_val *list = mut_at(root, "status.podIPs"), *v;
	unsigned families[2] = { 0 };
	struct ip ip;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (check_ip(c, ITEM(at, i), text_of(v, "ip")) && ip_parse(&ip, text_of(v, "ip")))
			families[ip.len == 16]++;
	if (families[0] > 1 || families[1] > 1)
		wrong_json(c, at, list, "may specify no more than one IP for each IP family");
	if (*text_of(root, "status.podIP"))
		check_ip(c, CHILD(AT("status"), "podIP"), text_of(root, "status.podIP"));
}
