/* proxy.h - what the files of the proxy worker share.
 *
 *   front     who asks: an HTTP/1.1 connection (proxy_h1.c), a stream of HTTP/2 (proxy_h2.c)
 *   exchange  one request and its answer, whatever brought it and whatever takes it on
 *             (proxy_exchange.c): routed, filtered, tried, timed, counted, logged
 *   leg       one try: a connection (proxy_leg_h1.c) or a stream (proxy_leg_h2.c) to an endpoint
 *   peer      an endpoint as this worker knows it: how busy, how well, what idles (proxy_peer.c)
 *
 * Bodies are pushed. Who pushes asks first whether the other is full, and may then push up to
 * PIECE_MAX bytes, which are taken whole; who was full says when he no longer is. So nothing that
 * waits grows beyond OUT_HIGH + PIECE_MAX. Whatever has ended is freed after the turn of the loop
 * (bury): no callback pulls anything away from under its caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <knetd/buf.h>
#include <knetd/http.h>
#include <knetd/list.h>
#include <knetd/loop.h>
#include <knetd/tls.h>
#include <knetd/worker.h>

#include "proxy_counters.h"
#include "proxy_table.h"

#define CLIENTS_MAX 2048      /* connections of clients */
#define PIECE_MAX (64 * 1024) /* bytes read ahead on a connection */
#define OUT_HIGH (64 * 1024)  /* with so many waiting to be written, their source is not read */
#define KEPT_MAX (64 * 1024)  /* of a request's body, kept for another try */
#define POOL_MAX 256          /* idle connections to endpoints */
#define TRIES_MAX 8           /* endpoints tried for one request, at most */
#define COPIES_MAX 8          /* mirrors of one request */
#define PATH_MAX_BYTES 8192

#define HEAD_MS 10000 /* a request's head, from its first byte */
#define IDLE_MS 75000 /* between requests */
#define CONNECT_MS 5000
#define STALL_MS 60000 /* without any byte moving */
#define TUNNEL_MS (3600 * 1000)
#define POOL_IDLE_MS 30000

extern struct worker *proxy_worker;
static inline void count_up(enum proxy_counter which)
{
	proxy_worker->counters[which]++;
}

/* ---- what has ended (proxy_grave.c) ---------------------------------------------------------- */

struct grave {
	struct list link;
	void (*free)(struct grave *g);
};
/* free is called after all callbacks of this turn; a second time is harmless. */
void bury(struct grave *g, void (*free)(struct grave *g));

/* ---- a timer that is moved often: only looked at when it rings (proxy_grave.c) -----------------
 */

struct deadline {
	struct timer timer;
	uint64_t until;
	void (*fn)(struct deadline *d);
};
void deadline_set(struct deadline *d, uint64_t ms_from_now);
/* Not any more, but soon again: the timer may ring, for nobody. Before its owner goes:
 * deadline_del. */
void deadline_rest(struct deadline *d);
void deadline_del(struct deadline *d);

/* ---- one socket and what waits on either side of it (proxy_side.c) ----------------------------
 */

struct side {
	struct event ev;
	struct tls *tls; /* NULL: in clear */
	struct buf in, out;
	struct buf trailers; /* as text, of the body that came in chunks last (proxy_trailers.h) */
	size_t sent;         /* of out */
	size_t held;         /* what its buffers take, as it was counted last */
	bool eof;            /* nothing more to read */
	bool broken;         /* reading or writing failed */
	bool bulk;           /* much came at once: read more at a time */
};
void side_read(struct side *s);                       /* as much as fits */
ssize_t side_recv(struct side *s, void *p, size_t n); /* as recv, through TLS or not */
void side_write(struct side *s);                      /* as much as the kernel takes */
/* More to write: straight from where it is when it is much, only the rest is kept. */
void side_send(struct side *s, const char *p, size_t n);
/* Bytes that may wait on a side: OUT_HIGH, or less while all sides together hold much. */
size_t side_high(void);
/* Listens for what is wanted: reading while there is room, writing while something waits. The
 * memory of empty buffers goes to whoever reads next: nothing may point into them any more. */
void side_watch(struct side *s, bool want_read);
/* With these events there may be something to read. */
bool side_readable(const struct side *s, uint32_t events);
static inline size_t side_waiting(const struct side *s)
{
	return s->out.len - s->sent;
}
static inline bool side_full(const struct side *s)
{
	return side_waiting(s) >= side_high();
}
void side_free(struct side *s);

