/* worker_pool.c - the workers of one role: how many there are, what they are sent, and that each
 * seat is filled again when its worker dies.
 *
 * A seat keeps its own copies of its worker's listening sockets. So a connection that waits in the
 * queue of a worker that dies is served by the next one, and none is refused meanwhile. After our
 * own end the workers hold them, and hand them back with HELLO: a worker that can stay (same build,
 * same addresses, or a role whose sockets may change) stays. One that cannot serves on until the
 * first flush: if this daemon's start fails before, nothing has happened. Then a new one gets every
 * socket that is still wanted and all snapshots, and the old one is told to drain.
 *
 * A worker that dies soon after its birth is started again after a while. Until then the kernel
 * must not give its sockets the seat's share of the clients, who would wait as long: they are made
 * deaf, and the other workers get all. When none is left, waiting is better than being refused. */
#include <errno.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/handover.h>
#include <knetd/log.h>
#include <knetd/worker.h>

#include "worker_birth.h"
#include "worker_left.h"
#include "worker_proc.h"

#define HELLO_WAIT_MS 2000 /* at start only, while nothing else is served */
#define RESTART_FIRST_MS 100
#define RESTART_LAST_MS 10000
#define RETRY_MS 3000    /* a listening socket that could not be had */
#define HEALTHY_MS 10000 /* after that a worker's end counts as the first */

struct seat {
	struct worker_pool *pool;
	unsigned index;
	struct worker_set sockets;
	struct worker_set
		spare;   /* until the first flush: what was found and is not asked for yet */
	bool left_alone; /* whoever has those is not in this seat */
	struct worker_proc *proc; /* NULL while the timer runs */
	struct timer restart;
	unsigned restart_ms;
	bool backing_off; /* the timer runs for longer than no time at all */
	bool deaf;
};

struct worker_pool {
	struct worker_pool *next;
	const struct worker_role *role;
	unsigned n_listen;
	struct worker_listen listen[WORKER_SOCKETS];
	int trouble[WORKER_SOCKETS]; /* -errno: why it is not open at every seat; 0 */
	struct timer retry;          /* of those */
	void (*told)(void);
	bool relisten; /* sockets changed since the last flush */
	unsigned n_seats;
	struct seat *seats;
	struct list retired; /* worker_proc that drain */
	int *newest;         /* role->slots descriptors, -1: empty */
	bool *changed;       /* since the last flush */
	bool flushed;        /* once at least */
	uint64_t deaths;
	uint64_t dropped;                /* by sockets that are closed */
	uint64_t ended[WORKER_COUNTERS]; /* counters of workers that are gone */
};

static struct worker_pool *pools;

/* ---- counters ------------------------------------------------------------------------------- */

static uint64_t count(const struct worker_proc *p, unsigned counter)
{
	return p && p->page
	               ? atomic_load_explicit(&p->page->counters[counter], memory_order_relaxed)
	               : 0;
}

uint64_t worker_pool_gauge(const struct worker_pool *p, unsigned counter)
{
	struct list *pos, *nxt;
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->n_seats; i++)
		sum += count(p->seats[i].proc, counter);
	list_each (pos, nxt, &p->retired)
		sum += count(container_of(pos, struct worker_proc, link), counter);
	return sum;
}

uint64_t worker_pool_counter(const struct worker_pool *p, unsigned counter)
{
	return p->ended[counter] + worker_pool_gauge(p, counter);
}

static void keep_counters(struct worker_pool *pool, const struct worker_proc *p)
{
	for (unsigned i = 0; i < WORKER_COUNTERS; i++)
		pool->ended[i] += count(p, i);
}

unsigned worker_pool_alive(const struct worker_pool *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_seats; i++)
		n += p->seats[i].proc && p->seats[i].proc->greeted;
	return n;
}

uint64_t worker_pool_dropped(const struct worker_pool *p)
{
	uint64_t sum = p->dropped;

	for (unsigned i = 0; i < p->n_seats; i++)
		sum += worker_set_dropped(&p->seats[i].sockets);
	return sum;
}

uint64_t worker_pool_deaths(const struct worker_pool *p)
{
	return p->deaths;
}

unsigned worker_pool_seats(const struct worker_pool *p)
{
	return p->n_seats;
}

void *worker_pool_shared(const struct worker_pool *p, unsigned seat)
{
	const struct worker_proc *proc = seat < p->n_seats ? p->seats[seat].proc : NULL;

	return proc && proc->page ? proc->page->shared : NULL;
}

