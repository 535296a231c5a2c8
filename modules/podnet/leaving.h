/* leaving.h - links whose deletion is under way, and the addresses they still hold: until the link
 * and all connections with them are gone. The link may be gone before.
 *
 * Deleting a veth makes the kernel wait for some 16 ms, so DEL answers first and the link follows
 * in a child. Until it is gone neither its name nor its addresses are given to anybody else. */
#pragma once

#include <stdbool.h>

#include <knetd/err.h>
#include <knetd/ip.h>
#include <knetd/kern.h>

#define LEAVING_IPS RT_LINK_IPS

/* Starts the deletion; link "": there is none any more. The addresses go back to podnet.ipam when
 * the link is gone. */
void leaving_add(const char *link, const struct ip *ips, unsigned n);
bool leaving_has(const char *link);
/* Asks again for those whose deletion failed. */
int leaving_retry(struct err *e);
bool leaving_has_family(uint8_t family); /* addresses that come back in a moment */
/* When an ADD cannot wait for the child: deletes now, in the kernel's own time. True when there was
 * one that holds an address of the family / whose link has this index. */
bool leaving_hurry_family(struct rt *host, uint8_t family);
bool leaving_hurry_index(struct rt *host, unsigned ifindex);
bool leaving_hurry_ip(struct rt *host, const struct ip *ip); /* the one that holds it */
