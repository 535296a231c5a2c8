/* policy_pods.c - the pods there are, and who has which address; see policy_int.h.
 *
 * A pod is known from its Pod, from its PodNetworks, or from both. Its addresses are those of its
 * PodNetworks; without any here, those that its status says. One address is one pod's: of several
 * that claim it, an attachment here comes first, then the Pod made last. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/netpol_match.h>
#include <knetd/pod_port.h>
#include <knetd/store.h>

#include "policy_int.h"

#define ADDRESSES 16 /* of a Pod's status, of an attachment */
#define DNS_KEY "kube-system//"
#define RANK_HERE (1ull << 62)
#define RANK_DNS (1ull << 63)

struct address {
	struct policy_pod plan;
	struct pod *pod;
	uint64_t rank;        /* of its claim */
	struct address *next; /* who claims it too, and does not have it */
};

struct ips {
	unsigned n;
	struct ip v[ADDRESSES];
};

struct pod {
	char *key, *ns;
	const char *name;
	bool dns;
	uint64_t version;    /* of the Pod; 0: there is none */
	bool host, finished; /* what the Pod says */
	uint64_t born;
	struct ips said;      /* its status' addresses */
	struct identity *id;  /* NULL: not a pod of a pod network */
	struct list attached; /* attachments */
	unsigned n_addresses;
	struct address *addresses;
};

struct attached {
	char *key;
	uint64_t version;
	struct pod *pod;
	struct list of_pod;
	struct ips ips;
};

static struct map pods, attachments; /* by key */
static struct map addresses;         /* by address */
static bool changed;

/* ---- addresses ------------------------------------------------------------------------------ */

/* All of it is hashed: nothing lies behind its bytes. */
static struct ip plain(const struct ip *ip)
{
	struct ip p = { .len = ip->len };

	memcpy(p.b, ip->b, ip->len);
	return p;
}

static bool comes_first(const struct address *a, const struct address *b)
{
	return a->rank != b->rank ? a->rank > b->rank : strcmp(a->pod->key, b->pod->key) < 0;
}

static void claim(struct address *a)
{
	struct address *first = map_get(&addresses, &a->plan.ip, sizeof(a->plan.ip)), **at;

	for (at = &first; *at && comes_first(*at, a);)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
	if (first == a)
		map_put(&addresses, &a->plan.ip, sizeof(a->plan.ip), a);
}

static void disclaim(struct address *a)
{
	struct address *first = map_get(&addresses, &a->plan.ip, sizeof(a->plan.ip)), **at;

	for (at = &first; *at != a;)
		at = &(*at)->next;
	*at = a->next;
	map_del(&addresses, &a->plan.ip, sizeof(a->plan.ip));
	if (first)
		map_put(&addresses, &first->plan.ip, sizeof(first->plan.ip), first);
}

static void drop_addresses(struct pod *p)
{
	changed |= p->n_addresses > 0;
	for (unsigned i = 0; i < p->n_addresses; i++)
		disclaim(&p->addresses[i]);
	free(p->addresses);
	p->addresses = NULL;
	p->n_addresses = 0;
}

static void add_addresses(struct pod *p, const struct ips *ips, bool here, uint64_t rank)
{
	for (unsigned i = 0; i < ips->n; i++) {
		struct address *a = &p->addresses[p->n_addresses++];

		*a = (struct address){ .pod = p, .rank = rank };
		a->plan = (struct policy_pod){
			.ip = ips->v[i], .here = here, .ns = p->ns, .name = p->name
		};
		claim(a);
	}
	changed |= ips->n > 0;
}

static void add_attached(struct pod *p)
{
	struct list *l;
	unsigned n = 0;

	for (l = p->attached.next; l != &p->attached; l = l->next)
		n += container_of(l, struct attached, of_pod)->ips.n;
	if (!n)
		return;
	p->addresses = xcalloc(n, sizeof(*p->addresses));
	for (l = p->attached.next; l != &p->attached; l = l->next) {
		const struct attached *a = container_of(l, struct attached, of_pod);

		add_addresses(p, &a->ips, true, RANK_HERE | a->version);
	}
}

static void add_said(struct pod *p)
{
	if (p->host || p->finished || !p->said.n)
		return;
	p->addresses = xcalloc(p->said.n, sizeof(*p->addresses));
	add_addresses(p, &p->said, false, p->dns ? RANK_DNS : p->born);
}

static void count(struct pod *p, int change)
{
	struct identity *id = p->id;

	if (!id)
		return;
	id->pods += change;
	id->placed += p->n_addresses ? change : 0;
	id->here += list_empty(&p->attached) ? 0 : change;
	identity_touch(id);
}

/* With another identity, or other addresses. */
static void place(struct pod *p, struct identity *id)
{
	count(p, -1);
	drop_addresses(p);
	p->id = id;
	if (list_empty(&p->attached))
		add_said(p);
	else
		add_attached(p);
	count(p, 1);
}

