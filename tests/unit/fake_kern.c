/* fake_kern.c - see fake_kern.h; nftables is in fake_nft.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/kern.h>

#include "fake_kern.h"
#include "fake_int.h"

#define LINKS_MAX 64
#define WATCHERS_MAX 8
#define LATER_MAX 64
#define FLOWS_MAX 64

struct buf fake_text;

const char *fake_kern_text(void)
{
	buf_add(&fake_text, "", 1);
	fake_text.len--;
	return fake_text.data;
}

void fake_kern_reset(void)
{
	buf_free(&fake_text);
}

const char *fake_ip(const struct ip *ip)
{
	static char out[4][IP_TEXT];
	static unsigned next;

	return ip->len ? ip_text(ip, out[next++ % 4]) : "none";
}

const char *fake_cidr(const struct cidr *c)
{
	static char out[2][CIDR_TEXT];
	static unsigned next;

	return cidr_text(c, out[next++ % 2]);
}

/* ---- routing netlink ------------------------------------------------------------------------ */

struct rt {
	int netns_fd;
};

static struct rt_link links[LINKS_MAX]; /* ifindex 0: free */
static unsigned last_ifindex = 1;

struct rt *rt_open(int netns_fd, struct err *e)
{
	struct rt *rt = xcalloc(1, sizeof(*rt));

	(void)e;
	rt->netns_fd = netns_fd;
	return rt;
}

void rt_close(struct rt *rt)
{
	free(rt);
}

static const char *where(const struct rt *rt)
{
	return rt->netns_fd < 0 ? "" : "pod ";
}

static struct rt_link *link_named(const char *name)
{
	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (links[i].ifindex && !strcmp(links[i].name, name))
			return &links[i];
	return NULL;
}

static void link_make(const struct rt_veth *v)
{
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		if (links[i].ifindex)
			continue;
		links[i] = (struct rt_link){ .ifindex = ++last_ifindex, .mtu = v->mtu };
		snprintf(links[i].name, sizeof(links[i].name), "%s", v->name);
		snprintf(links[i].alias, sizeof(links[i].alias), "%s", v->alias ? v->alias : "");
		memcpy(links[i].mac, v->mac, sizeof(v->mac));
		return;
	}
}

void rt_veth_add(struct rt *rt, const struct rt_veth *v)
{
	buf_printf(&fake_text, "%sveth %s peer %s mtu %u alias %s\n", where(rt), v->name, v->peer,
	           v->mtu, v->alias ? v->alias : "none");
	link_make(v);
}

void rt_link_up(struct rt *rt, const char *name)
{
	buf_printf(&fake_text, "%slink %s up\n", where(rt), name);
}

void rt_link_no_autoaddr(struct rt *rt, const char *name)
{
	buf_printf(&fake_text, "%slink %s addrgenmode none\n", where(rt), name);
}

void rt_link_del(struct rt *rt, const char *name)
{
	struct rt_link *l = link_named(name);

	buf_printf(&fake_text, "%slink %s del\n", where(rt), name);
	if (l)
		l->ifindex = 0;
}

void rt_link_mtu(struct rt *rt, const char *name, unsigned mtu)
{
	buf_printf(&fake_text, "%slink %s mtu %u\n", where(rt), name, mtu);
}

void rt_addr_add(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits,
                 bool scope_link)
{
	buf_printf(&fake_text, "%saddress add %s/%u link %u%s\n", where(rt), fake_ip(ip), bits,
	           ifindex, scope_link ? " scope link" : "");
}

void rt_addr_del(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits)
{
	buf_printf(&fake_text, "%saddress del %s/%u link %u\n", where(rt), fake_ip(ip), bits,
	           ifindex);
}

void rt_addr_uplink(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits)
{
	buf_printf(&fake_text, "%saddress uplink %s/%u link %u\n", where(rt), fake_ip(ip), bits,
	           ifindex);
}

void rt_addr_serve(struct rt *rt, unsigned ifindex, const struct ip *ip)
{
	buf_printf(&fake_text, "%saddress serve %s link %u\n", where(rt), fake_ip(ip), ifindex);
}

static void route(struct rt *rt, const char *verb, const struct rt_route *r)
{
	buf_printf(&fake_text, "%sroute %s %s%s", where(rt), verb,
	           r->local         ? "local "
	           : r->unreachable ? "unreachable "
	                            : "",
	           fake_cidr(&r->dst));
	if (r->via.len)
		buf_printf(&fake_text, " via %s", fake_ip(&r->via));
	if (r->src.len)
		buf_printf(&fake_text, " src %s", fake_ip(&r->src));
	if (r->table)
		buf_printf(&fake_text, " table %u", r->table);
	buf_printf(&fake_text, " link %u%s\n", r->ifindex, r->onlink ? " onlink" : "");
}

