/* dns_probe.c - see dns_probe.h.
 *
 * Health: ". NS" until anything comes back, every half second, then less often.
 *
 * Loops: a name that nobody else asks for, below the group's own domain: 16 random digits and the
 * 16 of this daemon. Any worker of ours that is asked for it answers with that very text. So when
 * the text comes back, the way to the upstream led back to us: it is left out, and asked again
 * later, because a loop ends when somebody mends the other end. Nothing goes round twice. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "dns_exchange.h"
#include "dns_forward.h"
#include "dns_probe.h"

#define ANSWER_MS 1000
#define PAUSE_MS 500 /* behind a failure, growing to */
#define PAUSE_MOST_MS 5000
#define LOOP_PAUSE_MS 30000
#define BREAK_AFTER 2 /* probes in a row */
#define LOOP_EVERY 3  /* of the probes of one that does not answer: it may be a loop, too */
#define LOOP_TRIES 3

enum kind { HEALTH, LOOP };

struct probe { /* of the peer of the same number */
	struct dns_exchange x;
	struct timer timer; /* of the answer, or until the next question */
	struct dns_peer *peer;
	enum kind kind;
	bool going;
	bool loop_known;
	unsigned failed, loop_tries, pause_ms;
	uint64_t sent_ms;
	char label[DNS_LOOP_LABEL + 1];
};

static struct probe probes[DNS_UPSTREAMS];

/* ---- the name that only we ask for
 * ---------------------------------------------------------------
 */

static bool is_ours(const struct dns_settings *set, const uint8_t *name)
{
	return set->groups.loop[0] && name[0] == DNS_LOOP_LABEL &&
	       !memcmp(name + 1 + DNS_LOOP_LABEL / 2, set->groups.loop, DNS_LOOP_LABEL / 2);
}

/* One TXT record with the label, not to be kept. */
bool dns_probe_came_back(const struct dns_settings *set, const struct dns_query *q,
                         const struct dns_forwarded *fwd, struct dns_reply *out)
{
	/* a label is a string as TXT has it */
	if (!is_ours(set, fwd->target) || fwd->alias ||
	    !dns_reply_record(out, q, DNS_QUESTION, DNS_TXT, 0, fwd->target, DNS_LOOP_LABEL + 1))
		return false;
	out->answers++;
	dns_reply_end(out, q, DNS_RA);
	return true;
}

/* The suffix of the group that the peer is in. */
static size_t loop_suffix(const struct dns_peer *p, uint8_t *out)
{
	static const uint8_t root[] = "\5knetd";
	const struct dns_groups *g = &dns_worker_zone()->set->groups;

	for (unsigned i = 1; i < g->n; i++)
		for (unsigned k = 0; k < g->group[i].n; k++)
			if (dns_peer_at(&g->group[i], k) == p &&
			    g->group[i].suffix_len + DNS_LOOP_LABEL + 1 <= DNS_NAME_MAX) {
				memcpy(out, g->group[i].suffix, g->group[i].suffix_len);
				return g->group[i].suffix_len;
			}
	memcpy(out, root, sizeof(root));
	return sizeof(root);
}

/* ---- asking
 * --------------------------------------------------------------------------------------
 */

static size_t write_question(struct probe *pr, uint8_t *out)
{
	size_t n = DNS_HEADER;
	uint64_t nonce = 0;

	memset(out, 0, DNS_HEADER);
	dns_put16(out + 2, DNS_RD);
	out[5] = 1;
	if (pr->kind == LOOP) {
		getrandom(&nonce, sizeof(nonce), 0);
		snprintf(pr->label, sizeof(pr->label), "%016llx%.16s", (unsigned long long)nonce,
		         dns_worker_zone()->set->groups.loop);
		out[n++] = DNS_LOOP_LABEL;
		memcpy(out + n, pr->label, DNS_LOOP_LABEL);
		n += DNS_LOOP_LABEL;
		n += loop_suffix(pr->peer, out + n);
	} else {
		out[n++] = 0;
	}
	dns_put16(out + n, pr->kind == LOOP ? DNS_TXT : DNS_NS);
	dns_put16(out + n + 2, DNS_IN);
	return n + 4;
}

static void on_answer(struct dns_exchange *x, uint8_t *msg, size_t n);
static void on_timer(struct timer *t);
static void probe_failed(struct probe *pr, int error);

