/* proxy_exchange.c - one request and its answer: routed, tried, timed, counted.
 *
 * A request is tried on another endpoint while nothing of an answer came and all that was sent can
 * be sent again: its head, and what was kept of its body. While a connection is being made the body
 * is only kept, so a refused connection costs nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "proxy.h"
#include "proxy_access.h"
#include "proxy_grpc.h"
#include "proxy_log.h"
#include "proxy_trailers.h"
#include "proxy_trust.h"

#define REFUSED_TRIES 3 /* endpoints tried when connections are refused */

static void ask(struct exchange *x);

/* ---- the end -------------------------------------------------------------------------------- */

static void stop_timers(struct exchange *x)
{
	deadline_rest(&x->step);
	timer_del(&x->whole);
	timer_del(&x->backoff);
}

/* Nothing is under way any more. */
static void conclude(struct exchange *x)
{
	struct leg *l = TAKE(x->leg);

	x->phase = EXCHANGE_IDLE;
	x->grpc = false;
	stop_timers(x);
	if (l)
		l->ops->drop(l);
	if (x->mirrors)
		mirrors_cut(x);
	if (!x->quiet && !x->inner)
		proxy_log_end(x);
	policy_over(x);
	routes_let_go(TAKE(x->routes));
	x->listener = NULL;
	x->action = NULL;
	x->rule = NULL;
	x->choice = NULL;
	buf_free(&x->head);
	buf_free(&x->kept);
	buf_free(&x->trailers);
	if (x->answered && !x->quiet)
		count_up(COUNT_STATUS_0 + x->status / 100);
}

void exchange_gone(struct exchange *x)
{
	if (x->phase != EXCHANGE_IDLE)
		conclude(x);
}

void exchange_free(struct exchange *x)
{
	exchange_gone(x);
	stop_timers(x);
	deadline_del(&x->step);
	buf_free(&x->head);
	buf_free(&x->kept);
	buf_free(&x->trailers);
	buf_free(&x->origin);
}

static void cut(struct exchange *x)
{
	conclude(x);
	x->front->cut(x);
}

/* ---- answers of our own --------------------------------------------------------------------- */

static void add_field(struct http_head *h, const char *name, const char *value, size_t n)
{
	h->headers[h->n_headers++] = (struct http_header){ { name, strlen(name) }, { value, n } };
}

/* What came was no request: nothing of the one before is to be told of it. */
static void forget(struct exchange *x)
{
	x->began_ns = loop_now_ns();
	x->bytes_up = x->tries = 0;
	x->old_version = false;
}

/* The answers of a route's requests are filtered, whoever gives them. */
static void answer_with(struct exchange *x, struct http_head *h, struct scratch *s,
                        const char *text, size_t n)
{
	if (x->phase == EXCHANGE_IDLE)
		forget(x);
	x->status = h->status;
	if (x->action) {
		filter_answer(x, h, s);
		policy_answer(x, h, s);
	}
	x->answered = x->whole_answer = true;
	x->bytes_down = n ? n + 1 : 0;
	conclude(x);
	x->front->head(x, h);
	if (n) {
		x->front->body(x, text, n);
		x->front->body(x, "\n", 1);
	}
	x->front->end(x, NULL, 0);
}

void exchange_reply(struct exchange *x, struct http_head *h, struct scratch *s)
{
	answer_with(x, h, s, NULL, 0);
}

struct http_head *exchange_own_head(unsigned status)
{
	static struct http_head h;

	h.status = status;
	h.reason.p = http_reason(status);
	h.reason.n = strlen(h.reason.p);
	h.body = HTTP_BODY_NONE;
	h.n_headers = 0;
	return &h;
}

void exchange_refuse(struct exchange *x, unsigned status, const char *text)
{
	static const char type[] = "text/plain; charset=utf-8";
	struct http_head *h = exchange_own_head(status);
	bool grpc = x->grpc || (x->action && x->action->grpc);
	size_t n = strlen(text);
	char length[24];

	if (!x->head_method)
		h->body = HTTP_BODY_LENGTH;
	h->length = n + 1;
	add_field(h, "Content-Type", type, sizeof(type) - 1);
	snprintf(length, sizeof(length), "%zu", n + 1);
	add_field(h, "Content-Length", length, strlen(length));
	if (grpc)
		grpc_refusal(h, status, text);
	answer_with(x, h, scratch_take(), text, x->head_method || grpc ? 0 : n);
}