/* A body as HTTP/1.1 frames it, taken apart: from `from->in` to fn, in pieces, while full says no.
 * False when the coding is broken or ends too early. */
struct body {
	enum http_body kind;
	uint64_t left;
	struct http_chunked coding;
	bool done;
};
struct body_sink {
	bool (*full)(void *ctx);
	void (*piece)(void *ctx, const char *p, size_t n);
};
void body_begin(struct body *b, const struct http_head *h);
bool body_move(struct body *b, struct side *from, const struct body_sink *to, void *ctx);

/* ---- who connected (proxy_worker.c) -----------------------------------------------------------
 */

struct arrival {              /* of one connection; lives as long */
	struct endpoint from; /* the client, also as a PROXY header said */
	struct endpoint at;   /* our own address, perhaps still unknown, and port */
	int fd;               /* the client's, only to be asked */
	char ip[IP_TEXT], port[6];
	unsigned door; /* which listening socket: proxy_port(door) */
	bool tls;
	char sni[256];            /* lower case, "" */
	bool client_vouched;      /* its certificate is the client authority's */
	char client_subject[256]; /* its common name, "" */
};
/* Our own address and port, as a client that is still connected has them: few requests need it. */
struct endpoint arrival_at(const struct arrival *a);
/* The listeners of that socket now; NULL: no longer one of ours. */
const struct table_port *proxy_port(unsigned door);
uint32_t proxy_random(uint32_t below); /* not for secrets */

/* ---- what we were told (proxy_tables.c) --------------------------------------------------------
 */

const struct table *proxy_table(void);             /* never NULL */
const struct table_shard *proxy_shard(uint32_t i); /* below TABLE_SHARDS; NULL: it is empty */
const struct table_backend *proxy_backend(uint32_t number); /* NULL: none */
/* for (uint32_t i = 0; proxy_backend_next(&i, &b);) */
bool proxy_backend_next(uint32_t *i, const struct table_backend **b);
const struct table_certs *proxy_certs(void); /* never NULL */
/* The routes as they are now stay where they are until they are let go (NULL: nothing is). */
struct routes *routes_hold(void);
void routes_let_go(struct routes *r);
/* A slot has another snapshot, NULL: is empty. */
void tables_take(unsigned slot, struct snapshot *s);

/* ---- a request and its answer (proxy_exchange.c) -----------------------------------------------
 */

struct exchange;
struct leg;
struct peer;

struct front_ops {
	bool http2; /* for the log */
	/* The answer's head. 1xx: more heads come; 101, and 2xx to CONNECT: bytes both ways follow.
	 */
	void (*head)(struct exchange *x, const struct http_head *h);
	bool (*full)(const struct exchange *x);
	void (*body)(struct exchange *x, const char *p, size_t n);
	void (*flush)(struct exchange *x); /* no more for now: what there is may leave */
	void (*end)(struct exchange *x, const struct http_header *trailers, size_t n);
	void (*cut)(struct exchange *x); /* the answer stays a fragment: the client must see that */
	void (*resume)(struct exchange *x); /* the request's body may go on */
};
struct leg_ops {
	bool (*full)(const struct leg *l);
	/* n 0: the head may leave now, its body comes later */
	void (*body)(struct leg *l, const char *p, size_t n);
	void (*end)(struct leg *l, const struct http_header *trailers, size_t n);
	void (*resume)(struct leg *l); /* the answer may go on */
	void (*drop)(struct leg *l);   /* nobody waits for it any more; no more calls from it */
};
struct leg { /* inside a connection or stream */
	const struct leg_ops *ops;
	struct exchange *x;
	struct peer *peer;
	bool connecting;
	bool reused; /* an idle connection that may have been closed meanwhile */
};

/* A head while it is edited: its fields point into what was read, or into text. */
struct scratch {
	struct buf text; /* never moves: its maximum is reserved; failed: the head grew too large */
};
#define SCRATCH_MAX (64 * 1024)

enum leg_trouble {
	LEG_REFUSED,  /* no connection was had */
	LEG_STALE,    /* reused, and closed before anything came */
	LEG_LOST,     /* closed before or inside the answer */
	LEG_GARBLED,  /* what came is no answer */
	LEG_DECLINED, /* HTTP/2: not processed, may be tried again (REFUSED_STREAM, GOAWAY) */
};

