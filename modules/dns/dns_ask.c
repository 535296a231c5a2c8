/* dns_ask.c - a question to the cluster DNS address itself, as any client on the node asks it: how
 * `knetctl dns` comes to the answers of upstreams. One at a time, nothing waits (dns_show.h). */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/conf.h>
#include <knetd/loop.h>

#include "dns_rr_text.h"
#include "dns_show.h"

#define WAIT_MS 6000 /* longer than a worker tries */

static struct {
	struct event ev; /* fd -1: nothing is on its way */
	char name[DNS_NAME_MAX + 1];
	uint16_t type, id;
	uint64_t began, took_ns;
	struct buf answer; /* as JSON; empty: not there yet */
} asking = { .ev.fd = -1 };

static void hang_up(void)
{
	if (asking.ev.fd < 0)
		return;
	loop_del(&asking.ev);
	close(asking.ev.fd);
	asking.ev.fd = -1;
}

void dns_ask_exit(void)
{
	hang_up();
	buf_free(&asking.answer);
}

static void on_answer(struct event *ev, uint32_t mask)
{
	static uint8_t p[DNS_UDP_MAX];
	ssize_t n = recv(ev->fd, p, sizeof(p), MSG_DONTWAIT);

	(void)mask;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < DNS_HEADER || dns_get16(p) != asking.id)
		buf_printf(&asking.answer, "\"error\":\"%s\"",
		           n < 0 ? strerror(errno) : "an answer that cannot be read");
	else if (!dns_message_json(p, (size_t)n, &asking.answer))
		buf_str(&asking.answer, "\"error\":\"an answer that cannot be read\"");
	asking.took_ns = loop_now_ns() - asking.began;
	hang_up();
}

static bool ask(void)
{
	const struct endpoint *to = &conf.dns.address.v[0];
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(to->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(to->port) };
	uint8_t query[DNS_QUERY_PACKED];
	bool six = to->ip.len == 16;
	size_t n;

	memcpy(six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr, to->ip.b, to->ip.len);
	hang_up();
	buf_reset(&asking.answer);
	asking.began = loop_now_ns();
	if (getrandom(&asking.id, sizeof(asking.id), 0) != sizeof(asking.id))
		return false;
	n = dns_show_query(query, asking.name, asking.type, asking.id);
	asking.ev = (struct event){
		.fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		             0),
		.fn = on_answer,
	};
	return asking.ev.fd >= 0 &&
	       !connect(asking.ev.fd, six ? (void *)&v6 : (void *)&v4,
	                six ? sizeof(v6) : sizeof(v4)) &&
	       !loop_add(&asking.ev, EPOLLIN, NULL) &&
	       send(asking.ev.fd, query, n, MSG_NOSIGNAL) == (ssize_t)n;
}

void dns_ask(const struct http_call *call, struct http_answer *answer)
{
	char name[DNS_NAME_MAX + 1];
	uint16_t type;
	const char *wrong = dns_show_question(call, name, &type);
	bool same, there;

	if (wrong) {
		http_refuse(answer, EINVAL, wrong);
		return;
	}
	same = !strcmp(name, asking.name) && type == asking.type &&
	       (asking.ev.fd >= 0 || asking.answer.len);
	if (!same) {
		strcpy(asking.name, name);
		asking.type = type;
		if (!conf.dns.address.n || !ask())
			buf_printf(&asking.answer, "\"error\":\"%s\"", strerror(errno));
	} else if (!asking.answer.len && loop_now_ns() - asking.began > WAIT_MS * 1000000ull) {
		buf_str(&asking.answer, "\"error\":\"no answer\"");
		hang_up();
	}
	there = asking.answer.len;
	buf_printf(&answer->body,
	           "{\"kind\":\"DNSAnswer\",\"apiVersion\":\"knetd.io/v1alpha1\",\"done\":%s%s%.*s",
	           there ? "true" : "false", there ? "," : "", (int)asking.answer.len,
	           there ? asking.answer.data : "");
	if (there) {
		buf_printf(&answer->body, ",\"milliseconds\":%u.%03u",
		           (unsigned)(asking.took_ns / 1000000),
		           (unsigned)(asking.took_ns / 1000 % 1000));
		buf_reset(&asking.answer); /* told once: the next call asks again */
	}
	buf_str(&answer->body, "}\n");
}
