/* test_worker_sockets.c - listening sockets that come and go while workers run. */
#include "worker_bench.h"

/* The same with sockets that come and go; connections are told the worker's number. */
static void greet(struct event *ev, uint32_t mask)
{
	char text[16];
	int fd;

	(void)mask;
	worker_fresh(me);
	while ((fd = accept4(ev->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		if (write(fd, text, sprintf(text, "%d", getpid())) < 0)
			abort();
		close(fd);
	}
}

static int host_start(struct worker *w, struct err *e)
{
	(void)e;
	me = w;
	return 0;
}

static int host_listening(struct worker *w, struct worker_socket *s, struct err *e)
{
	struct event *ev = &echo[s - w->sockets];

	if (worker_socket(w, s->id) != s || ev->fd > 0)
		abort();
	*ev = (struct event){ .fd = s->fd, .fn = s->stream ? greet : answer };
	return loop_add(ev, EPOLLIN, e);
}

static void host_closing(struct worker *w, struct worker_socket *s)
{
	struct event *ev = &echo[s - w->sockets];

	if (s->stream)
		greet(ev, EPOLLIN);
	loop_del(ev);
	ev->fd = 0;
}

static void host_drain(struct worker *w)
{
	for (unsigned i = 0; i < w->n_sockets; i++)
		if (w->sockets[i].fd >= 0)
			abort();
	worker_exit();
}

static const struct worker_role host_role = {
	.name = "host",
	.slots = SLOTS,
	.start = host_start,
	.changed = echo_changed,
	.listening = host_listening,
	.closing = host_closing,
	.drain = host_drain,
};
const struct worker_role *const worker_roles[] = { &host_role, NULL };

/* ---- sockets that come and go --------------------------------------------------------------- */

static struct worker_listen at_host(uint8_t host, bool stream)
{
	return (struct worker_listen){ .at = { .ip = { 4, { 127, 0, 0, host } }, .port = port },
		                       .stream = stream,
		                       .optional = true };
}

static void start_host(unsigned workers, const struct worker_listen *listen, unsigned n)
{
	struct err e = { 0 };

	conf.node.workers = want_alive = workers;
	pool = worker_pool_start(&host_role, listen, n, &e);
	if (!pool)
		fail_msg("%s", e.text);
}

static void relisten(const struct worker_listen *listen, unsigned n)
{
	struct err e = { 0 };

	if (worker_pool_listen(pool, listen, n, &e))
		fail_msg("%s", e.text);
	worker_pool_flush(pool);
}

/* -1: refused. */
static int connect_to(uint8_t host)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(0x7f000000 | host);
	if (!connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	assert_int_equal(errno, ECONNREFUSED);
	close(fd);
	return -1;
}

/* What the worker said; 0: it was cut off. */
static int heard(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[16] = "";

	assert_int_equal(poll(&p, 1, 5000), 1);
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atoi(text);
}

static uint8_t shunned;

static bool refused(void)
{
	int fd = connect_to(shunned);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static void test_sockets_come_and_go(void **state)
{
	struct worker_listen two[] = { at_host(1, false), at_host(1, true) },
			     three[] = { at_host(2, true), at_host(1, false), at_host(3, true) };
	int pid;

	(void)state;
	start_host(1, two, 2);
	publish_pair(1);
	pid = ask_reply().pid;
	assert_int_equal(heard(connect_to(1)), pid);
	for (int round = 0; round < 3; round++) {
		relisten(three, 3);
		assert_int_equal(heard(connect_to(2)), pid);
		assert_int_equal(heard(connect_to(3)), pid);
		assert_int_equal(ask_reply().pid, pid);
		shunned = 1;
		spin(refused);
		relisten(two, 2);
		assert_int_equal(heard(connect_to(1)), pid);
		assert_int_equal(ask_reply().pid, pid);
		shunned = 2;
		spin(refused);
	}
	assert_int_equal(worker_pool_deaths(pool), 0);
	end_pool();
}

static void test_none_at_first(void **state)
{
	struct worker_listen one = at_host(1, false);

	(void)state;
	start_host(2, NULL, 0);
	publish_pair(1);
	relisten(&one, 1);
	meet_both();
	relisten(NULL, 0);
	assert_int_equal(worker_pool_alive(pool), 2);
	end_pool();
}

/* Who waits in the queue of a socket that goes is not cut off. */
static void test_queue_is_served_first(void **state)
{
	struct worker_listen two[] = { at_host(1, false), at_host(1, true) };
	int pid, fd[8];

	(void)state;
	start_host(1, two, 2);
	publish_pair(1);
	pid = ask_reply().pid;
	kill(pid, SIGSTOP);
	for (int i = 0; i < 8; i++)
		fd[i] = connect_to(1);
	relisten(two, 1);
	kill(pid, SIGCONT);
	for (int i = 0; i < 8; i++)
		assert_int_equal(heard(fd[i]), pid);
	shunned = 1;
	spin(refused);
	end_pool();
}

static unsigned n_told;

static void count_told(void)
{
	n_told++;
}

static bool was_told(void)
{
	return n_told > 0;
}

static void test_trouble_is_told_and_mended(void **state)
{
	struct worker_listen two[] = { at_host(1, false), at_host(1, true) };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int squatter = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	struct err e = { 0 };

	(void)state;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(squatter, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(squatter, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(squatter, 1), 0);
	start_host(2, two, 1);
	worker_pool_watch(pool, count_told);
	publish_pair(1);
	assert_int_equal(worker_pool_trouble(pool, &two[1].at, true), -ENOENT);
	relisten(two, 2);
	assert_int_equal(worker_pool_trouble(pool, &two[1].at, true), -EADDRINUSE);
	assert_int_equal(worker_pool_trouble(pool, &two[0].at, false), 0);
	meet_both();
	n_told = 0;
	close(squatter);
	spin(was_told);
	assert_int_equal(worker_pool_trouble(pool, &two[1].at, true), 0);
	assert_true(heard(connect_to(1)) > 0);
	squatter = heard(connect_to(1));
	assert_true(squatter == known[0] || squatter == known[1]);
	two[1].at.port = 1;
	two[1].at.ip.b[0] = 192; /* nobody's */
	two[1].optional = false;
	assert_int_equal(worker_pool_listen(pool, two, 2, &e), -EADDRNOTAVAIL);
	worker_pool_flush(pool);
	meet_both();
	end_pool();
}

/* One that dies meanwhile is born with the new ones; one that is deaf stays so at the new ones. */
static void test_sockets_change_while_one_is_dead(void **state)
{
	struct worker_listen one[] = { at_host(2, true), at_host(1, false) };

	(void)state;
	start_host(2, one + 1, 1);
	publish_pair(1);
	meet_both();
	kill_known(0);
	spin(stranger_serves);
	known[0] = known[1];
	while (known[0] == known[1])
		known[0] = ask_reply().pid;
	kill_known(0);
	spin(one_serves); /* and backs off */
	relisten(one, 2);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(heard(connect_to(2)), known[1]);
		assert_int_equal(ask_reply().pid, known[1]);
	}
	spin(both_serve);
	meet_both();
	for (int pid = known[0]; pid == known[0];)
		pid = heard(connect_to(2));
	for (int pid = known[1]; pid == known[1];)
		pid = heard(connect_to(2));
	end_pool();
}

/* Another set after the control process came again: the workers stay, what both sets have is open
 * all the time. */
static void test_adopted_and_mended(void **state)
{
	struct worker_listen three[] = { at_host(3, true), at_host(1, false), at_host(2, true) };
	int pid, waiting;

	(void)state;
	start_host(1, three, 2);
	publish_pair(1);
	pid = ask_reply().pid;
	leave_pool();
	kill(pid, SIGSTOP);
	waiting = connect_to(3);
	kill(pid, SIGCONT);
	start_host(1, three + 1, 2);
	assert_int_equal(ask_reply().pid, pid);
	assert_int_equal(heard(waiting), pid);
	publish_pair(2);
	assert_int_equal(heard(connect_to(2)), pid);
	assert_string_equal(ask_reply().first, "a2");
	shunned = 3;
	spin(refused);
	kill(pid,
	     SIGSTOP); /* once more: it had been sent a new one, not read it yet, and a client */
	relisten(three, 3);
	waiting = connect_to(3);
	leave_pool();
	kill(pid, SIGCONT);
	start_host(1, three, 3);
	publish_pair(3);
	assert_int_equal(heard(waiting), pid);
	assert_int_equal(heard(connect_to(3)), pid);
	leave_pool();
	kill(pid, SIGSTOP); /* and what is asked for only after the start is open all the time */
	waiting = connect_to(3);
	kill(pid, SIGCONT);
	start_host(1, NULL, 0);
	assert_int_equal(heard(connect_to(2)), pid);
	relisten(three, 3);
	assert_int_equal(heard(waiting), pid);
	assert_int_equal(heard(connect_to(3)), pid);
	assert_int_equal(ask_reply().pid, pid);
	end_pool();
}

static void test_as_many_as_there_may_be(void **state)
{
	struct worker_listen many[WORKER_SOCKETS + 1];
	struct err e = { 0 };
	int pid;

	(void)state;
	for (unsigned i = 0; i < WORKER_SOCKETS + 1; i++)
		many[i] = at_host(1 + i % 250, i % 2);
	many[WORKER_SOCKETS].at.ip.b[3] = 251;
	start_host(1, many, 1);
	publish_pair(1);
	pid = ask_reply().pid;
	relisten(many, WORKER_SOCKETS);
	for (unsigned i = 1; i < WORKER_SOCKETS; i += 2)
		assert_int_equal(heard(connect_to(1 + i)), pid);
	assert_int_equal(worker_pool_listen(pool, many, WORKER_SOCKETS + 1, &e), -E2BIG);
	relisten(many + 1, WORKER_SOCKETS);
	assert_int_equal(heard(connect_to(2)), pid);
	leave_pool();
	start_host(1, many + 1, WORKER_SOCKETS);
	publish_pair(2);
	assert_int_equal(heard(connect_to(2)), pid);
	end_pool();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_sockets_come_and_go, clean),
		cmocka_unit_test_teardown(test_none_at_first, clean),
		cmocka_unit_test_teardown(test_queue_is_served_first, clean),
		cmocka_unit_test_teardown(test_trouble_is_told_and_mended, clean),
		cmocka_unit_test_teardown(test_sockets_change_while_one_is_dead, clean),
		cmocka_unit_test_teardown(test_adopted_and_mended, clean),
		cmocka_unit_test_teardown(test_as_many_as_there_may_be, clean),
	};

	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return worker_main(argc, argv);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
