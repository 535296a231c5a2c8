/* log_ring.h - a log of what workers do for strangers: queries, requests. A worker leaves records
 * in a ring in the memory that it shares with the control process, and never looks at who reads:
 * one record costs some copying, no system call, and waits for nobody. The control process reads
 * the rings every LOG_RING_TICK_MS, or LOG_RING_BUSY_MS when there was much, and writes lines
 * (log_lines.h). Of more than a ring holds in that time the oldest are lost, and counted: that is
 * the rate limit. While nothing is logged all this is one load a record. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/log_lines.h>
#include <knetd/loop.h>
#include <knetd/worker.h>

#define LOG_RING_TICK_MS 50
#define LOG_RING_BUSY_MS 10
#define LOG_RECORD_MAX 1024 /* bytes */

struct log_ring {              /* first in the shared memory; the records lie behind it */
	_Atomic uint32_t mode; /* enum conf_logged; written by the control process */
	_Atomic uint64_t born; /* tells one worker from the next one in its seat */
	_Alignas(64) _Atomic uint64_t head; /* records written so far */
};

/* ---- in the worker -------------------------------------------------------------------------- */

static inline void log_ring_begin(struct log_ring *r)
{
	atomic_store_explicit(&r->born, loop_now_ns(), memory_order_relaxed);
}
static inline uint32_t log_ring_mode(const struct log_ring *r)
{
	return atomic_load_explicit(&r->mode, memory_order_relaxed);
}
/* The number of the record that is written next, modulo the ring's size its place; then
 * log_ring_written. */
static inline uint64_t log_ring_next(const struct log_ring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	/* whoever reads half of the new record in the old one's place sees the head moved */
	atomic_thread_fence(memory_order_release);
	return head;
}
static inline void log_ring_written(struct log_ring *r, uint64_t number)
{
	atomic_store_explicit(&r->head, number + 1, memory_order_release);
}

/* ---- in the control process ----------------------------------------------------------------- */

struct log_reader {
	const char *module, *log, *things; /* "dns", "query log", "queries" */
	size_t first, record;              /* bytes: where the records begin, one of them */
	uint64_t records;                  /* a power of two */
	/* One that was written whole; what stands in it may be anything. */
	void (*take)(const void *record, struct log_lines *l);
	/* Calls log_reader_look with the mode that is asked of the workers. */
	void (*look)(void);

	enum conf_logged mode; /* of standard error */
	uint64_t lost;         /* take may count here too */
	struct worker_pool *pool;
	struct timer timer;
	struct log_lines lines;
	struct {
		uint64_t born, next; /* the worker that was read last, and its next record */
	} seat[WORKER_MAX];
	uint64_t told;
	struct log_rate rate;
};
void log_reader_begin(struct log_reader *r, struct worker_pool *pool, enum conf_logged mode);
void log_reader_set(struct log_reader *r, enum conf_logged mode); /* from now on */
void log_reader_end(struct log_reader *r);
/* Takes in what the workers left, and sees to it that they go on, or stop. */
void log_reader_look(struct log_reader *r, enum conf_logged mode);
