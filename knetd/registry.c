/* registry.c - runs the module table: start, sync what is dirty, retry with back-off, stop. */
#include <stdio.h>
#include <string.h>

#include <knetd/log.h>
#include <knetd/loop.h>

#include "registry.h"

#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 10000

static struct state {
	bool full;         /* the next sync looks at everything */
	bool waiting;      /* failed: not before the retry timer */
	uint32_t retry_ms; /* the wait after the next failure */
	struct cursor cursor;
	struct err failure; /* of the last sync; code 0 when it went well */
} states[MODULES_MAX];

static unsigned started;

static void retry(struct timer *t)
{
	(void)t;
	for (unsigned i = 0; i < started; i++)
		states[i].waiting = false;
}
static struct timer retry_timer = { .fn = retry };

bool changes_next(struct changes *c, struct change *out)
{
	while (!c->full && cursor_next(c->cursor, out) == CURSOR_CHANGE)
		if (c->kinds & KIND_BIT(out->kind))
			return true;
	return false;
}

/* Is there a change the module watches? Also notices a cursor that the ring has left behind. */
static bool dirty(const struct module *m, struct state *s)
{
	struct cursor ahead = s->cursor;
	struct change change;
	enum cursor_result r;

	while ((r = cursor_next(&ahead, &change)) == CURSOR_CHANGE)
		if (m->watches & KIND_BIT(change.kind))
			return true;
	if (r == CURSOR_LOST)
		s->full = true;
	else
		s->cursor = ahead; /* nothing for this module so far */
	return s->full;
}

static void sync_failed(const struct module *m, struct state *s, const struct err *e)
{
	s->failure = *e;
	s->full = s->waiting = true;
	s->retry_ms = s->retry_ms ? s->retry_ms * 2 : RETRY_FIRST_MS;
	if (s->retry_ms > RETRY_LAST_MS)
		s->retry_ms = RETRY_LAST_MS;
	log_err("%s: %s; trying again in %u ms", m->name, e->text, s->retry_ms);
	timer_set(&retry_timer, s->retry_ms);
}

static void sync_one(const struct module *m, struct state *s)
{
	struct changes c = { .full = s->full, .kinds = m->watches, .cursor = &s->cursor };
	struct err e = { 0 };

	s->full = false;
	if (c.full)
		cursor_now(&s->cursor);
	if (m->sync(&c, &e)) {
		sync_failed(m, s, &e);
		return;
	}
	s->retry_ms = 0;
	s->failure.code = 0;
}

/* What makes pods reachable is not to be there before what closes them. */
static void raise_shields(void)
{
	for (unsigned i = 0; i < started; i++)
		if (modules[i]->shields && states[i].full && !states[i].waiting)
			sync_one(modules[i], &states[i]);
}

void modules_sync(void)
{
	raise_shields();
	for (unsigned i = 0; i < started; i++) {
		const struct module *m = modules[i];
		struct state *s = &states[i];

		if (m->sync && !s->waiting && (s->full || dirty(m, s)))
			sync_one(m, s);
	}
}

void module_resync(const struct module *m)
{
	for (unsigned i = 0; modules[i]; i++)
		if (modules[i] == m)
			states[i].full = true;
	loop_again();
}

bool modules_ready(const char **why)
{
	static char text[300];

	for (unsigned i = 0; i < started; i++) {
		if (!states[i].failure.code)
			continue;
		snprintf(text, sizeof(text), "%s: %s", modules[i]->name, states[i].failure.text);
		*why = text;
		return false;
	}
	return true;
}

bool modules_state(unsigned i, const char **name, const char **error)
{
	if (i >= started)
		return false;
	*name = modules[i]->name;
	*error = states[i].failure.code ? states[i].failure.text : "";
	return true;
}

const struct route *modules_route(const char *method, const char *path, bool *known_path)
{
	*known_path = false;
	for (unsigned i = 0; i < started; i++) {
		for (const struct route *r = modules[i]->routes; r && r->method; r++) {
			if (strcmp(r->path, path) != 0)
				continue;
			*known_path = true;
			if (!strcmp(r->method, method))
				return r;
		}
	}
	return NULL;
}

void modules_metrics(struct buf *out)
{
	for (unsigned i = 0; i < started; i++)
		if (modules[i]->metrics)
			modules[i]->metrics(out);
}

void modules_reload(void)
{
	for (unsigned i = 0; i < started; i++)
		if (modules[i]->reload)
			modules[i]->reload();
}

int modules_start(struct err *e)
{
	for (; modules[started]; started++) {
		const struct module *m = modules[started];

		states[started] = (struct state){ .full = m->sync != NULL };
		cursor_now(&states[started].cursor);
		if (m->init && m->init(e)) {
			err_wrap(e, "%s", m->name);
			modules_stop(false);
			return -e->code;
		}
	}
	return 0;
}

void modules_stop(bool remove)
{
	timer_del(&retry_timer);
	while (started > 0)
		if (modules[--started]->exit)
			modules[started]->exit(remove);
}
