/* proxy_udp.c - datagrams of UDPRoutes. What one client sends to one address of ours is a session:
 * a socket of its own towards one endpoint, so that answers find back, and leave from the address
 * that was asked.
 *
 * There are SESSIONS_MAX. When one more is wanted the one that was silent longest goes: first of
 * those that were never answered, so a flood of made-up senders drives out itself. A session lives
 * while its route and its endpoint do; a datagram behind that begins another. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "proxy.h"
#include "proxy_udp.h"

#define SESSIONS_MAX 8192
#define UNANSWERED_MS 30000
#define ANSWERED_MS 120000
#define SWEEP_MS 1000
#define BATCH 32
#define BATCHES 8 /* in one go */
#define DATAGRAM_MAX 65536
#define CONTROL_MAX 64

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct flow_key { /* no padding: it is hashed as bytes */
	uint32_t door;
	union address from;
	uint8_t to[16]; /* all zero where the door has one address */
};
struct session {
	struct flow_key key;
	struct event ev;
	struct grave grave;
	struct list by_age; /* among those that were answered, or the others; newest last */
	int door;
	uint8_t control[CONTROL_MAX]; /* for answers: the address they leave from */
	size_t control_len;
	uint32_t backend;
	uint64_t backend_uid;
	struct peer *peer;
	uint64_t used, checked;
	bool answered, dead;
};

static struct map sessions;
static struct list lists[2] = { LIST_INIT(lists[0]), LIST_INIT(lists[1]) }; /* [answered] */
static unsigned n_sessions;
static uint64_t epoch = 1; /* of the tables */

static struct {
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	union address from[BATCH];
	_Alignas(8) uint8_t control[BATCH][CONTROL_MAX];
	char data[BATCH][DATAGRAM_MAX];
} batch;

/* ---- the end -------------------------------------------------------------------------------- */

static void session_free(struct grave *g)
{
	free(container_of(g, struct session, grave));
}

static void end(struct session *s)
{
	if (s->dead)
		return;
	s->dead = true;
	map_del(&sessions, &s->key, sizeof(s->key));
	list_del(&s->by_age);
	n_sessions--;
	loop_del(&s->ev);
	close(s->ev.fd);
	s->peer->busy--;
	peer_unref(s->peer);
	bury(&s->grave, session_free);
}

static void failed(struct session *s)
{
	count_up(COUNT_UPSTREAM_ERRORS);
	peer_failed(s->peer);
	end(s);
}

static struct session *oldest(bool answered)
{
	struct list *l = &lists[answered];

	return list_empty(l) ? NULL : container_of(l->next, struct session, by_age);
}

static void sweep(struct timer *t)
{
	struct session *s;

	while ((s = oldest(false)) && s->used + UNANSWERED_MS <= loop_now())
		end(s);
	while ((s = oldest(true)) && s->used + ANSWERED_MS <= loop_now())
		end(s);
	if (n_sessions)
		timer_set(t, SWEEP_MS);
}

static struct timer sweeper = { .fn = sweep };

static void touch(struct session *s)
{
	s->used = loop_now();
	list_del(&s->by_age);
	list_add_tail(&lists[s->answered], &s->by_age);
}

void udp_changed(void)
{
	epoch++;
}

void udp_door_closes(uint32_t door)
{
	struct session *s;

	for (size_t i = 0; (s = map_next(&sessions, &i));)
		if (s->key.door == door)
			end(s);
}

/* ---- whom it goes to ------------------------------------------------------------------------ */

static const struct table_action *action_of(uint32_t door)
{
	const struct table_port *port = proxy_port(door);

	return port && port->udp && port->n_listeners ? proxy_action(&port->listeners[0], "")
	                                              : NULL;
}

static bool has_endpoint(const struct table_backend *b, const struct endpoint *at)
{
	for (uint32_t i = 0; i < b->n_endpoints; i++)
		if (endpoint_equal(&b->endpoints[i].at, at))
			return true;
	return false;
}

/* As the tables are now: may it go on? */
static bool stands(struct session *s)
{
	const struct table_action *a = action_of(s->key.door);
	const struct table_backend *b = proxy_backend(s->backend);

	if (s->checked == epoch)
		return true;
	s->checked = epoch;
	if (!a || !b || b->uid != s->backend_uid || !has_endpoint(b, &s->peer->at))
		return false;
	for (uint32_t i = 0; i < a->n_choices; i++)
		if (a->choices[i].backend == s->backend && a->choices[i].weight)
			return true;
	return false;
}

/* ---- answers -------------------------------------------------------------------------------- */

static void aim(unsigned i, void *name, socklen_t name_len, void *control, size_t control_len,
                size_t n)
{
	batch.iov[i] = (struct iovec){ batch.data[i], n };
	batch.m[i].msg_hdr = (struct msghdr){ .msg_name = name,
		                              .msg_namelen = name_len,
		                              .msg_iov = &batch.iov[i],
		                              .msg_iovlen = 1,
		                              .msg_control = control_len ? control : NULL,
		                              .msg_controllen = control_len };
}

