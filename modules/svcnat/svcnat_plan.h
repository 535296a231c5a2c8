/* svcnat_plan.h - what the kernel should know about one Service. Pure: store in, structs out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>
#include <knetd/ip.h>

#define SVCNAT_ENDPOINTS_MAX 4096 /* of one port; each number in use has a chain pickN */
#define SVCNAT_PORTS_MAX 2048     /* of one Service, both families together */

struct svcnat_port { /* one address and port that clients talk to */
	struct ip vip;
	uint8_t proto;
	uint16_t port;
	unsigned n;
	struct endpoint
		*eps; /* n of them; the place in this list is the index in the kernel's map */
};

struct svcnat_service {
	unsigned n_vips, n_ports;
	struct ip vips[2];
	struct svcnat_port *ports; /* sorted by svcnat_port_order(), no two alike */
	bool cut;                  /* had more ports or endpoints than the maximum */
};

/* The order of svcnat_service.ports; only vip, proto and port count. */
int svcnat_port_order(const struct svcnat_port *a, const struct svcnat_port *b);

/* Fills out in arena. A Service that is not there, or not ours to serve (headless, ExternalName, of
 * another proxy), has no vips. */
void svcnat_plan_service(const char *ns, const char *name, struct arena *arena,
                         struct svcnat_service *out);

/* Takes one address out of the plan, with its ports. */
void svcnat_plan_drop_vip(struct svcnat_service *s, const struct ip *vip);

/* Reorders the new endpoints so that as few indexes as can be differ from the old ones: survivors
 * keep their places, new ones fill the holes, and what is left of the holes is filled from the end.
 */
void svcnat_plan_place(const struct svcnat_port *old, struct svcnat_port *new, struct arena *arena);

/* A lasting copy in one block of memory, with its key behind it; free() it. */
struct svcnat_kept {
	struct svcnat_service s;
	const char *key; /* "namespace/name" */
};
struct svcnat_kept *svcnat_plan_keep(const struct svcnat_service *s, const char *key);
