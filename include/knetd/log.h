/* log.h - one event, one line, to standard error, with the kernel's <N> level prefix when standard
 * error is not a terminal (systemd reads it). errno is kept. Never called from plan or parser code.
 */
#pragma once

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DBG, LOG_LEVELS };
extern const char *const log_level_name[LOG_LEVELS]; /* as configured: "err", "debug" */

void log_set_level(enum log_level level);
enum log_level log_level(void);
bool log_enabled(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_err(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_dbg(...) log_line(LOG_LEVEL_DBG, __VA_ARGS__)

/* True at most once a second per call site: for lines that a peer can cause. */
struct log_rate {
	long last; /* CLOCK_MONOTONIC seconds */
};
bool log_may(struct log_rate *rate);
