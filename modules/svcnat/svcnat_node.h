/* svcnat_node.h - what Services want to know of this node: its addresses and its zone, as its Node
 * object says them. */
#pragma once

#include <stdbool.h>

#include <knetd/ip.h>

#define SVCNAT_NODE_IPS 8

/* Reads the Node again; true when what it says is not what it said before. */
bool svcnat_node_read(void);
unsigned svcnat_node_ips(const struct ip **ips); /* the InternalIPs */
/* Are node ports served at this address, if it is the node's and no loopback. */
bool svcnat_node_ports_at(const struct ip *ip);
