/* health_door.h - a very small HTTP server for those who ask whether something is well: one request
 * a connection, answers of a page. A door is one listening socket. Bounded: HEALTH_CONNS
 * connections at all doors together, each for a few seconds; the newest gets in, the oldest leaves.
 */
#pragma once

#include <stdint.h>

#include <knetd/http.h>
#include <knetd/ip.h>
#include <knetd/list.h>
#include <knetd/loop.h>

#define HEALTH_CONNS 128
#define HEALTH_HEAD_MAX 4096 /* bytes of a request; a body is not looked at */

struct health_answer {
	unsigned status;
	char headers[128]; /* further lines, each with its CRLF */
	char body[1024];   /* JSON */
};

struct health_door {
	struct event ev;
	struct list in_doors;
	/* For any method; path is without its query. */
	void (*answer)(const struct health_door *door, struct span path, struct health_answer *out);
	bool (*open_at)(const struct ip *ip); /* the node's address that was come to; NULL: any */
};

/* at->ip.len 0: all addresses of both families. The functions are set; the rest is made. */
int health_door_open(struct health_door *door, const struct endpoint *at, struct err *e);
/* Once: doors, and who waits there, pass to the binary that takes over from this one. */
void health_doors_start(void);
void health_door_close(struct health_door *door); /* with its connections */
