/* proxy_secure.h - TLS towards clients and towards backends. */
#pragma once

#include <knetd/tls_hello.h>

#include "proxy.h"

/* What came is no TLS: a client that speaks HTTP in clear is told so. Takes fd. */
void secure_refuse_plain(int fd, const void *read, size_t n);

/* The client's side towards an endpoint of that backend, which is spoken to by TLS. Lives on its
 * own: the table may change. NULL: our own certificate cannot be had, or there is no authority that
 * could vouch for an endpoint: none is asked. */
struct tls *secure_backend(const struct table_backend *b);
/* tls_shake of one that secure_backend gave; it must have agreed on the backend's protocol. Says in
 * the log why it failed. */
int secure_backend_shake(struct tls *t, int fd, const struct endpoint *at, uint32_t protocol);
