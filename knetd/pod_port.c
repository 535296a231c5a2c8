/* pod_port.c - see pod_port.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/object.h>
#include <knetd/pod_port.h>
#include <knetd/view.h>

static void each_of_container(yyjson_val *container,
                              void (*fn)(void *arg, const struct pod_port *p), void *arg)
{
	yyjson_val *port;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(container, "ports"), i, n, port) {
		const char *name = json_str(port, "name");
		int64_t number = json_int(port, "containerPort", 0);
		uint8_t proto = view_proto(json_str(port, "protocol"));

		if (name && proto && number > 0 && number <= UINT16_MAX)
			fn(arg, &(struct pod_port){ name, strlen(name), proto, (uint16_t)number });
	}
}

static void each_of_annotation(const char *p, void (*fn)(void *arg, const struct pod_port *p),
                               void *arg)
{
	while (p && *p) {
		size_t len;

		p += strspn(p, ", ");
		len = strcspn(p, "=,");
		if (len && p[len] == '=') {
			long number = strtol(p + len + 1, NULL, 10);

			if (number > 0 && number <= UINT16_MAX)
				fn(arg, &(struct pod_port){ p, len, 0, (uint16_t)number });
		}
		p += strcspn(p, ",");
	}
}

void pod_ports_each(yyjson_val *pod, void (*fn)(void *arg, const struct pod_port *p), void *arg)
{
	yyjson_val *container;
	size_t i, n;

	yyjson_arr_foreach (json_at(pod, "spec.containers"), i, n, container)
		each_of_container(container, fn, arg);
	each_of_annotation(yyjson_get_str(yyjson_obj_get(json_at(pod, "metadata.annotations"),
	                                                 "knetd.io/ports")),
	                   fn, arg);
}

struct wanted {
	const char *name;
	size_t len;
	uint8_t proto;
	uint16_t number;
};

static void look(void *arg, const struct pod_port *p)
{
	struct wanted *w = arg;

	if (!w->number && (!p->proto || p->proto == w->proto) && p->len == w->len &&
	    !memcmp(p->name, w->name, w->len))
		w->number = p->number;
}

uint16_t pod_named_port(yyjson_val *pod, const char *name, uint8_t proto)
{
	struct wanted w = { .name = name, .len = strlen(name), .proto = proto };

	pod_ports_each(pod, look, &w);
	return w.number;
}
