/* endpoints_pod.c - see endpoints_int.h */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/ip.h>

#include "endpoints_int.h"

const char *proto_name(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

/* knetd.io/ports: "http=8080,metrics=9090" names the ports of a Pod that has no container list. */
static uint16_t annotated_port(yyjson_val *pod, const char *name)
{
	const char *p = yyjson_get_str(
		yyjson_obj_get(json_at(pod, "metadata.annotations"), "knetd.io/ports"));
	size_t n = strlen(name);

	while (p && *p) {
		p += strspn(p, ", ");
		if (!strncmp(p, name, n) && p[n] == '=') {
			long port = strtol(p + n + 1, NULL, 10);

			return port > 0 && port < 65536 ? port : 0;
		}
		p += strcspn(p, ",");
	}
	return 0;
}

static uint16_t named_port(yyjson_val *pod, const char *name, uint8_t proto)
{
	yyjson_val *containers = json_at(pod, "spec.containers"), *container, *port;
	size_t i, n, k, m;

	yyjson_arr_foreach (containers, i, n, container) {
		yyjson_arr_foreach (yyjson_obj_get(container, "ports"), k, m, port) {
			const char *p = json_str(port, "name"), *t = json_str(port, "protocol");

			if (p && !strcmp(p, name) && !strcmp(t ? t : "TCP", proto_name(proto)))
				return json_int(port, "containerPort", 0);
		}
	}
	return annotated_port(pod, name);
}

void pod_ports(const struct planning *pl, yyjson_val *pod, struct pod_ports *out)
{
	*out = (struct pod_ports){ 0 };
	for (unsigned i = 0; i < pl->service.n_ports && i < PORTS_MAX; i++) {
		const struct service_port *p = &pl->service.ports[i];

		out->v[out->n++] =
			p->target_name ? named_port(pod, p->target_name, p->proto) : p->target_port;
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
