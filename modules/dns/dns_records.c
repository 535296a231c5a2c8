/* dns_records.c - see dns_records.h */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include <knetd/auto.h>

#include "dns_records.h"

struct base { /* what all records of one Service share */
	const struct dns_target *t;
	const struct service_view *svc;
	struct arena *a;
	uint64_t owner;
	struct buf *shard;         /* where its names go */
	uint8_t key[DNS_NAME_MAX]; /* <svc>.<ns> */
	size_t key_len;
	uint8_t full[DNS_NAME_MAX]; /* <svc>.<ns>.svc.<zone>, with the root label */
	size_t full_len;
	bool cut; /* some name has more records than an answer holds */
};

struct host { /* an endpoint of a headless Service under its name */
	char label[64];
	struct ip ip;
	uint16_t port;
};
struct hosts {
	struct host *v;
	unsigned n;
};

size_t dns_label_from_text(uint8_t *out, const char *text)
{
	size_t n = strlen(text);

	if (!n || n > 63)
		return 0;
	out[0] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		out[1 + i] = (uint8_t)text[i];
	dns_name_lower(out + 1, n);
	return n + 1;
}

struct buf *dns_target_shard(const struct dns_target *t, const uint8_t *home, size_t n)
{
	unsigned slot = dns_slot(dns_hash(home, n));

	t->rebuild[slot] = true;
	return &t->fresh[slot];
}

static bool base_init(struct base *b, const struct dns_target *t, const struct service_view *svc,
                      struct arena *a)
{
	size_t name, ns;

	*b = (struct base){ .t = t, .svc = svc, .a = a, .owner = dns_owner(svc->ns, svc->name) };
	name = dns_label_from_text(b->key, svc->name);
	ns = dns_label_from_text(b->key + name, svc->ns);
	b->key_len = name + ns;
	if (!name || !ns || b->key_len + 4 + t->zone_len > DNS_NAME_MAX)
		return false;
	memcpy(b->full, b->key, b->key_len);
	memcpy(b->full + b->key_len, "\3svc", 4);
	memcpy(b->full + b->key_len + 4, t->zone, t->zone_len);
	b->full_len = b->key_len + 4 + t->zone_len;
	b->shard = dns_target_shard(t, b->key, b->key_len);
	return true;
}

