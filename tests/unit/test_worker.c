/* test_worker.c - a pool and its workers: born, fed, replaced, adopted, and messages that lie. */
#include "worker_bench.h"

const struct worker_role *const worker_roles[] = { &echo_role, NULL };

static void test_serves_from_first_flush(void **state)
{
	struct reply r;

	(void)state;
	start_pool(1, 2);
	assert_string_equal(ask("early", 50),
	                    ""); /* kept by the kernel: it must not be answered yet */
	publish_pair(1);
	r = ask_reply();
	assert_string_equal(r.first, "a1");
	assert_string_equal(r.second, "b1");
	assert_int_equal(r.count, 2); /* the early one was answered too, in the end */
	assert_int_equal(worker_pool_counter(pool, 7), 2);
	assert_int_equal(worker_pool_alive(pool), 1);
	end_pool();
}

/* What a flush brought is in every answer after it, though nobody waits for the worker. */
static void test_in_force_when_flush_returns(void **state)
{
	char want[32];

	(void)state;
	start_pool(2, 1);
	for (int i = 0; i < 200; i++) {
		publish_pair(i);
		sprintf(want, "a%d", i);
		assert_string_equal(ask_reply().first, want);
	}
	worker_pool_publish(pool, 0, -1);
	worker_pool_flush(pool);
	assert_string_equal(ask_reply().first, "-");
	end_pool();
}

/* Clients are served while flush follows flush. */
static void test_flushes_do_not_delay_answers(void **state)
{
	(void)state;
	start_pool(1, 1);
	for (int i = 0; i < 300; i++) {
		uint64_t start = now_ms();

		for (int k = 0; k < 10; k++)
			publish_pair(10 * i + k);
		ask_reply();
		assert_true(now_ms() - start < 500);
	}
	end_pool();
}

/* Every order of a FLUSH and its word: a worker that took the one before the other must not wait
 * for it again. Spoken by hand, as nothing else can hold the word back. */
static void test_flush_before_its_word(void **state)
{
	struct worker_set sockets = { .n = 1, .fds = { udp_socket(port) } };
	struct worker_msg m = { .type = WORKER_RESET };
	struct worker_hello hello;
	struct err e = { 0 };
	int fds[WORKER_HELLO_FDS], door, conn, page_fd = worker_page_new(&e), pid;
	struct worker_page *page = worker_page_map(page_fd, &e);
	uint64_t start;
	unsigned n;

	(void)state;
	door = worker_birth_open_door("echo-0", false, &e);
	conn = worker_birth_knock("echo-0", &e);
	pid = worker_birth_fork("echo", 0, door, page_fd, &sockets, &e);
	assert_int_equal(poll(&(struct pollfd){ .fd = conn, .events = POLLIN }, 1, 5000), 1);
	assert_int_equal(worker_msg_recv(conn, &hello, sizeof(hello), fds, WORKER_HELLO_FDS, &n),
	                 sizeof(hello));
	assert_int_equal(n, 2);
	worker_msg_send(conn, &m, sizeof(m), NULL, 0);
	m = (struct worker_msg){ .type = WORKER_FLUSH, .generation = 1 };
	worker_msg_send(conn, &m, sizeof(m), NULL, 0);
	assert_string_not_equal(ask("before", 5000), "");
	page->generation = 1;
	start = now_ms();
	assert_string_not_equal(ask("after", 5000), "");
	assert_true(now_ms() - start < 500);
	page->generation = 2; /* one that never comes: a bounded wait, and only once */
	start = now_ms();
	assert_string_not_equal(ask("promised", 5000), "");
	assert_true(now_ms() - start >= 900);
	start = now_ms();
	assert_string_not_equal(ask("after", 5000), "");
	assert_true(now_ms() - start < 500);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	worker_birth_close_door("echo-0");
	worker_set_close(&sockets);
	worker_page_unmap(page);
	for (unsigned i = 0; i < n; i++)
		close(fds[i]);
	close(door);
	close(conn);
	close(page_fd);
}

static bool counted(void)
{
	return strcmp(ask("hello", 100), "") != 0;
}

