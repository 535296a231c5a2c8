/* dns_bundle.h - the answers of one batch on their way out: those for one client leave together.
 *
 * A resolver asks for A and AAAA from one port at once, and what an answer costs is mostly its way
 * through the kernel. UDP_SEGMENT takes several datagrams of one size, and a last one that is
 * shorter, along that way as one packet; they are datagrams again where they are received. */
#pragma once

#include "dns_worker.h"

#define DNS_BUNDLE 64 /* answers; the kernel takes as many segments in a message */

/* peer and control stay the caller's until dns_bundle_send. control: the address that was asked. */
void dns_bundle_add(const struct msghdr *query, uint8_t *p, size_t len);
void dns_bundle_send(int fd);

/* The answer leaves from the address that was asked, but by whatever link leads back. */
void dns_control_set(struct msghdr *out, void *control, size_t len);
