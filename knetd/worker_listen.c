/* worker_listen.c - see worker_listen.h */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sock_diag.h>

#include <knetd/auto.h>

#include "worker_listen.h"

#define BACKLOG 4096          /* connections waiting while a worker is busy or started again */
#define UDP_RECEIVE (1 << 20) /* bytes of datagrams waiting, likewise */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_len(const union address *at)
{
	return at->any.sa_family == AF_INET ? sizeof(at->v4) : sizeof(at->v6);
}

static union address address_of(const struct worker_listen *l, int family)
{
	union address at;

	memset(&at, 0, sizeof(at));
	at.any.sa_family = family;
	if (family == AF_INET) {
		at.v4.sin_port = htons(l->at.port);
		memcpy(&at.v4.sin_addr, l->at.ip.b, 4);
	} else {
		at.v6.sin6_port = htons(l->at.port);
		memcpy(&at.v6.sin6_addr, l->at.ip.b, 16);
	}
	return at;
}

static int set_flag(int fd, int level, int option)
{
	return setsockopt(fd, level, option, &(int){ 1 }, sizeof(int)) < 0 ? -errno : 0;
}

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, option, &value, &len) < 0 ? -1 : value;
}

static bool is_wildcard(const struct worker_listen *l)
{
	static const uint8_t zero[16];

	return !memcmp(l->at.ip.b, zero, l->at.ip.len);
}

/* What must be set before bind. */
static int set_options(int fd, const struct worker_listen *l, int family)
{
	bool v6 = family == AF_INET6;
	int level = v6 ? SOL_IPV6 : SOL_IP, ret = set_flag(fd, SOL_SOCKET, SO_REUSEPORT);

	if (!ret && l->stream)
		ret = set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	if (!ret && v6)
		ret = setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &(int){ l->at.ip.len == 16 },
		                 sizeof(int)) < 0
		              ? -errno
		              : 0;
	if (!ret && l->transparent)
		ret = set_flag(fd, level, v6 ? IPV6_FREEBIND : IP_FREEBIND);
	/* an answer must leave from the address that was asked */
	if (!ret && !l->stream && is_wildcard(l))
		ret = set_flag(fd, level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
	if (!l->stream &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ UDP_RECEIVE }, sizeof(int)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ UDP_RECEIVE }, sizeof(int));
	return ret;
}

