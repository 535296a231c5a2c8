/* hostport_plan.h - which ports of the node lead to which pod, and who holds them. Pure.
 *
 * A port is held from before its attachment is made until after it is taken away, so that no two
 * pods ever have it; at different addresses of the node they may. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/ip.h>
#include <knetd/list.h>

#include "attachment.h"

struct hostport {      /* one element of a map: of one family */
	uint8_t proto; /* IPPROTO_ */
	uint16_t port; /* on the node */
	struct ip at;  /* the node's address; 0.0.0.0 or ::, each of them */
	struct ip pod; /* where it leads */
	uint16_t pod_port;
	struct list in_slot; /* the index's own */
	const struct hostports *of;
};

struct hostports { /* all of one attachment */
	char key[CNI_CONTAINER_MAX + 17];
	char who[ATTACHMENT_WHO];
	bool open; /* their elements are in the kernel */
	unsigned n;
	struct hostport v[];
};

/* Takes the ports of a, which has its addresses by now: all or none. An attachment without host
 * ports takes none. -EADDRINUSE: another has one of them, and the error says who; -EAFNOSUPPORT:
 * the pod has no address of that family. */
int hostports_take(const struct attachment *a, struct err *e);
struct hostports *hostports_of(const struct attachment *a); /* NULL: none */
void hostports_drop(const struct attachment *a);
/* for (size_t i = 0; (h = hostports_next(&i));) */
struct hostports *hostports_next(size_t *i);
void hostports_free(void);

/* May somebody connect to 127.0.0.1 (4) or ::1 (16) of the node and be led to the pod? By a host
 * port, or by a node port, of which any pod may be an endpoint. */
bool hostports_on_loopback(const struct attachment *a, uint8_t family);
