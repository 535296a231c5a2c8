/* dns_exchange.h - one message to one upstream, and what comes back. By datagram each has a socket
 * of its own, connected to the upstream: a random port and a random id, and the kernel lets nobody
 * else's datagrams in (RFC 5452). That is 32 bits to guess within the time of one answer; letters
 * of random case (0x20) would add few to that for most names, and some servers do not keep them:
 * they are not used. Over TCP and TLS it shares a connection (dns_stream.h) under a random id. */
#pragma once

#include <knetd/list.h>
#include <knetd/loop.h>

#include "dns_peer.h"

#define DNS_EXCHANGE_QUERY 512 /* bytes of a query with everything, also its padding */

struct dns_conn;

struct dns_exchange { /* lives in its owner; zero: not begun */
	/* msg: what came, under our id, not looked at any further; a datagram may be forged, so the
	 * exchange goes on until the owner ends it. n 0: it failed, and has ended. */
	void (*done)(struct dns_exchange *x, uint8_t *msg, size_t n);
	struct dns_peer *peer; /* NULL: nothing is on its way */
	uint16_t id;
	bool stream;
	bool alone;      /* by a connection where nothing else is owed, if there can be one */
	int error;       /* of a failure; ESTALE: a connection that had served before was closed */
	struct event ev; /* of a datagram */
	struct dns_conn *conn;
	struct list in_conn;
};

/* Sends query (its id is written into it) to the peer; to one with TLS over TLS, whatever stream
 * says. False, with x->error, when that cannot be done; done is never called from inside. */
bool dns_exchange_start(struct dns_exchange *x, struct dns_peer *peer, bool stream, uint8_t *query,
                        size_t n);
/* Sends the query of a datagram again, under the same id from the same socket. */
bool dns_exchange_again(struct dns_exchange *x, uint8_t *query, size_t n);
/* Its answer is overdue: others shall not wait on the same connection. */
void dns_exchange_late(struct dns_exchange *x);
void dns_exchange_end(struct dns_exchange *x); /* harmless when none is on its way */
