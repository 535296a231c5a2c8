/* policy_kept.c - see policy_kept.h */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "policy_kept.h"

static struct map pods;    /* by struct ip, whose bytes behind its length are 0 */
static struct map classes; /* by name */

/* ---- pods ----------------------------------------------------------------------------------- */

struct kept_pod *kept_pod(const struct ip *ip)
{
	struct ip key = { .len = ip->len };
	struct kept_pod *k;

	memcpy(key.b, ip->b, ip->len);
	k = map_get(&pods, &key, sizeof(key));
	if (k)
		return k;
	k = xcalloc(1, sizeof(*k));
	k->ip = key;
	map_put(&pods, &k->ip, sizeof(k->ip), k);
	return k;
}

struct kept_pod *kept_pod_next(size_t *i)
{
	return map_next(&pods, i);
}

void kept_pod_drop(struct kept_pod *k)
{
	map_del(&pods, &k->ip, sizeof(k->ip));
	free(k);
}

/* ---- classes -------------------------------------------------------------------------------- */

struct kept_class *kept_class_find(enum policy_way way, uint32_t number)
{
	char name[POLICY_NAME];

	policy_class_name(name, way, number);
	return map_get(&classes, name, strlen(name));
}

struct kept_class *kept_class(enum policy_way way, uint32_t number)
{
	struct kept_class *k = kept_class_find(way, number);

	if (k)
		return k;
	k = xcalloc(1, sizeof(*k));
	policy_class_name(k->name, way, number);
	k->way = way;
	k->number = number;
	map_put(&classes, k->name, strlen(k->name), k);
	return k;
}

void kept_class_resize(struct kept_class *k, unsigned n)
{
	for (unsigned i = n; i < k->n_stages; i++)
		for (unsigned kind = 0; kind < POLICY_KINDS; kind++)
			kept_set_free(&k->stages[i].sets[kind]);
	if (n > k->n_stages) {
		k->stages = xrealloc(k->stages, n * sizeof(*k->stages));
		memset(k->stages + k->n_stages, 0, (n - k->n_stages) * sizeof(*k->stages));
	}
	k->n_stages = n;
}

struct kept_stage *kept_stage(struct kept_class *k, unsigned i)
{
	if (i >= k->n_stages)
		kept_class_resize(k, i + 1);
	return &k->stages[i];
}

struct kept_class *kept_class_next(size_t *i)
{
	return map_next(&classes, i);
}

static void class_free(struct kept_class *k)
{
	kept_class_resize(k, 0);
	free(k->stages);
	free(k->rules);
	free(k);
}

void kept_class_drop(struct kept_class *k)
{
	map_del(&classes, k->name, strlen(k->name));
	class_free(k);
}

void kept_forget(void)
{
	struct kept_class *c;
	struct kept_pod *p;

	for (size_t i = 0; (p = map_next(&pods, &i));)
		free(p);
	for (size_t i = 0; (c = map_next(&classes, &i));)
		class_free(c);
	map_free(&pods);
	map_free(&classes);
}

/* ---- elements ------------------------------------------------------------------------------- */

/* Who, protocol, port: each padded to 4 bytes. */
unsigned kept_width(enum policy_kind kind)
{
	return (kind == POLICY_BY_NET6 ? 16 : 4) + 4 + 4;
}

void kept_set_free(struct kept_set *s)
{
	free(s->v);
	*s = (struct kept_set){ 0 };
}

static int by_bytes4(const void *a, const void *b)
{
	return memcmp(a, b, 2 * (4 + 4 + 4));
}

static int by_bytes6(const void *a, const void *b)
{
	return memcmp(a, b, 2 * (16 + 4 + 4));
}

void kept_set_sort(struct kept_set *s, enum policy_kind kind)
{
	if (s->n)
		qsort(s->v, s->n, 2 * kept_width(kind),
		      kind == POLICY_BY_NET6 ? by_bytes6 : by_bytes4);
}

static uint8_t *put_ports(uint8_t *at, uint8_t proto, uint16_t port)
{
	struct nft_bytes k = { 0 };

	nft_put_proto(&k, proto);
	nft_put_port(&k, port);
	memcpy(at, k.b, k.n);
	return at + k.n;
}

static uint8_t *put_peer(uint8_t *at, const struct policy_peers_piece *p)
{
	uint32_t first = htonl(p->first), last = htonl(p->last);

	memcpy(at, &first, sizeof(first));
	at = put_ports(at + sizeof(first), p->ports.proto_first, p->ports.first);
	memcpy(at, &last, sizeof(last));
	return put_ports(at + sizeof(last), p->ports.proto_last, p->ports.last);
}

static uint8_t *put_net(uint8_t *at, const struct policy_net_piece *p)
{
	memcpy(at, p->first.b, p->first.len);
	at = put_ports(at + p->first.len, p->ports.proto_first, p->ports.first);
	memcpy(at, p->last.b, p->last.len);
	return put_ports(at + p->last.len, p->ports.proto_last, p->ports.last);
}

static unsigned count(const struct policy_stage *s, enum policy_kind kind)
{
	switch (kind) {
	case POLICY_BY_PEER:
		return s->n_peers;
	case POLICY_BY_NET4:
		return s->n_nets4;
	case POLICY_BY_NET6:
		return s->n_nets6;
	case POLICY_KINDS:
		break;
	}
	return 0;
}

void kept_set_encode(struct kept_set *out, const struct policy_stage *s, enum policy_kind kind)
{
	const struct policy_net_piece *nets = kind == POLICY_BY_NET4 ? s->nets4 : s->nets6;
	uint8_t *at;

	out->n = count(s, kind);
	out->there = out->n != 0;
	at = out->v = out->n ? xmalloc((size_t)out->n * 2 * kept_width(kind)) : NULL;
	for (unsigned i = 0; i < out->n; i++)
		at = kind == POLICY_BY_PEER ? put_peer(at, &s->peers[i]) : put_net(at, &nets[i]);
	kept_set_sort(out, kind);
}
