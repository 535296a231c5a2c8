/* pod_port.h - the ports that a Pod gives names to: those of its containers, and those of its
 * annotation knetd.io/ports ("http=8080,metrics=9090") for Pods that have no container list. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <yyjson.h>

struct pod_port {
	const char *name; /* no NUL behind it */
	size_t len;
	uint8_t proto; /* 0: any, the annotation says none */
	uint16_t number;
};
/* Every one, in the order in which the first that fits counts. */
void pod_ports_each(yyjson_val *pod, void (*fn)(void *arg, const struct pod_port *p), void *arg);
/* The number that the Pod gives the name; 0 for none. */
uint16_t pod_named_port(yyjson_val *pod, const char *name, uint8_t proto);
