/* client.c - see client.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/http.h>

#include "client.h"

#define ANSWER_MAX ((size_t)256 << 20) /* bytes: a million small objects */
#define WAIT_S 60

/* ---- the answer ----------------------------------------------------------------------------- */

struct ctl_reader {
	struct ctl_answer *out;
	ctl_sink *sink; /* NULL: everything goes to out */
	void *arg;
	struct buf in; /* what is not read yet */
	struct http_head head;
	bool has_head, full;
	uint64_t left; /* of a counted body */
	struct http_chunked chunked;
};

struct ctl_reader *ctl_reader_new(struct ctl_answer *out, ctl_sink *sink, void *arg)
{
	struct ctl_reader *r = xcalloc(1, sizeof(*r));

	r->out = out;
	r->out->body.max = ANSWER_MAX;
	r->sink = sink;
	r->arg = arg;
	r->in.max = HTTP_HEAD_MAX + 65536;
	return r;
}

void ctl_reader_free(struct ctl_reader *r)
{
	buf_free(&r->in);
	free(r);
}

/* Warning: 299 - "text" */
static void print_warning(struct span v)
{
	const char *from = memchr(v.p, '"', v.n), *end = v.p + v.n;

	if (!from || end[-1] != '"' || end - 1 == from)
		return;
	fputs("Warning: ", stderr);
	for (from++; from < end - 1; from++) {
		from += *from == '\\' && from + 2 < end;
		fputc((unsigned char)*from < ' ' ? '?' : *from, stderr);
	}
	fputc('\n', stderr);
}

static void print_warnings(const struct http_head *h)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (span_is_nocase(h->headers[i].name, "Warning"))
			print_warning(h->headers[i].value);
}

static int read_head(struct ctl_reader *r)
{
	const char *why;
	int n = http_parse_response(&r->head, r->in.data ? r->in.data : "", r->in.len, false, &why);

	if (n < 0)
		return -EPROTO;
	if (!n)
		return 0;
	print_warnings(&r->head);
	r->out->status = r->head.status;
	r->left = r->head.length;
	r->has_head = r->head.status >= 200; /* before it may come 100 Continue */
	buf_drop(&r->in, n);
	return 1;
}

static int take(struct ctl_reader *r, const char *p, size_t n)
{
	if (r->sink && r->head.status == 200)
		return r->sink(r->arg, p, n) ? 0 : 1;
	buf_add(&r->out->body, p, n);
	return r->out->body.failed ? -EMSGSIZE : 0;
}

static int read_counted(struct ctl_reader *r)
{
	size_t n = r->in.len < r->left ? r->in.len : r->left;
	int ret = n ? take(r, r->in.data, n) : 0;

	r->left -= n;
	buf_drop(&r->in, n);
	return ret ? ret : !r->left;
}

static int read_chunks(struct ctl_reader *r)
{
	size_t at = 0, n;
	bool done = false;
	const char *data;
	int ret = 0;

	while (!ret && !done && at < r->in.len) {
		long used = http_chunked(&r->chunked, r->in.data + at, r->in.len - at, &data, &n,
		                         &done);

		if (used < 0)
			return -EPROTO;
		if (!used)
			break;
		at += used;
		if (n)
			ret = take(r, data, n);
	}
	buf_drop(&r->in, at);
	return ret ? ret : done;
}

static int read_rest(struct ctl_reader *r)
{
	int ret = take(r, r->in.data, r->in.len);

	buf_reset(&r->in);
	return ret;
}

static int read_body(struct ctl_reader *r)
{
	if (r->head.body == HTTP_BODY_NONE)
		return 1;
	if (r->head.body == HTTP_BODY_LENGTH)
		return read_counted(r);
	if (!r->in.len)
		return 0;
	return r->head.body == HTTP_BODY_CHUNKED ? read_chunks(r) : read_rest(r);
}

