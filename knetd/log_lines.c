/* log_lines.c - see log_lines.h */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <knetd/log_lines.h>

void log_lines_flush(struct log_lines *l)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (l->n && (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT) ||
	             write(STDERR_FILENO, l->text, l->n) != (ssize_t)l->n))
		*l->lost += l->lines;
	l->n = l->lines = 0;
}

void log_lines_add(struct log_lines *l, const char *line, size_t n)
{
	if (n > LOG_LINE_MAX) {
		++*l->lost;
		return;
	}
	if (l->n + n + 4 > sizeof(l->text))
		log_lines_flush(l);
	if (!isatty(STDERR_FILENO)) {
		memcpy(l->text + l->n, "<6>", 3);
		l->n += 3;
	}
	memcpy(l->text + l->n, line, n);
	l->n += n;
	l->text[l->n++] = '\n';
	l->lines++;
}