/* ---- time ----------------------------------------------------------------------------------- */

static const struct table_policy *policy_of(const struct exchange *x)
{
	return x->action ? x->action->policy : NULL;
}

static uint64_t answer_ms(const struct exchange *x)
{
	const struct table_policy *p = policy_of(x);

	if (p && p->read_ms)
		return p->read_ms;
	return x->action && x->action->backend_ms ? x->action->backend_ms
	                                          : proxy_table()->answer_ms;
}

/* A route's own limit is for the whole try, the proxy's for each time that nothing moves. */
static bool has_own_limit(const struct exchange *x)
{
	return x->action && x->action->backend_ms && x->action->backend_ms != UINT32_MAX;
}

static void begin_waiting(struct exchange *x)
{
	x->try_until = loop_now() + answer_ms(x);
	deadline_set(&x->step, answer_ms(x));
}

static uint64_t connect_ms(const struct exchange *x)
{
	const struct table_policy *p = policy_of(x);

	return p && p->connect_ms ? p->connect_ms : CONNECT_MS;
}

/* While the answer comes, the body may still go up: whichever may be quiet for longer. */
static uint64_t stall_ms(const struct exchange *x)
{
	const struct table_policy *p = policy_of(x);
	uint64_t ms = p ? p->read_ms : 0;

	if (p && !x->request_done && p->send_ms > ms)
		ms = p->send_ms;
	return ms ? ms : STALL_MS;
}

static uint64_t tunnel_ms(const struct exchange *x)
{
	const struct table_policy *p = policy_of(x);

	return p && p->read_ms > TUNNEL_MS ? p->read_ms : TUNNEL_MS;
}

void exchange_moved(struct exchange *x)
{
	/* a stream of gRPC may have nothing to say for long */
	bool long_lived = x->tunnel || (x->grpc && x->answered);
	uint64_t ms = long_lived ? tunnel_ms(x) : x->answered ? stall_ms(x) : answer_ms(x);
	uint64_t left = x->try_until > loop_now() ? x->try_until - loop_now() : 0;

	deadline_set(&x->step, !x->tunnel && left < ms && has_own_limit(x) ? left : ms);
}

/* The routes may have changed since the first try: then the backend's number means nothing now. */
static const struct table_backend *backend_of(const struct exchange *x)
{
	const struct table_backend *b = proxy_backend(x->backend);

	return b && b->uid == x->backend_uid ? b : NULL;
}

static bool endpoints_left(const struct exchange *x)
{
	const struct table_backend *b = backend_of(x);

	return x->tries < REFUSED_TRIES && (!b || x->tries < b->n_endpoints);
}

static void on_step(struct deadline *d)
{
	struct exchange *x = container_of(d, struct exchange, step);
	bool connecting = x->leg && x->leg->connecting;
	bool waits_for_client = x->leg && !connecting && !x->request_done && x->bytes_up &&
	                        !x->leg->ops->full(x->leg);
	struct leg *l = TAKE(x->leg);

	if (x->answered) {
		x->leg = l;
		cut(x);
		return;
	}
	count_up(COUNT_UPSTREAM_TIMEOUTS);
	if (l && connecting)
		peer_failed(l->peer);
	if (l)
		l->ops->drop(l);
	if (connecting && endpoints_left(x))
		ask(x);
	else if (waits_for_client)
		exchange_refuse(x, 408, "the request's body did not come in time");
	else if (retry_may(x, 0))
		retry_begin(x);
	else
		exchange_refuse(x, 504, "the backend did not answer in time");
}

static void on_whole(struct timer *t)
{
	struct exchange *x = container_of(t, struct exchange, whole);

	count_up(COUNT_UPSTREAM_TIMEOUTS);
	if (x->answered)
		cut(x);
	else
		exchange_refuse(x, 504, "the request took longer than its route allows");
}

/* ---- up ------------------------------------------------------------------------------------- */

