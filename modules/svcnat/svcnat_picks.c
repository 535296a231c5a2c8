// clang-format off
/* svcnat_picks.c - see svcnat_picks.h. As `nft list table inet knetd` shows it, for IPv4:
 *
 *   chain pick3            three endpoints
 *     meta priority set numgen random mod 3
 *     goto deal
 *   chain pick3_outer      three endpoints for clients outside
 *     meta priority set numgen random mod 3 offset 8192
 *     goto deal
 *   chain deal             svcnat_rules.c
 *     dnat ip to FRONT . meta priority map @eps4
 *   chain pick3_10800s     three endpoints, and the client stays with the one it got
 *     meta priority set FRONT . numgen random mod 3 map @ids4
 *     update @aff4 { FRONT . ip saddr timeout 3h : meta priority }
 *     meta priority set FRONT . ip saddr map @aff4
 *     dnat ip to meta priority map @who4
 *     delete @aff4 { FRONT . ip saddr : meta priority }
 *     ... (the first four again, then as pick3)
 *
 * where FRONT is ip daddr . meta l4proto . th dport; of node ports (ports3, deal_ports and so on) it
 * is meta l4proto . th dport.
 *
 * There is one rule with eps4, because the kernel walks a map whole when a rule of one more chain
 * uses it: the first Service with a new number of endpoints would pay for all the others.
 *
 * `update` leaves the value of an element that is there and begins its time anew: what kube-proxy
 * does with a set an endpoint. An id whose endpoint is gone is found nowhere in who4, and the client
 * is dealt anew. When aff4 is full the client gets an endpoint without being remembered.
 *
 * The index or id stays in the priority of that one packet. The kernel sets the priority anew when it
 * forwards IPv4, and a number below 65536 is no queue's class. */
// clang-format on
#include <stdio.h>
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/log.h>
#include <knetd/map.h>

#include "svcnat_picks.h"
#include "svcnat_rules.h"

struct pick {
	uint32_t id; /* the word, and which of the two kinds of fronts */
	uint32_t word;
	bool node_port;
	struct pick *next; /* in the order in which they came */
};

#define NODE_PORT_BIT (1u << 31)

static struct map picks; /* by id */
static struct pick *first, **last = &first;
static struct pick **unsent = &first; /* from here on the table has them not */

static uint32_t learn(uint32_t word, bool node_port)
{
	uint32_t id = word | (node_port ? NODE_PORT_BIT : 0);
	struct pick *p;

	if (map_get(&picks, &id, sizeof(id)))
		return word;
	p = xcalloc(1, sizeof(*p));
	*p = (struct pick){ .id = id, .word = word, .node_port = node_port };
	map_put(&picks, &p->id, sizeof(p->id), p);
	*last = p;
	last = &p->next;
	return word;
}

static uint32_t word_of(const struct svcnat_way *way, bool outer, uint32_t affinity, bool node_port)
{
	static struct log_rate rate;
	uint32_t word = outer ? SVCNAT_WORD_OUTER : 0;

	if (!way->list || !way->list->n)
		return learn(way->empty == SVCNAT_DROP ? SVCNAT_WORD_DROP : SVCNAT_WORD_REFUSE,
		             node_port);
	word |= way->list->n;
	if (affinity && picks.len < SVCNAT_PICKS_MAX)
		word |= affinity << SVCNAT_WORD_AFFINITY;
	else if (affinity && log_may(&rate))
		log_warn("svcnat: more than %d different session affinity timeouts and numbers of "
		         "endpoints: some Services do without",
		         SVCNAT_PICKS_MAX);
	return learn(word, node_port);
}

void svcnat_picks_words(struct svcnat_service *s)
{
	for (unsigned i = 0; i < s->n_fronts; i++) {
		struct svcnat_front *f = &s->fronts[i];

		f->inner.word = word_of(&f->inner, false, s->affinity, f->node_port);
		if (f->two_ways)
			f->outer.word = word_of(&f->outer, true, s->affinity, f->node_port);
	}
}

void svcnat_picks_lost(void)
{
	unsent = &first;
}

void svcnat_picks_forget(void)
{
	struct pick *p;

	for (size_t i = 0; (p = map_next(&picks, &i));)
		free(p);
	map_free(&picks);
	first = NULL;
	last = &first;
	unsent = &first;
}

/* ---- rules ---------------------------------------------------------------------------------- */

struct chain {
	struct nft_txn *t;
	const char *name;
	uint8_t family;
	bool node_port;
	unsigned n, from;
	uint32_t affinity;
};

static const char *set(const struct chain *c, enum svcnat_set address, enum svcnat_set port)
{
	return svcnat_set_name(c->node_port ? port : address, c->family);
}

