/* fake_int.h - what the files of the fake kernel door share. */
#pragma once

#include <knetd/buf.h>
#include <knetd/ip.h>

extern struct buf fake_text; /* what fake_kern_text() shows */

const char *fake_ip(const struct ip *ip); /* valid until a few calls later */
const char *fake_cidr(const struct cidr *c);
