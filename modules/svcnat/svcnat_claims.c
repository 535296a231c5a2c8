/* svcnat_claims.c - see svcnat_claims.h */
#include <knetd/log.h>
#include <knetd/map.h>

#include "svcnat_claims.h"

static struct map vips;   /* struct svcnat_kept by address */
static struct map fronts; /* the same by front; those at ClusterIPs are not in here */
static bool contested;    /* somebody was refused something */

static bool at_vip(const struct svcnat_service *s, const struct svcnat_front *f)
{
	return ip_is_in(&f->at, s->vips, s->n_vips);
}

static void refuse_vips(struct svcnat_service *s, const char *key)
{
	for (unsigned i = 0; i < s->n_vips;) {
		struct ip vip = s->vips[i];
		const struct svcnat_kept *owner = map_get(&vips, vip.b, vip.len);
		char text[IP_TEXT];

		if (!owner) {
			i++;
			continue;
		}
		log_warn("svcnat: service %s: ClusterIP %s belongs to service %s", key,
		         ip_text(&vip, text), owner->key);
		svcnat_plan_drop_vip(s, &vip);
		contested = true;
	}
}

const struct svcnat_kept *svcnat_claims_owner(const struct svcnat_front *f)
{
	const struct svcnat_kept *owner = map_get(&fronts, f, SVCNAT_FRONT_ID);

	return owner || f->node_port ? owner : map_get(&vips, f->at.b, f->at.len);
}

static void refuse_fronts(struct svcnat_service *s, const char *key)
{
	for (unsigned i = s->n_fronts; i-- > 0;) {
		const struct svcnat_front *f = &s->fronts[i];
		const struct svcnat_kept *owner = at_vip(s, f) ? NULL : svcnat_claims_owner(f);
		char text[IP_TEXT];

		if (!owner)
			continue;
		log_warn("svcnat: service %s: %s port %u belongs to service %s", key,
		         f->node_port ? "node" : ip_text(&f->at, text), f->port, owner->key);
		svcnat_plan_drop_front(s, i);
		contested = true;
	}
}

void svcnat_claims_check(struct svcnat_service *s, const char *key)
{
	refuse_vips(s, key);
	refuse_fronts(s, key);
}

void svcnat_claims_take(const struct svcnat_kept *k)
{
	for (unsigned i = 0; i < k->s.n_vips; i++)
		map_put(&vips, k->s.vips[i].b, k->s.vips[i].len, (void *)k);
	for (unsigned i = 0; i < k->s.n_fronts; i++)
		if (!at_vip(&k->s, &k->s.fronts[i]))
			map_put(&fronts, &k->s.fronts[i], SVCNAT_FRONT_ID, (void *)k);
}

bool svcnat_claims_release(const struct svcnat_kept *k)
{
	for (unsigned i = 0; i < k->s.n_vips; i++)
		map_del(&vips, k->s.vips[i].b, k->s.vips[i].len);
	for (unsigned i = 0; i < k->s.n_fronts; i++)
		if (!at_vip(&k->s, &k->s.fronts[i]))
			map_del(&fronts, &k->s.fronts[i], SVCNAT_FRONT_ID);
	return contested && k->s.n_fronts;
}

void svcnat_claims_begin(void)
{
	contested = false;
}

void svcnat_claims_forget(void)
{
	map_free(&vips);
	map_free(&fronts);
}
