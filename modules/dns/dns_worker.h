/* dns_worker.h - what the parts of a DNS worker share: the clients and the zone. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <knetd/worker.h>

#include "dns_answer.h"
#include "dns_count.h"

union dns_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
#define DNS_CONTROL 40 /* bytes of the control message that holds a local address */

struct dns_client { /* who asks, and where an answer goes that cannot be given at once */
	bool stream;
	uint16_t size;    /* bytes of the query */
	uint64_t arrived; /* when, as loop_now_ns counts */
	int fd;           /* datagram: our socket */
	union dns_sockaddr peer;
	socklen_t peer_len;  /* datagram */
	uint8_t control_len; /* the address it asked, for sockets on any address */
	_Alignas(8) uint8_t control[DNS_CONTROL];
	unsigned conn; /* stream: which connection, if it is still the same one */
	uint32_t conn_serial;
};

const struct dns_zone *dns_worker_zone(void);
/* When the upstreams or their domains last changed, as loop_now() counts. */
uint64_t dns_worker_upstreams_since(void);
void dns_worker_fresh(void);
bool dns_worker_draining(void);
struct dns_asker dns_worker_asker(const struct dns_client *c, unsigned step);
/* One query, from the network or from the forwarder's memory. True when out is to be sent. */
bool dns_worker_answer(const uint8_t *query, size_t n, const struct dns_client *client,
                       struct dns_reply *out);
/* The same where the candidates of its search path up to `step` do
 * not exist. */
bool dns_worker_answer_from(unsigned step, const uint8_t *query, size_t n,
                            const struct dns_client *client, struct dns_reply *out);
/* To be called once for every answer that is sent. */
void dns_worker_replied(const struct dns_query *q, const struct dns_client *client,
                        const struct dns_reply *out);
/* The same client's address, IPv4 also where it came through an IPv6 socket. */
bool dns_client_is_v4(const struct dns_client *c);

/* dns_udp.c */
int dns_udp_start(const struct worker *w, struct err *e);
void dns_udp_last(void); /* answers what waits, before the sockets are closed */
void dns_udp_send(const struct dns_client *c, const uint8_t *p, size_t n);

/* dns_tcp.c */
int dns_tcp_start(const struct worker *w, struct err *e);
void dns_tcp_drain(void);
uint16_t dns_tcp_keeps(void); /* tenths of a second a silent connection is kept open */
bool dns_tcp_idle(void);      /* no connection is open */
void dns_tcp_send(const struct dns_client *c, const uint8_t *p, size_t n);
