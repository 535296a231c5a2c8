/* lb_place.c - see lb_place.h
 *
 * Before it is taken an address is asked for (RFC 5227; RFC 4862 5.4 for IPv6), three times within
 * half a second in place of those seven: a Service wants to be reached. When somebody else answers
 * we stand back, tell of it, and ask again every half minute: two machines with one address take
 * each other's connections away, and who came first may be the network's router. But an address
 * that is ours already and in use is not given up: whoever turns up with it later is answered by
 * announcing it again, at most once in ten seconds, and by telling of it.
 *
 * All that is sent waits in one list in the order of its time and leaves it at a bounded rate. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/event.h>
#include <knetd/log.h>
#include <knetd/loop.h>

#include "lb_place.h"

#define PROBES 3
#define PROBE_MS 150
#define ANNOUNCES 3
static const unsigned announce_ms[ANNOUNCES - 1] = { 1000, 2000 }; /* between them */
#define RETRY_MS 30000
#define DEFEND_MS 10000
#define TELL_AGAIN 20 /* refusals: a lasting conflict stays among the Events */
#define TICK_MS 50
#define TICK_PLACES 32

static struct rt *rt;
static struct list due = LIST_INIT(due); /* by time */
static void on_tick(struct timer *t);
static struct timer tick = { .fn = on_tick };
static struct {
	uint64_t announcements, conflicts;
	unsigned states[LB_STATES];
} counts;

void lb_place_init(struct rt *host)
{
	rt = host;
}

const char *lb_state_name(enum lb_state state)
{
	static const char *const names[LB_STATES] = {
		[LB_WAITS] = "waiting for the link",
		[LB_PROBES] = "probing",
		[LB_HERE] = "announced",
		[LB_CONFLICT] = "conflict",
		[LB_FAILED] = "refused by the kernel",
	};

	return names[state];
}

static void set_state(struct lb_place *p, enum lb_state state)
{
	counts.states[p->state]--;
	counts.states[state]++;
	p->state = state;
	p->step = 0;
}

/* ---- when ----------------------------------------------------------------------------------- */

static void not_due(struct lb_place *p)
{
	list_del(&p->due);
}

static void due_in(struct lb_place *p, unsigned ms)
{
	struct list *before;

	list_del(&p->due);
	p->at = loop_now() + ms;
	for (before = due.prev; before != &due; before = before->prev)
		if (container_of(before, struct lb_place, due)->at <= p->at)
			break;
	list_add_tail(before->next, &p->due);
	if (!tick.heap || tick.at > p->at)
		timer_set(&tick, ms);
}

/* ---- what ----------------------------------------------------------------------------------- */

static void tell(const struct lb_place *p, enum event_type type, const char *reason,
                 const char *text)
{
	const char *slash = p->a->service ? strchr(p->a->service, '/') : NULL;
	char ns[64];

	if (!slash || snprintf(ns, sizeof(ns), "%.*s", (int)(slash - p->a->service),
	                       p->a->service) >= (int)sizeof(ns))
		return;
	event_emit(KIND_SERVICE, ns, slash + 1, type, reason, "%s", text);
}

static void tell_conflict(const struct lb_place *p, const char *what)
{
	char ip[IP_TEXT], mac[18], text[200];

	snprintf(text, sizeof(text), "%s is also %s's on %s: %s", ip_text(&p->a->ip, ip),
	         mac_text(p->theirs, mac), p->lan->link.name, what);
	log_warn("lb: %s: %s", p->a->service ? p->a->service : "", text);
	tell(p, EVENT_WARNING, "AddressConflict", text);
}

static void tell_over(struct lb_place *p)
{
	char ip[IP_TEXT], text[120];

	if (!p->refusals)
		return;
	p->refusals = 0;
	snprintf(text, sizeof(text), "%s is nobody else's any more on %s and is announced there",
	         ip_text(&p->a->ip, ip), p->lan->link.name);
	log_info("lb: %s: %s", p->a->service ? p->a->service : "", text);
	tell(p, EVENT_NORMAL, "AddressAnnounced", text);
}

static void put(struct lb_place *p)
{
	bool again = p->state == LB_FAILED;
	char ip[IP_TEXT];
	struct err e;

	rt_addr_serve(rt, p->lan->link.ifindex, &p->a->ip);
	if (rt_flush(rt, &e)) {
		if (!again)
			log_warn("lb: %s on %s: %s", ip_text(&p->a->ip, ip), p->lan->link.name,
			         e.text);
		set_state(p, LB_FAILED);
		due_in(p, RETRY_MS);
		return;
	}
	set_state(p, LB_HERE);
	tell_over(p);
	due_in(p, 0);
}