/* ---- pods ----------------------------------------------------------------------------------- */

static struct pod *pod_get(const char *ns, const char *name, bool nameless)
{
	auto_free char *key = xasprintf("%s/%s%s", ns, nameless ? "/" : "", name);
	struct pod *p = map_get(&pods, key, strlen(key));

	if (p)
		return p;
	p = xcalloc(1, sizeof(*p));
	p->key = TAKE(key);
	p->ns = xstrdup(ns);
	p->name = nameless ? "" : p->key + strlen(ns) + 1;
	list_init(&p->attached);
	map_put(&pods, p->key, strlen(p->key), p);
	return p;
}

static void pod_free(struct pod *p)
{
	map_del(&pods, p->key, strlen(p->key));
	free(p->key);
	free(p->ns);
	free(p);
}

static void add_port(void *arg, const struct pod_port *port)
{
	struct pod_facts *f = arg;

	buf_printf(&f->ports, "%u %u ", port->proto, port->number);
	buf_add(&f->ports, port->name, port->len);
	buf_add(&f->ports, "", 1);
	f->n_ports++;
}

static void add_ip(struct ips *ips, const char *text)
{
	struct ip ip = { 0 };

	if (text && ips->n < ADDRESSES && ip_parse(&ip, text) && !ip_is_in(&ip, ips->v, ips->n))
		ips->v[ips->n++] = ip;
}

static void read_said(struct pod *p, yyjson_val *status)
{
	yyjson_val *v;
	size_t i, n;

	p->said.n = 0;
	yyjson_arr_foreach (yyjson_obj_get(status, "podIPs"), i, n, v)
		add_ip(&p->said, json_str(v, "ip"));
	if (!p->said.n)
		add_ip(&p->said, json_str(status, "podIP"));
}

/* The digits of a time: later is more. */
static uint64_t time_number(const char *text)
{
	uint64_t n = 0;

	for (size_t i = 0; text && text[i] && i < 20; i++)
		if (text[i] >= '0' && text[i] <= '9')
			n = n * 10 + (uint64_t)(text[i] - '0');
	return n < RANK_HERE ? n : 0;
}

static void read_pod(struct pod *p, yyjson_val *root, struct pod_facts *f)
{
	const char *phase = json_str(root, "status.phase");

	p->host = json_bool(root, "spec.hostNetwork", false);
	p->finished = phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"));
	p->born = time_number(json_str(root, "metadata.creationTimestamp"));
	read_said(p, yyjson_obj_get(root, "status"));
	f->labelled = netpol_labels_said(root);
	f->finished = p->finished;
	policy_labels_text(json_at(root, "metadata.labels"), &f->labels);
	pod_ports_each(root, add_port, f);
}

/* An attachment without a Pod is one of its namespace whose labels nobody has said. */
static struct identity *identify(struct pod *p, const struct object *o)
{
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	struct pod_facts f = { .space = space_get(p->ns) };
	struct identity *id;

	p->version = o ? o->version : 0;
	p->host = p->finished = false;
	p->said.n = 0;
	if (o)
		read_pod(p, yyjson_doc_get_root(doc), &f);
	id = p->host && list_empty(&p->attached) ? NULL : identity_get(&f);
	buf_free(&f.labels);
	buf_free(&f.ports);
	space_put(f.space);
	return id;
}

static bool same_said(const struct ips *a, const struct ips *b)
{
	return a->n == b->n && !memcmp(a->v, b->v, a->n * sizeof(*a->v));
}

static void pod_update(struct pod *p, const struct object *o)
{
	struct ips was = p->said;
	bool host = p->host;
	struct identity *id;

	if (!o && list_empty(&p->attached)) {
		p->said.n = 0;
		place(p, NULL);
		pod_free(p);
		return;
	}
	id = identify(p, o);
	if (id != p->id || host != p->host || !same_said(&was, &p->said))
		place(p, id);
}

void pods_refresh(const char *ns, const char *name)
{
	const struct object *o = store_get(KIND_POD, ns, name);
	auto_free char *key = xasprintf("%s/%s", ns, name);
	struct pod *p = map_get(&pods, key, strlen(key));

	if (!p && !o)
		return;
	if (!p)
		p = pod_get(ns, name, false);
	if (!o || o->version != p->version)
		pod_update(p, o);
}

/* ---- attachments ---------------------------------------------------------------------------- */

static const struct object *object_of(const struct pod *p)
{
	return *p->name ? store_get(KIND_POD, p->ns, p->name) : NULL;
}

static void attachment_drop(struct attached *a)
{
	struct pod *p = a->pod;

	count(p, -1);
	drop_addresses(p);
	p->id = NULL;
	list_del(&a->of_pod);
	map_del(&attachments, a->key, strlen(a->key));
	free(a->key);
	free(a);
	pod_update(p, object_of(p));
}