int ctl_reader_feed(struct ctl_reader *r, const char *p, size_t n)
{
	int ret;

	if (!n)
		return r->has_head && r->head.body == HTTP_BODY_UNTIL_CLOSE ? 1 : -EPROTO;
	buf_add(&r->in, p, n);
	if (r->in.failed)
		return -EMSGSIZE;
	while (!r->has_head) {
		ret = read_head(r);
		if (ret <= 0)
			return ret;
	}
	return read_body(r);
}

/* ---- the exchange --------------------------------------------------------------------------- */

static int unreachable(const char *path, int error, struct err *e)
{
	if (error == EACCES || error == EPERM)
		return err_set(e, error,
		               "%.120s: permission denied: call as root, or as a member of the "
		               "group that owns the socket (knetd)",
		               path);
	if (error == ENOENT || error == ECONNREFUSED)
		return err_set(e, error,
		               "knetd does not answer on %.120s: is the daemon running? -s PATH or "
		               "KNETD_SOCKET names another socket",
		               path);
	return err_set(e, error, "%.120s: %s", path, strerror(error));
}

static int open_socket(const char *path, int wait_s, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = wait_s };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return unreachable(path, errno, e);
	if (strlen(path) >= sizeof(addr.sun_path))
		return unreachable(path, ENAMETOOLONG, e);
	strcpy(addr.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return unreachable(path, errno, e);
	return TAKE_FD(fd);
}

static int send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0) {
			p += sent;
			n -= sent;
		}
	}
	return 0;
}

static int send_request(int fd, const struct ctl_request *r)
{
	auto_buf struct buf head = { 0 };
	int ret;

	buf_printf(&head,
	           "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: knetctl/" KNETD_VERSION
	           "\r\nAccept: %s\r\nConnection: close\r\n",
	           r->method, r->path, r->accept ? r->accept : "application/json");
	if (r->body)
		buf_printf(&head, "Content-Type: %s\r\nContent-Length: %zu\r\n", r->type,
		           r->body_len);
	buf_str(&head, "\r\n");
	ret = send_all(fd, head.data, head.len);
	return ret || !r->body ? ret : send_all(fd, r->body, r->body_len);
}

static int receive(int fd, struct ctl_reader *reader)
{
	static char bytes[65536];
	int ret = 0;

	while (!ret) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

		if (n < 0 && errno == EINTR)
			continue;
		ret = n < 0 ? -errno : ctl_reader_feed(reader, bytes, n);
	}
	return ret < 0 ? ret : 0;
}

static int broken(const struct ctl_request *r, int ret, struct err *e)
{
	if (ret == -EMSGSIZE)
		return err_set(e, EMSGSIZE,
		               "the answer is larger than %zu MB: ask for less with -n or -l",
		               ANSWER_MAX >> 20);
	if (ret == -EAGAIN)
		return err_set(e, ETIMEDOUT, "knetd on %.120s has not answered for %d s", r->socket,
		               WAIT_S);
	return err_set(e, EPROTO,
	               "what answers on %.120s breaks off or does not speak HTTP: is it knetd?",
	               r->socket);
}

static int exchange(const struct ctl_request *r, struct ctl_answer *out, ctl_sink *sink, void *arg,
                    struct err *e)
{
	struct ctl_reader *reader;
	auto_close int fd = open_socket(r->socket, sink ? 0 : WAIT_S, e);
	int ret;

	if (fd < 0)
		return fd;
	reader = ctl_reader_new(out, sink, arg);
	send_request(fd, r); /* one that is refused half-way has its answer all the same */
	ret = receive(fd, reader);
	ctl_reader_free(reader);
	return ret ? broken(r, ret, e) : 0;
}

int client_call(const struct ctl_request *r, struct ctl_answer *out, struct err *e)
{
	return exchange(r, out, NULL, NULL, e);
}

int client_stream(const struct ctl_request *r, struct ctl_answer *out, ctl_sink *sink, void *arg,
                  struct err *e)
{
	return exchange(r, out, sink, arg, e);
}
