/* api_conn.c - the API's doors and connections: a fixed table, one request at a time on each.
 *
 * An answer is made while the request is read, but leaves after the turn: by then every module has brought
 * the kernel and the workers up to date, so what an answer says is in force when it arrives. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "api.h"

#define CONNS_MAX 512
#define STREAM_MAX (4 << 20) /* bytes a watch may lag behind */
#define HEAD_MS 10000
#define BODY_MS 30000
#define IDLE_MS 300000
#define WRITE_MS 30000

enum phase { FREE, READ_HEAD, READ_BODY, HELD, WRITE, STREAM };

struct conn {
	struct event ev;
	struct timer timer;
	enum phase phase;
	bool tcp, keep_alive, continued, ended;
	unsigned uid;
	struct buf in, body; /* bytes as they came; a chunked body decoded */
	struct http_head head;
	size_t head_n;
	struct http_chunked chunked;
	size_t chunked_at; /* how far in.data is decoded */
	struct buf out;	   /* head of the answer, or a stream's bytes */
	struct http_answer answer;
	size_t sent;
	struct watch *watch;
};

static struct conn conns[CONNS_MAX];
static struct event doors[CONF_ADDRS + 1];
static unsigned n_doors, n_open;
static uint64_t requests[6]; /* by status class */

static void conn_close(struct conn *c)
{
	if (c->watch)
		watch_stop(c->watch);
	c->watch = NULL;
	loop_del(&c->ev);
	timer_del(&c->timer);
	close(c->ev.fd);
	buf_free(&c->in);
	buf_free(&c->body);
	buf_free(&c->out);
	buf_free(&c->answer.body);
	buf_free(&c->answer.headers);
	c->phase = FREE;
	n_open--;
}

static void on_timeout(struct timer *t)
{
	conn_close(container_of(t, struct conn, timer));
}

/* ---- writing --------------------------------------------------------------------------------------------- */

static void next_request(struct conn *c);

static void answered(struct conn *c)
{
	bool chunked = c->head.body == HTTP_BODY_CHUNKED;
	size_t used = c->head_n + (chunked ? c->chunked_at : c->head.body == HTTP_BODY_LENGTH ? c->head.length : 0);

	if (!c->keep_alive) {
		conn_close(c);
		return;
	}
	buf_drop(&c->in, used < c->in.len ? used : c->in.len);
	buf_reset(&c->out);
	buf_free(&c->answer.body);
	buf_free(&c->answer.headers);
	buf_free(&c->body);
	if (!c->in.len)
		buf_free(&c->in); /* an idle connection holds no memory */
	c->sent = 0;
	c->phase = READ_HEAD;
	timer_set(&c->timer, c->in.len ? HEAD_MS : IDLE_MS);
	loop_mod(&c->ev, EPOLLIN);
	next_request(c);
}

static void write_some(struct conn *c)
{
	size_t head = c->sent < c->out.len ? c->out.len - c->sent : 0;
	size_t body_at = c->sent > c->out.len ? c->sent - c->out.len : 0;
	struct iovec iov[2] = {
		{ c->out.data + c->sent, head },
		{ c->answer.body.data + body_at, c->answer.body.len - body_at },
	};
	struct msghdr msg = { .msg_iov = head ? iov : iov + 1, .msg_iovlen = head ? 2 : 1 };
	ssize_t n = sendmsg(c->ev.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(c);
		return;
	}
	if (n > 0) {
		c->sent += n;
		timer_set(&c->timer, WRITE_MS);
	}
	if (c->sent == c->out.len + c->answer.body.len)
		answered(c);
	else
		loop_mod(&c->ev, EPOLLOUT);
}