static int open_family(const struct worker_listen *l, int family)
{
	int type = (l->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	union address at = address_of(l, family);
	auto_close int fd = socket(family, type, 0);
	int ret;

	if (fd < 0)
		return -errno;
	ret = set_options(fd, l, family);
	if (ret)
		return ret;
	if (bind(fd, &at.any, address_len(&at)) < 0 || (l->stream && listen(fd, BACKLOG) < 0))
		return -errno;
	return TAKE_FD(fd);
}

const char *worker_listen_text(const struct worker_listen *l, char out[static WORKER_LISTEN_TEXT])
{
	char ip[IP_TEXT];

	snprintf(out, WORKER_LISTEN_TEXT, "listen on %s port %u (%s)",
	         l->at.ip.len ? ip_text(&l->at.ip, ip) : "*", l->at.port,
	         l->stream ? "TCP" : "UDP");
	return out;
}

/* A kernel without IPv6 gives "any address" an IPv4 socket. */
static int open_one(const struct worker_listen *l)
{
	int fd = open_family(l, l->at.ip.len == 4 ? AF_INET : AF_INET6);

	return fd == -EAFNOSUPPORT && l->at.ip.len == 0 ? open_family(l, AF_INET) : fd;
}

static bool fits(int fd, const struct worker_listen *l)
{
	union address have, want;
	socklen_t len = sizeof(have);

	memset(&have, 0, sizeof(have));
	if (getsockname(fd, &have.any, &len) < 0 ||
	    get_int(fd, SOL_SOCKET, SO_TYPE) != (l->stream ? SOCK_STREAM : SOCK_DGRAM))
		return false;
	if (have.any.sa_family != AF_INET && have.any.sa_family != AF_INET6)
		return false;
	if (l->at.ip.len && (l->at.ip.len == 4) != (have.any.sa_family == AF_INET))
		return false;
	if (have.any.sa_family == AF_INET6 &&
	    get_int(fd, SOL_IPV6, IPV6_V6ONLY) != (l->at.ip.len == 16))
		return false;
	want = address_of(l, have.any.sa_family);
	return !memcmp(&have, &want, address_len(&want));
}

bool worker_listen_same(const struct worker_listen *a, const struct worker_listen *b)
{
	return endpoint_equal(&a->at, &b->at) && a->stream == b->stream &&
	       a->transparent == b->transparent;
}

/* -1 when there is none. A deaf datagram socket's address is not what it was: `was` is. */
static int take_fitting(struct worker_set *have, const struct worker_listen *was,
                        const struct worker_listen *l)
{
	for (unsigned i = 0; i < have->n; i++) {
		int fd = have->fds[i];

		if (was ? !worker_listen_same(&was[have->wanted[i]], l) : !fits(fd, l))
			continue;
		have->n--;
		have->fds[i] = have->fds[have->n];
		have->wanted[i] = have->wanted[have->n];
		return fd;
	}
	return -1;
}

unsigned worker_set_change(struct worker_set *set, const struct worker_listen *was,
                           const struct worker_listen *listen, unsigned n, int *trouble,
                           struct worker_set *spare, struct worker_set *left)
{
	unsigned opened = 0;

	*left = *set;
	set->n = 0;
	for (unsigned i = 0; i < n; i++) {
		int fd = take_fitting(left, was, &listen[i]);

		if (fd < 0)
			fd = take_fitting(spare, NULL, &listen[i]);
		if (fd < 0) {
			fd = open_one(&listen[i]);
			opened += fd >= 0;
		}
		if (fd < 0) {
			trouble[i] = fd;
			continue;
		}
		set->wanted[set->n] = (uint8_t)i;
		set->fds[set->n++] = fd;
	}
	return opened;
}

/* A listener that is shut gives what waits to the others (see worker_birth.c). A connected datagram
 * socket hears its peer alone: here nobody, at the discard port of its own address. */
static void deafen(int fd)
{
	union address at;
	socklen_t len = sizeof(at);

	memset(&at, 0, sizeof(at));
	if (get_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM) {
		shutdown(fd, SHUT_RD);
	} else if (getsockname(fd, &at.any, &len) == 0) {
		at.v4.sin_port = htons(9); /* sin6_port lies at the same place */
		(void)connect(fd, &at.any, len);
	}
}

void worker_set_deafen(const struct worker_set *set)
{
	for (unsigned i = 0; i < set->n; i++)
		deafen(set->fds[i]);
}

/* A datagram socket that was connected once has left the others for good, and a new one would join
 * it instead of them: it must be gone first. When there is none to be had, an unbound one stays. */
static void renew(int fd, const struct worker_listen *l)
{
	auto_close int unbound = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fresh = -1;

	if (unbound < 0 || dup3(unbound, fd, O_CLOEXEC) < 0)
		return;
	fresh = open_one(l);
	if (fresh >= 0)
		dup3(fresh, fd, O_CLOEXEC);
}

void worker_set_hear(const struct worker_set *set, const struct worker_listen *wanted)
{
	for (unsigned i = 0; i < set->n; i++) {
		const struct worker_listen *l = &wanted[set->wanted[i]];

		if (l->stream)
			(void)listen(set->fds[i], BACKLOG);
		else
			renew(set->fds[i], l);
	}
}

uint64_t worker_set_dropped(const struct worker_set *set)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < set->n; i++) {
		uint32_t info[SK_MEMINFO_VARS] = { 0 };
		socklen_t len = sizeof(info);

		if (get_int(set->fds[i], SOL_SOCKET, SO_TYPE) == SOCK_DGRAM &&
		    getsockopt(set->fds[i], SOL_SOCKET, SO_MEMINFO, info, &len) == 0)
			sum += info[SK_MEMINFO_DROPS];
	}
	return sum;
}

void worker_set_close(struct worker_set *set)
{
	while (set->n)
		close(set->fds[--set->n]);
}