static void attachment_add(const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc), *v;
	const char *name = json_str(root, "spec.podRef.name");
	struct pod *p = pod_get(o->ns, name ? name : o->name, !name);
	struct attached *a = xcalloc(1, sizeof(*a));
	size_t i, n;

	a->key = xstrdup(o->key);
	a->version = o->version;
	a->pod = p;
	yyjson_arr_foreach (json_at(root, "status.ips"), i, n, v)
		add_ip(&a->ips, yyjson_get_str(v));
	map_put(&attachments, a->key, strlen(a->key), a);
	count(p, -1);
	drop_addresses(p);
	p->id = NULL;
	list_add_tail(&p->attached, &a->of_pod);
	pod_update(p, object_of(p));
}

void pods_refresh_attachment(const char *ns, const char *name)
{
	const struct object *o = store_get(KIND_PODNETWORK, ns, name);
	auto_free char *key = xasprintf("%s/%s", ns, name);
	struct attached *a = map_get(&attachments, key, strlen(key));

	if (a && o && a->version == o->version)
		return;
	if (a)
		attachment_drop(a);
	if (o)
		attachment_add(o);
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* The cluster DNS address is what clusters have there: pods that all policies for DNS speak of. */
static void add_dns(void)
{
	static const char labels[] = "k8s-app\0kube-dns";
	static const char ports[] = "17 53 dns\0"
				    "6 53 dns-tcp";
	struct pod *p = pod_get("kube-system", "", true);
	struct pod_facts f = { .labelled = true, .n_ports = 2 };

	if (p->dns)
		return;
	p->dns = true;
	for (unsigned i = 0; i < conf.dns.address.n && i < ADDRESSES; i++)
		p->said.v[p->said.n++] = plain(&conf.dns.address.v[i].ip);
	f.space = space_get("kube-system");
	buf_add(&f.labels, labels, sizeof(labels));
	buf_add(&f.ports, ports, sizeof(ports));
	place(p, identity_get(&f));
	buf_free(&f.labels);
	buf_free(&f.ports);
	space_put(f.space);
}

void pods_refresh_all(void)
{
	struct attached *a;
	const struct object *o;
	struct pod *p;

	for (size_t i = 0; (a = map_next(&attachments, &i));)
		if (!store_get_key(KIND_PODNETWORK, a->key))
			attachment_drop(a);
	for (size_t i = 0; (p = map_next(&pods, &i));)
		if (p->version && !store_get_key(KIND_POD, p->key))
			pod_update(p, NULL);
	for (size_t i = 0; (o = store_next_object(KIND_POD, &i));)
		pods_refresh(o->ns, o->name);
	for (size_t i = 0; (o = store_next_object(KIND_PODNETWORK, &i));)
		pods_refresh_attachment(o->ns, o->name);
	add_dns();
}

void pods_forget(void)
{
	struct attached *a;
	struct pod *p;

	for (size_t i = 0; (p = map_next(&pods, &i));) {
		count(p, -1);
		free(p->addresses);
		pod_free(p);
	}
	for (size_t i = 0; (a = map_next(&attachments, &i));) {
		free(a->key);
		free(a);
	}
	map_free(&pods);
	map_free(&attachments);
	map_free(&addresses);
	changed = false;
}

bool pods_take_changed(void)
{
	bool was = changed;

	changed = false;
	return was;
}

/* ---- reading -------------------------------------------------------------------------------- */

static uint32_t number_of(const struct identity *id, enum side side)
{
	return id->class[side] ? id->class[side]->number : 0;
}

static uint32_t peer_of(const struct identity *id)
{
	if (id->finished)
		return 0;
	return id->class[SIDE_PEER] ? id->class[SIDE_PEER]->number
	                            : PEER_OF(id->space) | PEER_CLASSES;
}

static const struct policy_pod *read_address(struct address *a)
{
	const struct identity *id = a->pod->id;

	a->plan.labelled = id->labelled;
	a->plan.peer = peer_of(id);
	a->plan.in = a->plan.here ? number_of(id, SIDE_IN) : 0;
	a->plan.out = a->plan.here ? number_of(id, SIDE_OUT) : 0;
	return &a->plan;
}

const struct policy_pod *policy_plan_next_pod(size_t *i)
{
	struct address *a = map_next(&addresses, i);

	return a ? read_address(a) : NULL;
}

static struct address *find(const struct ip *ip)
{
	struct ip key = plain(ip);

	return map_get(&addresses, &key, sizeof(key));
}

const struct policy_pod *policy_plan_pod_at(const struct ip *ip)
{
	struct address *a = find(ip);

	return a ? read_address(a) : NULL;
}

void pods_each_address(void (*fn)(void *arg, const struct ip *ip, const struct identity *id),
                       void *arg)
{
	struct address *a;

	for (size_t i = 0; (a = map_next(&addresses, &i));)
		fn(arg, &a->plan.ip, a->pod->id);
}