/* ---- seats ---------------------------------------------------------------------------------- */

/* After any change of who serves. */
static void share_clients(struct worker_pool *p)
{
	for (unsigned i = 0; i < p->n_seats; i++) {
		struct seat *s = &p->seats[i];
		bool deaf = s->backing_off && worker_pool_alive(p);

		if (deaf == s->deaf)
			continue;
		s->deaf = deaf;
		if (deaf)
			worker_set_deafen(&s->sockets);
		else
			worker_set_hear(&s->sockets, p->listen);
	}
}

static void on_greeted(struct worker_proc *p)
{
	struct seat *s = p->owner;

	share_clients(s->pool);
	worker_set_close(&p->sockets); /* the seat has them already */
	if (s->pool->flushed)
		worker_proc_flush(p);
}

static void on_ended(struct worker_proc *p)
{
	struct seat *s = p->owner;

	if (loop_now() - p->born >= HEALTHY_MS)
		s->restart_ms = 0; /* at once */
	keep_counters(s->pool, p);
	s->pool->deaths++;
	worker_proc_free(p);
	s->proc = NULL;
	s->backing_off = s->restart_ms != 0;
	share_clients(s->pool);
	timer_set(&s->restart, s->restart_ms);
}

static void seat_worker(struct seat *s, struct worker_proc *p)
{
	s->proc = p;
	p->owner = s;
	p->greeted_fn = on_greeted;
	p->ended_fn = on_ended;
	p->newest = s->pool->newest;
	p->listening = &s->sockets;
}

/* Sets the wait before the restart after this one. */
static void back_off(struct seat *s)
{
	s->restart_ms = s->restart_ms ? s->restart_ms * 2 : RESTART_FIRST_MS;
	if (s->restart_ms > RESTART_LAST_MS)
		s->restart_ms = RESTART_LAST_MS;
}

static void seat_spawn(struct seat *s)
{
	struct err e = { 0 };
	struct worker_proc *p;

	s->backing_off = false;
	share_clients(s->pool);
	p = worker_proc_spawn(s->pool->role, s->index, s->left_alone && !s->pool->flushed,
	                      &s->sockets, &e);
	timer_del(&s->restart);
	if (p) {
		seat_worker(s, p);
		return;
	}
	log_err("%s-%u: %s", s->pool->role->name, s->index, e.text);
	s->backing_off = true;
	share_clients(s->pool);
	timer_set(&s->restart, RESTART_LAST_MS);
}

static void on_restart(struct timer *t)
{
	struct seat *s = container_of(t, struct seat, restart);

	back_off(s);
	seat_spawn(s);
}

/* ---- workers that leave --------------------------------------------------------------------- */

static void on_retired_ended(struct worker_proc *p)
{
	struct worker_pool *pool = p->owner;

	keep_counters(pool, p);
	if (p->index >= pool->n_seats || strcmp(p->door, p->name) != 0)
		worker_birth_close_door(p->door); /* else it is its successor's */
	list_del(&p->link);
	worker_proc_free(p);
}

static void retire(struct worker_pool *pool, struct worker_proc *p)
{
	p->owner = pool;
	p->ended_fn = on_retired_ended;
	list_add_tail(&pool->retired, &p->link);
	if (!p->greeted)
		worker_proc_kill(p); /* two seconds of silence: it does not serve either */
}

/* Nobody has asked for them: whoever has them shall get no more clients. */
static void close_spare(struct seat *s)
{
	if (s->left_alone)
		worker_set_deafen(&s->spare);
	worker_set_close(&s->spare);
}

/* Theirs alone are the sockets that nobody has taken over. */
static void drain_retired(struct worker_pool *pool)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &pool->retired) {
		struct worker_proc *p = container_of(pos, struct worker_proc, link);

		worker_set_deafen(&p->sockets);
		worker_set_close(&p->sockets); /* or the kernel would go on giving them its share of
		                                  clients */
		worker_proc_drain(p);
	}
}

/* ---- listening ------------------------------------------------------------------------------ */

/* As the pool's list says; true when the seat's sockets changed. left: those no longer wanted. */
static bool seat_listen(struct seat *s, const struct worker_listen *was, int *trouble,
                        struct worker_set *left)
{
	struct worker_pool *p = s->pool;
	unsigned spare = s->spare.n;
	bool changed = worker_set_change(&s->sockets, was, p->listen, p->n_listen, trouble,
	                                 &s->spare, left) > 0;

