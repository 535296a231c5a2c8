/* lb_test.c - see lb_test.h
 *
 * What only the network can say is asked of it, three times within a second: whether somebody else
 * answers for an address, and whether the link's router answers to it: then what is sent to the
 * address arrives here. The rest is the machine's own settings. One test at a time, of at most
 * TESTED_MAX addresses and links, so that it is no storm either. */
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/loop.h>

#include "lb_place.h"
#include "lb_test.h"

#define TESTED_MAX 64
#define ROUNDS 3
#define ROUND_MS 300

struct tested { /* an address at a link; both may go away meanwhile */
	struct ip ip, gateway;
	unsigned ifindex;
	char link[16];
	enum lb_state state;
	bool answered, other;
	uint8_t theirs[6];
};

static struct tested tested[TESTED_MAX];
static unsigned n_tested, left_out, nowhere, round_;
static bool running, ran;
static struct rt *rt;
static void on_round(struct timer *t);
static struct timer timer = { .fn = on_round };

void lb_test_init(struct rt *host)
{
	rt = host;
}

void lb_test_exit(void)
{
	timer_del(&timer);
	n_tested = 0;
	running = ran = false;
}

/* ---- asking --------------------------------------------------------------------------------- */

static void on_round(struct timer *t)
{
	if (round_++ == ROUNDS) {
		running = false;
		return;
	}
	for (unsigned i = 0; i < n_tested; i++) {
		const struct lb_lan *lan = lb_lan_by_index(tested[i].ifindex);

		if (!lan || !lan->wire || !lan->up)
			continue;
		wire_ask(lan->wire, NULL, &tested[i].ip);
		if (tested[i].gateway.len && tested[i].state == LB_HERE)
			wire_ask(lan->wire, &tested[i].ip, &tested[i].gateway);
	}
	timer_set(t, ROUND_MS);
}

void lb_test_claim(const struct wire_claim *c)
{
	for (unsigned i = 0; running && i < n_tested; i++) {
		struct tested *t = &tested[i];

		if (t->ifindex != c->ifindex)
			continue;
		t->answered |= ip_equal(&t->gateway, &c->ip) && ip_equal(&t->ip, &c->to);
		if (ip_equal(&t->ip, &c->ip) && !lb_lan_is_ours(c->mac)) {
			t->other = true;
			memcpy(t->theirs, c->mac, sizeof(t->theirs));
		}
	}
}

/* Of the default route by that link. */
static void saw_route(const struct rt_route *r, void *arg)
{
	(void)arg;
	for (unsigned i = 0; !r->dst.bits && r->via.len && i < n_tested; i++)
		if (tested[i].ifindex == r->ifindex && tested[i].ip.len == r->via.len)
			tested[i].gateway = r->via;
}

static void add(const struct lb_address *a)
{
	nowhere += list_empty(&a->places);
	for (const struct list *l = a->places.next; l != &a->places; l = l->next) {
		const struct lb_place *p = container_of(l, struct lb_place, in_address);

		if (n_tested == TESTED_MAX) {
			left_out++;
			continue;
		}
		tested[n_tested] = (struct tested){ .ip = a->ip,
			                            .ifindex = p->lan->link.ifindex,
			                            .state = p->state };
		strcpy(tested[n_tested++].link, p->lan->link.name);
	}
}

/* of: NULL for all. False when it is not held. */
static bool begin(const struct ip *of)
{
	const struct lb_address *a;
	bool any = !of;
	struct err e;

	n_tested = left_out = nowhere = round_ = 0;
	for (size_t i = 0; (a = lb_address_next(&i));) {
		if (of && !ip_equal(of, &a->ip))
			continue;
		any = true;
		add(a);
	}
	if (!any)
		return false;
	if (rt_route_each(rt, saw_route, NULL, &e))
		return false;
	running = ran = true;
	timer_set(&timer, 0);
	return true;
}

/* ---- telling -------------------------------------------------------------------------------- */

static bool first;

static void say(struct buf *b, const struct tested *t, const char *verdict, const char *advice,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void say(struct buf *b, const struct tested *t, const char *verdict, const char *advice,
                const char *fmt, ...)
{
	char text[200], ip[IP_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(b, "%s{\"address\":\"%s\",\"interface\":", first ? "" : ",",
	           t ? ip_text(&t->ip, ip) : "");
	buf_json(b, t ? t->link : "", strlen(t ? t->link : ""));
	buf_printf(b, ",\"verdict\":\"%s\",\"text\":", verdict);
	buf_json(b, text, strlen(text));
	buf_str(b, ",\"advice\":");
	buf_json(b, advice, strlen(advice));
	buf_str(b, "}");
	first = false;
}

static unsigned setting(const char *family, const char *link, const char *key)
{
	char path[96], value[16];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, link, key);
	return sysctl_get(-1, path, value, sizeof(value), NULL)
	               ? 0
	               : (unsigned)strtoul(value, NULL, 10);
}

/* The kernel takes the larger one of the link's and of all links'. */
static unsigned stronger(const char *link, const char *key)
{
	unsigned all = setting("ipv4", "all", key), own = setting("ipv4", link, key);

	return all > own ? all : own;
}

static bool is_wireless(const char *link)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/wireless", link);
	if (access(path, F_OK) == 0)
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", link);
	return access(path, F_OK) == 0;
}

