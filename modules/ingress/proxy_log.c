/* proxy_log.c - the worker's half of the access log: see proxy_log.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/loop.h>

#include "proxy.h"
#include "proxy_log.h"
#include "proxy_policy.h"

#define TARGET_BYTES 400 /* the rest of it is not logged */
#define AGENT_BYTES 120
#define HOST_BYTES 255

static struct proxy_shared *shared; /* NULL: before the start */

struct log_line { /* of a request, from its beginning to its end */
	struct span text[LOG_AGENT + 1];
	char bytes[];
};

void proxy_log_start(const struct worker *w)
{
	shared = w->shared;
	log_ring_begin(&shared->log);
	route_count_start(shared);
}

static struct span at_most(struct span s, size_t n)
{
	return (struct span){ s.p, s.n < n ? s.n : n };
}

static void line_put(struct log_line *l, enum proxy_log_text which, char **to, struct span s)
{
	if (s.n)
		memcpy(*to, s.p, s.n);
	l->text[which] = (struct span){ *to, s.n };
	*to += s.n;
}

void proxy_log_begin(struct exchange *x, const struct http_head *h)
{
	const struct span none = { "", 0 }, *agent;
	struct span target, host;
	struct log_line *l;
	char *to;

	free(TAKE(x->line));
	if (!shared || !log_ring_mode(&shared->log))
		return;
	agent = http_header(h, "user-agent");
	target = h->query.p ? (struct span){ h->path.p, h->query.p + h->query.n - h->path.p }
	                    : h->path;
	target = at_most(target, TARGET_BYTES);
	host = at_most(h->host.p ? h->host : none, HOST_BYTES);
	l = x->line = xmalloc(sizeof(*l) + h->method.n + host.n + target.n + AGENT_BYTES);
	to = l->bytes;
	line_put(l, LOG_METHOD, &to, h->method);
	line_put(l, LOG_HOST, &to, host);
	line_put(l, LOG_TARGET, &to, target);
	line_put(l, LOG_AGENT, &to, at_most(agent ? *agent : none, AGENT_BYTES));
}

static void put_texts(struct proxy_log_record *r, const struct exchange *x)
{
	const struct table_backend *b = x->tries ? proxy_backend(x->backend) : NULL;
	struct span texts[LOG_TEXTS] = { 0 };
	size_t at = 0;

	if (x->line)
		memcpy(texts, x->line->text, sizeof(x->line->text));
	if (x->action) {
		texts[LOG_ROUTE] = x->action->route;
		texts[LOG_RULE] = x->action->rule;
	}
	if (b && b->uid == x->backend_uid)
		texts[LOG_BACKEND] = b->name;
	for (unsigned i = 0; i < LOG_TEXTS; i++) {
		struct span s = at_most(texts[i], sizeof(r->text) - at);

		if (s.n)
			memcpy(r->text + at, s.p, s.n);
		r->n[i] = (uint16_t)s.n;
		at += s.n;
	}
}

static void put_ends(struct proxy_log_record *r, const struct exchange *x)
{
	const struct endpoint *from = &x->arrival->from;

	r->client_len = from->ip.len;
	memcpy(r->client, from->ip.b, sizeof(r->client));
	r->client_port = from->port;
	r->upstream_len = 0;
	if (x->tries) {
		const struct endpoint *to = &x->tried[x->tries - 1];

		r->upstream_len = to->ip.len;
		memcpy(r->upstream, to->ip.b, sizeof(r->upstream));
		r->upstream_port = to->port;
	}
}

static void put(const struct exchange *x, uint64_t took)
{
	uint64_t number = log_ring_next(&shared->log);
	struct proxy_log_record *r = &shared->records[number % PROXY_LOG_RECORDS];

	r->began = x->began_ns;
	r->took = took;
	r->bytes_up = x->bytes_up;
	r->bytes_down = x->bytes_down;
	r->status = x->answered ? (uint16_t)x->status : 0;
	r->version = x->front->http2 ? LOG_HTTP_2 : x->old_version ? LOG_HTTP_1_0 : LOG_HTTP_1_1;
	r->tries = (uint8_t)x->tries;
	r->tls = x->arrival->tls;
	r->cut = !x->whole_answer;
	put_ends(r, x);
	put_texts(r, x);
	log_ring_written(&shared->log, number);
}

void proxy_log_end(struct exchange *x)
{
	uint64_t took = loop_now_ns() - x->began_ns;
	uint32_t mode = shared ? log_ring_mode(&shared->log) : 0;

	if (x->action)
		route_count_end(x, took);
	if (x->action && x->action->policy && x->action->policy->quiet)
		mode = CONF_LOGGED_NO;
	if (mode == CONF_LOGGED_ALL ||
	    (mode == CONF_LOGGED_ERRORS && (!x->answered || x->status >= 400)))
		put(x, took);
	if (x->line)
		free(TAKE(x->line));
}
