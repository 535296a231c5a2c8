/* svcnat_node.c - see svcnat_node.h */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "svcnat_node.h"

struct node {
	char zone[64]; /* a label's value */
	unsigned n;
	struct ip ips[SVCNAT_NODE_IPS];
};

static struct node node;

static void read_addresses(yyjson_val *status, struct node *out)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(status, "addresses"), i, n, v) {
		const char *type = json_str(v, "type"), *text = json_str(v, "address");

		if (type && text && !strcmp(type, "InternalIP") && out->n < SVCNAT_NODE_IPS &&
		    ip_parse(&out->ips[out->n], text))
			out->n++;
	}
}

bool svcnat_node_read(void)
{
	const struct object *o = store_get(KIND_NODE, "", conf.node.name);
	struct node now = { .n = 0 };
	bool changed;

	if (o) {
		auto_doc yyjson_doc *doc = object_doc(o);

		read_addresses(yyjson_obj_get(yyjson_doc_get_root(doc), "status"), &now);
	}
	snprintf(now.zone, sizeof(now.zone), "%s", view_node_zone());
	changed = memcmp(&now, &node, sizeof(node)) != 0;
	node = now;
	return changed;
}

unsigned svcnat_node_ips(const struct ip **ips)
{
	*ips = node.ips;
	return node.n;
}
