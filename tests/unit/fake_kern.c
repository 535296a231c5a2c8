/* fake_kern.c - see fake_kern.h. Values are written as nft writes them, keys by the parts that
 * their set was declared with. */
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

#define LINKS_MAX 64
#define SETS_MAX 64
#define WATCHERS_MAX 8
#define LATER_MAX 64

static struct buf text;

const char *fake_kern_text(void)
{
	buf_add(&text, "", 1);
	text.len--;
	return text.data;
}

void fake_kern_reset(void)
{
	buf_free(&text);
}

static const char *ip_str(const struct ip *ip)
{
	static char out[4][IP_TEXT];
	static unsigned next;

	return ip->len ? ip_text(ip, out[next++ % 4]) : "none";
}

static const char *cidr_str(const struct cidr *c)
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
	buf_printf(&text, "%sveth %s peer %s mtu %u alias %s\n", where(rt), v->name, v->peer,
	           v->mtu, v->alias ? v->alias : "none");
	link_make(v);
}

void rt_link_up(struct rt *rt, const char *name)
{
	buf_printf(&text, "%slink %s up\n", where(rt), name);
}

void rt_link_no_autoaddr(struct rt *rt, const char *name)
{
	buf_printf(&text, "%slink %s addrgenmode none\n", where(rt), name);
}

void rt_link_del(struct rt *rt, const char *name)
{
	struct rt_link *l = link_named(name);

	buf_printf(&text, "%slink %s del\n", where(rt), name);
	if (l)
		l->ifindex = 0;
}

void rt_link_mtu(struct rt *rt, const char *name, unsigned mtu)
{
	buf_printf(&text, "%slink %s mtu %u\n", where(rt), name, mtu);
}

void rt_addr_add(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits,
                 bool scope_link)
{
	buf_printf(&text, "%saddress add %s/%u link %u%s\n", where(rt), ip_str(ip), bits, ifindex,
	           scope_link ? " scope link" : "");
}

void rt_addr_del(struct rt *rt, unsigned ifindex, const struct ip *ip, unsigned bits)
{
	buf_printf(&text, "%saddress del %s/%u link %u\n", where(rt), ip_str(ip), bits, ifindex);
}

void rt_addr_serve(struct rt *rt, unsigned ifindex, const struct ip *ip)
{
	buf_printf(&text, "%saddress serve %s link %u\n", where(rt), ip_str(ip), ifindex);
}

static void route(struct rt *rt, const char *verb, const struct rt_route *r)
{
	buf_printf(&text, "%sroute %s %s%s", where(rt), verb,
	           r->local         ? "local "
	           : r->unreachable ? "unreachable "
	                            : "",
	           cidr_str(&r->dst));
	if (r->via.len)
		buf_printf(&text, " via %s", ip_str(&r->via));
	if (r->src.len)
		buf_printf(&text, " src %s", ip_str(&r->src));
	if (r->table)
		buf_printf(&text, " table %u", r->table);
	buf_printf(&text, " link %u%s\n", r->ifindex, r->onlink ? " onlink" : "");
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
	buf_printf(&text, "%srule add from %s lookup %u\n", where(rt), ip_str(from), table);
}

