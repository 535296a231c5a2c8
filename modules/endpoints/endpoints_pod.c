/* endpoints_pod.c - see endpoints_int.h */
#include <netinet/in.h>
#include <string.h>

#include <knetd/ip.h>
#include <knetd/pod_port.h>

#include "endpoints_int.h"

const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

void pod_ports(const struct planning *pl, yyjson_val *pod, struct pod_ports *out)
{
	*out = (struct pod_ports){ 0 };
	for (unsigned i = 0; i < pl->service.n_ports && i < PORTS_MAX; i++) {
		const struct service_port *p = &pl->service.ports[i];

		out->v[out->n++] = p->target_name ? pod_named_port(pod, p->target_name, p->proto)
		                                  : p->target_port;
	}
}

bool pod_ready(yyjson_val *pod)
{
	yyjson_val *conditions = json_at(pod, "status.conditions"), *c;
	size_t i, n;

	yyjson_arr_foreach (conditions, i, n, c) {
		const char *type = json_str(c, "type"), *status = json_str(c, "status");

		if (type && status && !strcmp(type, "Ready"))
			return !strcmp(status, "True");
	}
	return false;
}

/* The Pod's address of that family, or NULL. */
const char *pod_address(yyjson_val *pod, uint8_t family)
{
	yyjson_val *list = json_at(pod, "status.podIPs"), *item;
	const char *one = json_str(pod, "status.podIP");
	struct ip ip;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, item) {
		const char *text = json_str(item, "ip");

		if (text && ip_parse(&ip, text) && ip.len == family)
			return text;
	}
	return one && ip_parse(&ip, one) && ip.len == family ? one : NULL;
}

bool pod_counts(yyjson_val *pod)
{
	const char *phase = json_str(pod, "status.phase");

	return !phase || (strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0);
}
