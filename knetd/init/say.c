/* say.c - the console's lines: "init:", the seconds since the start of the kernel, and what is. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

void init_say(const char *format, ...)
{
	char text[400];
	struct timespec t;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	clock_gettime(CLOCK_BOOTTIME, &t);
	dprintf(STDERR_FILENO, "init: %ld.%03ld %s\n", (long)t.tv_sec, t.tv_nsec / 1000000, text);
}
