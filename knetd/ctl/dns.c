/* dns.c - `dns`: what the cluster DNS does. */
#include <stdio.h>

#include "ctl.h"

int ctl_dns(const struct ctl_args *a)
{
	if (a->watch)
		return ctl_dns_watch(a);
	return ctl_fail("--watch is expected");
}