/* All slots again and again while the worker stands still: what does not fit into its socket waits,
 * and only the newest is sent. */
static void test_more_than_a_socket_holds(void **state)
{
	struct reply r;

	(void)state;
	start_pool(1, 1);
	publish_pair(0);
	r = ask_reply();
	kill(r.pid, SIGSTOP);
	for (int round = 1; round <= 5; round++) {
		for (unsigned i = 2; i < SLOTS; i++)
			publish(i, "filling");
		publish_pair(round);
	}
	kill(r.pid, SIGCONT);
	spin(counted);
	r = ask_reply();
	assert_string_equal(r.first, "a5");
	assert_string_equal(r.second, "b5");
	end_pool();
}

static void test_dead_worker_is_replaced(void **state)
{
	int before;

	(void)state;
	start_pool(1, 1);
	publish_pair(3);
	before = ask_reply().pid;
	ask("die", 10);
	await_death(before);
	assert_string_equal(ask("waits", 20), ""); /* nobody there, and yet not refused */
	want_alive = 1;
	spin(alive);
	assert_int_not_equal(ask_reply().pid, before);
	assert_string_equal(ask_reply().first, "a3");
	assert_int_equal(worker_pool_counter(pool, 7),
	                 4); /* one before, three since: a sum never falls */
	end_pool();
}

/* The first time a worker is started again at once, the second time after a while: then the other
 * one has all clients. The loop does not run while we ask, so no new one can come. */
static void test_back_off_holds_no_clients(void **state)
{
	(void)state;
	start_pool(2, 2);
	publish_pair(1);
	meet_both();
	kill_known(0);
	spin(stranger_serves);
	known[0] = known[1];
	while (known[0] == known[1])
		known[0] = ask_reply().pid;
	kill_known(0);
	spin(one_serves);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(ask_reply().pid, known[1]);
	spin(both_serve);
	meet_both();
	/* with nobody left they hear again: who asks waits, and is not refused */
	kill_known(0);
	spin(one_serves);
	kill_known(1);
	assert_string_equal(ask("waits", 20), "");
	spin(both_serve);
	meet_both();
	end_pool();
}

/* The listening socket outlives its worker: a connection made while there is none is not refused.
 */
static void test_connections_wait(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	pid_t pid;

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	start_pool(1, 2);
	publish_pair(1);
	pid = ask_reply().pid;
	kill(pid, SIGKILL);
	await_death(pid);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	end_pool();
}

static void test_adopted(void **state)
{
	struct reply before, after;

	(void)state;
	start_pool(2, 2);
	publish_pair(1);
	before = ask_reply();
	leave_pool();
	assert_string_equal(ask_reply().first, "a1"); /* nobody controls it */
	start_pool(2, 2);
	assert_int_equal(worker_pool_alive(pool), 2);
	assert_string_equal(ask_reply().first, "a1"); /* not yet flushed: the last state */
	publish(0, "a9");
	worker_pool_flush(pool);
	after = ask_reply();
	assert_string_equal(after.first, "a9");
	assert_string_equal(after.second, "-"); /* what was not sent again is gone */
	for (int i = 0; after.pid != before.pid && i < 100; i++)
		after = ask_reply(); /* two workers, chosen by the client's port */
	assert_int_equal(after.pid, before.pid);
	assert_true(worker_pool_counter(pool, 7) >= 4);
	end_pool();
}

/* Those that were adopted are looked after too: they are this process's children. */
static bool one_is_left(void)
{
	char path[64], pids[256];
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	assert_non_null(f);
	if (fgets(pids, sizeof(pids), f))
		for (char *p = pids; *p; p++)
			n += *p == ' ';
	fclose(f);
	return n == 1;
}

/* Another set of addresses: the old worker serves until the first flush, then drains; its socket is
 * the new one's too, so that nothing sent meanwhile is lost. */
static void test_replaced_when_addresses_change(void **state)
{
	int before;

	(void)state;
	start_pool(1, 1);
	publish_pair(1);
	before = ask_reply().pid;
	leave_pool();
	start_pool(1, 3);
	assert_int_equal(ask_reply().pid, before);
	publish_pair(2);
	assert_int_not_equal(ask_reply().pid, before);
	assert_string_equal(ask_reply().first, "a2");
	spin(one_is_left);
	end_pool();
}