static void probe(struct lb_place *p)
{
	if (p->step == PROBES || !p->lan->wire) {
		put(p);
		return;
	}
	wire_ask(p->lan->wire, NULL, &p->a->ip);
	p->step++;
	due_in(p, PROBE_MS);
}

static void announce(struct lb_place *p)
{
	if (!p->lan->wire || p->step >= ANNOUNCES)
		return;
	if (p->lan->up && wire_claim(p->lan->wire, &p->a->ip) == 0)
		counts.announcements++;
	if (++p->step < ANNOUNCES)
		due_in(p, announce_ms[p->step - 1]);
}

static void begin(struct lb_place *p)
{
	if (!p->lan->wire)
		put(p);
	else if (!p->lan->up)
		set_state(p, LB_WAITS);
	else {
		set_state(p, LB_PROBES);
		due_in(p, 0);
	}
}

static void run(struct lb_place *p)
{
	switch (p->state) {
	case LB_WAITS:
	case LB_CONFLICT:
		begin(p);
		return;
	case LB_FAILED:
		put(p);
		return;
	case LB_PROBES:
		probe(p);
		return;
	case LB_HERE:
		announce(p);
		return;
	case LB_STATES:
		abort();
	}
}

static void on_tick(struct timer *t)
{
	uint64_t now = loop_now();

	for (unsigned i = 0; i < TICK_PLACES && !list_empty(&due); i++) {
		struct lb_place *p = container_of(due.next, struct lb_place, due);

		if (p->at > now)
			break;
		not_due(p);
		run(p);
	}
	if (!list_empty(&due)) {
		uint64_t at = container_of(due.next, struct lb_place, due)->at;

		timer_set(t, at > now ? (unsigned)(at - now) : TICK_MS);
	}
}

/* ---- from outside --------------------------------------------------------------------------- */

struct lb_place *lb_place_new(struct lb_address *a, struct lb_lan *lan, bool there)
{
	struct lb_place *p = xcalloc(1, sizeof(*p));

	*p = (struct lb_place){ .a = a, .lan = lan, .state = there ? LB_HERE : LB_WAITS };
	list_init(&p->due);
	list_add_tail(&a->places, &p->in_address);
	counts.states[p->state]++;
	if (there)
		due_in(p, 0);
	else
		begin(p);
	return p;
}

void lb_place_look(struct lb_place *p, bool there)
{
	if (p->state == LB_HERE && !there) {
		put(p);
		return;
	}
	if (p->state == LB_PROBES && !p->lan->up)
		set_state(p, LB_WAITS);
	if (!p->lan->again)
		return;
	if (p->state == LB_HERE) {
		p->step = 0;
		due_in(p, 0);
	} else {
		begin(p);
	}
}

static void stand_back(struct lb_place *p)
{
	set_state(p, LB_CONFLICT);
	due_in(p, RETRY_MS);
	if (p->refusals++ % TELL_AGAIN == 0) {
		counts.conflicts++;
		tell_conflict(p, "it is not announced here until that machine gives it up");
	}
}

static void defend(struct lb_place *p)
{
	uint64_t now = loop_now();

	if (p->defended && now - p->defended < DEFEND_MS)
		return;
	p->defended = now;
	counts.conflicts++;
	p->step = 0;
	due_in(p, 0);
	tell_conflict(p, "it was announced again, and is answered for by both");
}

void lb_place_claimed(struct lb_place *p, const uint8_t mac[static 6])
{
	if (p->state != LB_PROBES && p->state != LB_HERE)
		return;
	memcpy(p->theirs, mac, sizeof(p->theirs));
	if (p->state == LB_PROBES)
		stand_back(p);
	else
		defend(p);
}

void lb_place_drop(struct lb_place *p)
{
	struct err e;

	if (p->state == LB_HERE) {
		rt_addr_del(rt, p->lan->link.ifindex, &p->a->ip, p->a->ip.len * 8u);
		rt_flush(rt, &e); /* gone already is as good */
	}
	lb_place_free(p);
}

void lb_place_free(struct lb_place *p)
{
	counts.states[p->state]--;
	not_due(p);
	list_del(&p->in_address);
	free(p);
	if (list_empty(&due))
		timer_del(&tick);
}

void lb_place_metrics(struct buf *out)
{
	buf_str(out, "# TYPE knetd_lb_places gauge\n");
	for (unsigned i = 0; i < LB_STATES; i++)
		buf_printf(out, "knetd_lb_places{state=\"%s\"} %u\n", lb_state_name(i),
		           counts.states[i]);
	buf_printf(out,
	           "# TYPE knetd_lb_announcements_total counter\n"
	           "knetd_lb_announcements_total %llu\n",
	           (unsigned long long)counts.announcements);
	buf_printf(out, "# TYPE knetd_lb_conflicts_total counter\nknetd_lb_conflicts_total %llu\n",
	           (unsigned long long)counts.conflicts);
}
