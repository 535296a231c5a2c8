/* proxy_limit.c - see proxy_limit.h. One table for all of a worker: a bucket of tokens and a number
 * of requests under way for each client and zone, in sets of eight; of a full set the one that was
 * idle for longest makes room. A set whose eight are all under way lets others pass uncounted: who
 * has that many addresses is not stopped by a limit for each address. */
#include <string.h>

#include <knetd/map.h>

#include "proxy_limit.h"

#define SETS 1024
#define WAYS 8
#define TOKEN 60000u /* a request, in parts that one token a minute gives each millisecond */

struct seat {
	uint64_t who; /* 0: free */
	uint64_t seen_ms, tokens;
	uint32_t at_once;
};
static struct seat seats[SETS * WAYS];

static uint64_t who(const struct table_limit *l, const struct ip *client)
{
	uint64_t h = hash_bytes(l->zone.p, l->zone.n, hash_seed());

	h = hash_bytes(client->b, client->len, h);
	return h ? h : 1;
}

static uint64_t full(const struct table_limit *l)
{
	return (uint64_t)(l->burst + 1) * TOKEN;
}

static struct seat *seat_of(const struct table_limit *l, uint64_t id, uint64_t now)
{
	struct seat *set = &seats[id % SETS * WAYS], *idle = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].who == id)
			return &set[i];
		if (!set[i].at_once && (!idle || set[i].seen_ms < idle->seen_ms))
			idle = &set[i];
	}
	if (idle)
		*idle = (struct seat){ .who = id, .seen_ms = now, .tokens = full(l) };
	return idle;
}

static void refill(struct seat *s, const struct table_limit *l, uint64_t now)
{
	uint64_t most = full(l), ms = now - s->seen_ms;

	s->tokens = ms > most ? most : s->tokens + ms * l->per_minute;
	if (s->tokens > most)
		s->tokens = most;
	s->seen_ms = now;
}

static bool exempt(const struct table_limit *l, const struct ip *client)
{
	for (uint32_t i = 0; i < l->n_exempt; i++)
		if (cidr_has(&l->exempt[i], client))
			return true;
	return false;
}

bool limit_take(const struct table_limit *l, const struct ip *client, uint64_t now_ms,
                uint32_t *held)
{
	struct seat *s = exempt(l, client) ? NULL : seat_of(l, who(l, client), now_ms);

	if (!s)
		return true;
	refill(s, l, now_ms);
	if (l->at_once && s->at_once >= l->at_once)
		return false;
	if (l->per_minute && s->tokens < TOKEN)
		return false;
	s->tokens -= l->per_minute ? TOKEN : 0;
	if (l->at_once) {
		s->at_once++;
		*held = s - seats + 1;
	}
	return true;
}

void limit_done(uint32_t *held)
{
	if (*held)
		seats[*held - 1].at_once--;
	*held = 0;
}