enum exchange_phase {
	EXCHANGE_IDLE,   /* none yet, or over */
	EXCHANGE_WAITS,  /* for something before a backend is asked (external authentication) */
	EXCHANGE_ASKS,   /* a try is under way, no final answer yet */
	EXCHANGE_RELAYS, /* the answer comes down */
};

struct asking;
struct policy_state {          /* of a request whose action has a policy (proxy_policy.c) */
	uint32_t held;         /* what limit_done wants back */
	uint64_t sticky;       /* what a cookie or the request says of its endpoint; 0: nothing */
	uint64_t body_max;     /* bytes; 0: any */
	struct asking *asking; /* somebody else is asked about it */
	struct buf cookies;    /* what he gave the client, each with a NUL behind it */
};

struct exchange { /* inside its front */
	const struct front_ops *front;
	const struct arrival *arrival;
	struct leg *leg;                               /* NULL: none */
	uint8_t phase;                                 /* enum exchange_phase */
	bool head_method, connect_method, old_version; /* of the request: HEAD, CONNECT, HTTP/1.0 */
	bool wants_upgrade;
	bool grpc;         /* its client expects to be refused in gRPC's way */
	bool chunked;      /* its body comes in pieces, nobody knows how many */
	bool tunnel;       /* 101 was answered: bytes both ways */
	bool request_done; /* its body is through */
	bool body_sent;    /* some of it left, and is not all kept */
	bool close;        /* the connection it came by shall not bring another */
	bool answered;     /* a final head went to the client */
	bool quiet;        /* a copy: it is not counted */
	bool inner;        /* asked by the proxy itself about another request */
	bool whole_answer; /* and all behind it */

	struct routes *routes; /* what action points into; held */
	const struct table_listener *listener;
	const struct table_action *action;
	const struct table_rule *rule;
	const struct table_choice *choice;
	uint32_t backend;
	uint64_t backend_uid;

	struct buf head; /* the request's, as backends get it: HTTP/1.1 text, also for HTTP/2 */
	struct buf kept; /* the body so far, while another try is possible, or no leg is there */
	struct buf trailers; /* behind it, as text */
	bool keeping;
	struct endpoint tried[TRIES_MAX];
	unsigned tries, retries;
	uint64_t try_until;   /* loop_now() at which the try is over, where a route says so */
	struct deadline step; /* connecting, the answer's begin, stalls */
	struct timer whole;   /* of the action's request_ms */
	struct timer backoff;

	struct ip client; /* as far as it is known: see proxy_trust.h */
	bool client_tls, believed;
	struct policy_state policy;
	const struct table_cors *cors; /* what the answer is told; of origin, "": not let in */
	struct buf origin;
	uint32_t copies[COPIES_MAX]; /* backends that get one */
	unsigned n_copies;
	struct mirror *mirrors; /* copies that still wait for the body */

	/* for the log and the metrics */
	uint64_t began_ns, bytes_up, bytes_down;
	unsigned status;
	struct log_line *line; /* what it asked, while requests are logged */
};

/* By fronts. exchange_begin: h is the request's head, its spans valid for the call; what is
 * answered may come from inside of it. Bodies: request_done is set by exchange_request_end. */
void exchange_begin(struct exchange *x, struct http_head *h);
/* The same of a question of the proxy's own, to that action; NULL: by the routes. */
void exchange_begin_inner(struct exchange *x, struct http_head *h, const struct table_action *a);
/* Whoever made it wait has done with it. s may have been used for h. */
void exchange_go_on(struct exchange *x, struct http_head *h, struct scratch *s);
bool exchange_request_full(const struct exchange *x);
void exchange_request_body(struct exchange *x, const char *p, size_t n);
void exchange_request_end(struct exchange *x, const struct http_header *trailers, size_t n);
void exchange_room(struct exchange *x); /* the front is no longer full */
void exchange_gone(struct exchange *x); /* the client is: whatever was under way is dropped */
void exchange_free(struct exchange *x); /* leaves it empty; after gone, or over */
/* An answer of the proxy's own; before any other. */
void exchange_refuse(struct exchange *x, unsigned status, const char *text);
/* The same without a body; h is edited with s. */
void exchange_reply(struct exchange *x, struct http_head *h, struct scratch *s);
/* For that: a head with no fields and no body; until the next call. */
struct http_head *exchange_own_head(unsigned status);
/* x, otherwise empty, asks that backend what `of` asks. */
void exchange_copy(struct exchange *x, const struct exchange *of, uint32_t backend);
/* From the table again, after a while; not when all endpoints were tried, then all once more. */
void exchange_ask_anew(struct exchange *x);

