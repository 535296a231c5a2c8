/* fortify_shim.c - libmnl.a and libnftnl.a are Debian's, compiled against glibc with fortification.
 * These are the only two glibc symbols they need that musl has not (check-symbols.sh holds that
 * true). */
#include <stdarg.h>
#include <stdio.h>

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
int __snprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, ...);

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = vfprintf(f, fmt, ap);
	va_end(ap);
	return n;
}

int __snprintf_chk(char *buf, size_t n, int flag, size_t size, const char *fmt, ...)
{
	va_list ap;
	int ret;

	(void)flag;
	if (n > size) /* what glibc's fortification is for */
		__builtin_trap();
	va_start(ap, fmt);
	ret = vsnprintf(buf, n, fmt, ap);
	va_end(ap);
	return ret;
}
