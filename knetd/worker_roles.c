/* worker_roles.c - the table of what a worker can be: a role is one line here. */
#include <stddef.h>

#include <knetd/worker.h>

extern const struct worker_role dns_role, ingress_role;

const struct worker_role *const worker_roles[] = {
	&dns_role,     /* modules/dns */
	&ingress_role, /* modules/ingress */
	NULL,
};
