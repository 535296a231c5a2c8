/* log_ring.c - see log_ring.h. Everything here is bounded, and nothing waits. */
#include <assert.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/log_ring.h>

static void take(struct log_reader *r, const struct log_ring *ring, uint64_t number)
{
	static _Alignas(8) uint8_t copy[LOG_RECORD_MAX];
	const uint8_t *at =
		(const uint8_t *)ring + r->first + (number & (r->records - 1)) * r->record;

	assert(r->record <= sizeof(copy));
	memcpy(copy, at, r->record);
	atomic_thread_fence(memory_order_acquire);
	/* the worker may have been writing over it meanwhile: then it is lost */
	if (atomic_load_explicit(&ring->head, memory_order_relaxed) - number < r->records)
		r->take(copy, &r->lines);
	else
		r->lost++;
}

/* Returns how many waited. */
static uint64_t read_ring(struct log_reader *r, const struct log_ring *ring, uint64_t *next)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t waited = head - *next;

	if (waited >= r->records) {
		r->lost += waited - r->records + 1;
		*next = head - r->records + 1;
	}
	for (; *next != head; ++*next)
		take(r, ring, *next);
	return waited;
}

static uint64_t read_seat(struct log_reader *r, unsigned i, enum conf_logged mode)
{
	struct log_ring *ring = worker_pool_shared(r->pool, i);
	uint64_t born;

	if (!ring)
		return 0;
	born = atomic_load_explicit(&ring->born, memory_order_relaxed);
	if (log_ring_mode(ring) != (uint32_t)mode)
		atomic_store_explicit(&ring->mode, mode, memory_order_relaxed);
	if (born != r->seat[i].born)
		r->seat[i].next = 0; /* somebody new sits there */
	r->seat[i].born = born;
	return read_ring(r, ring, &r->seat[i].next);
}

static void tell_lost(struct log_reader *r)
{
	if (r->lost == r->told || !log_may(&r->rate))
		return;
	log_warn("%s: %llu %s are not in the %s: there were too many at once", r->module,
	         (unsigned long long)(r->lost - r->told), r->things, r->log);
	r->told = r->lost;
}

void log_reader_look(struct log_reader *r, enum conf_logged mode)
{
	uint64_t most = 0, n;

	r->lines.lost = &r->lost;
	for (unsigned i = 0; i < worker_pool_seats(r->pool) && i < WORKER_MAX; i++)
		if ((n = read_seat(r, i, mode)) > most)
			most = n;
	log_lines_flush(&r->lines);
	tell_lost(r);
	if (mode != CONF_LOGGED_NO)
		timer_set(&r->timer, most > r->records / 8 ? LOG_RING_BUSY_MS : LOG_RING_TICK_MS);
}

static void on_tick(struct timer *t)
{
	container_of(t, struct log_reader, timer)->look();
}

/* What adopted workers logged for another control process is none of ours. */
static void skip_old(struct log_reader *r)
{
	for (unsigned i = 0; i < worker_pool_seats(r->pool) && i < WORKER_MAX; i++) {
		const struct log_ring *ring = worker_pool_shared(r->pool, i);

		if (!ring)
			continue;
		r->seat[i].born = atomic_load_explicit(&ring->born, memory_order_relaxed);
		r->seat[i].next = atomic_load_explicit(&ring->head, memory_order_acquire);
	}
}

void log_reader_begin(struct log_reader *r, struct worker_pool *pool, enum conf_logged mode)
{
	r->pool = pool;
	r->mode = mode;
	r->timer.fn = on_tick;
	skip_old(r);
	r->look();
}

void log_reader_set(struct log_reader *r, enum conf_logged mode)
{
	if (!r->pool || r->mode == mode)
		return;
	r->look(); /* under the old rule */
	log_info("%s: %s: %s", r->module, r->log, conf_logged_name[mode]);
	r->mode = mode;
	timer_del(&r->timer);
	r->look();
}

void log_reader_end(struct log_reader *r)
{
	if (!r->pool)
		return;
	r->look();
	r->mode = CONF_LOGGED_NO;
	r->look(); /* nobody reads any more */
	timer_del(&r->timer);
	r->pool = NULL;
}
