/* backends.h - the numbers of backends, and what TABLE_BACKENDS says about them.
 *
 * A backend is a Service's port as one way of speaking to it: the same port in clear and by TLS are
 * two. It has its number from the first time it is wanted until a sweep finds it held by nobody. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/buf.h>

#include "proxy_table.h"

#define BACKENDS_MAX 65536

struct backend_ask {
	const char *ns, *service;
	const char *port_name; /* NULL: by number */
	uint16_t port;
	uint32_t protocol; /* enum backend_protocol */
	bool cluster_ip;   /* one endpoint: the Service's own address (service-upstream) */
	bool udp;
	const struct table_backend_tls *tls; /* copied; NULL: in clear */
};
/* Its number; the same as long as it is wanted. TABLE_NONE: there are BACKENDS_MAX. */
uint32_t backends_want(const struct backend_ask *ask);
/* As long as somebody holds it a sweep lets it be. */
void backends_hold(uint32_t number);
void backends_drop(uint32_t number);
void backends_sweep(void);
/* A Service or its endpoints changed: look again. NULL: all of them. */
void backends_changed(const char *ns, const char *service);
/* Appends the bytes of TABLE_BACKENDS + shard; false when they are what they were at the last call.
 */
bool backends_write(unsigned shard, struct buf *out);
void backends_free(void);
