/* leaving.c - see leaving.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/list.h>
#include <knetd/log.h>

#include "leaving.h"
#include "podnet.h"

struct leaving {
	struct list node;
	char link[16];
	bool asked; /* a child is at it and on_gone will be called */
	unsigned n;
	struct ip ips[LEAVING_IPS];
};

static struct list all = LIST_INIT(all); /* bounded by the attachments there were */

static void release_ips(struct leaving *l)
{
	while (l->n)
		ipam_release(&podnet.ipam, &l->ips[--l->n]);
}

static void drop(struct leaving *l)
{
	release_ips(l);
	list_del(&l->node);
	free(l);
}

static void on_gone(void *arg, bool gone)
{
	struct leaving *l = arg;

	l->asked = false;
	if (gone) {
		drop(l);
		return;
	}
	log_warn("podnet: link %s or its connections could not be deleted; trying again", l->link);
	module_resync(&podnet_module);
}

static int ask(struct leaving *l, struct err *e)
{
	int ret = rt_link_del_later(l->link, l->ips, l->n, on_gone, l, e);

	l->asked = ret == 0;
	return ret;
}

void leaving_add(const char *link, const struct ip *ips, unsigned n)
{
	struct leaving *l = xcalloc(1, sizeof(*l));
	struct err e;

	snprintf(l->link, sizeof(l->link), "%s", link);
	l->n = n < LEAVING_IPS ? n : LEAVING_IPS;
	memcpy(l->ips, ips, l->n * sizeof(*ips));
	list_add_tail(&all, &l->node);
	if (ask(l, &e)) {
		log_warn("podnet: link %s: %s", link, e.text);
		module_resync(&podnet_module);
	}
}

static bool still_there(const struct leaving *l)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &all)
		if (container_of(pos, struct leaving, node) == l)
			return true;
	return false;
}

bool leaving_has(const char *link)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &all)
		if (!strcmp(container_of(pos, struct leaving, node)->link, link))
			return true;
	return false;
}

int leaving_retry(struct err *e)
{
	struct list *pos, *nxt;
	int ret = 0;

	list_each (pos, nxt, &all) {
		struct leaving *l = container_of(pos, struct leaving, node);

		if (!l->asked && !ret)
			ret = ask(l, e);
	}
	return ret;
}

/* True when it is gone: it is no more then. */
static bool hurry(struct rt *host, struct leaving *l)
{
	struct err e;

	if (!l->asked && ask(l, &e))
		return false;
	rt_link_del_hurry(host, l);
	return !still_there(l);
}

static struct leaving *find_family(uint8_t family)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &all) {
		struct leaving *l = container_of(pos, struct leaving, node);

		for (unsigned i = 0; i < l->n; i++)
			if (l->ips[i].len == family)
				return l;
	}
	return NULL;
}

bool leaving_has_family(uint8_t family)
{
	return find_family(family);
}

bool leaving_hurry_family(struct rt *host, uint8_t family)
{
	struct leaving *l = find_family(family);

	return l && hurry(host, l);
}

bool leaving_hurry_index(struct rt *host, unsigned ifindex)
{
	struct list *pos, *nxt;
	struct rt_link link;
	struct err e;

	list_each (pos, nxt, &all) {
		struct leaving *l = container_of(pos, struct leaving, node);

		if (rt_link_get(host, l->link, &link, &e) == 0 && link.ifindex == ifindex)
			return hurry(host, l);
	}
	return false;
}

bool leaving_hurry_ip(struct rt *host, const struct ip *ip)
{
	struct list *pos, *nxt;

	list_each (pos, nxt, &all) {
		struct leaving *l = container_of(pos, struct leaving, node);

		for (unsigned i = 0; i < l->n; i++)
			if (ip_equal(&l->ips[i], ip))
				return hurry(host, l);
	}
	return false;
}