static void flush_answer(struct conn *c)
{
	struct buf *o = &c->out;
	bool head = span_is(c->head.method, "HEAD");

	buf_reset(o);
	buf_printf(o, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-cache, private\r\n",
		   c->answer.status, http_reason(c->answer.status), c->answer.content_type, c->answer.body.len);
	buf_add(o, c->answer.headers.data, c->answer.headers.len);
	buf_str(o, c->keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
	if (head)
		buf_reset(&c->answer.body);
	requests[c->answer.status / 100 < 6 ? c->answer.status / 100 : 0]++;
	c->phase = WRITE;
	c->sent = 0;
	write_some(c);
}

/* ---- streams ------------------------------------------------------------------------------------------------ */

static void stream_some(struct conn *c)
{
	ssize_t n = c->out.len ? send(c->ev.fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n > 0)
		buf_drop(&c->out, n);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->ended = true, buf_reset(&c->out);
	if (!c->out.len && c->ended) {
		conn_close(c);
		return;
	}
	if (c->out.len && n > 0)
		timer_set(&c->timer, WRITE_MS);
	if (!c->out.len)
		timer_del(&c->timer);
	else if (!c->timer.heap)
		timer_set(&c->timer, WRITE_MS);
	loop_mod(&c->ev, c->out.len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

bool conn_stream(struct conn *c, const char *p, size_t n)
{
	if (c->ended || c->out.len + n > STREAM_MAX)
		return false;
	buf_printf(&c->out, "%zx\r\n", n);
	buf_add(&c->out, p, n);
	buf_str(&c->out, "\r\n");
	return true;
}

void conn_stream_end(struct conn *c)
{
	if (c->ended)
		return;
	buf_str(&c->out, "0\r\n\r\n");
	c->ended = true;
	loop_again();
}

static bool begin_stream(struct conn *c, struct call *call)
{
	buf_str(&c->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
			 "Connection: close\r\nCache-Control: no-cache, private\r\n\r\n");
	c->ended = false;
	c->watch = watch_start(c, call);
	if (!c->watch) {
		buf_reset(&c->out);
		return false;
	}
	c->phase = STREAM;
	timer_del(&c->timer);
	requests[2]++;
	return true;
}

/* ---- requests ------------------------------------------------------------------------------------------------ */

static void hold(struct conn *c)
{
	c->phase = HELD;
	loop_mod(&c->ev, EPOLLRDHUP);
	timer_del(&c->timer);
	loop_again();
}

static void refuse(struct conn *c, unsigned status, const char *why)
{
	struct call call = { .answer = &c->answer };

	c->answer = (struct http_answer){ .status = status, .content_type = "application/json" };
	c->keep_alive = false; /* where the next request begins is not known */
	status_fail(&call, status, status == 413 ? "RequestEntityTooLarge" : "BadRequest", "%s", why);
	hold(c);
}

/* A browser page must not reach this API through its user's loopback (DNS rebinding, CSRF). */
static const char *browser_trouble(const struct conn *c)
{
	struct span h = c->head.host;

	if (!c->tcp)
		return NULL;
	if (http_header(&c->head, "Origin"))
		return "requests from web pages are refused";
	if (!span_is_nocase(h, "localhost") && !span_is(h, "127.0.0.1") && !span_is(h, "[::1]"))
		return "the Host header has to be localhost, 127.0.0.1 or [::1]";
	return NULL;
}

static size_t copy_span(char *out, size_t size, const struct span *s, char stop)
{
	size_t n = 0;

	for (; s && n < s->n && n + 1 < size && s->p[n] != stop; n++)
		out[n] = s->p[n];
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = 0;
	return n;
}

static void serve(struct conn *c, const char *body, size_t body_len)
{
	static char path[4096], query[8192], method[33], type[128], accept[512];
	struct http_call call = { .head = &c->head, .method = method, .path = path, .query = query, .content_type = type,
				  .accept = accept, .body = body, .body_len = body_len, .uid = c->uid };
	struct call watch = { .http = &call, .answer = &c->answer };
	size_t n;

	copy_span(method, sizeof(method), &c->head.method, 0);
	copy_span(query, sizeof(query), &c->head.query, 0);
	copy_span(type, sizeof(type), http_header(&c->head, "Content-Type"), ';');
	copy_span(accept, sizeof(accept), http_header(&c->head, "Accept"), 0);
	c->answer = (struct http_answer){ .status = 200, .content_type = "application/json" };
	if (!http_decode(c->head.path.p, c->head.path.n, false, path, sizeof(path)) || c->head.query.n >= sizeof(query)) {
		refuse(c, 400, "the path or query cannot be read");
		return;
	}
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = 0;
	if (target_parse(path, &watch.arena, &watch.target) && watch_wanted(&call, &watch.target)) {
		if (!begin_stream(c, &watch))
			hold(c);
		else
			loop_again();
	} else {
		api_serve(&call, &c->answer);
		hold(c);
	}
	arena_free(&watch.arena);
}

static size_t body_limit(const struct conn *c)
{
	return span_is(c->head.path, "/apply") ? API_APPLY_MAX : API_BODY_MAX;
}

static void read_chunked(struct conn *c)
{
	bool done = false;

	while (!done && c->head_n + c->chunked_at < c->in.len) {
		const char *data;
		size_t n;
		long used = http_chunked(&c->chunked, c->in.data + c->head_n + c->chunked_at,
					 c->in.len - c->head_n - c->chunked_at, &data, &n, &done);

		if (used < 0) {
			refuse(c, 400, "broken chunked body");
			return;
		}
		buf_add(&c->body, data, n);
		c->chunked_at += used;
		if (c->body.len > body_limit(c)) {
			refuse(c, 413, "the body is too large");
			return;
		}
	}
	if (!done)
		return;
	buf_add(&c->body, "", 1);
	serve(c, c->body.data, c->body.len - 1);
}

static void read_body(struct conn *c)
{
	size_t end;
	char after;

	if (c->head.body == HTTP_BODY_CHUNKED) {
		read_chunked(c);
		return;
	}
	end = c->head_n + c->head.length;
	if (c->in.len < end)
		return;
	buf_room(&c->in, 1); /* parsers may look at one byte behind: it is NUL while they do */
	after = c->in.data[end];
	c->in.data[end] = 0;
	serve(c, c->in.data + c->head_n, c->head.length);
	if (c->phase != FREE && end < c->in.len)
		c->in.data[end] = after;
}

/* Spans of the head point into in.data: room for the whole body is made before it is parsed again. */
static void begin_body(struct conn *c)
{
	const char *why;
	size_t need = c->head.body == HTTP_BODY_LENGTH ? c->head.length : 0;

	if (need > body_limit(c)) {
		refuse(c, 413, "the body is too large");
		return;
	}
	if (need + c->head_n > c->in.len) {
		buf_room(&c->in, need + c->head_n - c->in.len + 1);
		http_parse_request(&c->head, c->in.data, c->in.len, &why);
	}
	c->phase = READ_BODY;
	c->chunked = (struct http_chunked){ 0 };
	c->chunked_at = 0;
	timer_set(&c->timer, BODY_MS);
	if (c->head.expect_continue && c->in.len == c->head_n)
		send(c->ev.fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL | MSG_DONTWAIT);
	read_body(c);
}

static void next_request(struct conn *c)
{
	const char *why = "";
	int n;

	if (c->phase != READ_HEAD || !c->in.len)
		return;
	n = http_parse_request(&c->head, c->in.data, c->in.len, &why);
	if (n < 0) {
		refuse(c, -n, why);
		return;
	}
	if (!n)
		return;
	c->head_n = n;
	c->keep_alive = c->head.keep_alive;
	why = browser_trouble(c);
	if (why)
		refuse(c, 403, why);
	else
		begin_body(c);
}

static void read_some(struct conn *c)
{
	size_t want = c->phase == READ_BODY && c->head.body == HTTP_BODY_LENGTH && c->head_n + c->head.length > c->in.len ?
			      c->head_n + c->head.length - c->in.len :
			      16384;
	char *before = c->in.data, *room = buf_room(&c->in, want + 1);
	const char *why;
	ssize_t n = room ? recv(c->ev.fd, room, want, MSG_DONTWAIT) : -1;

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			conn_close(c);
		return;
	}
	if (!c->in.len && c->phase == READ_HEAD)
		timer_set(&c->timer, HEAD_MS);
	c->in.len += n;
	if (c->phase == READ_BODY) {
		if (c->in.data != before)
			http_parse_request(&c->head, c->in.data, c->in.len, &why);
		timer_set(&c->timer, BODY_MS);
		read_body(c);
	} else {
		next_request(c);
	}
}

static void on_event(struct event *ev, uint32_t events)
{
	struct conn *c = container_of(ev, struct conn, ev);
	char byte;

	switch (c->phase) {
	case READ_HEAD:
	case READ_BODY:
		read_some(c);
		break;
	case WRITE:
		if (events & (EPOLLERR | EPOLLHUP))
			conn_close(c);
		else
			write_some(c);
		break;
	case STREAM:
		if ((events & EPOLLIN) && recv(ev->fd, &byte, 1, MSG_DONTWAIT) == 0)
			conn_close(c);
		else
			stream_some(c);
		break;
	case HELD: /* the client went away: its request was served all the same */
		loop_mod(ev, EPOLLERR);
		break;
	case FREE:
		break;
	}
}

/* After the turn: what modules had to do is done. */
static void after_turn(void)
{
	watches_feed();
	for (unsigned i = 0; n_open && i < CONNS_MAX; i++) {
		struct conn *c = &conns[i];

		if (c->phase == HELD)
			flush_answer(c);
		else if (c->phase == STREAM && (c->out.len || c->ended) && !(c->ev.mask & EPOLLOUT))
			stream_some(c);
	}
}

/* ---- doors ------------------------------------------------------------------------------------------------------ */

static struct conn *conn_new(void)
{
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (conns[i].phase == FREE)
			return &conns[i];
	return NULL;
}

static unsigned peer_uid(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) ? 65534 : cred.uid;
}

static void on_accept(struct event *door, uint32_t events)
{
	static struct log_rate rate;
	int fd = accept4(door->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
	struct conn *c = fd < 0 ? NULL : conn_new();
	struct err e = { 0 };

	(void)events;
	if (fd < 0)
		return;
	if (!c) {
		if (log_may(&rate))
			log_warn("api: %d connections are open: one more is refused", CONNS_MAX);
		close(fd);
		return;
	}
	*c = (struct conn){ .ev = { .fd = fd, .fn = on_event }, .timer.fn = on_timeout, .phase = READ_HEAD };
	c->in.max = API_APPLY_MAX + HTTP_HEAD_MAX + 65536;
	c->tcp = door != &doors[0];
	if (c->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		c->uid = peer_uid(fd);
	n_open++;
	if (loop_add(&c->ev, EPOLLIN, &e)) {
		log_err("api: %s", e.text);
		conn_close(c);
		return;
	}
	timer_set(&c->timer, HEAD_MS);
}

static int open_door(int fd, const char *what, struct err *e)
{
	struct event *door = &doors[n_doors];

	if (listen(fd, 1024) < 0) {
		close(fd);
		return err_set(e, errno, "%s: listen: %s", what, strerror(errno));
	}
	*door = (struct event){ .fd = fd, .fn = on_accept };
	n_doors++;
	return loop_add(door, EPOLLIN, e);
}

static void give_to_group(const char *path)
{
	struct group *g = *conf.api.socket_group ? getgrnam(conf.api.socket_group) : NULL;

	if (g && chown(path, 0, g->gr_gid) < 0)
		log_warn("api: %s: group %s: %s", path, conf.api.socket_group, strerror(errno));
	if (chmod(path, 0660) < 0)
		log_warn("api: %s: %s", path, strerror(errno));
}

static int open_unix(struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	mode_t mask;

	strcpy(sun.sun_path, conf.api.socket);
	unlink(conf.api.socket); /* the lock of the run directory says nobody else serves it */
	mask = umask(0177);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		err_set(e, errno, "%s: %s", conf.api.socket, strerror(errno));
		umask(mask);
		if (fd >= 0)
			close(fd);
		return -e->code;
	}
	umask(mask);
	give_to_group(conf.api.socket);
	return open_door(fd, conf.api.socket, e);
}

static int open_tcp(const struct endpoint *ep, struct err *e)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(ep->port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(ep->port) };
	bool six = ep->ip.len == 16;
	char text[IP_TEXT];
	int one = 1, fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, ep->ip.b, ep->ip.len);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, six ? (void *)&v6 : (void *)&v4, six ? sizeof(v6) : sizeof(v4)) < 0) {
		err_set(e, errno, "insecure_listen %s port %u: %s", ip_text(&ep->ip, text), ep->port, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -e->code;
	}
	return open_door(fd, "insecure_listen", e);
}

int conns_open(struct err *e)
{
	int ret = open_unix(e);

	for (unsigned i = 0; !ret && i < conf.api.insecure_listen.n; i++)
		ret = open_tcp(&conf.api.insecure_listen.v[i], e);
	loop_after(after_turn);
	return ret;
}

void conns_close(void)
{
	while (n_doors > 0) {
		n_doors--;
		loop_del(&doors[n_doors]);
		close(doors[n_doors].fd);
	}
	for (unsigned i = 0; i < CONNS_MAX; i++)
		if (conns[i].phase != FREE)
			conn_close(&conns[i]);
	unlink(conf.api.socket);
}

void conns_metrics(struct buf *out)
{
	buf_str(out, "# TYPE apiserver_request_total counter\n");
	for (unsigned i = 1; i < 6; i++)
		buf_printf(out, "apiserver_request_total{code=\"%uxx\"} %llu\n", i, (unsigned long long)requests[i]);
	buf_printf(out, "# TYPE knetd_api_connections gauge\nknetd_api_connections %u\n", n_open);
	buf_printf(out, "# TYPE apiserver_longrunning_requests gauge\napiserver_longrunning_requests{verb=\"WATCH\"} %u\n", watches_count());
}