/* Opens the entry <prefix>.<svc>.<ns>; false when that is no name. */
static bool entry_begin(const struct base *b, struct dns_writer *w, const uint8_t *prefix, size_t n)
{
	uint8_t key[2 * DNS_NAME_MAX];

	if (n + b->full_len > DNS_NAME_MAX)
		return false;
	if (n)
		memcpy(key, prefix, n);
	memcpy(key + n, b->key, b->key_len);
	dns_entry_begin(w, b->shard, b->owner, key, n + b->key_len);
	return true;
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

void dns_records_address(const struct dns_target *t, struct dns_writer *w, const struct ip *ip,
                         const uint8_t *owner, size_t owner_len)
{
	dns_record_add(w, &(struct dns_record){
				  .owner = owner,
				  .owner_len = (uint8_t)owner_len,
				  .extra = owner != NULL,
				  .type = ip->len == 4 ? DNS_A : DNS_AAAA,
				  .ttl = t->ttl,
				  .rdata = ip->b,
				  .rdlen = ip->len,
			  });
}

static void add_host_addresses(const struct base *b, struct dns_writer *w, const struct host *v,
                               unsigned n)
{
	for (uint8_t family = 4; family <= 16; family += 12) {
		dns_set_begin(w, family == 4 ? DNS_A : DNS_AAAA);
		for (unsigned i = 0; i < n; i++)
			if (v[i].ip.len == family)
				dns_records_address(b->t, w, &v[i].ip, NULL, 0);
		dns_set_end(w);
	}
}

/* Names: those of the endpoint, or of the Service when label is "". */
static void add_pointer(const struct base *b, const struct ip *ip, const char *label)
{
	uint8_t key[17], target[DNS_NAME_MAX + 64];
	size_t key_len = dns_address_key(key, DNS_KEY_ADDR, ip),
	       n = *label ? dns_label_from_text(target, label) : 0;
	struct dns_writer w;

	memcpy(target + n, b->full, b->full_len);
	n += b->full_len;
	if (n > DNS_NAME_MAX)
		return;
	dns_entry_begin(&w, dns_target_shard(b->t, key, key_len), b->owner, key, key_len);
	dns_set_begin(&w, DNS_PTR);
	dns_record_add(&w, &(struct dns_record){ .type = DNS_PTR,
	                                         .ttl = b->t->ttl,
	                                         .rdata = target,
	                                         .rdlen = (uint16_t)n });
	dns_set_end(&w);
	dns_entry_end(&w);
}

/* ---- SRV ---------------------------------------------------------------------------------------
 */

static void add_srv(const struct base *b, struct dns_writer *w, const struct host *h,
                    unsigned weight)
{
	uint8_t rdata[6 + 64 + DNS_NAME_MAX];
	size_t n = 6;

	dns_put16(rdata, 0);
	dns_put16(rdata + 2, (uint16_t)weight);
	dns_put16(rdata + 4, h->port);
	n += *h->label ? dns_label_from_text(rdata + n, h->label) : 0;
	memcpy(rdata + n, b->full, b->full_len);
	n += b->full_len;
	if (n - 6 <= DNS_NAME_MAX)
		dns_record_add(w, &(struct dns_record){ .type = DNS_SRV,
		                                        .ttl = b->t->ttl,
		                                        .rdata = rdata,
		                                        .rdlen = (uint16_t)n });
}

/* The address of a target, for the additional section. Its owner is its own label and a pointer to
 * the Service's name, which the question holds behind prefix bytes. */
static void add_glue(const struct base *b, struct dns_writer *w, const struct host *h,
                     size_t prefix)
{
	uint8_t owner[66];
	size_t n = *h->label ? dns_label_from_text(owner, h->label) : 0;

	dns_put16(owner + n, (uint16_t)(0xc000 | (DNS_HEADER + prefix)));
	dns_records_address(b->t, w, &h->ip, owner, n + 2);
}

static bool same_target(const struct host *a, const struct host *b)
{
	return a->port == b->port && !strcmp(a->label, b->label);
}

/* targets: sorted by label and port. glue: whose addresses to add. */
static void add_srv_set(const struct base *b, struct dns_writer *w, struct hosts targets,
                        struct hosts glue, size_t prefix)
{
	unsigned distinct = 0;

	for (unsigned i = 0; i < targets.n; i++)
		distinct += !i || !same_target(&targets.v[i], &targets.v[i - 1]);
	dns_set_begin(w, DNS_SRV);
	for (unsigned i = 0; i < targets.n; i++)
		if (!i || !same_target(&targets.v[i], &targets.v[i - 1]))
			add_srv(b, w, &targets.v[i], distinct < 100 ? 100 / distinct : 1);
	for (unsigned i = 0; i < glue.n; i++)
		add_glue(b, w, &glue.v[i], prefix);
	dns_set_end(w);
}

/* ---- hosts: what a Service's names lead to -----------------------------------------------------
 */

static int by_ip(const void *a, const void *b)
{
	const struct host *x = a, *y = b;

	return ip_order(&x->ip, &y->ip);
}

static int by_label(const void *a, const void *b)
{
	const struct host *x = a, *y = b;
	int d = strcmp(x->label, y->label);

	d = d ? d : (int)x->port - (int)y->port;
	return d ? d : memcmp(&x->ip, &y->ip, sizeof(x->ip));
}

/* The endpoint's hostname, or its address with dashes: 10-1-2-3, fd00--1. */
static void host_label(const struct view_endpoint *e, char out[static 64])
{
	char text[IP_TEXT];
	bool named = *e->hostname && strlen(e->hostname) < 64;

	snprintf(out, 64, "%s", named ? e->hostname : ip_text(&e->ip, text));
	dns_name_lower((uint8_t *)out, strlen(out));
	for (char *c = out; *c && !named; c++)
		if (*c == '.' || *c == ':')
			*c = '-';
}

/* 2.1: with the annotation of old, or what took its place, every endpoint is ready. */
static bool tolerates_unready(const struct service_view *svc)
{
	yyjson_val *annotations = json_at(yyjson_doc_get_root(svc->doc), "metadata.annotations");

	return svc->publish_not_ready ||
	       yyjson_equals_str(
		       yyjson_obj_get(annotations,
	                              "service.alpha.kubernetes.io/tolerate-unready-endpoints"),
		       "true");
}

static struct hosts hosts_headless(const struct base *b, const struct service_port *port)
{
	struct endpoint_set set;
	struct hosts h;

	view_endpoints_named(b->svc->ns, b->svc->name, port, !tolerates_unready(b->svc), b->a,
	                     &set);
	h = (struct hosts){ .v = arena_alloc(b->a, set.n * sizeof(*h.v)), .n = set.n };
	for (unsigned i = 0; i < set.n; i++) {
		h.v[i].ip = set.v[i].ip;
		h.v[i].port = set.v[i].port;
		host_label(&set.v[i], h.v[i].label);
	}
	if (h.n)
		qsort(h.v, h.n, sizeof(*h.v), by_label);
	return h;
}

static struct hosts hosts_cluster(const struct base *b, const struct service_port *port)
{
	struct hosts h = { .v = arena_alloc(b->a, 2 * sizeof(*h.v)), .n = b->svc->n_ips };

	for (unsigned i = 0; i < h.n; i++) {
		h.v[i].ip = b->svc->ips[i];
		h.v[i].port = port ? port->port : 0;
	}
	return h;
}

static struct hosts hosts_of(const struct base *b, const struct service_port *port)
{
	return b->svc->headless ? hosts_headless(b, port) : hosts_cluster(b, port);
}

/* Of all ports together, sorted. */
static struct hosts hosts_all_ports(const struct base *b)
{
	struct hosts all = { 0 };

	for (unsigned i = 0; i < b->svc->n_ports; i++) {
		struct hosts one = hosts_of(b, &b->svc->ports[i]);
		struct host *v = arena_alloc(b->a, (all.n + one.n) * sizeof(*v));

		if (all.n)
			memcpy(v, all.v, all.n * sizeof(*v));
		if (one.n)
			memcpy(v + all.n, one.v, one.n * sizeof(*v));
		all = (struct hosts){ .v = v, .n = all.n + one.n };
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_label);
	return all;
}

/* ---- entries -----------------------------------------------------------------------------------
 */

static void entry_end(struct base *b, struct dns_writer *w)
{
	b->cut |= w->full;
	dns_entry_end(w);
}

/* Every address once, whatever names it has. */
static struct hosts hosts_once(const struct base *b, struct hosts hosts)
{
	struct hosts once = { .v = arena_alloc(b->a, (hosts.n + 1) * sizeof(*once.v)) };

	memcpy(once.v, hosts.v, hosts.n * sizeof(*once.v));
	qsort(once.v, hosts.n, sizeof(*once.v), by_ip);
	for (unsigned i = 0; i < hosts.n; i++)
		if (!once.n || by_ip(&once.v[once.n - 1], &once.v[i]) != 0)
			once.v[once.n++] = once.v[i];
	return once;
}

/* <svc>.<ns>; SRV for all ports together, as CoreDNS. */
static void entry_service(struct base *b, struct hosts hosts)
{
	struct hosts once = hosts_once(b, hosts);
	struct dns_writer w;

	entry_begin(b, &w, NULL, 0);
	add_host_addresses(b, &w, once.v, once.n);
	add_srv_set(b, &w, hosts_all_ports(b), hosts, 0);
	entry_end(b, &w);
}

static const char *proto_label(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "_tcp" : proto == IPPROTO_UDP ? "_udp" : "_sctp";
}

/* _<port>._<proto>.<svc>.<ns> */
static bool entry_port(struct base *b, const struct service_port *port)
{
	struct hosts hosts = hosts_of(b, port);
	uint8_t prefix[128];
	char text[64];
	struct dns_writer w;
	size_t n;

	if (!hosts.n || snprintf(text, sizeof(text), "_%s", port->name) >= (int)sizeof(text))
		return false;
	n = dns_label_from_text(prefix, text);
	n += dns_label_from_text(prefix + n, proto_label(port->proto));
	if (!entry_begin(b, &w, prefix, n))
		return false;
	add_srv_set(b, &w, hosts, hosts, n);
	entry_end(b, &w);
	return true;
}

/* The ports' names, and _tcp.<svc>.<ns> and the like, which exist but hold nothing. */
static void entries_ports(struct base *b)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };

	for (unsigned p = 0; p < ARRAY_LEN(protos); p++) {
		uint8_t prefix[16];
		struct dns_writer w;
		bool any = false;

		for (unsigned i = 0; i < b->svc->n_ports; i++)
			if (b->svc->ports[i].proto == protos[p] && *b->svc->ports[i].name)
				any |= entry_port(b, &b->svc->ports[i]);
		if (any &&
		    entry_begin(b, &w, prefix, dns_label_from_text(prefix, proto_label(protos[p]))))
			dns_entry_end(&w);
	}
}

