/* api_conn.h - one connection of the API, as the files that serve it see it: api_conn.c (which are
 * open, their events, the end of a turn), api_conn_read.c (requests), api_conn_write.c (answers and
 * streams), api_guard.c (who may). */
#pragma once

#include <sys/uio.h>

#include <knetd/list.h>
#include <knetd/loop.h>

#include <knetd/tls.h>

#include "api.h"

#define CONNS_MAX 2048 /* of each door: none can take another's places */
#define HEAD_MS 10000  /* for a whole head */
#define BODY_MS 60000  /* for a whole body */
#define IDLE_MS 300000
#define WRITE_MS 30000         /* without progress */
#define WRITE_TOTAL_MS 600000  /* for a whole answer */
#define BODY_SMALL (64 * 1024) /* always accepted */
#define BODIES_MAX (256 << 20) /* bytes of larger bodies being read at one time */

/* ASIDE: read, and served when what this turn has written is durable. HELD: served, and answered
 * when that is durable and in force. */
enum phase { CLOSED, READ_HEAD, READ_BODY, ASIDE, HELD, WRITE, STREAM, LINGER };

struct conn {
	struct event ev;
	struct timer timer;
	struct list in_all, in_work; /* in_work: aside, held, ready to stream, or dead */
	enum phase phase;
	enum http_door door;
	unsigned uid;
	struct tls *tls; /* of that door alone */
	bool keep_alive, refused, ended, urgent, plain_stream;
	bool rests;          /* its answer rests on what is not flushed yet */
	struct buf in, body; /* bytes as they came; a chunked body decoded */
	/* Of the request being read or answered; its spans are parsed anew when it is whole. */
	size_t head_n, length, reserved;
	enum http_body body_kind;
	char method[8]; /* longer ones are cut: no verb of ours is */
	struct http_chunked chunked;
	struct buf out; /* head of the answer, or a stream's bytes */
	struct http_answer answer;
	size_t sent; /* of out and the answer's body */
	size_t thrown_away;
	uint64_t write_end; /* loop_now() by which the answer has to be out */
	struct watch *watch;
};

bool conns_leaving(void);        /* another binary takes over: no client is to ask again here */
void conn_close(struct conn *c); /* c stays readable, as CLOSED, until the turn ends */

/* As recv and sendmsg, never blocking, through whatever the door puts between. */
ssize_t conn_recv(struct conn *c, void *p, size_t n);
ssize_t conn_send(struct conn *c, struct iovec *iov, int n);

/* The request is read: it is served when the turn's writes are durable. */
void conn_put_aside(struct conn *c);
bool conn_unsent(const struct conn *c); /* bytes that conn_send took wait for the socket */

/* The answer is made: it leaves when the turn ends. */
void conn_hold(struct conn *c);
/* Has bytes of its stream to send when the turn ends. */
void conn_stream_ready(struct conn *c);

/* Bytes are there; in phase READ_HEAD or READ_BODY. */
void conn_read(struct conn *c);
/* Serves what was read behind the last request, if anything. */
void conn_next_request(struct conn *c);
/* Serves what was put aside. */
void conn_serve_aside(struct conn *c);
/* What the request reserved and keeps in memory is given back. */
void conn_forget_request(struct conn *c);

/* Each door has a share of every turn; what goes beyond waits for the next one. */
bool conn_may(const struct conn *c);
uint64_t conn_work_begin(void);
void conn_work_end(const struct conn *c, uint64_t begun);

/* The answer is made and in force: lets it go. */
void conn_flush(struct conn *c);
void conn_write(struct conn *c);
/* False: no stream, the answer was made. */
bool conn_begin_stream(struct conn *c, struct call *call);
void conn_stream_write(struct conn *c);
void conn_throw_away(struct conn *c);

/* Who calls, and whether the request may be served at all: else the status to refuse it with, and
 * why. */
unsigned guard_check(const struct conn *c, const struct http_head *head, struct http_caller *by,
                     const char **why);
