/* svcnat_node.c - see svcnat_node.h */
#include <stdio.h>
#include <string.h>

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

bool svcnat_node_read(void)
{
	const struct object *o = store_get(KIND_NODE, "", conf.node.name);
	struct node now = { .n = 0 };
	bool changed;

	now.n = view_node_ips(o, now.ips, SVCNAT_NODE_IPS);
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
