/* err.h - an error is a code and one sentence.
 *
 * It is made where the fact is known, given context on the way up, and printed once, at the edge:
 * main, the sync runner, an HTTP reply, a closing connection. Functions return 0 or -errno and fill
 * the caller's struct err only when they fail.
 */
#pragma once

struct err {
	int code; /* a positive errno, 0 when nothing failed */
	char text[240];
};

/* Sets code and sentence; returns -code, so that `return err_set(e, ENOENT, ...)` reads well.
 * e may be NULL. A sentence that does not fit is cut with "...". */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the sentence; returns -e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