/* By legs. */
void exchange_connected(struct exchange *x);
void exchange_answer(struct exchange *x, struct http_head *h);
bool exchange_answer_full(const struct exchange *x);
void exchange_answer_body(struct exchange *x, const char *p, size_t n);
void exchange_answer_flush(struct exchange *x); /* no more for now */
void exchange_answer_end(struct exchange *x, const struct http_header *trailers, size_t n);
void exchange_leg_room(struct exchange *x);
void exchange_trouble(struct exchange *x, enum leg_trouble what);
/* Something moved in either direction: stalls are counted from here. */
void exchange_moved(struct exchange *x);

/* ---- which rule (proxy_match.c) ----------------------------------------------------------------
 */

struct request {                               /* what rules look at */
	struct span method, host, path, query; /* host in lower case without port, path decoded */
	const struct http_head *head;
};
/* A request's path made comparable: percent-decoded, with a NUL that size counts. False for what
 * two servers could read differently: bad escapes, encoded slashes, backslashes and NUL, dot
 * segments, empty segments inside. */
bool match_path(struct span raw, char *out, size_t size, size_t *n);
/* The listener of a port for that host (or SNI): the most specific one; NULL: none. */
const struct table_listener *match_listener(const struct table_port *p, struct span host);
/* Of a listener of TLS, TCP or UDP: what its rule for that name says; NULL: nothing is there. */
const struct table_action *proxy_action(const struct table_listener *l, const char *sni);
bool match_host(struct span pattern, struct span host, bool one_label);
/* The rule for a request; NULL: none. */
const struct table_rule *match_rule(const struct table_listener *l, const struct request *r);

/* ---- heads edited (proxy_filter.c, proxy_policy.c, proxy_head.c) --------------------------------
 */

/* What the action's filters and policy make of a request. False: it was answered, or waits. */
bool filter_request(struct exchange *x, struct http_head *h, struct scratch *s);
/* The filters of the backend that was chosen. */
bool filter_choice(struct exchange *x, struct http_head *h, struct scratch *s);
/* The same of an answer on its way down. */
void filter_answer(struct exchange *x, struct http_head *h, struct scratch *s);