static void say_settings(struct buf *b, const struct tested *t)
{
	bool v4 = t->ip.len == 4;
	unsigned ignore = v4 ? stronger(t->link, "arp_ignore") : 0;

	if (!setting(v4 ? "ipv4" : "ipv6", "all", "forwarding"))
		say(b, t, "fail", "see the log for why knetd cannot switch it on",
		    "forwarding is off: pods are not reached");
	if (ignore == 2 || ignore >= 8)
		say(b, t, "fail", "set net.ipv4.conf.all.arp_ignore, and the link's, to 0 or 1",
		    "arp_ignore = %u: the kernel does not answer for the address", ignore);
	if (v4 && !t->gateway.len && stronger(t->link, "rp_filter") == 1)
		say(b, t, "warn", "set net.ipv4.conf.all.rp_filter, and the link's, to 2",
		    "rp_filter = 1, and the default route leaves by another link: clients from "
		    "beyond this network are dropped");
}

static void say_link(struct buf *b, const struct tested *t, const struct lb_lan *lan)
{
	if (!lan->up)
		say(b, t, "fail", "check cable, switch port, and `ip link set LINK up`",
		    "the link is down or has no carrier");
	if (lan->link.port)
		say(b, t, "fail", "announce on the bridge or bond itself",
		    "the link is a port of a bridge or bond, and gets no packets of its own");
	if (is_wireless(t->link))
		say(b, t, "warn",
		    "if clients do not find it: `ip link set LINK promisc on`, or announce on a "
		    "wire",
		    "the link is wireless: access points and drivers may keep back the "
		    "broadcasts by which it is asked for");
}

static void say_answers(struct buf *b, const struct tested *t, const struct lb_lan *lan)
{
	char ip[IP_TEXT], mac[18];

	if (!lan->wire) {
		say(b, t, conf.lb.announce.none ? "ok" : "warn", "a router has to send it here",
		    "the address is local; nothing can be announced on this link");
		return;
	}
	if (t->other)
		say(b, t, "fail", "take the address from that machine or out of the pool",
		    "%s answers for it as well", mac_text(t->theirs, mac));
	else
		say(b, t, "ok", "", "nobody else answers for it");
	if (!t->gateway.len)
		say(b, t, "ok", "", "no router on this link that could be asked");
	else if (t->answered)
		say(b, t, "ok", "", "%s answers to it: what is sent to it arrives",
		    ip_text(&t->gateway, ip));
	else if (t->state == LB_HERE)
		say(b, t, "warn",
		    "does the router answer at all? Switches may hold back an address that is "
		    "not assigned (port security, ARP inspection, clouds)",
		    "%s does not answer to it", ip_text(&t->gateway, ip));
}

static void say_all(struct buf *b, const struct tested *t)
{
	const struct lb_lan *lan = lb_lan_by_index(t->ifindex);

	if (!lan) {
		say(b, t, "fail", "", "the link is gone");
		return;
	}
	if (t->state == LB_HERE)
		say(b, t, "ok", "", "the kernel answers for it on %s", t->link);
	else
		say(b, t, "fail", "", "it is not on %s: %s", t->link, lb_state_name(t->state));
	say_link(b, t, lan);
	say_answers(b, t, lan);
	if (lan->wire)
		say_settings(b, t);
}

static void say_rest(struct buf *b)
{
	if (nowhere)
		say(b, NULL, "fail",
		    "is there a default route? Say links in [lb] announce or the pool's "
		    "interfaces",
		    "%u addresses are on no link", nowhere);
	if (left_out)
		say(b, NULL, "warn", "name one address",
		    "%u more addresses and links were not tested", left_out);
}

void lb_test_show(const struct http_call *call, struct http_answer *answer)
{
	struct buf *b = &answer->body;

	(void)call;
	buf_printf(b,
	           "{\"kind\":\"LoadBalancerTest\",\"apiVersion\":\"knetd.io/v1alpha1\","
	           "\"done\":%s,\"checks\":[",
	           ran && !running ? "true" : "false");
	first = true;
	for (unsigned i = 0; ran && !running && i < n_tested; i++)
		say_all(b, &tested[i]);
	if (ran && !running)
		say_rest(b);
	buf_str(b, "]}\n");
}

/* ---- the door ------------------------------------------------------------------------------- */

static void refuse(struct http_answer *answer, unsigned status, const char *reason,
                   const char *text)
{
	answer->status = status;
	buf_printf(&answer->body,
	           "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
	           "\"Failure\",\"reason\":\"%s\",\"message\":\"%s\",\"code\":%u}\n",
	           reason, text, status);
}

void lb_test_begin(const struct http_call *call, struct http_answer *answer)
{
	char text[IP_TEXT] = "";
	struct ip of;
	bool one = http_query_has(call->query, "address");

	if (one &&
	    (!http_query(call->query, "address", text, sizeof(text)) || !ip_parse(&of, text))) {
		refuse(answer, 400, "BadRequest", "address: an IP address is expected");
		return;
	}
	if (running) {
		refuse(answer, 409, "Conflict", "a test is running; it takes a second");
		return;
	}
	if (!begin(one ? &of : NULL)) {
		refuse(answer, 404, "NotFound", "no Service holds that address from a pool");
		return;
	}
	lb_test_show(call, answer);
	answer->status = 202;
}