void rt_rule_del(struct rt *rt, const struct ip *from)
{
	buf_printf(&text, "%srule del from %s\n", where(rt), ip_str(from));
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
	buf_printf(&text, "%stbf link %u rate %llu burst %u\n", where(rt), ifindex,
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
	buf_printf(&text, "%sneighbour %s link %u %02x:%02x:%02x:%02x:%02x:%02x\n", where(rt),
	           ip_str(ip), ifindex, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
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

int rt_uplink(struct rt *rt, struct rt_link *out, struct err *e)
{
	(void)rt;
	(void)out;
	return err_set(e, ENETUNREACH, "no default route");
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
	buf_printf(&text, "link %s del later", name);
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, " %s", ip_str(&ips[i]));
	buf_str(&text, "\n");
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
	buf_printf(&text, "%s: %s is here\n", w->link.name, ip_str(ip));
	return 0;
}

int wire_ask(const struct wire *w, const struct ip *from, const struct ip *who)
{
	buf_printf(&text, "%s: who has %s, tell %s\n", w->link.name, ip_str(who),
	           from ? ip_str(from) : "nobody");
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
	buf_printf(&text, "%ssysctl %s=%s\n", netns_fd < 0 ? "" : "pod ", path, value);
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

static void (*lan_news)(const struct rt_link *l);

int lan_watch(void (*fn)(const struct rt_link *l), struct err *e)
{
	(void)e;
	lan_news = fn;
	return 0;
}

void fake_kern_lan_news(const struct rt_link *l)
{
	lan_news(l);
}

int forwarding_watch(void (*fn)(void), struct err *e)
{
	(void)fn;
	(void)e;
	return 0;
}

/* ---- nftables: transactions ----------------------------------------------------------------- */

struct nft_txn {
	struct buf lines;
};

static int commit_code;

struct nft_txn *nft_begin(void)
{
	return xcalloc(1, sizeof(struct nft_txn));
}

void nft_abort(struct nft_txn *t)
{
	buf_free(&t->lines);
	free(t);
}

void fake_kern_fail_commit(int code)
{
	commit_code = code;
}

int nft_commit(struct nft_txn *t, struct err *e)
{
	int code = commit_code;

	commit_code = 0;
	if (!code) {
		buf_add(&text, t->lines.data, t->lines.len);
		buf_str(&text, "commit\n");
	}
	nft_abort(t);
	return code ? err_set(e, code, "nftables: %s", strerror(code)) : 0;
}

void nft_table_replace(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "replace table %s\n", table);
}

void nft_table_add(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "add table %s\n", table);
}

void nft_table_del(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "del table %s\n", table);
}

int nft_table_exists(const char *table, struct err *e)
{
	(void)table;
	(void)e;
	return 1;
}

void nft_chain_add(struct nft_txn *t, const char *table, const char *chain, enum nft_hook hook,
                   enum nft_chain_type type, int priority)
{
	static const char *const hooks[] = { "",        "prerouting", "input",
		                             "forward", "output",     "postrouting" };

	buf_printf(&t->lines, "add chain %s %s", table, chain);
	if (hook != NFT_HOOK_NONE)
		buf_printf(&t->lines, " %s %s %d", type == NFT_CHAIN_NAT ? "nat" : "filter",
		           hooks[hook], priority);
	buf_str(&t->lines, "\n");
}

void nft_chain_del(struct nft_txn *t, const char *table, const char *chain)
{
	buf_printf(&t->lines, "del chain %s %s\n", table, chain);
}

void nft_rules_flush(struct nft_txn *t, const char *table)
{
	buf_printf(&t->lines, "flush rules %s\n", table);
}