/* The body so far, and its end, to a leg that is ready for them. */
static void push_kept(struct exchange *x)
{
	const struct http_header *trailers;
	struct leg *l = x->leg;
	size_t n;

	if (x->kept.len || !x->request_done)
		l->ops->body(l, x->kept.data, x->kept.len);
	if (x->leg != l)
		return;
	if (x->kept.len && !x->keeping) {
		x->body_sent = true;
		buf_reset(&x->kept);
	}
	if (x->request_done) {
		n = trailers_read(&x->trailers, &trailers);
		l->ops->end(l, trailers, n);
	} else {
		x->front->resume(x);
	}
}

static struct leg *begin_leg(struct exchange *x, struct peer *p, const struct table_backend *b,
                             bool fresh)
{
	return b->protocol == BACKEND_H2 ? leg_h2_begin(x, p, b) : leg_h1_begin(x, p, b, fresh);
}

static bool take_leg(struct exchange *x, struct leg *l)
{
	if (!l)
		return false;
	x->leg = l;
	x->phase = EXCHANGE_ASKS;
	if (l->connecting) {
		deadline_set(&x->step, connect_ms(x));
	} else {
		begin_waiting(x);
		push_kept(x);
	}
	return true;
}

/* Another endpoint is tried. */
static void ask(struct exchange *x)
{
	const struct table_backend *b = backend_of(x);
	struct peer *p = NULL;

	while (b && x->tries < TRIES_MAX && (p = peer_choose(b, x, x->policy.sticky))) {
		x->tried[x->tries++] = p->at;
		if (take_leg(x, begin_leg(x, p, b, false)))
			return;
		count_up(COUNT_UPSTREAM_ERRORS);
		peer_failed(p);
	}
	if (!b)
		exchange_refuse(x, 503, "the route has just changed");
	else if (x->tries)
		exchange_refuse(x, 502, "no endpoint of the backend could be reached");
	else
		exchange_refuse(x, 503, "the backend has no endpoints");
}

void exchange_ask_anew(struct exchange *x)
{
	const struct table_backend *b = backend_of(x);

	if (x->tries == TRIES_MAX || (b && x->tries >= b->n_endpoints))
		x->tries = 0;
	ask(x);
}

static void ask_again(struct exchange *x, struct peer *p)
{
	const struct table_backend *b = backend_of(x);

	if (!b || !take_leg(x, begin_leg(x, p, b, true)))
		exchange_refuse(x, 502, "the backend cannot be reached any more");
}

void exchange_connected(struct exchange *x)
{
	begin_waiting(x);
	push_kept(x);
}

bool exchange_request_full(const struct exchange *x)
{
	if (x->phase == EXCHANGE_IDLE)
		return false;
	if (x->mirrors && mirrors_full(x))
		return true;
	if (!x->leg || x->leg->connecting)
		return x->kept.len >= KEPT_MAX;
	return x->leg->ops->full(x->leg);
}

static void body_too_large(struct exchange *x)
{
	x->close = true;
	if (x->answered) {
		cut(x);
		return;
	}
	exchange_refuse(x, 413, "the body is larger than its route allows");
}

void exchange_request_body(struct exchange *x, const char *p, size_t n)
{
	bool waits = !x->leg || x->leg->connecting;

	if (x->phase == EXCHANGE_IDLE)
		return;
	x->bytes_up += n;
	if (x->policy.body_max && x->bytes_up > x->policy.body_max) {
		body_too_large(x);
		return;
	}
	if (x->mirrors)
		mirrors_body(x, p, n);
	if (x->keeping && !waits && x->kept.len + n > KEPT_MAX) {
		x->keeping = false;
		x->body_sent = true;
	}
	if (x->keeping || waits)
		buf_add(&x->kept, p, n);
	else
		x->body_sent = true;
	if (waits)
		return;
	exchange_moved(x);
	x->leg->ops->body(x->leg, p, n);
}

void exchange_request_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	x->request_done = true;
	if (n && x->phase != EXCHANGE_IDLE)
		trailers_keep(&x->trailers, trailers, n);
	if (x->mirrors)
		mirrors_end(x, trailers, n);
	if (x->leg && !x->leg->connecting)
		x->leg->ops->end(x->leg, trailers, n);
}

void exchange_leg_room(struct exchange *x)
{
	x->front->resume(x);
}

/* ---- down ----------------------------------------------------------------------------------- */

