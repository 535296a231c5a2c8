/* proxy_dial.c - a socket on its way to an endpoint. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <knetd/auto.h>

#include "proxy.h"
#include "proxy_header.h"

static socklen_t dial_address(const struct endpoint *at, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (at->ip.len == 16) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(at->port);
		memcpy(&v6->sin6_addr, at->ip.b, 16);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(at->port);
	memcpy(&v4->sin_addr, at->ip.b, 4);
	return sizeof(*v4);
}

int dial(const struct endpoint *at, int type)
{
	struct sockaddr_storage to;
	socklen_t n = dial_address(at, &to);
	auto_close int fd = socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	if (connect(fd, (struct sockaddr *)&to, n) < 0 && errno != EINPROGRESS)
		return -errno;
	return TAKE_FD(fd);
}

/* Into an empty socket that few bytes always fit. */
bool dial_tell(int fd, unsigned version, const struct arrival *a)
{
	char header[PROXY_HEADER_MADE];
	struct endpoint at = arrival_at(a);
	size_t n = proxy_header_make(version, &a->from, &at, header);

	return send(fd, header, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}