void rt_route_replace(struct rt *rt, const struct rt_route *r)
{
	route(rt, "replace", r);
}

void rt_route_add(struct rt *rt, const struct rt_route *r)
{
	route(rt, "add", r);
}

void rt_route_del(struct rt *rt, const struct rt_route *r)
{
	route(rt, "del", r);
}

void rt_rule_add(struct rt *rt, const struct ip *from, uint32_t table)
{
	buf_printf(&fake_text, "%srule add from %s lookup %u\n", where(rt), fake_ip(from), table);
}

void rt_rule_del(struct rt *rt, const struct ip *from)
{
	buf_printf(&fake_text, "%srule del from %s\n", where(rt), fake_ip(from));
}

int rt_rule_each(struct rt *rt, void (*fn)(const struct ip *from, uint32_t table, void *arg),
                 void *arg, struct err *e)
{
	(void)rt;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

int rt_route_each_in(struct rt *rt, uint32_t table, void (*fn)(const struct rt_route *r, void *arg),
                     void *arg, struct err *e)
{
	(void)table;
	return rt_route_each(rt, fn, arg, e);
}

static struct {
	unsigned ifindex;
	struct rt_tbf t;
} buckets[LINKS_MAX];
static int tbf_failure;
static int flush_code;

void fake_kern_fail_tbf(int code)
{
	tbf_failure = code;
}

void rt_tbf_set(struct rt *rt, unsigned ifindex, const struct rt_tbf *t)
{
	flush_code = tbf_failure;
	if (tbf_failure)
		return;
	buf_printf(&fake_text, "%stbf link %u rate %llu burst %u\n", where(rt), ifindex,
	           (unsigned long long)t->rate, t->burst);
	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (!buckets[i].ifindex || buckets[i].ifindex == ifindex) {
			buckets[i].ifindex = ifindex;
			buckets[i].t = *t;
			return;
		}
}

int rt_tbf_each(struct rt *rt, void (*fn)(unsigned ifindex, const struct rt_tbf *t, void *arg),
                void *arg, struct err *e)
{
	(void)rt;
	(void)e;
	for (unsigned i = 0; i < LINKS_MAX && buckets[i].ifindex; i++)
		fn(buckets[i].ifindex, &buckets[i].t, arg);
	return 0;
}

void rt_neigh_add(struct rt *rt, unsigned ifindex, const struct ip *ip, const uint8_t mac[static 6])
{
	buf_printf(&fake_text, "%sneighbour %s link %u %02x:%02x:%02x:%02x:%02x:%02x\n", where(rt),
	           fake_ip(ip), ifindex, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

int rt_flush(struct rt *rt, struct err *e)
{
	int code = flush_code;

	(void)rt;
	flush_code = 0;
	return code ? err_set(e, code, "%s", strerror(code)) : 0;
}

int rt_link_get(struct rt *rt, const char *name, struct rt_link *out, struct err *e)
{
	struct rt_link *l = link_named(name);

	(void)rt;
	if (!l)
		return err_set(e, ENODEV, "link %s: %s", name, strerror(ENODEV));
	*out = *l;
	return 0;
}

int rt_link_each(struct rt *rt, void (*fn)(const struct rt_link *l, void *arg), void *arg,
                 struct err *e)
{
	(void)rt;
	(void)e;
	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (links[i].ifindex)
			fn(&links[i], arg);
	return 0;
}

int rt_addr_each(struct rt *rt, void (*fn)(const struct rt_addr *a, void *arg), void *arg,
                 struct err *e)
{
	(void)rt;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

int rt_route_each(struct rt *rt, void (*fn)(const struct rt_route *r, void *arg), void *arg,
                  struct err *e)
{
	(void)rt;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

static const char *uplink;

void fake_kern_uplink(const char *name)
{
	uplink = name;
}

int rt_uplink(struct rt *rt, struct rt_link *out, struct err *e)
{
	(void)rt;
	if (!uplink)
		return err_set(e, ENETUNREACH, "no default route");
	*out = (struct rt_link){ .ifindex = 2 };
	snprintf(out->name, sizeof(out->name), "%s", uplink);
	return 0;
}

unsigned rt_uplink_of(struct rt *rt, uint8_t family)
{
	(void)rt;
	(void)family;
	return 0;
}

static struct {
	char name[16];
	void (*done)(void *arg, bool gone);
	void *arg;
} later[LATER_MAX];
static unsigned n_later;

int rt_link_del_later(const char *name, const struct ip *ips, unsigned n,
                      void (*done)(void *arg, bool gone), void *arg, struct err *e)
{
	if (n_later == LATER_MAX)
		return err_set(e, ENOSPC, "fake: too many links to delete");
	buf_printf(&fake_text, "link %s del later", name);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&fake_text, " %s", fake_ip(&ips[i]));
	buf_str(&fake_text, "\n");
	snprintf(later[n_later].name, sizeof(later[n_later].name), "%s", name);
	later[n_later].done = done;
	later[n_later++].arg = arg;
	return 0;
}

void rt_link_del_hurry(struct rt *rt, const void *arg)
{
	(void)rt;
	(void)arg;
}

void fake_kern_run_later(void)
{
	while (n_later > 0) {
		struct rt_link *l = link_named(later[--n_later].name);

		if (l)
			l->ifindex = 0;
		later[n_later].done(later[n_later].arg, true);
	}
}

/* ---- addresses on the wire ------------------------------------------------------------------ */

struct wire {
	struct rt_link link;
	wire_fn *fn;
	void *arg;
};
static struct wire *wires[LINKS_MAX];

struct wire *wire_open(const struct rt_link *l, wire_fn *fn, void *arg, struct err *e)
{
	(void)e;
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		if (wires[i])
			continue;
		wires[i] = xcalloc(1, sizeof(*wires[i]));
		*wires[i] = (struct wire){ *l, fn, arg };
		return wires[i];
	}
	abort();
}

void wire_close(struct wire *w)
{
	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (w && wires[i] == w)
			wires[i] = NULL;
	free(w);
}

int wire_claim(const struct wire *w, const struct ip *ip)
{
	buf_printf(&fake_text, "%s: %s is here\n", w->link.name, fake_ip(ip));
	return 0;
}

int wire_ask(const struct wire *w, const struct ip *from, const struct ip *who)
{
	buf_printf(&fake_text, "%s: who has %s, tell %s\n", w->link.name, fake_ip(who),
	           from ? fake_ip(from) : "nobody");
	return 0;
}

void fake_kern_claim(const struct wire_claim *c)
{
	for (unsigned i = 0; i < LINKS_MAX; i++)
		if (wires[i] && wires[i]->link.ifindex == c->ifindex)
			wires[i]->fn(c, wires[i]->arg);
}

/* ---- namespaces and sysctls ----------------------------------------------------------------- */

int netns_open(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "netns %s: %s", path, strerror(errno)) : fd;
}

uint64_t netns_inode(int netns_fd)
{
	return (uint64_t)netns_fd;
}

static const char *sysctl_bad;
static int sysctl_code;

void fake_kern_fail_sysctl(const char *path, int code)
{
	sysctl_bad = path;
	sysctl_code = code;
}

int sysctl_get(int netns_fd, const char *path, char *out, size_t size, struct err *e)
{
	(void)netns_fd;
	(void)path;
	(void)e;
	snprintf(out, size, "old");
	return 0;
}

int sysctl_set(int netns_fd, const char *path, const char *value, struct err *e)
{
	if (sysctl_bad && !strcmp(path, sysctl_bad))
		return err_set(e, sysctl_code, "sysctl %s: %s", path, strerror(sysctl_code));
	buf_printf(&fake_text, "%ssysctl %s=%s\n", netns_fd < 0 ? "" : "pod ", path, value);
	return 0;
}

bool sysctl_is(const char *path, const char *value)
{
	(void)path;
	(void)value;
	return false;
}

int link_watch(void (*fn)(const char *name), struct err *e)
{
	(void)fn;
	(void)e;
	return 0;
}

static void (*lan_news)(const struct rt_link *l, const struct rt_addr *a);

int addr_watch(void (*fn)(const struct ip *gone), struct err *e)
{
	(void)fn;
	(void)e;
	return 0;
}

int lan_watch(void (*fn)(const struct rt_link *l, const struct rt_addr *a), struct err *e)
{
	(void)e;
	lan_news = fn;
	return 0;
}

void fake_kern_lan_news(const struct rt_link *l, const struct rt_addr *a)
{
	lan_news(l, a);
}

int forwarding_watch(void (*fn)(void), struct err *e)
{
	(void)fn;
	(void)e;
	return 0;
}

/* ---- watching, conntrack -------------------------------------------------------------------- */

static struct {
	const char *table;
	void (*fn)(const char *table);
} watchers[WATCHERS_MAX];
static unsigned n_watchers;

int nft_watch(const char *table, void (*fn)(const char *table), struct err *e)
{
	if (n_watchers == WATCHERS_MAX)
		return err_set(e, ENOSPC, "fake: too many watchers");
	watchers[n_watchers].table = table;
	watchers[n_watchers++].fn = fn;
	return 0;
}

void fake_kern_foreign_change(const char *table)
{
	for (unsigned i = 0; i < n_watchers; i++)
		if (!table || !strncmp(table, watchers[i].table, strlen(watchers[i].table)))
			watchers[i].fn(table);
}

struct nflog {
	uint16_t group;
	nflog_fn *fn;
	void *arg;
};
static struct nflog *reader; /* one is enough */
static int nflog_code;

void fake_kern_fail_nflog(int code)
{
	nflog_code = code;
}

static void (*on_busy)(void);

void conntrack_on_busy(void (*fn)(void))
{
	on_busy = fn;
}

void fake_kern_busy(void)
{
	on_busy();
}

int conntrack_probe(void)
{
	return 0;
}

int nflog_probe(void)
{
	return -nflog_code;
}

struct nflog *nflog_open(uint16_t group, nflog_fn *fn, void *arg, struct err *e)
{
	if (reader || nflog_code) {
		err_set(e, reader ? EBUSY : nflog_code, "fake: log group %u", group);
		return NULL;
	}
	buf_printf(&fake_text, "nflog %u\n", group);
	reader = xcalloc(1, sizeof(*reader));
	*reader = (struct nflog){ group, fn, arg };
	return reader;
}

void nflog_close(struct nflog *l)
{
	if (l)
		reader = NULL;
	free(l);
}

void fake_kern_logged(uint16_t group, const struct nflog_packet *p)
{
	if (reader && reader->group == group)
		reader->fn(p, reader->arg);
}

static struct conntrack_flow flows[FLOWS_MAX]; /* proto 0: free */

void fake_kern_flow_of(uint8_t proto, const char *client, const char *to, const char *from)
{
	struct conntrack_flow f = { .proto = proto };

	if (!endpoint_parse(&f.client, client) || !endpoint_parse(&f.to, to) ||
	    !endpoint_parse(&f.from, from))
		abort();
	for (unsigned i = 0; i < FLOWS_MAX; i++)
		if (!flows[i].proto) {
			flows[i] = f;
			return;
		}
	abort();
}

void fake_kern_flow(uint8_t proto, const char *to, const char *from)
{
	fake_kern_flow_of(proto, strchr(to, '[') ? "[2001:db8::1]:1" : "192.0.2.1:1", to, from);
}

void fake_kern_no_flows(void)
{
	memset(flows, 0, sizeof(flows));
}

int conntrack_purge(uint8_t proto, uint8_t family,
                    bool (*stale)(const struct conntrack_flow *f, void *arg), void *arg,
                    struct err *e)
{
	(void)e;
	buf_printf(&fake_text, "conntrack walk %u\n", proto);
	for (unsigned i = 0; i < FLOWS_MAX; i++) {
		struct conntrack_flow *f = &flows[i];

		if (!f->proto || (proto && f->proto != proto) ||
		    (family && f->to.ip.len != family) || !stale(f, arg))
			continue;
		buf_printf(&fake_text, "conntrack purge %u %s:%u -> %s:%u\n", f->proto,
		           fake_ip(&f->to.ip), f->to.port, fake_ip(&f->from.ip), f->from.port);
		f->proto = 0;
	}
	return 0;
}

int conntrack_purge_ports(uint8_t proto, const struct endpoint *v, unsigned n, const struct ip *own,
                          unsigned n_own, struct err *e)
{
	(void)own;
	(void)n_own;
	(void)e;
	for (unsigned i = 0; i < n; i++)
		buf_printf(&fake_text, "conntrack purge %u to %s:%u\n", proto, fake_ip(&v[i].ip),
		           v[i].port);
	return 0;
}

int conntrack_forget(const struct ip *ips, unsigned n, struct err *e)
{
	(void)e;
	for (unsigned i = 0; i < n; i++)
		buf_printf(&fake_text, "conntrack forget %s\n", fake_ip(&ips[i]));
	return 0;
}