static void answer_upgrade(struct exchange *x, struct http_head *h)
{
	const struct span *upgrade = http_header(h, "upgrade");
	struct span to = upgrade ? *upgrade : (struct span){ NULL, 0 };

	head_strip(h);
	if (to.p)
		h->headers[h->n_headers++] = (struct http_header){ { "Upgrade", 7 }, to };
	x->tunnel = true;
	timer_del(&x->whole);
	x->request_done = false;
	x->keeping = false;
}

static void drop_leg(struct exchange *x)
{
	struct leg *l = TAKE(x->leg);

	l->ops->drop(l);
}

void exchange_answer(struct exchange *x, struct http_head *h)
{
	struct scratch *s;

	if (h->status == 101 && !x->wants_upgrade) {
		drop_leg(x);
		exchange_trouble(x, LEG_GARBLED);
		return;
	}
	if (h->status < 200 && h->status != 101) {
		head_strip(h);
		x->front->head(x, h);
		return;
	}
	if (retry_may(x, h->status)) {
		drop_leg(x);
		retry_begin(x);
		return;
	}
	x->answered = true;
	x->status = h->status;
	x->phase = EXCHANGE_RELAYS;
	peer_worked(x->leg->peer);
	if (h->status == 101)
		answer_upgrade(x, h);
	else
		head_strip(h);
	s = scratch_take();
	if (x->action && h->status != 101)
		filter_answer(x, h, s);
	if (x->action)
		policy_answer(x, h, s);
	exchange_moved(x);
	x->front->head(x, h);
}

bool exchange_answer_full(const struct exchange *x)
{
	return x->phase != EXCHANGE_IDLE && x->front->full(x);
}

void exchange_answer_body(struct exchange *x, const char *p, size_t n)
{
	x->bytes_down += n;
	x->front->body(x, p, n);
}

void exchange_answer_flush(struct exchange *x)
{
	x->front->flush(x);
}

void exchange_answer_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	x->leg = NULL;
	x->whole_answer = true;
	conclude(x);
	x->front->end(x, trailers, n);
}

void exchange_room(struct exchange *x)
{
	if (x->leg)
		x->leg->ops->resume(x->leg);
}

void exchange_trouble(struct exchange *x, enum leg_trouble what)
{
	struct leg *l = TAKE(x->leg);
	struct peer *p = l ? l->peer : NULL;

	if (x->answered) {
		cut(x);
		return;
	}
	if (what == LEG_STALE && !x->body_sent) {
		ask_again(x, p);
		return;
	}
	count_up(COUNT_UPSTREAM_ERRORS);
	if (what == LEG_REFUSED && p)
		peer_failed(p);
	if ((what == LEG_REFUSED || what == LEG_DECLINED) && !x->body_sent && endpoints_left(x))
		ask(x);
	else if (retry_may(x, 0))
		retry_begin(x);
	else if (what == LEG_REFUSED)
		exchange_refuse(x, 502, "no endpoint of the backend could be reached");
	else if (what == LEG_GARBLED)
		exchange_refuse(x, 502, "the backend's answer cannot be understood");
	else
		exchange_refuse(x, 502, "the backend closed the connection without an answer");
}

/* ---- the beginning -------------------------------------------------------------------------- */

static void reset(struct exchange *x, const struct http_head *h)
{
	x->leg = NULL;
	x->head_method = span_is(h->method, "HEAD");
	x->connect_method = span_is(h->method, "CONNECT");
	x->old_version = !h->minor;
	x->wants_upgrade = h->upgrade;
	x->grpc = grpc_asks(h);
	x->chunked = h->body == HTTP_BODY_CHUNKED;
	x->request_done = h->body == HTTP_BODY_NONE || (h->body == HTTP_BODY_LENGTH && !h->length);
	x->tunnel = x->close = x->body_sent = x->answered = x->keeping = false;
	x->whole_answer = false;
	x->tries = x->retries = 0;
	x->bytes_up = x->bytes_down = 0;
	x->status = 0;
	x->began_ns = loop_now_ns();
	buf_reset(&x->head);
	buf_reset(&x->kept);
	x->cors = NULL;
	x->n_copies = 0;
	x->step.fn = on_step;
	x->whole.fn = on_whole;
	x->phase = EXCHANGE_WAITS;
	x->routes = routes_hold();
}

