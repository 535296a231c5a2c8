/* log_lines.h - many lines for standard error at once, of those that may be lost: queries,
 * requests. Nothing waits: what standard error does not take at once is lost, and counted. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LOG_LINES_BYTES 4096 /* a pipe takes so many whole when it takes any (PIPE_BUF) */
#define LOG_LINE_MAX (LOG_LINES_BYTES - 4)

struct log_lines {
	uint64_t *lost;
	size_t n, lines;
	char text[LOG_LINES_BYTES];
};
/* At most LOG_LINE_MAX bytes, without a newline. */
void log_lines_add(struct log_lines *l, const char *line, size_t n);
void log_lines_flush(struct log_lines *l);