	changed |= left->n > 0 || s->spare.n < spare;
	p->dropped += worker_set_dropped(left);
	if (s->deaf)
		worker_set_deafen(&s->sockets);
	return changed;
}

/* True when something is other than it was. */
static bool take_trouble(struct worker_pool *p, const int *now)
{
	char text[WORKER_LISTEN_TEXT];
	bool changed = false, any = false;

	for (unsigned i = 0; i < p->n_listen; i++) {
		any |= now[i] != 0;
		if (now[i] == p->trouble[i])
			continue;
		changed = true;
		p->trouble[i] = now[i];
		worker_listen_text(&p->listen[i], text);
		if (!now[i])
			log_info("%s: it works now", text);
		else if (p->listen[i].optional)
			log_warn("%s: %s", text, strerror(-now[i]));
	}
	if (any && p->role->listening)
		timer_set(&p->retry, RETRY_MS);
	else
		timer_del(&p->retry);
	return changed;
}

static int check_trouble(const struct worker_pool *p, struct err *e)
{
	char text[WORKER_LISTEN_TEXT];

	for (unsigned i = 0; i < p->n_listen; i++)
		if (p->trouble[i] && !p->listen[i].optional)
			return err_set(e, -p->trouble[i], "%s: %s",
			               worker_listen_text(&p->listen[i], text),
			               strerror(-p->trouble[i]));
	return 0;
}

/* The sockets of every seat, and what its worker has to be told. */
static void listen_all(struct worker_pool *p, const struct worker_listen *was, int *trouble)
{
	for (unsigned i = 0; i < p->n_seats; i++) {
		struct worker_set left;

		if (!seat_listen(&p->seats[i], was, trouble, &left))
			continue;
		worker_set_close(&left);
		p->relisten = true;
		if (p->seats[i].proc)
			p->seats[i].proc->listen = true;
	}
}

/* Nothing else is sent with it: a module may be between publishing and flushing. */
static void on_retry(struct timer *t)
{
	struct worker_pool *p = container_of(t, struct worker_pool, retry);
	int trouble[WORKER_SOCKETS] = { 0 };

	listen_all(p, p->listen, trouble);
	for (unsigned i = 0; i < p->n_seats && p->relisten && p->flushed; i++)
		if (p->seats[i].proc)
			worker_proc_flush(p->seats[i].proc);
	p->relisten &= !p->flushed;
	if (take_trouble(p, trouble) && p->told)
		p->told();
}

/* Then only whether an entry is optional may differ. */
static bool same_list(const struct worker_pool *p, const struct worker_listen *listen, unsigned n)
{
	for (unsigned i = 0; i < n && n == p->n_listen; i++)
		if (!worker_listen_same(&listen[i], &p->listen[i]))
			return false;
	return n == p->n_listen;
}

static int trouble_of(const struct worker_pool *p, const struct worker_listen *l)
{
	for (unsigned i = 0; i < p->n_listen; i++)
		if (worker_listen_same(&p->listen[i], l))
			return p->trouble[i];
	return 0;
}

int worker_pool_listen(struct worker_pool *p, const struct worker_listen *listen, unsigned n,
                       struct err *e)
{
	struct worker_listen was[WORKER_SOCKETS];
	int before[WORKER_SOCKETS] = { 0 }, trouble[WORKER_SOCKETS] = { 0 };

	if (n > WORKER_SOCKETS)
		return err_set(e, E2BIG, "more than %d listening sockets", WORKER_SOCKETS);
	if (same_list(p, listen, n)) {
		for (unsigned i = 0; i < n; i++)
			p->listen[i] = listen[i];
	} else {
		for (unsigned i = 0; i < n; i++)
			before[i] = trouble_of(p, &listen[i]);
		memcpy(p->trouble, before, sizeof(before));
		memcpy(was, p->listen, sizeof(was));
		for (p->n_listen = 0; p->n_listen < n; p->n_listen++)
			p->listen[p->n_listen] = listen[p->n_listen];
		listen_all(p, was, trouble);
		take_trouble(p, trouble);
	}
	return check_trouble(p, e);
}

int worker_pool_trouble(const struct worker_pool *p, const struct endpoint *at, bool stream)
{
	for (unsigned i = 0; i < p->n_listen; i++)
		if (p->listen[i].stream == stream && endpoint_equal(&p->listen[i].at, at))
			return p->trouble[i];
	return -ENOENT;
}

void worker_pool_watch(struct worker_pool *p, void (*told)(void))
{
	p->told = told;
}

