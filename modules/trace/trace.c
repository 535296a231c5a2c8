/* trace.c - GET /knetd/v1/trace?from=&to=&namespace=: what would happen to a packet, as the steps
 * of trace_plan.c. Nothing is sent and nothing is changed. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/http.h>
#include <knetd/module.h>

#include "trace_plan.h"

/* ---- what the kernel says ------------------------------------------------------------------- */

static void read_addresses(struct trace_node *node)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i && node->n < ARRAY_LEN(node->ips); i = i->ifa_next) {
		struct ip *ip = &node->ips[node->n];

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			ip->len = 4;
			memcpy(ip->b, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, 4);
			node->n++;
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			ip->len = 16;
			memcpy(ip->b, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, 16);
			node->n++;
		}
	}
	freeifaddrs(all);
}

/* Connecting a datagram socket asks the routing table and sends nothing. */
static struct ip source_to(const struct ip *to)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	bool six = to->len == 16;
	void *at = six ? (void *)&v6 : (void *)&v4,
	     *ip = six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr;
	socklen_t size = six ? sizeof(v6) : sizeof(v4);
	auto_close int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ip from = { 0 };

	memcpy(ip, to->b, to->len);
	if (fd < 0 || connect(fd, at, size) < 0 || getsockname(fd, at, &size) < 0)
		return from;
	from.len = to->len;
	memcpy(from.b, ip, from.len);
	return from;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void put(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ",\"%s\":", name);
	buf_json(b, text, strlen(text));
}

static void answer_steps(struct http_answer *answer, const struct trace *t, const char *from,
                         const char *to)
{
	struct buf *b = &answer->body;

	buf_str(b, "{\"kind\":\"Trace\",\"apiVersion\":\"knetd.io/v1alpha1\"");
	put(b, "from", from);
	put(b, "to", to);
	buf_printf(b, ",\"reaches\":%s", t->stopped ? "false" : "true");
	put(b, "result", t->result ? t->result : "");
	buf_str(b, ",\"steps\":[");
	for (unsigned i = 0; i < t->n; i++) {
		const struct trace_step *s = &t->steps[i];

		buf_printf(b, "%s{\"step\":\"%s\"", i ? "," : "", s->step);
		put(b, "verdict", trace_verdict_name[s->verdict]);
		put(b, "text", s->text);
		put(b, "detail", s->detail);
		buf_str(b, "}");
	}
	buf_str(b, "]}\n");
}

static void serve_trace(const struct http_call *call, struct http_answer *answer)
{
	char from[600] = "", to[600] = "", ns[64] = "default";
	auto_arena struct arena arena = { 0 };
	struct trace_node node = { .source_to = source_to };
	struct trace t = { .arena = &arena, .node = &node };
	struct err e = { 0 };

	if (!http_query(call->query, "from", from, sizeof(from)) ||
	    !http_query(call->query, "to", to, sizeof(to)) || !*from || !*to) {
		http_refuse(answer, EINVAL, "from and to are expected, of 599 bytes at most");
		return;
	}
	http_query(call->query, "namespace", ns, sizeof(ns));
	read_addresses(&node);
	if (trace_plan(&t, ns, from, to, &e))
		http_refuse(answer, e.code, e.text);
	else
		answer_steps(answer, &t, from, to);
}

static const struct route routes[] = {
	{ "GET", "/knetd/v1/trace", serve_trace },
	{ NULL, NULL, NULL },
};

const struct module trace_module = {
	.name = "trace",
	.routes = routes,
};