static socklen_t address_len(const union address *a)
{
	return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

static void on_answers(struct event *ev, uint32_t events)
{
	struct session *s = container_of(ev, struct session, ev);
	int n;

	(void)events;
	for (unsigned i = 0; i < BATCH; i++)
		aim(i, NULL, 0, NULL, 0, DATAGRAM_MAX);
	n = recvmmsg(ev->fd, batch.m, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			failed(s); /* nothing listens there */
		return;
	}
	for (int i = 0; i < n; i++)
		aim(i, &s->key.from, address_len(&s->key.from), s->control, s->control_len,
		    batch.m[i].msg_len);
	for (int sent = 0, k; sent<n; sent += k> 0 ? k : 1) /* who takes none gets none */
		k = sendmmsg(s->door, batch.m + sent, n - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (!s->answered)
		peer_worked(s->peer);
	s->answered = true;
	touch(s);
}

/* ---- sessions ------------------------------------------------------------------------------- */

/* The address that was asked, as control of what is sent. */
static void answer_from(struct session *s, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	if (!c || m->msg_controllen > CONTROL_MAX)
		return;
	if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *info = (void *)CMSG_DATA(c);

		info->ipi_spec_dst = info->ipi_addr;
		info->ipi_ifindex = 0;
	} else if (c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *info = (void *)CMSG_DATA(c);

		if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
			info->ipi6_ifindex = 0;
	} else {
		return;
	}
	s->control_len = m->msg_controllen;
	memcpy(s->control, c, s->control_len);
}

static struct flow_key key_of(uint32_t door, struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	const union address *from = m->msg_name;
	struct flow_key k;

	memset(&k, 0, sizeof(k));
	k.door = door;
	if (from->any.sa_family == AF_INET) {
		k.from.v4 = from->v4;
	} else {
		k.from.v6 = from->v6;
		k.from.v6.sin6_flowinfo = 0;
	}
	if (c && c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO)
		memcpy(k.to, &((const struct in_pktinfo *)CMSG_DATA(c))->ipi_addr, 4);
	else if (c && c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		memcpy(k.to, &((const struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
	return k;
}

static void make_room(void)
{
	struct session *s = oldest(false);

	if (n_sessions < SESSIONS_MAX)
		return;
	end(s ? s : oldest(true));
}

/* A connected socket to one of the backend's endpoints. */
static int reach(const struct table_backend *b, struct peer **peer)
{
	*peer = peer_choose_from(b, NULL, 0, 0);
	return *peer ? dial(&(*peer)->at, SOCK_DGRAM) : -ENOENT;
}

/* NULL: there is nobody to take it; it is dropped, as all that come without one are. */
static struct session *begin(const struct flow_key *key, int door, struct msghdr *m)
{
	const struct table_action *a = action_of(key->door);
	const struct table_choice *choice = a ? choose_by_weight(a) : NULL;
	const struct table_backend *b = choice ? proxy_backend(choice->backend) : NULL;
	struct peer *peer;
	struct session *s;
	int fd = b ? reach(b, &peer) : -ENOENT;

	if (fd < 0)
		return NULL;
	make_room();
	s = xcalloc(1, sizeof(*s));
	s->key = *key;
	s->door = door;
	s->backend = choice->backend;
	s->backend_uid = b->uid;
	s->peer = peer_ref(peer);
	peer->busy++;
	s->checked = epoch;
	s->ev = (struct event){ .fd = fd, .fn = on_answers };
	answer_from(s, m);
	list_init(&s->by_age);
	map_put(&sessions, &s->key, sizeof(s->key), s);
	n_sessions++;
	touch(s);
	count_up(COUNT_CONNECTIONS);
	if (!sweeper.heap)
		timer_set(&sweeper, SWEEP_MS);
	if (loop_add(&s->ev, EPOLLIN, NULL))
		end(s);
	return s->dead ? NULL : s;
}

static struct session *session_of(uint32_t door, int fd, struct msghdr *m)
{
	struct flow_key key = key_of(door, m);
	struct session *s = map_get(&sessions, &key, sizeof(key));

	if (s && !stands(s)) {
		end(s);
		s = NULL;
	}
	return s ? s : begin(&key, fd, m);
}

/* ---- datagrams of clients ------------------------------------------------------------------- */

/* An endpoint that has just said that it is not there is left, once. */
static void forward(uint32_t door, int fd, unsigned i)
{
	for (unsigned tries = 0; tries < 2; tries++) {
		struct session *s = session_of(door, fd, &batch.m[i].msg_hdr);

		if (!s)
			return;
		touch(s);
		if (send(s->ev.fd, batch.data[i], batch.m[i].msg_len,
		         MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
		    (errno != ECONNREFUSED && errno != EHOSTUNREACH && errno != ENETUNREACH))
			return;
		failed(s);
	}
}

void udp_readable(uint32_t door, int fd)
{
	for (unsigned round = 0; round < BATCHES; round++) {
		int n;

		for (unsigned i = 0; i < BATCH; i++)
			aim(i, &batch.from[i], sizeof(batch.from[i]), batch.control[i], CONTROL_MAX,
			    DATAGRAM_MAX);
		n = recvmmsg(fd, batch.m, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			forward(door, fd, i);
		if (n < BATCH)
			return;
	}
}
