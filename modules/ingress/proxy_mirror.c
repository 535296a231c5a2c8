/* proxy_mirror.c - copies of a request for further backends, whose answers nobody sees.
 *
 * A copy is an exchange of its own with a front that throws away what it is told. It gets the head
 * as the first backend gets it, and the body as it comes. The request waits for a backend that
 * takes it slower, but not for long: then that copy is given up. Once it has all of the request a
 * copy goes its own way. */
#include <string.h>

#include <knetd/auto.h>

#include "proxy.h"
#include "proxy_deaf.h"

#define MIRRORS_MAX 1024 /* under way at a time */
#define PATIENCE_MS 200  /* that a request waits for one of its copies */

struct mirror {
	struct grave grave;
	struct exchange x;
	struct arrival arrival;
	struct exchange *of;   /* whose body it still gets; NULL: it has all */
	struct mirror *next;   /* of the same request */
	struct timer patience; /* armed: the request waits */
};
static unsigned n_mirrors;

static void mirror_free(struct grave *g)
{
	struct mirror *m = container_of(g, struct mirror, grave);

	exchange_free(&m->x);
	free(m);
}

static void leave(struct mirror *m)
{
	timer_del(&m->patience);
	if (!m->of)
		return;
	for (struct mirror **at = &m->of->mirrors; *at; at = &(*at)->next)
		if (*at == m) {
			*at = m->next;
			break;
		}
	m->of = NULL;
}

static void over(struct mirror *m)
{
	struct exchange *waits = m->patience.heap ? m->of : NULL;

	if (m->grave.free)
		return;
	leave(m);
	n_mirrors--;
	bury(&m->grave, mirror_free);
	if (waits)
		waits->front->resume(waits);
}

/* ---- its front ------------------------------------------------------------------------------ */

static struct mirror *mirror_of(const struct exchange *x)
{
	return container_of(x, struct mirror, x);
}

static void on_resume(struct exchange *x)
{
	struct mirror *m = mirror_of(x);

	if (!m->patience.heap)
		return;
	timer_del(&m->patience);
	m->of->front->resume(m->of);
}

static void on_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	(void)trailers;
	(void)n;
	over(mirror_of(x));
}

static void on_cut(struct exchange *x)
{
	over(mirror_of(x));
}

static const struct front_ops mirror_ops = {
	.head = deaf_head,
	.full = deaf_full,
	.body = deaf_body,
	.flush = deaf,
	.end = on_end,
	.cut = on_cut,
	.resume = on_resume,
};

static void on_patience(struct timer *t)
{
	struct mirror *m = container_of(t, struct mirror, patience);
	struct exchange *waits = m->of;

	exchange_gone(&m->x);
	over(m);
	waits->front->resume(waits);
}

/* ---- with the request ----------------------------------------------------------------------- */

static void begin(struct exchange *of, uint32_t backend)
{
	struct mirror *m;

	if (n_mirrors == MIRRORS_MAX)
		return;
	n_mirrors++;
	m = xcalloc(1, sizeof(*m));
	m->arrival = *of->arrival;
	m->arrival.at = arrival_at(of->arrival); /* later the client may be gone */
	m->x.front = &mirror_ops;
	m->x.arrival = &m->arrival;
	m->patience.fn = on_patience;
	if (!of->request_done) {
		m->of = of;
		m->next = of->mirrors;
		of->mirrors = m;
	}
	exchange_copy(&m->x, of, backend);
}

void mirrors_begin(struct exchange *x)
{
	unsigned n = x->wants_upgrade || x->connect_method ? 0 : x->n_copies;

	for (unsigned i = 0; i < n; i++)
		begin(x, x->copies[i]);
}

void mirrors_body(struct exchange *x, const char *p, size_t n)
{
	for (struct mirror *m = x->mirrors, *next; m; m = next) {
		next = m->next;
		exchange_request_body(&m->x, p, n);
	}
}

void mirrors_end(struct exchange *x, const struct http_header *trailers, size_t n)
{
	while (x->mirrors) {
		struct mirror *m = x->mirrors;

		leave(m);
		exchange_request_end(&m->x, trailers, n);
	}
}

void mirrors_cut(struct exchange *x)
{
	while (x->mirrors) {
		struct mirror *m = x->mirrors;

		leave(m);
		exchange_gone(&m->x);
		over(m);
	}
}

bool mirrors_full(const struct exchange *x)
{
	bool full = false;

	for (struct mirror *m = x->mirrors; m; m = m->next) {
		if (!exchange_request_full(&m->x))
			continue;
		full = true;
		if (!m->patience.heap)
			timer_set(&m->patience, PATIENCE_MS);
	}
	return full;
}