/* <hostname>.<svc>.<ns>: hosts are sorted, equal labels stand together. */
static void entries_hosts(struct base *b, struct hosts hosts)
{
	for (unsigned i = 0, end; i < hosts.n; i = end) {
		uint8_t prefix[64];
		struct dns_writer w;

		for (end = i + 1; end < hosts.n && !strcmp(hosts.v[i].label, hosts.v[end].label);)
			end++;
		if (!entry_begin(b, &w, prefix, dns_label_from_text(prefix, hosts.v[i].label)))
			continue;
		add_host_addresses(b, &w, hosts.v + i, end - i);
		entry_end(b, &w);
	}
}

/* An address is no name: Kubernetes takes it for an externalName and promises that it does not
 * resolve. */
static void entry_alias(const struct base *b)
{
	uint8_t target[DNS_NAME_MAX];
	size_t n = dns_name_from_text(target, b->svc->external_name);
	struct dns_writer w;
	struct ip ip;

	if (!n || ip_parse(&ip, b->svc->external_name))
		return;
	entry_begin(b, &w, NULL, 0);
	dns_set_begin(&w, DNS_CNAME);
	dns_record_add(&w, &(struct dns_record){ .type = DNS_CNAME,
	                                         .ttl = b->t->ttl,
	                                         .rdata = target,
	                                         .rdlen = (uint16_t)n });
	dns_set_end(&w);
	dns_entry_end(&w);
}

