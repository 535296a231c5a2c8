/* log.c - see log.h */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <knetd/log.h>

#define LINE_MAX_BYTES 1024

const char *const log_level_name[LOG_LEVELS] = { "err", "warn", "info", "debug" };

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

enum log_level log_level(void)
{
	return threshold;
}

bool log_enabled(enum log_level level)
{
	return level <= threshold;
}

/* One write(2) a line, so that lines of several processes do not mix. */
void log_line(enum log_level level, const char *fmt, ...)
{
	static const char prefix[][4] = { "<3>", "<4>", "<6>", "<7>" };
	char line[LINE_MAX_BYTES];
	int saved = errno, n = 0, m;
	va_list ap;

	if (!log_enabled(level))
		return;
	if (!isatty(STDERR_FILENO))
		n = snprintf(line, sizeof(line), "%s", prefix[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n += m < 0 ? 0 : m;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0) {
		/* nowhere left to tell it */
	}
	errno = saved;
}

bool log_may(struct log_rate *rate)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (rate->last && now.tv_sec <= rate->last)
		return false;
	rate->last = now.tv_sec;
	return true;
}
