/* test_loop.c - events that remove themselves and each other, timers in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/loop.h>

struct peer {
	struct event ev;
};
static unsigned calls;

/* Readable at once. */
static struct peer *peer_new(void (*fn)(struct event *ev, uint32_t mask))
{
	struct peer *p = xcalloc(1, sizeof(*p));

	p->ev = (struct event){ .fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC), .fn = fn };
	assert_int_equal(loop_add(&p->ev, EPOLLIN, NULL), 0);
	return p;
}

static void peer_free(struct peer *p)
{
	loop_del(&p->ev);
	close(p->ev.fd);
	free(p);
}

static void stop(struct timer *t)
{
	(void)t;
	loop_stop();
}

static void run_ms(unsigned ms)
{
	struct timer t = { .fn = stop };

	timer_set(&t, ms);
	loop_run();
}

static void free_itself(struct event *ev, uint32_t mask)
{
	(void)mask;
	calls++;
	peer_free(container_of(ev, struct peer, ev));
}

static void test_callback_frees_itself(void **state)
{
	(void)state;
	calls = 0;
	for (int i = 0; i < 10; i++)
		peer_new(free_itself);
	run_ms(1);
	assert_int_equal(calls, 10);
}

static struct peer *group[10];

/* All of them were fetched in this turn: the sanitizer sees a call into freed memory. */
static void free_all(struct event *ev, uint32_t mask)
{
	(void)ev;
	(void)mask;
	calls++;
	for (int i = 0; i < 10; i++)
		peer_free(group[i]);
}

static void test_callback_frees_its_peers(void **state)
{
	(void)state;
	calls = 0;
	for (int i = 0; i < 10; i++)
		group[i] = peer_new(free_all);
	run_ms(1);
	assert_int_equal(calls, 1);
}

static void count(struct event *ev, uint32_t mask)
{
	uint64_t v;

	assert_int_equal(mask, EPOLLIN);
	assert_int_equal(read(ev->fd, &v, sizeof(v)), sizeof(v));
	calls++;
}

static struct peer *pair[2];

/* Frees the other one and makes a new one: the same descriptor number, very likely the same memory.
 * What was fetched for the old one is not the new one's. */
static void replace_other(struct event *ev, uint32_t mask)
{
	int mine = pair[1] == container_of(ev, struct peer, ev);
	uint64_t v;

	(void)mask;
	calls += read(ev->fd, &v, sizeof(v)) == sizeof(v);
	peer_free(pair[!mine]);
	pair[!mine] = NULL;
	peer_new(free_itself);
}

static void test_replaced_in_its_turn(void **state)
{
	(void)state;
	calls = 0;
	pair[0] = peer_new(replace_other);
	pair[1] = peer_new(replace_other);
	run_ms(20); /* the new one's turn is the next: a busy machine takes more than a millisecond
	             */
	assert_int_equal(calls, 2); /* one of the pair, and the new one, once */
	peer_free(pair[0] ? pair[0] : pair[1]);
}

static void test_mask(void **state)
{
	struct peer *p = peer_new(count);

	(void)state;
	calls = 0;
	loop_mod(&p->ev, EPOLLOUT);
	loop_mod(&p->ev, EPOLLIN);
	run_ms(2);
	assert_int_equal(calls, 1);
	loop_del(&p->ev);
	loop_del(&p->ev); /* harmless when it is not there */
	assert_int_equal(write(p->ev.fd, &(uint64_t){ 1 }, 8), 8);
	run_ms(2);
	assert_int_equal(calls, 1);
	assert_int_equal(loop_add(&p->ev, EPOLLIN, NULL), 0);
	run_ms(1);
	assert_int_equal(calls, 2);
	peer_free(p);
}

static void test_bad_descriptor(void **state)
{
	struct event ev = { .fd = -1, .fn = count };
	struct err e = { 0 };

	(void)state;
	assert_true(loop_add(&ev, EPOLLIN, &e) < 0);
	assert_int_equal(ev.mask, 0);
	loop_del(&ev);
}

/* ---- timers --------------------------------------------------------------------------------- */

#define TIMERS 300

static struct numbered {
	struct timer t;
	uint64_t at;
} timers[TIMERS];
static uint64_t last_at;
static unsigned fired;

static void in_order(struct timer *t)
{
	struct numbered *n = container_of(t, struct numbered, t);

	assert_true(n->at >= last_at);
	assert_true(loop_now() >= n->at);
	last_at = n->at;
	fired++;
}

static void arm(struct numbered *n, unsigned ms)
{
	n->t.fn = in_order;
	n->at = loop_now() + ms;
	timer_set(&n->t, ms);
}

static void test_timers_in_order(void **state)
{
	unsigned left = 0;

	(void)state;
	srandom(3);
	fired = 0;
	last_at = 0;
	for (int i = 0; i < TIMERS; i++)
		arm(&timers[i], random() % 40);
	for (int i = 0; i < TIMERS; i += 3)
		arm(&timers[i], random() % 40); /* moved */
	for (int i = 0; i < TIMERS; i += 7)
		timer_del(&timers[i].t);
	timer_del(&timers[0].t); /* twice */
	for (int i = 0; i < TIMERS; i++)
		left += timers[i].t.heap != 0;
	run_ms(60);
	assert_int_equal(fired, left);
	for (int i = 0; i < TIMERS; i++)
		assert_int_equal(timers[i].t.heap, 0);
}

static struct timer first, second;

static void del_second(struct timer *t)
{
	(void)t;
	calls++;
	timer_del(&second);
}

static void never(struct timer *t)
{
	(void)t;
	fail();
}

static void test_timer_removes_another_that_is_due(void **state)
{
	(void)state;
	calls = 0;
	first.fn = del_second;
	second.fn = never;
	timer_set(&first, 1);
	timer_set(&second, 1);
	usleep(3000);
	run_ms(5);
	assert_int_equal(calls, 1);
}

static void again_at_once(struct timer *t)
{
	if (++fired < 1000)
		timer_set(t, 0);
}

/* A timer that is always due keeps neither descriptors nor other timers waiting. */
static void test_nobody_starves(void **state)
{
	struct peer *p = peer_new(count);
	struct timer t = { .fn = again_at_once };

	(void)state;
	calls = fired = 0;
	timer_set(&t, 0);
	run_ms(200);
	assert_int_equal(fired, 1000);
	assert_int_equal(calls, 1);
	peer_free(p);
}

/* ---- turns ---------------------------------------------------------------------------------- */

static char order[8];

static void after_one(void)
{
	strncat(order, "1", sizeof(order) - strlen(order) - 1);
}

static void after_two(void)
{
	strncat(order, "2", sizeof(order) - strlen(order) - 1);
	if (strlen(order) < 4)
		loop_again();
	else
		loop_stop();
}

/* Hooks in their order after each turn; loop_again makes a turn without anything to wait for. */
static void test_after(void **state)
{
	(void)state;
	loop_after(after_one);
	loop_after(after_two);
	loop_again();
	loop_run();
	assert_string_equal(order, "1212");
}

static int set_up(void **state)
{
	(void)state;
	return loop_init(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_callback_frees_itself),
		cmocka_unit_test(test_callback_frees_its_peers),
		cmocka_unit_test(test_replaced_in_its_turn),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_bad_descriptor),
		cmocka_unit_test(test_timers_in_order),
		cmocka_unit_test(test_timer_removes_another_that_is_due),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_after), /* last: hooks stay */
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