static unsigned load_front(struct nft_rule *r, const struct chain *c, unsigned reg)
{
	nft_family(r, c->family);
	return c->node_port ? svcnat_load_port(r, reg) : svcnat_load_target(r, c->family, reg);
}

static void load_client(struct nft_rule *r, const struct chain *c, unsigned reg)
{
	nft_load_addr(r, false, c->family, load_front(r, c, reg));
}

static void load_place(struct nft_rule *r, const struct chain *c)
{
	nft_load_random(r, c->n, c->from, load_front(r, c, 0));
}

/* An endpoint by chance, found by the one rule that knows how. */
static void add_deal(const struct chain *c)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, c->name);

	nft_load_random(r, c->n, c->from, 0);
	nft_set_priority(r, 0);
	nft_rule_add(c->t, r);
	r = nft_rule_new(SVCNAT_TABLE, c->name);
	nft_goto(r, c->node_port ? "deal_ports" : "deal");
	nft_rule_add(c->t, r);
}

static void add_draw(const struct chain *c)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, c->name);

	load_place(r, c);
	nft_map_to(r, 0, set(c, SVCNAT_IDS, SVCNAT_PORT_IDS), 0);
	nft_set_priority(r, 0);
	nft_rule_add(c->t, r);
}

static void add_record(const struct chain *c, bool keep)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, c->name);

	load_client(r, c, 0);
	nft_load_priority(r, 10);
	if (keep)
		nft_update(r, set(c, SVCNAT_AFF, SVCNAT_PORT_AFF), 0, 10, c->affinity);
	else
		nft_delete(r, set(c, SVCNAT_AFF, SVCNAT_PORT_AFF), 0, 10);
	nft_rule_add(c->t, r);
}

static void add_recall(const struct chain *c)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, c->name);

	load_client(r, c, 0);
	nft_map_to(r, 0, set(c, SVCNAT_AFF, SVCNAT_PORT_AFF), 0);
	nft_set_priority(r, 0);
	nft_rule_add(c->t, r);
}

static void add_follow(const struct chain *c)
{
	struct nft_rule *r = nft_rule_new(SVCNAT_TABLE, c->name);

	nft_family(r, c->family);
	nft_load_priority(r, 0);
	nft_map_to(r, 0, svcnat_set_name(SVCNAT_WHO, c->family), 0);
	nft_dnat(r, c->family, 0, c->family / 4);
	nft_rule_add(c->t, r);
}

static void add_stay(const struct chain *c)
{
	add_draw(c);
	add_record(c, true);
	add_recall(c);
	add_follow(c);
}

static void add_family(const struct chain *c)
{
	add_stay(c);
	add_record(c, false);
	add_stay(c);
}

static void add_chain(struct nft_txn *t, const struct pick *p, const char *name)
{
	bool outer = p->word & SVCNAT_WORD_OUTER;
	struct chain c = { .t = t,
		           .name = name,
		           .node_port = p->node_port,
		           .n = p->word & (SVCNAT_WORD_OUTER - 1),
		           .from = outer ? SVCNAT_OUTER_INDEX : 0,
		           .affinity = p->word >> SVCNAT_WORD_AFFINITY };

	nft_chain_add(t, SVCNAT_TABLE, name, NFT_HOOK_NONE, NFT_CHAIN_NAT, 0);
	for (c.family = 4; c.affinity && c.family <= 16; c.family += 12)
		if (svcnat_has_family(c.family))
			add_family(&c);
	add_deal(&c);
}

static void name_chain(const struct pick *p, char *out, size_t size)
{
	unsigned n = p->word & (SVCNAT_WORD_OUTER - 1);
	uint32_t affinity = p->word >> SVCNAT_WORD_AFFINITY;
	int at = snprintf(out, size, "%s%u%s", p->node_port ? "ports" : "pick", n,
	                  p->word & SVCNAT_WORD_OUTER ? "_outer" : "");

	if (affinity)
		snprintf(out + at, size - at, "_%us", affinity);
}

static void send(struct nft_txn *t, const struct pick *p)
{
	struct nft_bytes key = { 0 };
	char name[64];

	nft_put_mark(&key, p->word);
	if (p->word == SVCNAT_WORD_REFUSE || p->word == SVCNAT_WORD_DROP) {
		snprintf(name, sizeof(name), "%s", p->word ? "drop" : "refuse");
	} else {
		name_chain(p, name, sizeof(name));
		add_chain(t, p, name);
	}
	nft_elem_goto(t, SVCNAT_TABLE, p->node_port ? "port_pick" : "pick", &key, name);
}

void svcnat_picks_send(struct nft_txn *t)
{
	for (; *unsent; unsent = &(*unsent)->next)
		send(t, *unsent);
}
