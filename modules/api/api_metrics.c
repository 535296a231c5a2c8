/* api_metrics.c - /metrics: the API's own figures and the process's, in the names that other API
 * servers use, and those of every module. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/module.h>

#include "api.h"

static const char *const verbs[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "WATCH", "other" };
enum { OTHER = 6 };
static_assert(ARRAY_LEN(verbs) == OTHER + 1, "the last of the verbs is for all others");

static uint64_t requests[ARRAY_LEN(verbs)][6]; /* by status class */

void metrics_request(struct span verb, unsigned status)
{
	size_t i = 0;

	while (i < OTHER && !span_is(verb, verbs[i]))
		i++;
	requests[i][status / 100 < 6 ? status / 100 : 0]++;
}

/* Many transactions in one commit of the disk: that is what a turn's flush is for. */
static void write_store(struct buf *b)
{
	struct store_stats s;

	store_read_stats(&s);
	buf_printf(
		b,
		"# TYPE knetd_store_writes_total counter\nknetd_store_writes_total %llu\n"
		"# TYPE knetd_store_transactions_total counter\nknetd_store_transactions_total "
		"%llu\n# TYPE knetd_store_commits_total counter\nknetd_store_commits_total %llu\n"
		"# TYPE knetd_store_history_changes gauge\nknetd_store_history_changes %zu\n"
		"# TYPE knetd_store_history_bytes gauge\nknetd_store_history_bytes %zu\n",
		(unsigned long long)s.writes, (unsigned long long)s.transactions,
		(unsigned long long)s.flushes, s.changes, s.held);
}

static void write_requests(struct buf *b)
{
	buf_str(b, "# TYPE apiserver_request_total counter\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		for (unsigned class = 1; class < 6; class ++)
			if (requests[i][class])
				buf_printf(
					b,
					"apiserver_request_total{verb=\"%s\",code=\"%uxx\"} %llu\n",
					verbs[i], class, (unsigned long long)requests[i][class]);
	buf_printf(b,
	           "# TYPE apiserver_longrunning_requests "
	           "gauge\napiserver_longrunning_requests{verb=\"WATCH\"} %u\n",
	           watches_count());
	buf_printf(b, "# TYPE knetd_api_connections gauge\nknetd_api_connections %u\n",
	           conns_count());
	write_store(b);
	buf_str(b, "# TYPE knetd_objects gauge\n");
	for (int k = 0; k < KIND_COUNT; k++)
		buf_printf(b, "knetd_objects{kind=\"%s\"} %zu\n", kind_info[k].kind,
		           store_count(k));
}

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", ".." and this directory */
}

static long resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages, resident = 0;

	if (f && fscanf(f, "%ld %ld", &pages, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static void write_process(struct buf *b)
{
	struct timespec cpu = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	buf_printf(b, "# TYPE knetd_build_info gauge\nknetd_build_info{version=\"%s\"} 1\n",
	           KNETD_VERSION);
	buf_printf(
		b,
		"# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %lld.%03ld\n",
		(long long)cpu.tv_sec, cpu.tv_nsec / 1000000);
	buf_printf(
		b,
		"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %ld\n",
		resident_bytes());
	buf_printf(b, "# TYPE process_open_fds gauge\nprocess_open_fds %u\n", open_fds());
}

void metrics_write(struct buf *b)
{
	write_process(b);
	write_requests(b);
	modules_metrics(b);
}
