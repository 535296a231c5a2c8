/* client.h - knetctl's side of the daemon's socket: one request, one connection. */
#pragma once

#include <stdbool.h>

#include <knetd/buf.h>
#include <knetd/err.h>

struct ctl_request {
	const char *socket;        /* path */
	const char *method, *path; /* path with its query */
	const char *accept;        /* NULL: JSON */
	const char *type;          /* of the body */
	const char *body;
	size_t body_len;
};
struct ctl_answer {
	unsigned status;
	struct buf body;
};

/* False: no more is wanted. */
typedef bool ctl_sink(void *arg, const char *p, size_t n);

/* The whole answer. What the daemon warns of is printed to standard error. Fails only when there is
 * no answer; the error then says what to do. */
int client_call(const struct ctl_request *r, struct ctl_answer *out, struct err *e);
/* The body of an answer of 200 piece by piece, as it comes, without an end to waiting; any other
 * answer goes to out. */
int client_stream(const struct ctl_request *r, struct ctl_answer *out, ctl_sink *sink, void *arg,
                  struct err *e);

/* Takes bytes as they come from a socket. Pure; the fuzzer feeds it too. */
struct ctl_reader;
struct ctl_reader *ctl_reader_new(struct ctl_answer *out, ctl_sink *sink, void *arg);
void ctl_reader_free(struct ctl_reader *r);
/* 1 the answer is whole, 0 more is needed, or -EPROTO, -EMSGSIZE. n = 0: the peer has closed. */
int ctl_reader_feed(struct ctl_reader *r, const char *p, size_t n);