static bool only_one_door(void)
{
	char path[64];
	int n = 0;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/workers/echo-%d.sock", dir, i);
		n += access(path, F_OK) == 0;
	}
	return n == 1;
}

static void test_surplus_workers_leave(void **state)
{
	(void)state;
	start_pool(3, 1);
	publish_pair(1);
	leave_pool();
	start_pool(1, 1);
	publish_pair(2);
	spin(one_is_left);
	spin(only_one_door);
	for (int i = 0; i < 20; i++)
		assert_string_equal(ask_reply().first, "a2");
	end_pool();
}

/* A start that fails later leaves what serves as it is, and nothing idle behind. */
static void test_start_given_up(void **state)
{
	int before;

	(void)state;
	start_pool(1, 1);
	publish_pair(1);
	before = ask_reply().pid;
	leave_pool();
	start_pool(1, 2);
	leave_pool();
	assert_int_equal(ask_reply().pid, before);
	start_pool(1, 1);
	assert_int_equal(worker_pool_alive(pool), 1);
	end_pool();
	start_pool(1, 1);
	leave_pool();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child: it was ended */
}

static void test_address_not_to_be_had(void **state)
{
	struct worker_listen listen[2] = {
		{ .at = { .ip = { 4, { 192, 0, 2, 1 } }, .port = port } },
		{ .at = { .ip = { 4, { 127, 0, 0, 1 } }, .port = port } },
	};
	struct err e = { 0 };

	(void)state;
	conf.node.workers = 1;
	assert_null(worker_pool_start(&echo_role, listen, 2, &e));
	assert_int_equal(e.code, EADDRNOTAVAIL);
	assert_non_null(strstr(e.text, "192.0.2.1"));
	listen[0].optional = true;
	pool = worker_pool_start(&echo_role, listen, 2, &e);
	assert_non_null(pool);
	publish_pair(1);
	assert_string_equal(ask_reply().first, "a1");
	end_pool();
}

/* A stranger behind the door: says hello with `n_fds` descriptors, tells what type of message came.
 */
static int stranger(uint64_t build, unsigned n_fds, int tell)
{
	struct err e = { 0 };
	int door = worker_birth_open_door("echo-0", false, &e), pid = fork(),
	    null = open("/dev/null", O_RDONLY);
	struct worker_hello hello = { WORKER_HELLO_MAGIC, build, "echo", 0, n_fds - 1 };
	struct worker_msg m = { 0 };
	struct pollfd p = { .fd = door, .events = POLLIN };
	int conn, fds[4] = { worker_page_new(&e), null, null, null };
	unsigned n;

	if (pid > 0) {
		close(door);
		close(null);
		close(fds[0]);
		return pid;
	}
	prctl(PR_SET_NAME, "knetd-echo-0");
	listen(door, 1);
	poll(&p, 1, 10000);
	conn = accept(door, NULL, NULL);
	worker_msg_send(conn, &hello, sizeof(hello), fds, n_fds);
	p.fd = conn;
	poll(&p, 1, 10000);
	worker_msg_recv(conn, &m, sizeof(m), fds, 1, &n);
	if (write(tell, &m.type, sizeof(m.type)) < 0)
		_exit(1);
	_exit(0);
}

static void test_other_build_drains(void **state)
{
	uint32_t type = 0;
	int tell[2], pid;

	(void)state;
	assert_int_equal(pipe(tell), 0);
	pid = stranger(1, 1, tell[1]);
	start_pool(1, 1);
	publish_pair(4);
	assert_string_equal(ask_reply().first, "a4");
	assert_int_equal(read(tell[0], &type, sizeof(type)), sizeof(type));
	assert_int_equal(type, WORKER_DRAIN);
	waitpid(pid, NULL, 0);
	end_pool();
	close(tell[0]);
	close(tell[1]);
}

