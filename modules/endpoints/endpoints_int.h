/* endpoints_int.h - what the files of the plan share. */
#pragma once

#include <knetd/view.h>

#include "endpoints_plan.h"

#define PORTS_MAX 100 /* of a slice, by the API's validation */

struct planning {
	const struct object *object;
	struct service_view service;
	yyjson_val *service_root;
	bool publish;                /* also Pods that are not ready */
	const struct list *existing; /* the Service's slices, NULL without */
	struct arena *arena;
	struct endpoints_plan *out;
	const char *node, *zone; /* the node that was looked up last, and its zone */
};

/* The target ports of one Pod, in the order of the Service's ports; 0 where a name is not found. */
struct pod_ports {
	unsigned n;
	uint16_t v[PORTS_MAX];
};

struct member { /* a Pod that counts, with its address of the family */
	const char *name, *address;
	yyjson_val *pod;
	unsigned part;
	bool placed;
};
/* The Pods of a family whose target ports are the same numbers: they share slices. */
struct bucket {
	struct pod_ports ports;
	size_t n, cap;
	struct member *v;
	struct bucket *next;
};

/* ---- endpoints_pod.c: one Pod as Kubernetes' endpoint controllers see it ----------------------
 */

const char *proto_name(uint8_t proto);
void pod_ports(const struct planning *pl, yyjson_val *pod, struct pod_ports *out);
bool pod_ready(yyjson_val *pod);
const char *pod_address(yyjson_val *pod, uint8_t family); /* NULL when it has none */
bool pod_counts(yyjson_val *pod);                         /* it has not run to its end */

/* ---- small ways to write ----------------------------------------------------------------------
 */

void add_str(yyjson_mut_doc *d, yyjson_mut_val *obj, const char *key, const char *val);
void add_pod_reference(yyjson_mut_doc *d, yyjson_mut_val *address, yyjson_val *pod);
/* The Service's own labels but for those that the controllers set. */
void add_labels_of(yyjson_mut_doc *d, yyjson_mut_val *labels, yyjson_val *from);
void add_ports(const struct planning *pl, yyjson_mut_doc *d, yyjson_mut_val *to,
               const struct pod_ports *ports);
void add_owner(yyjson_mut_doc *d, yyjson_mut_val *meta, const char *kind, yyjson_val *owner);
struct planned_slice *plan_slice(struct endpoints_plan *out, struct arena *a);

/* ---- endpoints_v1.c: the older form ------------------------------------------------------------
 */

yyjson_mut_doc *plan_v1(const struct planning *pl, const struct bucket *buckets);