/* ---- start ---------------------------------------------------------------------------------- */

/* The one that was found there stays when it is of this build and has, or can be given, what is
 * wanted. */
static bool may_stay(const struct worker_pool *pool, const struct worker_proc *old, bool same)
{
	return worker_proc_is_ours(old, pool->role) && (same || pool->role->listening);
}

/* old may be NULL. */
static int fill_seat(struct seat *s, struct worker_proc *old, int *trouble, struct err *e)
{
	struct worker_pool *p = s->pool;
	struct worker_set none;
	unsigned had = 0;
	bool same;
	int ret;

	if (old) {
		s->spare = old->sockets;
		had = old->sockets.n;
		old->sockets.n = 0;
	}
	seat_listen(s, NULL, trouble, &none);
	same = !s->spare.n && s->sockets.n == had;
	take_trouble(p, trouble);
	ret = check_trouble(p, e);
	if (!ret && old && may_stay(p, old, same)) {
		log_info("%s: still serves, adopted", old->name);
		old->listen = p->role->listening;
		seat_worker(s, old);
		return 0;
	}
	if (old) {
		s->left_alone = true;
		retire(p, old);
	} else if (!ret) {
		seat_spawn(s);
	}
	return ret;
}

/* Whoever sits at the doors of our workers, also of more of them than are wanted now. */
static void find_old(const struct worker_role *role, struct worker_proc *old[static WORKER_MAX])
{
	for (unsigned i = 0; i < WORKER_MAX; i++)
		old[i] = worker_proc_find(role, i, 0);
	worker_proc_await(old, WORKER_MAX, HELLO_WAIT_MS);
}

/* And those that had to make place, when a control process ended before it told them so. Their
 * sockets are those of their successors; where there is none they are taken for it. */
static void find_aside(const struct worker_role *role, struct worker_proc *old[static WORKER_MAX],
                       struct list *rest)
{
	for (unsigned aside = 1; aside <= WORKER_BIRTH_OLD; aside++) {
		struct worker_proc *found[WORKER_MAX];

		for (unsigned i = 0; i < WORKER_MAX; i++)
			found[i] = worker_proc_find(role, i, aside);
		worker_proc_await(found, WORKER_MAX, HELLO_WAIT_MS);
		for (unsigned i = 0; i < WORKER_MAX; i++) {
			if (found[i] && (!old[i] || !old[i]->greeted)) {
				struct worker_proc *first = old[i];

				old[i] = found[i];
				found[i] = first;
			}
			if (!found[i])
				continue;
			worker_set_close(&found[i]->sockets);
			list_add_tail(rest, &found[i]->link);
		}
	}
}

/* Told to drain with the first flush; until then, and when the start fails, they serve on. */
static void retire_aside(struct worker_pool *pool, struct list *rest, bool failed)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, rest) {
		struct worker_proc *p = container_of(pos, struct worker_proc, link);

		list_del(pos);
		if (failed)
			worker_proc_free(p);
		else
			retire(pool, p);
	}
}

static struct worker_pool *pool_new(const struct worker_role *role, unsigned n_seats)
{
	struct worker_pool *p = xcalloc(1, sizeof(*p));

	p->role = role;
	p->n_seats = n_seats;
	p->seats = xcalloc(n_seats, sizeof(*p->seats));
	p->newest = xcalloc(role->slots, sizeof(*p->newest));
	p->changed = xcalloc(role->slots, sizeof(*p->changed));
	list_init(&p->retired);
	p->retry.fn = on_retry;
	for (unsigned i = 0; i < role->slots; i++)
		p->newest[i] = -1;
	for (unsigned i = 0; i < n_seats; i++) {
		p->seats[i].pool = p;
		p->seats[i].index = i;
		p->seats[i].restart.fn = on_restart;
	}
	return p;
}

/* All of this process's children: whoever takes our place waits for their ends. */
static void leave_give(void)
{
	for (struct worker_pool *p = pools; p; p = p->next) {
		struct list *pos, *nxt;

		for (unsigned i = 0; i < p->n_seats; i++)
			worker_leave(p->seats[i].proc);
		list_each (pos, nxt, &p->retired)
			worker_leave(container_of(pos, struct worker_proc, link));
	}
	worker_leave_left();
}

static const struct handover_giver giver = { .give = leave_give, .resume = worker_leave_resume };

