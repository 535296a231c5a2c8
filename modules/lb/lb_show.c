/* lb_show.c - see lb_show.h */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_announce.h"
#include "lb_show.h"

static void put(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	buf_json(b, text, strlen(text));
}

static void put_ports(struct buf *b, const struct lb_claim *c)
{
	buf_str(b, ",\"ports\":[");
	for (unsigned i = 0; i < c->n_ports; i++)
		buf_printf(b, "%s\"%u/%s\"", i ? "," : "", c->ports[i].port,
		           c->ports[i].proto == IPPROTO_UDP    ? "UDP"
		           : c->ports[i].proto == IPPROTO_SCTP ? "SCTP"
		                                               : "TCP");
	buf_str(b, "],");
}

static void put_addr(struct buf *b, const struct lb_addr *addr)
{
	char text[IP_TEXT];

	for (const struct list *l = addr->holds.next; l != &addr->holds; l = l->next) {
		const struct lb_claim *c = container_of(l, struct lb_hold, in_addr)->claim;

		buf_str(b, b->data[b->len - 1] == '[' ? "{" : ",{");
		put(b, "address", ip_text(&addr->ip, text));
		buf_str(b, ",");
		put(b, "pool", addr->pool ? addr->pool->name : "");
		buf_str(b, ",");
		put(b, "service", c->key);
		put_ports(b, c);
		if (addr->node)
			buf_str(b, "\"announcedOn\":[],\"state\":\"the node's own\"");
		else
			lb_announce_show(&addr->ip, b);
		buf_str(b, "}");
	}
}

static void put_waiting(struct buf *b, const struct lb_claim *c)
{
	if (!c->why)
		return;
	buf_str(b, b->data[b->len - 1] == '[' ? "{" : ",{");
	put(b, "service", c->key);
	put_ports(b, c);
	put(b, "why", c->why);
	buf_str(b, "}");
}

static int by_ip(const void *a, const void *b)
{
	const struct lb_addr *const *x = a, *const *y = b;

	return ip_order(&(*x)->ip, &(*y)->ip);
}

void lb_show_json(struct lb_alloc *a, struct buf *out)
{
	auto_free struct lb_addr **v = xcalloc(a->addrs.len + 1, sizeof(*v));
	struct lb_addr *addr;
	size_t n = 0;

	for (size_t i = 0; (addr = map_next(&a->addrs, &i));)
		if (addr->n)
			v[n++] = addr;
	qsort(v, n, sizeof(struct lb_addr *), by_ip);
	buf_str(out, "{\"kind\":\"LoadBalancers\",\"apiVersion\":\"knetd.io/v1alpha1\",\"held\":[");
	for (size_t i = 0; i < n; i++)
		put_addr(out, v[i]);
	buf_str(out, "],\"waiting\":[");
	for (const struct list *l = a->waiting.next; l != &a->waiting; l = l->next)
		put_waiting(out, container_of(l, struct lb_claim, in_waiting));
	buf_str(out, "]}\n");
}

/* Two series a pool and family that it has, at most 4 * (LB_POOLS_MAX + 1). */
void lb_show_metrics(const struct lb_alloc *a, struct buf *out)
{
	static const char *const families[LB_FAMILIES] = { "IPv4", "IPv6" };

	buf_str(out,
	        "# HELP knetd_lb_addresses Load-balancer addresses, by pool and family: those in "
	        "use and all.\n"
	        "# TYPE knetd_lb_addresses gauge\n");
	for (unsigned i = 0; i < a->pools->n; i++)
		for (unsigned f = 0; f < LB_FAMILIES; f++) {
			const struct lb_pool *p = &a->pools->v[i];

			if (!p->size[f] && !p->used[f])
				continue;
			for (unsigned k = 0; k < 2; k++)
				buf_printf(out,
				           "knetd_lb_addresses{pool=\"%s\",family=\"%s\",state="
				           "\"%s\"} %llu\n",
				           p->name, families[f], k ? "total" : "used",
				           (unsigned long long)(k ? p->size[f] : p->used[f]));
		}
	buf_printf(out,
	           "# HELP knetd_lb_services Services of type LoadBalancer that are knetd's.\n"
	           "# TYPE knetd_lb_services gauge\n"
	           "knetd_lb_services{state=\"assigned\"} %zu\n"
	           "knetd_lb_services{state=\"waiting\"} %u\n",
	           a->claims.len - a->n_waiting, a->n_waiting);
}
