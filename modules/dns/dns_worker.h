/* dns_worker.h - what the parts of a DNS worker share: the clients, the zone, the counters. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <knetd/worker.h>

#include "dns_answer.h"

/* Words of the worker's shared page; dns.c names them for /metrics. */
enum dns_counter {
	DNS_COUNT_UDP, /* requests */
	DNS_COUNT_TCP,
	DNS_COUNT_DROPPED, /* no answer: not a query, or no room to forward it */
	DNS_COUNT_RCODE,   /* answers by rcode, 0 to 5, then all others */
	DNS_COUNT_CACHE_HIT = DNS_COUNT_RCODE + 7,
	DNS_COUNT_CACHE_MISS,
	DNS_COUNT_CACHE_STALE,
	DNS_COUNT_FORWARD,        /* questions sent to upstreams */
	DNS_COUNT_FORWARD_FAILED, /* given up: no upstream answered */
	DNS_COUNT_TCP_REFUSED,    /* connections closed for others, at the limit */
	DNS_COUNTERS
};
void dns_count(unsigned counter);

union dns_sockaddr {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};
#define DNS_CONTROL 40 /* bytes of the control message that holds a local address */

struct dns_client { /* where an answer goes that cannot be given at once */
	bool stream;
	int fd; /* datagram: our socket */
	union dns_sockaddr peer;
	socklen_t peer_len;
	uint8_t control_len; /* the address it asked, for sockets on any address */
	_Alignas(8) uint8_t control[DNS_CONTROL];
	unsigned conn; /* stream: which connection, if it is still the same one */
	uint32_t conn_serial;
};

const struct dns_zone *dns_worker_zone(void);
void dns_worker_fresh(void);
bool dns_worker_draining(void);
/* One query, from the network or from the forwarder's memory. True when out is to be sent. */
bool dns_worker_answer(const uint8_t *query, size_t n, const struct dns_client *client,
                       struct dns_reply *out);
void dns_worker_count_reply(const struct dns_reply *out);

/* dns_udp.c */
int dns_udp_start(const struct worker *w, struct err *e);
void dns_udp_last(void); /* answers what waits, before the sockets are closed */
void dns_udp_send(const struct dns_client *c, const uint8_t *p, size_t n);

/* dns_tcp.c */
int dns_tcp_start(const struct worker *w, struct err *e);
void dns_tcp_drain(void);
bool dns_tcp_idle(void); /* no connection is open */
void dns_tcp_send(const struct dns_client *c, const uint8_t *p, size_t n);