static size_t lower_host(struct span host, char *out, size_t size)
{
	size_t n = 0;

	for (; n < host.n && n < size; n++)
		out[n] = host.p[n] >= 'A' && host.p[n] <= 'Z' ? host.p[n] + 32 : host.p[n];
	return n && out[n - 1] == '.' ? n - 1 : n; /* "a.example." is a.example */
}

/* Another listener than the one that the handshake chose has the host: its certificate, and whether
 * it asks for the client's, were not what was agreed on (RFC 9110 15.5.20). */
static bool misdirected(const struct exchange *x, const struct table_port *port)
{
	const char *sni = x->arrival->sni;

	return x->arrival->tls &&
	       x->listener != match_listener(port, (struct span){ sni, strlen(sni) });
}

/* False: there is none, which was answered. */
static bool find_action(struct exchange *x, struct http_head *h)
{
	static char path[PATH_MAX_BYTES + 1];
	char host[256];
	const struct table_port *port = proxy_port(x->arrival->door);
	struct request r = { .method = h->method, .query = h->query, .head = h };

	r.host = (struct span){ host, lower_host(h->host, host, sizeof(host)) };
	r.path.p = path;
	if (!match_path(h->path, path, sizeof(path), &r.path.n)) {
		count_up(COUNT_REFUSED);
		x->close = true;
		exchange_refuse(x, 400, "this path can be read in more than one way");
		return false;
	}
	x->listener = port ? match_listener(port, r.host) : NULL;
	if (x->listener && misdirected(x, port)) {
		exchange_refuse(x, 421, "this connection was made for another host");
		return false;
	}
	x->rule = x->listener ? match_rule(x->listener, &r) : NULL;
	x->action = x->rule ? x->rule->action : x->listener ? x->listener->otherwise : NULL;
	if (x->action)
		return true;
	count_up(COUNT_NO_ROUTE);
	exchange_refuse(x, 404, "no route for this host and path");
	return false;
}

static bool choose_backend(struct exchange *x)
{
	const struct table_backend *b;

	if (!x->choice)
		x->choice = choose_by_weight(x->action);
	if (!x->choice || x->choice->backend == TABLE_NONE) {
		exchange_refuse(x, 500, "the route has no backend that it may ask");
		return false;
	}
	x->backend = x->choice->backend;
	policy_backend(x);
	b = proxy_backend(x->backend);
	x->backend_uid = b ? b->uid : 0;
	return true;
}

void exchange_copy(struct exchange *x, const struct exchange *of, uint32_t backend)
{
	const struct table_backend *b = proxy_backend(backend);

	x->head_method = of->head_method;
	x->chunked = of->chunked;
	x->request_done = of->request_done;
	x->quiet = true;
	x->began_ns = of->began_ns;
	x->step.fn = on_step;
	x->whole.fn = on_whole;
	x->phase = EXCHANGE_WAITS;
	x->backend = backend;
	x->backend_uid = b ? b->uid : 0;
	buf_add(&x->head, of->head.data, of->head.len);
	ask(x);
}

void exchange_go_on(struct exchange *x, struct http_head *h, struct scratch *s)
{
	struct trust_words said;

	trust_keep(&said, x, h);
	head_forward(h, x, s);
	trust_tell(&said, x, h, s);
	policy_forward(x, h, s);
	if (!filter_request(x, h, s) || !choose_backend(x) || !filter_choice(x, h, s))
		return;
	if (s->text.failed) {
		exchange_refuse(x, 500, "the route's filters make the request too large");
		return;
	}
	head_request(&x->head, h);
	x->keeping = x->action->retry && x->action->retry->attempts;
	if (x->n_copies)
		mirrors_begin(x);
	ask(x);
}

void exchange_begin_inner(struct exchange *x, struct http_head *h, const struct table_action *a)
{
	worker_fresh(proxy_worker);
	reset(x, h);
	trust_read(x, h);
	if (!x->inner)
		proxy_log_begin(x, h);
	x->action = a;
	if (!a && !find_action(x, h))
		return;
	if (x->action->request_ms)
		timer_set(&x->whole, x->action->request_ms);
	if (!x->action->policy || policy_request(x, h))
		exchange_go_on(x, h, scratch_take());
}

void exchange_begin(struct exchange *x, struct http_head *h)
{
	exchange_begin_inner(x, h, NULL);
}
