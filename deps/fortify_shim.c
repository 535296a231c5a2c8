/* fortify_shim.c - libmnl.a and libnftnl.a are Debian's, compiled against glibc with fortification,
 * on 32-bit machines with 64-bit time. These are the only glibc symbols they need that musl has not
 * (check-symbols.sh holds that true). */
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

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

#if __SIZEOF_POINTER__ == 4
/* glibc's names of the calls whose structures hold a 64-bit time, which musl's always do. What
 * libmnl hands over agrees: struct msghdr has four-byte lengths in both. */
_Static_assert(sizeof(struct msghdr) == 28 && sizeof(time_t) == 8, "as in glibc");

ssize_t __recvmsg64(int fd, struct msghdr *m, int flags);
int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len);
int __setsockopt64(int fd, int level, int name, const void *value, socklen_t len);

ssize_t __recvmsg64(int fd, struct msghdr *m, int flags)
{
	return recvmsg(fd, m, flags);
}

int __getsockopt64(int fd, int level, int name, void *value, socklen_t *len)
{
	return getsockopt(fd, level, name, value, len);
}

int __setsockopt64(int fd, int level, int name, const void *value, socklen_t len)
{
	return setsockopt(fd, level, name, value, len);
}
#endif