static void tell_cut(const struct base *b)
{
	struct dns_cut *cut;

	if (!b->cut || !b->t->a)
		return;
	cut = arena_alloc(b->t->a, sizeof(*cut));
	*cut = (struct dns_cut){ .ns = arena_strdup(b->t->a, b->svc->ns),
		                 .service = arena_strdup(b->t->a, b->svc->name),
		                 .next = *b->t->cut };
	*b->t->cut = cut;
}

void dns_records_service(const struct dns_target *t, const struct service_view *svc,
                         struct arena *a)
{
	struct hosts hosts;
	struct base b;

	if (!base_init(&b, t, svc, a))
		return;
	if (!strcmp(svc->type, "ExternalName")) {
		entry_alias(&b);
		return;
	}
	hosts = hosts_of(&b, NULL);
	if (!hosts.n)
		return; /* 2.4.1: a headless Service with nothing ready does not exist */
	entry_service(&b, hosts);
	entries_ports(&b);
	if (svc->headless)
		entries_hosts(&b, hosts);
	for (unsigned i = 0; i < hosts.n; i++)
		add_pointer(&b, &hosts.v[i].ip, hosts.v[i].label);
	tell_cut(&b);
}

void dns_records_namespace(const struct dns_target *t, const char *ns)
{
	uint8_t key[64];
	size_t n = dns_label_from_text(key, ns);
	struct dns_writer w;

	if (!n)
		return;
	dns_entry_begin(&w, dns_target_shard(t, key, n), dns_owner(ns, ""), key, n);
	dns_entry_end(&w);
}