struct worker_pool *worker_pool_start(const struct worker_role *role,
                                      const struct worker_listen *listen, unsigned n_listen,
                                      struct err *e)
{
	struct worker_proc *old[WORKER_MAX];
	int trouble[WORKER_SOCKETS] = { 0 };
	struct list aside = LIST_INIT(aside);
	struct worker_pool *p;
	int ret = worker_proc_init(e);

	if (!ret && n_listen > WORKER_SOCKETS)
		ret = err_set(e, E2BIG, "more than %d listening sockets", WORKER_SOCKETS);
	if (ret)
		return NULL;
	p = pool_new(role, conf.node.workers);
	p->n_listen = n_listen;
	for (unsigned i = 0; i < n_listen; i++)
		p->listen[i] = listen[i];
	worker_left_begin();
	find_old(role, old);
	find_aside(role, old, &aside);
	for (unsigned i = 0; i < p->n_seats && !ret; i++)
		ret = fill_seat(&p->seats[i], TAKE(old[i]), trouble, e);
	for (unsigned i = 0; i < WORKER_MAX; i++)
		if (old[i] && ret)
			worker_proc_free(old[i]); /* not ours to judge: it serves on */
		else if (old[i])
			retire(p, old[i]);
	retire_aside(p, &aside, ret != 0);
	if (!pools)
		handover_add_giver(&giver);
	p->next = pools;
	pools = p;
	if (!ret)
		return p;
	worker_pool_free(p, false);
	return NULL;
}

/* ---- snapshots ------------------------------------------------------------------------------ */

void worker_pool_publish(struct worker_pool *p, unsigned slot, int fd)
{
	if (p->newest[slot] >= 0)
		close(p->newest[slot]);
	else if (fd < 0)
		return;
	p->newest[slot] = fd;
	p->changed[slot] = true;
}

/* So that when the daemon says it is ready its workers have all they need; and what drains serves
 * until then, but not one moment longer: it gets no changes. */
static void first_flush(struct worker_pool *p)
{
	struct worker_proc *procs[WORKER_MAX];

	for (unsigned i = 0; i < p->n_seats; i++) {
		if (!p->seats[i].proc)
			seat_spawn(&p->seats[i]);
		procs[i] = p->seats[i].proc;
	}
	worker_proc_await(procs, p->n_seats, HELLO_WAIT_MS);
	p->flushed = true;
	for (unsigned i = 0; i < p->n_seats; i++)
		if (p->seats[i].proc)
			worker_proc_flush(p->seats[i].proc);
	for (unsigned i = 0; i < p->n_seats; i++)
		close_spare(&p->seats[i]);
	drain_retired(p);
}

static void flush_to(struct worker_pool *p, struct worker_proc *proc)
{
	for (unsigned i = 0; i < p->role->slots; i++)
		proc->pending[i] |= p->changed[i];
	worker_proc_flush(proc);
}

void worker_pool_flush(struct worker_pool *p)
{
	bool any = p->relisten;

	for (unsigned i = 0; i < p->role->slots; i++)
		any |= p->changed[i];
	if (!p->flushed)
		first_flush(p);
	else if (any)
		for (unsigned i = 0; i < p->n_seats; i++)
			if (p->seats[i].proc)
				flush_to(p, p->seats[i].proc);
	memset(p->changed, 0, p->role->slots * sizeof(*p->changed));
	p->relisten = false;
}

/* ---- end ------------------------------------------------------------------------------------ */

static void let_go(struct worker_proc *proc, bool stop)
{
	if (stop && proc)
		worker_proc_end(proc);
	else
		worker_proc_free(proc);
}

void worker_pool_free(struct worker_pool *p, bool stop)
{
	struct list *pos, *nxt;

	if (!p)
		return;
	for (struct worker_pool **at = &pools; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	timer_del(&p->retry);
	list_each (pos, nxt, &p->retired) {
		struct worker_proc *proc = container_of(pos, struct worker_proc, link);

		list_del(pos);
		let_go(proc, stop);
	}
	for (unsigned i = 0; i < p->n_seats; i++) {
		struct seat *s = &p->seats[i];
		bool idle =
			s->proc && s->proc->child && !p->flushed; /* born, never told to serve */

		timer_del(&s->restart);
		let_go(s->proc, stop || idle);
		worker_set_close(&s->sockets);
		worker_set_close(&s->spare);
	}
	for (unsigned i = 0; i < p->role->slots; i++)
		if (p->newest[i] >= 0)
			close(p->newest[i]);
	free(p->seats);
	free(p->newest);
	free(p->changed);
	free(p);
}
