/* policy_log.c - see policy_log.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/log.h>
#include <knetd/log_lines.h>
#include <knetd/loop.h>

#include "policy_log.h"
#include "policy_packet.h"
#include "policy_plan.h"

#define NAMED_MAX 4 /* policies in a line */
#define PROBE "knetd_policy_probe"

static struct nflog *log_;
static uint64_t lost;      /* lines */
static uint64_t second;    /* loop_now() / 1000 */
static unsigned in_second; /* lines */
static uint64_t told;      /* of those lost */

/* ---- a line --------------------------------------------------------------------------------- */

static void put_end(struct buf *b, const struct ip *ip, bool ports, uint16_t port)
{
	const struct policy_pod *pod = policy_plan_pod_at(ip);
	char text[IP_TEXT];

	ip_text(ip, text);
	if (!ports)
		buf_str(b, text);
	else
		buf_printf(b, ip->len == 4 ? "%s:%u" : "[%s]:%u", text, port);
	if (pod)
		buf_printf(b, " (%s%s%s)", pod->ns, *pod->name ? "/" : "", pod->name);
}

static void put_policies(struct buf *b, const struct policy_class *class)
{
	if (!class->n_policies)
		buf_str(b, ", as its labels are not known");
	for (unsigned i = 0; i < class->n_policies && i < NAMED_MAX; i++)
		buf_printf(b, "%s%s", i ? ", " : " by ", class->policies[i]->key);
	if (class->n_policies > NAMED_MAX)
		buf_printf(b, " and %u more", class->n_policies - NAMED_MAX);
}

/* "out7"; false when it is no class's name. */
static bool class_named(const char *what, enum policy_way *way, uint32_t *number)
{
	bool in = !strncmp(what, "in", 2);
	char *end;

	if (!in && strncmp(what, "out", 3) != 0)
		return false;
	*way = in ? POLICY_IN : POLICY_OUT;
	*number = (uint32_t)strtoul(what + (in ? 2 : 3), &end, 10);
	return end > what + 3 - in && !*end;
}

void policy_log_line(struct buf *out, const struct nflog_packet *p)
{
	const struct policy_class *class;
	char proto[POLICY_PACKET_TEXT];
	struct policy_packet packet;
	enum policy_way way;
	uint32_t number;
	bool named;

	if (!policy_packet_read(&packet, p->data, p->len))
		return;
	named = class_named(p->prefix, &way, &number);
	buf_printf(out, "policy: denied %s%s ",
	           !named             ? ""
	           : way == POLICY_IN ? "ingress "
	                              : "egress ",
	           policy_packet_proto(packet.proto, proto));
	put_end(out, &packet.from, packet.ports, packet.from_port);
	buf_str(out, " -> ");
	put_end(out, &packet.to, packet.ports, packet.to_port);
	class = named ? policy_plan_class(way, number) : NULL;
	if (class)
		put_policies(out, class);
	else if (!named && *p->prefix)
		buf_printf(out, ", %s", p->prefix);
}

/* ---- many lines ----------------------------------------------------------------------------- */

/* Tells of those that were left out, when there is room again. */
static bool may(struct log_lines *l)
{
	uint64_t now = loop_now() / 1000;
	char text[80];
	int n;

	if (now != second)
		in_second = 0;
	second = now;
	if (in_second >= POLICY_LOG_LINES) {
		lost++;
		return false;
	}
	if (!in_second++ && lost > told) {
		n = snprintf(text, sizeof(text), "policy: %llu denied packets were not logged",
		             (unsigned long long)(lost - told));
		log_lines_add(l, text, (size_t)n);
		told = lost;
	}
	return true;
}

static void on_packet(const struct nflog_packet *p, void *arg)
{
	struct log_lines l = { .lost = &lost };
	auto_buf struct buf line = { .max = LOG_LINE_MAX };

	(void)arg;
	if (!p) { /* the kernel does not say how many */
		lost++;
		return;
	}
	if (!may(&l))
		return;
	policy_log_line(&line, p);
	if (line.len && !line.failed)
		log_lines_add(&l, line.data, line.len);
	log_lines_flush(&l);
}

/* ---- on and off ----------------------------------------------------------------------------- */

bool policy_log_on(void)
{
	return log_ != NULL;
}

void policy_log_rule(struct nft_txn *t, const char *table, const char *chain, const char *what)
{
	struct nft_rule *r;

	if (!log_)
		return;
	r = nft_rule_new(table, chain);
	nft_limit(r, POLICY_LOG_RATE);
	nft_log(r, POLICY_LOG_GROUP, what, NFLOG_BYTES);
	nft_rule_add(t, r);
}

/* A transaction that leaves nothing behind: a kernel that cannot log would refuse the whole table.
 */
static int probe(struct err *e)
{
	struct nft_txn *t = nft_begin();
	int ret;

	nft_table_add(t, PROBE);
	nft_chain_add(t, PROBE, "probe", NFT_HOOK_NONE, NFT_CHAIN_FILTER, 0);
	policy_log_rule(t, PROBE, "probe", "probe");
	nft_table_del(t, PROBE);
	ret = nft_commit(t, e);
	if (ret == -ENOENT || ret == -EOPNOTSUPP)
		return err_set(e, -ret,
		               "packets cannot be logged: this kernel lacks CONFIG_NFT_LOG, "
		               "CONFIG_NFT_LIMIT or CONFIG_NETFILTER_NETLINK_LOG");
	return ret;
}

void policy_log_begin(void)
{
	struct err e = { 0 };

	if (!conf.policy.log)
		return;
	log_ = nflog_open(POLICY_LOG_GROUP, on_packet, NULL, &e);
	if (log_ && probe(&e))
		policy_log_end();
	if (!log_)
		log_err("[policy] log: %s; policies are in force, what they deny is not logged",
		        e.text);
}

void policy_log_end(void)
{
	nflog_close(log_);
	log_ = NULL;
}

void policy_log_metrics(struct buf *out)
{
	buf_printf(out,
	           "# HELP knetd_policy_log_lost_total Denied packets that the log left out, as "
	           "there were too many at once.\n"
	           "# TYPE knetd_policy_log_lost_total counter\nknetd_policy_log_lost_total %llu\n",
	           (unsigned long long)lost);
}
