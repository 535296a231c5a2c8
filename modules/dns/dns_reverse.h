/* dns_reverse.h - names below in-addr.arpa and ip6.arpa. Pure. */
#pragma once

#include <knetd/ip.h>

#include "dns_wire.h"

struct dns_reverse {   /* d.c.b.a.in-addr.arpa, or some labels of it */
	struct ip ip;  /* what is not said is zero */
	unsigned bits; /* that were said */
	unsigned step; /* bits a label */
	bool exact;    /* nothing but address labels, and all of them */
};

/* false: no name of that kind. */
bool dns_reverse_parse(const struct dns_name *name, struct dns_reverse *r);
