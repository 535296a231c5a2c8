/* api_conn.h - one connection of the API, as the three files that serve it see it: api_conn.c (the
 * table, its events, the end of a turn), api_conn_read.c (requests), api_conn_write.c (answers and
 * streams). */
#pragma once

#include <knetd/loop.h>

#include "api.h"

#define HEAD_MS 10000 /* for a whole head */
#define BODY_MS 60000 /* for a whole body */
#define IDLE_MS 300000
#define WRITE_MS 30000 /* without progress */

enum phase { FREE, READ_HEAD, READ_BODY, HELD, WRITE, STREAM, LINGER };

struct conn {
	struct event ev;
	struct timer timer;
	enum phase phase;
	bool tcp, keep_alive, refused, ended;
	unsigned uid;
	struct buf in, body; /* bytes as they came; a chunked body decoded */
	struct http_head head;
	size_t head_n;
	struct http_chunked chunked;
	struct buf out; /* head of the answer, or a stream's bytes */
	struct http_answer answer;
	size_t sent;       /* of out and the answer's body */
	size_t stream_max; /* of out: STREAM_MAX over what the stream began with */
	size_t thrown_away;
	struct watch *watch;
};

void conn_close(struct conn *c);

/* Bytes are there; in phase READ_HEAD or READ_BODY. */
void conn_read(struct conn *c);
/* Serves what was read behind the last request, if anything. */
void conn_next_request(struct conn *c);

/* The answer is made and in force: lets it go. */
void conn_flush(struct conn *c);
void conn_write(struct conn *c);
/* False: no stream, the answer was made. */
bool conn_begin_stream(struct conn *c, struct call *call);
void conn_stream_write(struct conn *c);
void conn_throw_away(struct conn *c);
