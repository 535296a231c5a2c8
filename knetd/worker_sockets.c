/* worker_sockets.c - see worker_sockets.h. The control process always sends all sockets there shall
 * be; which of them are here already the kernel's cookies tell. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker_sockets.h"

static struct {
	bool any; /* a LISTEN waits for its FLUSH */
	unsigned n;
	int fds[WORKER_SOCKETS];
	uint64_t cookies[WORKER_SOCKETS];
} staged;

static bool untold[WORKER_SOCKETS]; /* by place */

static int get_int(int fd, int level, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, option, &value, &len) < 0 ? -1 : value;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static struct endpoint local_endpoint(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	socklen_t len = sizeof(at);
	struct endpoint out = { 0 };

	getsockname(fd, &at.any, &len);
	ip_of_sockaddr(&out.ip, &at.any);
	out.port = ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
	if (at.any.sa_family == AF_INET6 && get_int(fd, SOL_IPV6, IPV6_V6ONLY) == 0 &&
	    ip_is_any(&out.ip))
		out.ip = (struct ip){ 0 };
	return out;
}

static void put_socket(struct worker_socket *s, int fd, uint64_t cookie, uint32_t id)
{
	*s = (struct worker_socket){
		.fd = fd,
		.stream = get_int(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM,
		.at = local_endpoint(fd),
		.id = id,
		.cookie = cookie,
	};
	s->port = s->at.port;
}

void worker_sockets_find(struct worker *w, int first)
{
	for (int fd = first; w->n_sockets < WORKER_SOCKETS; fd++) {
		if (get_int(fd, SOL_SOCKET, SO_TYPE) < 0)
			return;
		untold[w->n_sockets] = true;
		put_socket(&w->sockets[w->n_sockets], fd, cookie_of(fd), w->n_sockets);
		w->n_sockets++;
	}
}

/* ---- others --------------------------------------------------------------------------------- */

void worker_sockets_unstage(void)
{
	while (staged.n)
		close(staged.fds[--staged.n]);
	staged.any = false;
}

void worker_sockets_stage(const int *fds, unsigned n)
{
	worker_sockets_unstage();
	staged.any = true;
	for (; staged.n < n; staged.n++) {
		staged.fds[staged.n] = fds[staged.n];
		staged.cookies[staged.n] = cookie_of(fds[staged.n]);
	}
}

/* Takes it out of those that are staged; its second descriptor is closed. */
static bool take_staged(uint64_t cookie)
{
	for (unsigned i = 0; i < staged.n; i++) {
		if (staged.cookies[i] != cookie)
			continue;
		close(staged.fds[i]);
		staged.n--;
		staged.fds[i] = staged.fds[staged.n];
		staged.cookies[i] = staged.cookies[staged.n];
		return true;
	}
	return false;
}

static void leave(struct worker *w, struct worker_socket *s,
                  void (*closing)(struct worker *w, struct worker_socket *s))
{
	if (closing && !untold[s - w->sockets])
		closing(w, s);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void worker_sockets_leave(struct worker *w,
                          void (*closing)(struct worker *w, struct worker_socket *s))
{
	for (unsigned i = 0; staged.any && i < w->n_sockets; i++)
		if (w->sockets[i].fd >= 0 && !take_staged(w->sockets[i].cookie))
			leave(w, &w->sockets[i], closing);
}

static unsigned free_place(struct worker *w)
{
	unsigned i = 0;

	while (i < w->n_sockets && w->sockets[i].fd >= 0)
		i++;
	if (i == w->n_sockets)
		w->sockets[w->n_sockets++].id = i - WORKER_SOCKETS;
	return i;
}

/* There is room: those that stayed were taken out of what is staged. */
void worker_sockets_arrive(struct worker *w)
{
	for (unsigned i = 0; i < staged.n; i++) {
		unsigned place = free_place(w);
		struct worker_socket *s = &w->sockets[place];

		put_socket(s, staged.fds[i], staged.cookies[i], s->id + WORKER_SOCKETS);
		untold[place] = true;
	}
	staged.n = 0;
	staged.any = false;
}

int worker_sockets_tell(struct worker *w,
                        int (*listening)(struct worker *w, struct worker_socket *s, struct err *e),
                        struct err *e)
{
	for (unsigned i = 0; i < w->n_sockets; i++) {
		int ret;

		if (!untold[i])
			continue;
		untold[i] = false;
		ret = listening && w->sockets[i].fd >= 0 ? listening(w, &w->sockets[i], e) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

void worker_sockets_close(struct worker *w,
                          void (*closing)(struct worker *w, struct worker_socket *s))
{
	for (unsigned i = 0; i < w->n_sockets; i++)
		if (w->sockets[i].fd >= 0)
			leave(w, &w->sockets[i], closing);
}

/* ---- for roles ------------------------------------------------------------------------------ */

/* An id is a place and how often it was given away. */
struct worker_socket *worker_socket(struct worker *w, uint32_t id)
{
	struct worker_socket *s = &w->sockets[id % WORKER_SOCKETS];

	return id % WORKER_SOCKETS < w->n_sockets && s->fd >= 0 && s->id == id ? s : NULL;
}

/* A kernel without IPv6 gave "any address" an IPv4 socket. */
bool worker_socket_is(const struct worker_socket *s, const struct endpoint *at, bool stream)
{
	if (s->fd < 0 || s->stream != stream || s->at.port != at->port)
		return false;
	return ip_equal(&s->at.ip, &at->ip) ||
	       (!at->ip.len && s->at.ip.len == 4 && ip_is_any(&s->at.ip));
}