/* Descriptors that are no sockets of ours, even from one that claims our build. */
static void test_lying_hello(void **state)
{
	int tell[2], pid;

	(void)state;
	assert_int_equal(pipe(tell), 0);
	pid = stranger(worker_birth_build(), 3, tell[1]);
	start_pool(1, 1);
	publish_pair(5);
	assert_string_equal(ask_reply().first, "a5");
	waitpid(pid, NULL, 0);
	end_pool();
	close(tell[0]);
	close(tell[1]);
}

static void test_messages(void **state)
{
	struct worker_msg m = { .type = WORKER_SNAPSHOT, .arg = 5 }, got;
	int pair[2], fds[2], two[2] = { 0, 1 };
	unsigned n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(worker_msg_recv(pair[1], &got, sizeof(got), fds, 1, &n), -EAGAIN);
	assert_int_equal(worker_msg_send(pair[0], &m, sizeof(m), NULL, 0), 0);
	assert_int_equal(worker_msg_recv(pair[1], &got, sizeof(got), fds, 1, &n), sizeof(got));
	assert_int_equal(n, 0);
	assert_memory_equal(&m, &got, sizeof(m));
	assert_int_equal(worker_msg_send(pair[0], &m, sizeof(m), two, 2), 0);
	assert_int_equal(worker_msg_recv(pair[1], &got, sizeof(got), fds, 1, &n), -EBADMSG);
	assert_int_equal(worker_msg_send(pair[0], &m, sizeof(m), two, 2), 0);
	assert_int_equal(worker_msg_recv(pair[1], &got, sizeof(got), fds, 2, &n), sizeof(got));
	assert_int_equal(n, 2);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(worker_msg_send(pair[0], &m, sizeof(m), NULL, 0), 0);
	assert_int_equal(worker_msg_recv(pair[1], &got, 4, fds, 2, &n), -EBADMSG);
	while (!worker_msg_send(pair[0], &m, sizeof(m), NULL, 0))
		;
	assert_int_equal(worker_msg_send(pair[0], &m, sizeof(m), NULL, 0), -EAGAIN);
	close(pair[1]);
	n = -worker_msg_send(pair[0], &m, sizeof(m), NULL, 0);
	assert_true(n == EPIPE || n == ECONNRESET);
	close(pair[0]);
}

static void test_page(void **state)
{
	struct err e = { 0 };
	int fd = worker_page_new(&e), other = memfd_create("small", MFD_ALLOW_SEALING);
	struct worker_page *a = worker_page_map(fd, &e), *b = worker_page_map(fd, &e);

	(void)state;
	a->counters[WORKER_COUNTERS - 1] = 3;
	assert_int_equal(b->counters[WORKER_COUNTERS - 1], 3);
	assert_int_equal(ftruncate(fd, 0), -1); /* or a worker could crash the control process */
	assert_null(worker_page_map(other, &e));
	worker_page_unmap(a);
	worker_page_unmap(b);
	close(fd);
	close(other);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_page),
		cmocka_unit_test_teardown(test_serves_from_first_flush, clean),
		cmocka_unit_test_teardown(test_in_force_when_flush_returns, clean),
		cmocka_unit_test_teardown(test_flushes_do_not_delay_answers, clean),
		cmocka_unit_test_teardown(test_flush_before_its_word, clean),
		cmocka_unit_test_teardown(test_more_than_a_socket_holds, clean),
		cmocka_unit_test_teardown(test_dead_worker_is_replaced, clean),
		cmocka_unit_test_teardown(test_back_off_holds_no_clients, clean),
		cmocka_unit_test_teardown(test_connections_wait, clean),
		cmocka_unit_test_teardown(test_adopted, clean),
		cmocka_unit_test_teardown(test_replaced_when_addresses_change, clean),
		cmocka_unit_test_teardown(test_surplus_workers_leave, clean),
		cmocka_unit_test_teardown(test_start_given_up, clean),
		cmocka_unit_test_teardown(test_address_not_to_be_had, clean),
		cmocka_unit_test_teardown(test_other_build_drains, clean),
		cmocka_unit_test_teardown(test_lying_hello, clean),
	};

	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main(argc, argv);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