static void probe_ask(struct probe *pr)
{
	uint8_t query[DNS_HEADER + DNS_NAME_MAX + 4];
	size_t n = write_question(pr, query);

	pr->sent_ms = loop_now();
	pr->x.done = on_answer;
	if (dns_exchange_start(&pr->x, pr->peer, false, query, n))
		timer_set(&pr->timer, ANSWER_MS);
	else
		probe_failed(pr, pr->x.error);
}

static void probe_later(struct probe *pr, enum kind kind, unsigned ms)
{
	dns_exchange_end(&pr->x);
	pr->kind = kind;
	timer_set(&pr->timer, ms);
}

static void probe_end(struct probe *pr)
{
	dns_exchange_end(&pr->x);
	timer_del(&pr->timer);
	pr->going = false;
}

static void probe_failed(struct probe *pr, int error)
{
	bool refused = error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;

	pr->failed++;
	dns_count(DNS_COUNT_PROBE_FAILED);
	if (refused || pr->failed >= BREAK_AFTER)
		dns_peer_break(pr->peer);
	probe_later(pr, pr->failed % LOOP_EVERY ? HEALTH : LOOP, pr->pause_ms);
	pr->pause_ms = pr->pause_ms * 3 / 2 < PAUSE_MOST_MS ? pr->pause_ms * 3 / 2 : PAUSE_MOST_MS;
}

static void loop_found(struct probe *pr)
{
	char text[UPSTREAM_TEXT];

	if (!pr->peer->looping)
		log_warn("dns: upstream %s sends our questions back to us (a loop): left out until "
		         "it does not",
		         upstream_text(&pr->peer->up, text));
	pr->peer->looping = true;
	dns_forward_leave(pr->peer);
	probe_later(pr, LOOP, LOOP_PAUSE_MS);
}

static void probe_answered(struct probe *pr)
{
	char text[UPSTREAM_TEXT];

	pr->failed = 0;
	pr->pause_ms = PAUSE_MS;
	dns_peer_answered(pr->peer, (int)(loop_now() - pr->sent_ms));
	if (pr->kind == LOOP) {
		if (pr->peer->looping)
			log_info("dns: upstream %s does not lead back to us any more",
			         upstream_text(&pr->peer->up, text));
		pr->peer->looping = false;
		pr->loop_known = true;
	}
	if (pr->loop_known || pr->loop_tries++ >= LOOP_TRIES)
		probe_end(pr);
	else
		probe_later(pr, LOOP, 0);
}

static void on_answer(struct dns_exchange *x, uint8_t *msg, size_t n)
{
	struct probe *pr = container_of(x, struct probe, x);

	if (!n) {
		probe_failed(pr, x->error);
		return;
	}
	if (!(msg[2] & 0x80))
		return;
	if (pr->kind == LOOP && dns_get16(msg + 6) && n > DNS_HEADER + 1 + DNS_LOOP_LABEL &&
	    memmem(msg + DNS_HEADER + 1 + DNS_LOOP_LABEL, n - DNS_HEADER - 1 - DNS_LOOP_LABEL,
	           pr->label, DNS_LOOP_LABEL))
		loop_found(pr);
	else
		probe_answered(pr);
}

static void on_timer(struct timer *t)
{
	struct probe *pr = container_of(t, struct probe, timer);

	if (!dns_worker_zone()->set)
		timer_set(t, PAUSE_MS);
	else if (pr->x.peer)
		probe_failed(pr, ETIMEDOUT);
	else
		probe_ask(pr);
}

static void begin(struct dns_peer *p, enum kind kind)
{
	struct probe *pr = &probes[dns_peer_number(p)];

	if (pr->going)
		return;
	pr->peer = p;
	pr->going = true;
	pr->failed = 0;
	pr->pause_ms = PAUSE_MS;
	pr->timer.fn = on_timer;
	probe_later(pr, kind, 0);
}

void dns_probe_meet(struct dns_peer *p)
{
	struct probe *pr = &probes[dns_peer_number(p)];

	pr->loop_known = !dns_worker_zone()->set->groups.loop[0];
	pr->loop_tries = 0;
	if (!pr->loop_known)
		begin(p, LOOP);
}

void dns_probe_start(struct dns_peer *p)
{
	begin(p, HEALTH);
}

void dns_probe_stop(struct dns_peer *p)
{
	probe_end(&probes[dns_peer_number(p)]);
}
