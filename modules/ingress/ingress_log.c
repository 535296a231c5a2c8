/* ingress_log.c - the control process's half of the access log (proxy_log.h): what the workers left
 * is written to standard error. */
#include <time.h>

#include <knetd/log_ring.h>

#include "proxy_log.h"

static void take(const void *record, struct log_lines *l);
static void look(void);

static struct log_reader access = {
	.module = "ingress",
	.log = "access log",
	.things = "requests",
	.first = offsetof(struct proxy_shared, records),
	.record = sizeof(struct proxy_log_record),
	.records = PROXY_LOG_RECORDS,
	.take = take,
	.look = look,
};
static uint64_t to_unix; /* ns from CLOCK_MONOTONIC to CLOCK_REALTIME */

static uint64_t clock_ns(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void take(const void *record, struct log_lines *l)
{
	const struct proxy_log_record *r = record;
	char line[LOG_LINE_MAX];
	size_t n;

	if (access.mode == CONF_LOGGED_NO ||
	    (access.mode == CONF_LOGGED_ERRORS && r->status && r->status < 400))
		return;
	n = ingress_log_text(r, r->began + to_unix, line, sizeof(line));
	if (n)
		log_lines_add(l, line, n);
	else
		access.lost++;
}

static void look(void)
{
	to_unix = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	log_reader_look(&access, access.mode);
}

void ingress_log_begin(struct worker_pool *pool, enum conf_logged mode)
{
	log_reader_begin(&access, pool, mode);
}

void ingress_log_set(enum conf_logged mode)
{
	log_reader_set(&access, mode);
}

void ingress_log_end(void)
{
	log_reader_end(&access);
}

void ingress_log_metrics(struct buf *out)
{
	buf_printf(out,
	           "# HELP knetd_ingress_log_lost_total Requests that the access log left out, as "
	           "there were too many at once.\n"
	           "# TYPE knetd_ingress_log_lost_total counter\nknetd_ingress_log_lost_total "
	           "%llu\n",
	           (unsigned long long)access.lost);
}
