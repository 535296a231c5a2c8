/* hostport_plan.c - see hostport_plan.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/conf.h>
#include <knetd/auto.h>
#include <knetd/map.h>

#include "hostport_plan.h"

static struct map holders; /* struct hostports by attachment */
static struct map slots;   /* struct slot by family, protocol and port */

struct slot {
	uint8_t key[4];
	struct list ports; /* at different addresses */
};

/* ---- the index ------------------------------------------------------------------------------ */

static void slot_key(uint8_t key[static 4], const struct hostport *p)
{
	key[0] = p->at.len;
	key[1] = p->proto;
	memcpy(key + 2, &p->port, sizeof(p->port));
}

static struct slot *find_slot(const struct hostport *p)
{
	uint8_t key[4];

	slot_key(key, p);
	return map_get(&slots, key, sizeof(key));
}

static const struct hostport *find_overlap(const struct hostport *p)
{
	struct slot *s = find_slot(p);
	struct list *pos, *nxt;

	if (!s)
		return NULL;
	list_each (pos, nxt, &s->ports) {
		const struct hostport *other = container_of(pos, struct hostport, in_slot);

		if (ip_is_any(&other->at) || ip_is_any(&p->at) || ip_equal(&other->at, &p->at))
			return other;
	}
	return NULL;
}

static void index_add(struct hostport *p)
{
	struct slot *s = find_slot(p);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		slot_key(s->key, p);
		list_init(&s->ports);
		map_put(&slots, s->key, sizeof(s->key), s);
	}
	list_add_tail(&s->ports, &p->in_slot);
}

static void index_del(struct hostport *p)
{
	struct slot *s = find_slot(p);

	list_del(&p->in_slot);
	if (!list_empty(&s->ports))
		return;
	map_del(&slots, s->key, sizeof(s->key));
	free(s);
}

/* ---- from an attachment -----------------------------------------------------------------------
 */

static bool wants_family(const struct cni_port *p, const struct ip *pod)
{
	return !p->host_ip.len || p->host_ip.len == pod->len;
}

static void add(struct hostports *h, const struct cni_port *p, const struct ip *pod)
{
	struct hostport *out = &h->v[h->n++];

	*out = (struct hostport){
		.proto = p->proto, .port = p->host, .pod_port = p->pod, .pod = *pod, .of = h
	};
	out->at = p->host_ip;
	out->at.len = pod->len; /* no address asked for: all zeros, each address of the family */
}

/* One port of the request: at most an element a family. */
static int add_port(struct hostports *h, const struct attachment *a, const struct cni_port *p,
                    struct err *e)
{
	unsigned before = h->n;
	char text[IP_TEXT];

	for (unsigned i = 0; i < a->n_ips; i++)
		if (wants_family(p, &a->ips[i]))
			add(h, p, &a->ips[i]);
	if (h->n > before)
		return 0;
	return err_set(e, EAFNOSUPPORT, "host port %u/%s at %s: the pod has no IPv%c address",
	               p->host, cni_proto_name(p->proto), ip_text(&p->host_ip, text),
	               p->host_ip.len == 4 ? '4' : '6');
}

static struct hostports *describe(const struct attachment *a, struct err *e)
{
	struct hostports *h =
		xcalloc(1, sizeof(*h) + (size_t)a->n_ports * a->n_ips * sizeof(h->v[0]));

	snprintf(h->key, sizeof(h->key), "%s", a->key);
	attachment_who(a, h->who);
	for (unsigned i = 0; i < a->n_ports; i++)
		if (add_port(h, a, &a->ports[i], e)) {
			free(h);
			return NULL;
		}
	return h;
}

static int refuse(const struct hostport *p, const struct hostport *other, struct err *e)
{
	char text[IP_TEXT];

	return err_set(e, EADDRINUSE, "host port %u/%s at %s is held by %.150s", p->port,
	               cni_proto_name(p->proto), ip_text(&other->at, text), other->of->who);
}

int hostports_take(const struct attachment *a, struct err *e)
{
	struct hostports *h;

	if (!a->n_ports)
		return 0;
	h = describe(a, e);
	if (!h)
		return -e->code;
	for (unsigned i = 0; i < h->n; i++) {
		const struct hostport *other = find_overlap(&h->v[i]);
		int ret = other ? refuse(&h->v[i], other, e) : 0;

		if (!ret)
			continue;
		free(h);
		return ret;
	}
	for (unsigned i = 0; i < h->n; i++)
		index_add(&h->v[i]);
	map_put(&holders, h->key, strlen(h->key), h);
	return 0;
}

/* ---- questions ------------------------------------------------------------------------------ */

struct hostports *hostports_of(const struct attachment *a)
{
	return a->n_ports ? map_get(&holders, a->key, strlen(a->key)) : NULL;
}

static void drop(struct hostports *h)
{
	for (unsigned i = 0; i < h->n; i++)
		index_del(&h->v[i]);
	map_del(&holders, h->key, strlen(h->key));
	free(h);
}

void hostports_drop(const struct attachment *a)
{
	struct hostports *h = hostports_of(a);

	if (h)
		drop(h);
}

struct hostports *hostports_next(size_t *i)
{
	return map_next(&holders, i);
}

void hostports_free(void)
{
	struct hostports *h;

	for (size_t i = 0; (h = hostports_next(&i));)
		drop(h);
	map_free(&holders);
	map_free(&slots);
}

bool hostports_on_loopback(const struct attachment *a, uint8_t family)
{
	if (conf.service.node_port_localhost)
		return true;
	for (unsigned i = 0; i < a->n_ports; i++) {
		const struct ip *at = &a->ports[i].host_ip;

		if (!at->len || (at->len == family && (ip_is_any(at) || ip_is_loopback(at))))
			return true;
	}
	return false;
}
