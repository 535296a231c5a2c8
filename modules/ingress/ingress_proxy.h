/* ingress_proxy.h - what the files of the proxy worker share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <knetd/buf.h>
#include <knetd/http.h>
#include <knetd/list.h>
#include <knetd/loop.h>
#include <knetd/worker.h>

#include "ingress_counters.h"
#include "ingress_snapshot.h"

#define CLIENTS_MAX 2048
#define POOL_MAX 256         /* idle upstream connections kept */
#define IN_MAX (64 * 1024)   /* bytes read ahead on a connection */
#define OUT_HIGH (64 * 1024) /* with so many waiting to be written, its source is not read */
#define TRIES_MAX 3          /* endpoints tried before 502 */

#define HEAD_MS 10000 /* a request's head, from its first byte */
#define IDLE_MS 75000 /* between requests */
#define CONNECT_MS 5000
#define STALL_MS 60000 /* without any byte moving */
#define POOL_IDLE_MS 30000

/* One socket and what waits on either side of it. */
struct side {
	struct event ev;
	struct buf in, out;
	size_t sent; /* of out */
	bool eof;    /* nothing more to read */
	bool broken; /* reading or writing failed */
};

void side_read(struct side *s);  /* as much as fits */
void side_write(struct side *s); /* as much as the kernel takes */
/* Listens for what is wanted: reading while there is room, writing while something waits. */
void side_watch(struct side *s, bool want_read);
static inline size_t side_waiting(const struct side *s)
{
	return s->out.len - s->sent;
}
void side_free(struct side *s);

/* Where one body stands, on its way from one side to the other. */
struct body {
	enum http_body kind; /* how it comes */
	bool chunk;          /* how it leaves: in chunks of our own */
	uint64_t left;
	struct http_chunked coding;
	bool done;
};
void body_begin(struct body *b, const struct http_head *h, bool chunk);
/* Moves what is there from `from->in` to `to->out`; false when the coding is broken or ends too
 * early. */
bool body_move(struct body *b, struct side *from, struct side *to);

struct client;
struct upstream {
	struct side side;
	struct list in_pool;
	struct route_endpoint endpoint;
	struct client *client; /* NULL: idle in the pool */
	struct timer idle;
	bool connecting;
	bool reused; /* from the pool: may turn out to be stale */
	bool keep;   /* the answer said it may go into the pool */
};
/* A connection to the endpoint, from the pool or a new one; NULL when it cannot even be begun. */
struct upstream *upstream_get(const struct route_endpoint *ep, struct client *c, bool fresh);
void upstream_release(struct upstream *u); /* into the pool */
void upstream_free(struct upstream *u);
bool endpoint_resting(const struct route_endpoint *ep); /* refused a moment ago */
void endpoint_rest(const struct route_endpoint *ep);

/* What the proxy does when something happens on either side. */
void proxy_client_event(struct client *c);
void proxy_upstream_event(struct upstream *u, bool failed);

/* Heads as they are sent on. */
struct forwarded {
	const char *client_ip, *port;
};
void head_request(struct buf *out, const struct http_head *h, const struct forwarded *f);
void head_response(struct buf *out, const struct http_head *h, const struct body *b,
                   bool keep_alive, bool tunnel);

extern struct worker *proxy_worker;
extern struct route_table proxy_routes;
static inline void count_up(enum ingress_counter which)
{
	proxy_worker->counters[which]++;
}
/* A fresh client on fd; false when the table is full. */
bool client_new(int fd, const struct sockaddr_storage *peer, uint16_t port);
unsigned clients_open(void);
void clients_drain(void); /* close the idle ones, let the others finish */