int nft_chain_each(const char *table, void (*fn)(const char *name, void *arg), void *arg,
                   struct err *e)
{
	(void)table;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

/* ---- nftables: sets and elements ------------------------------------------------------------ */

static struct known_set {
	char table[32], name[32];
	enum nft_part key[NFT_PARTS], data[NFT_PARTS];
} sets[SETS_MAX];

static struct known_set *set_find(const char *table, const char *name)
{
	for (unsigned i = 0; i < SETS_MAX; i++)
		if (!strcmp(sets[i].table, table) && !strcmp(sets[i].name, name))
			return &sets[i];
	return NULL;
}

static void set_remember(const char *table, const struct nft_set_def *def)
{
	struct known_set *s = set_find(table, def->name);

	if (!s)
		s = set_find("", "");
	if (!s)
		abort();
	snprintf(s->table, sizeof(s->table), "%s", table);
	snprintf(s->name, sizeof(s->name), "%s", def->name);
	memcpy(s->key, def->key, sizeof(s->key));
	memcpy(s->data, def->data, sizeof(s->data));
}

static void put_types(struct buf *b, const enum nft_part *parts)
{
	static const char *const names[] = {
		[NFT_IPV4] = "ipv4_addr",    [NFT_IPV6] = "ipv6_addr", [NFT_PROTO] = "inet_proto",
		[NFT_PORT] = "inet_service", [NFT_MARK] = "mark",      [NFT_VERDICT] = "verdict",
	};

	for (unsigned i = 0; i < NFT_PARTS && parts[i] != NFT_END; i++)
		buf_printf(b, "%s%s", i ? " . " : "", names[parts[i]]);
}

void nft_set_add(struct nft_txn *t, const char *table, const struct nft_set_def *def)
{
	set_remember(table, def);
	buf_printf(&t->lines, "add set %s %s ", table, def->name);
	put_types(&t->lines, def->key);
	if (def->data[0] != NFT_END) {
		buf_str(&t->lines, " : ");
		put_types(&t->lines, def->data);
	}
	buf_printf(&t->lines, "%s%s%s", def->interval ? " interval" : "",
	           def->dynamic ? " dynamic" : "", def->counter ? " counter" : "");
	if (def->size)
		buf_printf(&t->lines, " size %u", def->size);
	buf_str(&t->lines, "\n");
}

void nft_set_flush(struct nft_txn *t, const char *table, const char *set)
{
	buf_printf(&t->lines, "flush %s %s\n", table, set);
}

static unsigned part_size(enum nft_part part)
{
	return part == NFT_IPV6 ? 16 : 4;
}

static void put_part(struct buf *b, enum nft_part part, const uint8_t *p)
{
	struct ip ip = { .len = part_size(part) };
	uint16_t port;
	uint32_t mark;

	memcpy(ip.b, p, ip.len);
	memcpy(&port, p, sizeof(port));
	memcpy(&mark, p, sizeof(mark));
	if (part == NFT_IPV4 || part == NFT_IPV6)
		buf_str(b, ip_str(&ip));
	else if (part == NFT_PROTO)
		buf_str(b, *p == IPPROTO_TCP ? "tcp" : *p == IPPROTO_UDP ? "udp" : "sctp");
	else
		buf_printf(b, "%u", part == NFT_PORT ? ntohs(port) : mark);
}

/* Aborts when the value is not as long as the set's declaration says: the kernel would refuse it.
 */
static void put_value(struct buf *b, const enum nft_part *parts, const struct nft_bytes *v)
{
	unsigned at = 0;

	for (unsigned i = 0; i < NFT_PARTS && parts[i] != NFT_END; i++) {
		if (at + part_size(parts[i]) > v->n)
			abort();
		buf_str(b, i ? " . " : "");
		put_part(b, parts[i], v->b + at);
		at += part_size(parts[i]);
	}
	if (at != v->n)
		abort();
}

static const struct known_set *put_element(struct nft_txn *t, const char *verb, const char *table,
                                           const char *set, const struct nft_bytes *key)
{
	const struct known_set *s = set_find(table, set);

	if (!s)
		abort();
	buf_printf(&t->lines, "%s %s %s ", verb, table, set);
	put_value(&t->lines, s->key, key);
	return s;
}

void nft_elem_add(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key, const struct nft_bytes *data)
{
	const struct known_set *s = put_element(t, "add", table, set, key);

	if (data) {
		buf_str(&t->lines, " : ");
		put_value(&t->lines, s->data, data);
	}
	buf_str(&t->lines, "\n");
}

void nft_elem_goto(struct nft_txn *t, const char *table, const char *set,
                   const struct nft_bytes *key, const char *chain)
{
	put_element(t, "add", table, set, key);
	buf_printf(&t->lines, " : goto %s\n", chain);
}

void nft_elem_del(struct nft_txn *t, const char *table, const char *set,
                  const struct nft_bytes *key)
{
	put_element(t, "del", table, set, key);
	buf_str(&t->lines, "\n");
}

void nft_elem_range(struct nft_txn *t, const char *table, const char *set, const struct cidr *range)
{
	buf_printf(&t->lines, "add %s %s %s\n", table, set, cidr_str(range));
}

static void put_prefix(struct nft_txn *t, const char *verb, const char *table, const char *set,
                       const struct nft_bytes *key, const struct cidr *last)
{
	struct nft_bytes whole = *key;

	nft_put_ip(&whole, &last->ip);
	put_element(t, verb, table, set, &whole);
	buf_printf(&t->lines, "/%u\n", last->bits);
}

void nft_elem_prefix_add(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last)
{
	put_prefix(t, "add", table, set, key, last);
}

void nft_elem_prefix_del(struct nft_txn *t, const char *table, const char *set,
                         const struct nft_bytes *key, const struct cidr *last)
{
	put_prefix(t, "del", table, set, key, last);
}

int nft_counter_each(const char *table, const char *set,
                     void (*fn)(const struct nft_bytes *key, uint64_t packets, uint64_t bytes,
                                void *arg),
                     void *arg, struct err *e)
{
	(void)table;
	(void)set;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

int nft_elem_each(const char *table, const char *set,
                  void (*fn)(const struct nft_bytes *key, const struct nft_bytes *data, void *arg),
                  void *arg, struct err *e)
{
	(void)table;
	(void)set;
	(void)fn;
	(void)arg;
	(void)e;
	return 0;
}

/* ---- nftables: rules ------------------------------------------------------------------------ */

struct nft_rule {
	struct buf words;
};

static void word(struct nft_rule *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void word(struct nft_rule *r, const char *fmt, ...)
{
	char out[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, sizeof(out), fmt, ap);
	va_end(ap);
	buf_printf(&r->words, " | %s", out);
}

struct nft_rule *nft_rule_new(const char *table, const char *chain)
{
	struct nft_rule *r = xcalloc(1, sizeof(*r));

	buf_printf(&r->words, "add rule %s %s", table, chain);
	return r;
}

void nft_rule_add(struct nft_txn *t, struct nft_rule *r)
{
	buf_add(&t->lines, r->words.data, r->words.len);
	buf_str(&t->lines, "\n");
	buf_free(&r->words);
	free(r);
}

static const char *end(bool dst)
{
	return dst ? "d" : "s";
}

static const char *equals(bool equal)
{
	return equal ? "" : "!= ";
}

void nft_family(struct nft_rule *r, uint8_t len)
{
	word(r, "ipv%d", len == 4 ? 4 : 6);
}

void nft_l4proto(struct nft_rule *r, uint8_t proto)
{
	word(r, "l4proto %u", proto);
}

void nft_th_port(struct nft_rule *r, bool dst, uint16_t port)
{
	word(r, "%sport %u", end(dst), port);
}

void nft_load_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg)
{
	(void)len;
	word(r, "r%u = %saddr", reg, end(dst));
}

void nft_load_l4proto(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = l4proto", reg);
}

void nft_load_port(struct nft_rule *r, bool dst, unsigned reg)
{
	word(r, "r%u = %sport", reg, end(dst));
}

void nft_load_priority(struct nft_rule *r, unsigned reg)
{
	word(r, "r%u = priority", reg);
}

void nft_load_number(struct nft_rule *r, uint32_t number, unsigned reg)
{
	word(r, "r%u = %u", reg, number);
}

void nft_set_priority(struct nft_rule *r, unsigned reg)
{
	word(r, "priority = r%u", reg);
}

void nft_load_random(struct nft_rule *r, uint32_t modulus, unsigned reg)
{
	word(r, "r%u = random mod %u", reg, modulus);
}

void nft_load_random_from(struct nft_rule *r, uint32_t modulus, uint32_t offset, unsigned reg)
{
	word(r, "r%u = random mod %u offset %u", reg, modulus, offset);
}

void nft_load_original_addr(struct nft_rule *r, bool dst, uint8_t len, unsigned reg)
{
	(void)len;
	word(r, "r%u = original %saddr", reg, end(dst));
}

void nft_load_original_port(struct nft_rule *r, bool dst, unsigned reg)
{
	word(r, "r%u = original %sport", reg, end(dst));
}

void nft_cmp_port_range(struct nft_rule *r, bool dst, uint16_t first, uint16_t last)
{
	word(r, "%sport %u-%u", end(dst), first, last);
}

void nft_cmp_addr(struct nft_rule *r, bool dst, const struct cidr *c, bool equal)
{
	word(r, "%saddr %s%s", end(dst), equals(equal), cidr_str(c));
}

void nft_in_set(struct nft_rule *r, unsigned reg, const char *set, bool in)
{
	word(r, "r%u %s@%s", reg, equals(in), set);
}

void nft_map_to(struct nft_rule *r, unsigned reg, const char *map, unsigned dreg)
{
	word(r, "r%u = r%u map @%s", dreg, reg, map);
}

void nft_vmap(struct nft_rule *r, unsigned reg, const char *map)
{
	word(r, "r%u vmap @%s", reg, map);
}

void nft_update(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg,
                uint32_t timeout_seconds)
{
	word(r, "update @%s r%u", set, key_reg);
	if (data_reg >= 0)
		buf_printf(&r->words, " : r%d", data_reg);
	if (timeout_seconds)
		buf_printf(&r->words, " timeout %u", timeout_seconds);
}

void nft_delete(struct nft_rule *r, const char *set, unsigned key_reg, int data_reg)
{
	word(r, "delete @%s r%u", set, key_reg);
	if (data_reg >= 0)
		buf_printf(&r->words, " : r%d", data_reg);
}

void nft_dnat(struct nft_rule *r, uint8_t len, unsigned addr_reg, unsigned port_reg)
{
	word(r, "dnat ipv%d to r%u:r%u", len == 4 ? 4 : 6, addr_reg, port_reg);
}

void nft_masquerade(struct nft_rule *r)
{
	word(r, "masquerade");
}

void nft_snat(struct nft_rule *r, const struct ip *ip)
{
	word(r, "snat to %s", ip_str(ip));
}

void nft_ct_status_dnat(struct nft_rule *r, bool set)
{
	word(r, "ct status %sdnat", equals(set));
}

void nft_ct_state_new(struct nft_rule *r)
{
	word(r, "ct state new");
}

void nft_oif_lo(struct nft_rule *r, bool is)
{
	word(r, "oif %slo", equals(is));
}

void nft_iif_lo(struct nft_rule *r, bool is)
{
	word(r, "iif %slo", equals(is));
}

void nft_iif_none(struct nft_rule *r)
{
	word(r, "iif none");
}

void nft_iif_named(struct nft_rule *r, const char *prefix)
{
	word(r, "iifname %s*", prefix);
}

void nft_no_way_back(struct nft_rule *r)
{
	word(r, "fib saddr . iif missing");
}

void nft_fib_local(struct nft_rule *r)
{
	word(r, "fib daddr local");
}

void nft_notrack(struct nft_rule *r)
{
	word(r, "notrack");
}

void nft_counter(struct nft_rule *r)
{
	word(r, "counter");
}

void nft_verdict(struct nft_rule *r, enum nft_verdict v)
{
	word(r, "%s", v == NFT_V_ACCEPT ? "accept" : v == NFT_V_DROP ? "drop" : "return");
}

void nft_goto(struct nft_rule *r, const char *chain)
{
	word(r, "goto %s", chain);
}

void nft_jump(struct nft_rule *r, const char *chain)
{
	word(r, "jump %s", chain);
}

void nft_reject_tcp_reset(struct nft_rule *r)
{
	word(r, "reject with tcp reset");
}

void nft_reject_port_unreachable(struct nft_rule *r)
{
	word(r, "reject with port-unreachable");
}

void nft_comment(struct nft_rule *r, const char *comment)
{
	word(r, "comment %s", comment);
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

int conntrack_purge(uint8_t proto, const struct endpoint *original, const struct endpoint *endpoint,
                    struct err *e)
{
	(void)e;
	buf_printf(&text, "conntrack purge %u %s:%u", proto, ip_str(&original->ip), original->port);
	if (endpoint)
		buf_printf(&text, " -> %s:%u", ip_str(&endpoint->ip), endpoint->port);
	buf_str(&text, "\n");
	return 0;
}

int conntrack_purge_ports(uint8_t proto, const struct endpoint *v, unsigned n, const struct ip *own,
                          unsigned n_own, struct err *e)
{
	(void)own;
	(void)n_own;
	(void)e;
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, "conntrack purge %u to %s:%u\n", proto, ip_str(&v[i].ip),
		           v[i].port);
	return 0;
}

int conntrack_forget(const struct ip *ips, unsigned n, struct err *e)
{
	(void)e;
	for (unsigned i = 0; i < n; i++)
		buf_printf(&text, "conntrack forget %s\n", ip_str(&ips[i]));
	return 0;
}
