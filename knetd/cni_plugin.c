/* cni_plugin.c - `knet`, the CNI plugin: carries environment and configuration to the daemon and
 * its answer back. It decides nothing itself but VERSION, so that one place knows pods.
 *
 * The daemon is found by the key "socket" of the configuration, else KNETD_SOCKET, else the default
 * path. When it is not there, STATUS says so at once; every other call waits a moment, as it may be
 * starting again, and then fails with "try again later", DEL too: a DEL that said yes would leak
 * the pod's address for good. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/cni_plugin.h>
#include <knetd/http.h>
#include <knetd/object.h>

#include "cni_input.h"

#define ANSWER_MAX ((size_t)4 << 20)
#define ANSWER_WAIT_S 60
#define READ_SIZE 2048
#define START_TRIES 40 /* of 50 ms */

static const struct {
	const char *command, *path;
} verbs[] = {
	{ "ADD", "/cni/v1/add" }, { "DEL", "/cni/v1/del" },       { "CHECK", "/cni/v1/check" },
	{ "GC", "/cni/v1/gc" },   { "STATUS", "/cni/v1/status" },
};

static const char *verb_path(const char *command)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].command, command))
			return verbs[i].path;
	return NULL;
}

static const char *socket_path(const struct cni_input *in)
{
	const char *path = json_str(in->config, "socket");

	if (!path || !*path)
		path = getenv("KNETD_SOCKET");
	return path && *path ? path : CNI_DEFAULT_SOCKET;
}

/* ---- the request ------------------------------------------------------------------------------
 */

static void add_variable(struct buf *b, const char *key, const char *variable)
{
	const char *value = getenv(variable);

	if (!value)
		return;
	buf_printf(b, "\"%s\":", key);
	buf_json(b, value, strlen(value));
	buf_str(b, ",");
}

static void build_request(struct buf *out, const struct cni_input *in, const char *path)
{
	auto_buf struct buf body = { 0 };

	buf_str(&body, "{");
	add_variable(&body, "containerID", "CNI_CONTAINERID");
	add_variable(&body, "netns", "CNI_NETNS");
	add_variable(&body, "ifName", "CNI_IFNAME");
	add_variable(&body, "args", "CNI_ARGS");
	add_variable(&body, "path", "CNI_PATH");
	buf_str(&body, "\"config\":");
	buf_add(&body, in->text.data, in->text.len);
	buf_str(&body, "}");
	buf_printf(out,
	           "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
	           "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	           path, body.len);
	buf_add(out, body.data, body.len);
}

/* ---- the exchange -----------------------------------------------------------------------------
 */

static int connect_daemon(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static bool is_away(int ret)
{
	return ret == -ENOENT || ret == -ECONNREFUSED;
}

static int await_daemon(const char *path, bool patient)
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	int fd = connect_daemon(path);

	for (int i = 0; patient && is_away(fd) && i < START_TRIES; i++) {
		nanosleep(&moment, NULL);
		fd = connect_daemon(path);
	}
	return fd;
}

static int send_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = send(fd, b->data + done, b->len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? n : 0;
	}
	return 0;
}

/* The daemon always tells the length; none at all is one of zero. */
static bool has_length(const struct http_head *head)
{
	return head->body == HTTP_BODY_LENGTH || head->body == HTTP_BODY_NONE;
}

/* Until the daemon closes, or the answer is whole: 0, and head points into b. */
static int receive(int fd, struct buf *b, struct http_head *head, long *head_len)
{
	const char *why;

	b->max = ANSWER_MAX;
	for (;;) {
		char *room = buf_room(b, READ_SIZE);
		ssize_t n = room ? recv(fd, room, READ_SIZE, 0) : -1;

		if (!room)
			return -EMSGSIZE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		b->len += n;
		*head_len = http_parse_response(head, b->data, b->len, false, &why);
		if (*head_len < 0 || (*head_len && !has_length(head)))
			return -EPROTO;
		if (*head_len && b->len - *head_len >= head->length)
			return 0;
	}
}

static int exchange(const char *path, bool patient, const struct buf *request, struct buf *answer,
                    struct http_head *head, long *head_len)
{
	auto_close int fd = await_daemon(path, patient);
	int ret = fd < 0 ? fd : send_all(fd, request);

	return ret ? ret : receive(fd, answer, head, head_len);
}

/* ---- the answer -------------------------------------------------------------------------------
 */

/* Whatever else the API may say no with (a Kubernetes Status) becomes a CNI error. */
static int print_failure(const struct cni_input *in, const struct http_head *head,
                         const struct buf *body)
{
	auto_doc yyjson_doc *doc = yyjson_read(body->data ? body->data : "", body->len, 0);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *message = json_str(root, "message");
	struct cni_error er;

	if (json_str(root, "cniVersion")) {
		cni_output(body);
		return 1;
	}
	cni_error_set(&er, CNI_IO, "knetd answers with HTTP status %u: %.200s", head->status,
	              message ? message : "");
	return cni_input_fail(in, &er);
}

static int unreachable(const struct cni_input *in, const char *path, int ret)
{
	struct cni_error er;

	cni_error_set(&er, strcmp(in->command, "STATUS") ? CNI_TRY_AGAIN : CNI_NOT_AVAILABLE,
	              "knetd does not answer on %s: is the daemon running?", path);
	snprintf(er.details, sizeof(er.details), "%s", strerror(-ret));
	return cni_input_fail(in, &er);
}

static int call_daemon(const struct cni_input *in, const char *verb)
{
	auto_buf struct buf request = { 0 }, answer = { 0 };
	const char *path = socket_path(in);
	struct http_head head = { 0 };
	struct buf body;
	long head_len = 0;
	int ret;

	build_request(&request, in, verb);
	ret = exchange(path, strcmp(in->command, "STATUS") != 0, &request, &answer, &head,
	               &head_len);
	if (ret)
		return unreachable(in, path, ret);
	body = (struct buf){ .data = answer.data + head_len, .len = head.length };
	return head.status == 200 ? cni_output(&body) : print_failure(in, &head, &body);
}

static int print_versions(const struct cni_input *in)
{
	auto_buf struct buf out = { 0 };

	cni_versions_write(&out, in->version);
	return cni_output(&out);
}

int cni_plugin_main(int argc, char **argv)
{
	auto_input struct cni_input in = { 0 };
	struct cni_error er;
	const char *verb;

	(void)argc;
	(void)argv;
	if (cni_input_read(&in, &er))
		return cni_input_fail(&in, &er);
	if (!strcmp(in.command, "VERSION"))
		return print_versions(&in);
	verb = verb_path(in.command);
	if (verb)
		return call_daemon(&in, verb);
	cni_error_set(&er, CNI_BAD_ENVIRONMENT,
	              "CNI_COMMAND %.32s is none of ADD DEL CHECK GC STATUS VERSION", in.command);
	return cni_input_fail(&in, &er);
}