/* name must live as long as the head is looked at; value is copied to s. */
void head_set(struct http_head *h, struct scratch *s, struct span name, struct span value);
void head_add(struct http_head *h, struct scratch *s, struct span name, struct span value);
void head_remove(struct http_head *h, struct span name);
struct span scratch_text(struct scratch *s, const char *p, size_t n);
struct span scratch_printf(struct scratch *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct scratch *scratch_take(void); /* emptied; until the next call */

/* A request's head made one for the next hop: without fields of one hop (RFC 9110 7.6.1) and what
 * clients say of themselves, with what the next hop has to know about the client. */
void head_forward(struct http_head *h, const struct exchange *x, struct scratch *s);
/* As text, appended. */
void head_request(struct buf *out, const struct http_head *h);
void head_fields(struct buf *out, const struct http_head *h);
void head_chunk(struct buf *out, size_t n); /* the line before a chunk of n bytes */
/* The end of a body in chunks. */
void head_last_chunk(struct buf *out, const struct http_header *trailers, size_t n);
/* Fields of one hop are taken out of h: an answer is then for any front. */
void head_strip(struct http_head *h);

/* ---- another try (proxy_retry.c), copies (proxy_mirror.c) ---------------------------------------
 */

/* May it be tried again, after an answer with that status, or after none (0)? */
bool retry_may(const struct exchange *x, unsigned status);
void retry_begin(struct exchange *x); /* waits first */

void mirrors_begin(struct exchange *x); /* x->head is written */
void mirrors_body(struct exchange *x, const char *p, size_t n);
void mirrors_end(struct exchange *x, const struct http_header *trailers, size_t n);
bool mirrors_full(const struct exchange *x);
void mirrors_cut(struct exchange *x); /* there will be no more of the body */

/* ---- endpoints (proxy_peer.c) -------------------------------------------------------------------
 */

struct peer { /* counted by its legs and idle connections; looked up by backend uid and endpoint */
	uint64_t backend_uid;
	struct endpoint at;
	unsigned refs, busy; /* requests under way */
	unsigned failures;   /* in a row */
	uint64_t resting_until;
	struct list idle;  /* of connections, proxy_leg_h1.c's */
	struct list multi; /* connections of HTTP/2, proxy_leg_h2.c's */
	uint64_t mark;     /* proxy_peer.c's */
};
/* One of the backend's endpoints that was not tried yet: the less busy of two taken at random,
 * those that rest last. NULL: none is left. hash: with affinity, 0 without. */
struct peer *peer_choose(const struct table_backend *b, const struct exchange *x, uint64_t hash);
/* The same for whoever is no exchange: tried are those that were. */
struct peer *peer_choose_from(const struct table_backend *b, const struct endpoint *tried,
                              unsigned n_tried, uint64_t hash);
/* One of the action's, by weight; NULL: none has any. */
const struct table_choice *choose_by_weight(const struct table_action *a);
struct peer *peer_ref(struct peer *p);
void peer_unref(struct peer *p);
/* It could not be reached, or broke off: it rests for a while. */
void peer_failed(struct peer *p);
void peer_worked(struct peer *p);
/* Idle connections to endpoints that are gone are closed. */
void peers_changed(void);

/* A try is begun: x->head and what is kept of the body go up. NULL: not even begun. */
struct leg *leg_h1_begin(struct exchange *x, struct peer *p, const struct table_backend *b,
                         bool fresh);
void leg_h1_close_idle(struct peer *p);
struct leg *leg_h2_begin(struct exchange *x, struct peer *p, const struct table_backend *b);
void leg_h2_leave(struct peer *p); /* its connections take no more requests */

/* ---- clients
 * ------------------------------------------------------------------------------------- */

/* A connection that speaks HTTP/1.1; takes fd and tls (NULL: in clear). What was read of it already
 * comes along. */
void h1_new(int fd, struct tls *tls, const struct arrival *a, const void *read, size_t n);
/* One whose bytes go as they are to a backend of l's rule for a->sni, and back (proxy_tcp.c). With
 * tls, the backend is asked when the handshake is done. */
void tcp_new(int fd, struct tls *tls, const struct arrival *a, const struct table_listener *l,
             const void *read, size_t n);
/* One that begins with a ClientHello (proxy_hello.c); and what is ended here, once it was read. */
void hello_new(int fd, const struct arrival *a, const void *read, size_t n);
struct tls_hello;
void secure_begin(int fd, const struct arrival *a, const struct table_listener *l,
                  const struct tls_hello *h, const void *read, size_t n);
/* One that begins with a PROXY header, if it comes from where those are believed (proxy_knock.c).
 */
void knock_new(int fd, const struct arrival *a);
/* Whatever it is, by what its port serves. Takes fd, like all of these. (proxy_client.c) */
void client_begin(int fd, const struct arrival *a, const void *read, size_t n);
/* It ends at once, and the client sees that. */
void client_reset(int fd);

/* Every connection of a client, whatever it speaks (proxy_client.c). */
unsigned clients_open(void);
/* Draining: those between two requests are closed, the others finish. */
struct client {
	struct list in_all, in_idle;
	bool idle;
	void (*drain)(struct client *c);
	void (*close)(struct client *c); /* it is idle, and others need its place */
};
/* One that waits for its client: for a request, for the rest of a head, to have gone. */
void client_idle(struct client *c, bool idle);
/* False: there are CLIENTS_MAX, all of them busy. The one that is idle longest makes room. */
bool client_has_room(void);
void client_joins(struct client *c); /* counts it in */
void client_leaves(struct client *c);
void clients_drain(void);
/* One that is handed from one form to another is not gone meanwhile. */
void clients_stay(int more);
/* proxy_dial.c: a socket on its way there; -errno. */
int dial(const struct endpoint *at, int type);
/* Says who the client is, in a PROXY header: before anything else on that connection. */
bool dial_tell(int fd, unsigned version, const struct arrival *a);
