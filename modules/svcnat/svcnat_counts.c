/* svcnat_counts.c - see svcnat_counts.h
 *
 * A front that is counted stands in a set of its own, hits4 and so on, whose elements have
 * counters: the first packet of each connection is looked up there, and nothing else happens. The
 * set is apart from the maps of words because those change with the endpoints, and a changed
 * element would begin at zero. Bytes are not counted: only first packets come by, and looking at
 * each packet of each connection is what this design is there to avoid. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/map.h>

#include "svcnat_claims.h"
#include "svcnat_counts.h"
#include "svcnat_rules.h"

struct counted {
	uint64_t connections;
	char key[]; /* "namespace/name" */
};

static struct map counted; /* struct counted by key */

/* ---- who is counted ------------------------------------------------------------------------- */

static bool take_place(const char *key)
{
	size_t n = strlen(key);
	struct counted *c;

	if (map_get(&counted, key, n))
		return true;
	if (counted.len >= conf.service.metrics)
		return false;
	c = xcalloc(1, sizeof(*c) + n + 1);
	memcpy(c->key, key, n);
	map_put(&counted, c->key, n, c);
	return true;
}

static enum svcnat_set hits_set(const struct svcnat_front *f)
{
	return f->node_port ? SVCNAT_HIT_PORTS : SVCNAT_HITS;
}

static bool seen(const struct svcnat_service *s, const struct svcnat_mirror *m)
{
	for (unsigned i = 0; i < s->n_fronts; i++) {
		const struct svcnat_front *f = &s->fronts[i];
		struct nft_bytes key = svcnat_front_key(f), data;

		if (svcnat_mirror_get(m, hits_set(f), f->at.len, &key, &data))
			return true;
	}
	return false;
}

static void mark(struct svcnat_service *s, bool are_counted)
{
	for (unsigned i = 0; i < s->n_fronts; i++)
		s->fronts[i].counted = are_counted;
}

void svcnat_counts_choose(struct svcnat_service *s, const char *key,
                          const struct svcnat_mirror *mirror)
{
	mark(s, (!mirror || seen(s, mirror)) && take_place(key));
}

void svcnat_counts_fill(struct svcnat_kept *k)
{
	mark(&k->s, take_place(k->key));
}

void svcnat_counts_drop(const char *key)
{
	free(map_del(&counted, key, strlen(key)));
}

void svcnat_counts_forget(void)
{
	struct counted *c;

	for (size_t i = 0; (c = map_next(&counted, &i));)
		free(c);
	map_free(&counted);
}

/* ---- what they got -------------------------------------------------------------------------- */

struct reading {
	uint8_t family;
	bool node_ports;
};

/* The key as svcnat_front_key() made it. */
static struct svcnat_front front_of(const struct reading *r, const struct nft_bytes *key)
{
	const uint8_t *at = key->b + (r->node_ports ? 0 : r->family);
	struct svcnat_front f;

	memset(&f, 0, sizeof(f));
	f.at.len = r->family;
	f.node_port = r->node_ports;
	if (!r->node_ports)
		memcpy(f.at.b, key->b, r->family);
	f.proto = at[0];
	f.port = at[4] << 8 | at[5];
	return f;
}

static void add_up(const struct nft_bytes *key, uint64_t packets, uint64_t bytes, void *arg)
{
	struct svcnat_front f = front_of(arg, key);
	const struct svcnat_kept *owner = svcnat_claims_owner(&f);
	struct counted *c = owner ? map_get(&counted, owner->key, strlen(owner->key)) : NULL;

	(void)bytes; /* of first packets */
	if (c)
		c->connections += packets;
}

static void read_counters(void)
{
	struct counted *c;
	struct reading r;
	struct err e;

	for (size_t i = 0; (c = map_next(&counted, &i));)
		c->connections = 0;
	for (r.family = 4; r.family <= 16; r.family += 12) {
		if (!svcnat_has_family(r.family))
			continue;
		for (int ports = 0; ports < 2; ports++) {
			r.node_ports = ports;
			nft_counter_each(
				SVCNAT_TABLE,
				svcnat_set_name(ports ? SVCNAT_HIT_PORTS : SVCNAT_HITS, r.family),
				add_up, &r, &e);
		}
	}
}

#define CONNECTIONS "knetd_service_connections_total"

/* Names of namespaces and Services have nothing in them that would want quoting. */
void svcnat_counts_write(struct buf *out, size_t services)
{
	const struct counted *c;

	buf_printf(out,
	           "# TYPE knetd_svcnat_services_uncounted gauge\n"
	           "knetd_svcnat_services_uncounted %zu\n",
	           services - counted.len);
	if (!counted.len)
		return;
	read_counters();
	buf_str(out, "# TYPE " CONNECTIONS " counter\n");
	for (size_t i = 0; (c = map_next(&counted, &i));) {
		const char *slash = strchr(c->key, '/');

		buf_printf(out, CONNECTIONS "{namespace=\"%.*s\",service=\"%s\"} %llu\n",
		           (int)(slash - c->key), c->key, slash + 1,
		           (unsigned long long)c->connections);
	}
}
