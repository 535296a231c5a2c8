/* attachment.c - see attachment.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/json_mut.h>
#include <knetd/log.h>
#include <knetd/map.h>
#include <knetd/store.h>

#include "attachment.h"

static struct map by_key, by_link;
static struct map by_container; /* struct container; an ADD must not walk over all attachments */
static struct list moving = LIST_INIT(moving);

struct container {
	unsigned attachments;
	char name[];
};

void attachment_key(char out[static CNI_CONTAINER_MAX + 17], const char *container,
                    const char *ifname)
{
	snprintf(out, CNI_CONTAINER_MAX + 17, "%s/%s", container, ifname);
}

const char *attachment_who(const struct attachment *a, char out[static ATTACHMENT_WHO])
{
	if (a->pod[0])
		snprintf(out, ATTACHMENT_WHO, "pod %s/%s", a->ns, a->pod);
	else
		snprintf(out, ATTACHMENT_WHO, "container %s", a->container);
	return out;
}

/* ---- the PodNetwork object --------------------------------------------------------------------
 */

static void add_rate(yyjson_mut_doc *doc, yyjson_mut_val *obj, const struct cni_rate *rate,
                     const char *rate_key, const char *burst_key)
{
	if (!rate->rate)
		return;
	yyjson_mut_obj_add_uint(doc, obj, rate_key, rate->rate);
	yyjson_mut_obj_add_uint(doc, obj, burst_key, rate->burst * 8);
}

/* In bits, as the capability has them. */
static void add_bandwidth(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct attachment *a)
{
	yyjson_mut_val *bandwidth = yyjson_mut_obj_add_obj(doc, spec, "bandwidth");

	add_rate(doc, bandwidth, &a->ingress, "ingressRate", "ingressBurst");
	add_rate(doc, bandwidth, &a->egress, "egressRate", "egressBurst");
}

static struct cni_rate read_rate(yyjson_val *spec, const char *rate, const char *burst)
{
	return (struct cni_rate){ .rate = (uint64_t)json_int(spec, rate, 0),
		                  .burst = (uint64_t)json_int(spec, burst, 0) / 8 };
}

static void add_spec(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct attachment *a,
                     const struct cni_request *r)
{
	char text[18];

	yyjson_mut_obj_add_strcpy(doc, spec, "containerID", a->container);
	yyjson_mut_obj_add_strcpy(doc, spec, "netns", r->netns);
	yyjson_mut_obj_add_strcpy(doc, spec, "ifName", a->ifname);
	yyjson_mut_obj_add_strcpy(doc, spec, "network", a->network);
	yyjson_mut_obj_add_strcpy(doc, spec, "hostInterface", a->link);
	yyjson_mut_obj_add_strcpy(doc, spec, "mac", mac_text(a->mac, text));
	yyjson_mut_obj_add_strcpy(doc, spec, "hostMac", mac_text(a->link_mac, text));
	yyjson_mut_obj_add_bool(doc, spec, "defaultRoute", a->default_route);
	yyjson_mut_obj_add_uint(doc, spec, "mtu", a->mtu);
	if (a->files)
		yyjson_mut_obj_add_bool(doc, spec, "files", true);
	if (a->ingress.rate || a->egress.rate)
		add_bandwidth(doc, spec, a);
	if (r->n_aliases)
		yyjson_mut_obj_add_val(
			doc, spec, "aliases",
			yyjson_mut_arr_with_str(doc, (const char **)r->aliases, r->n_aliases));
	if (a->pod[0]) {
		yyjson_mut_val *pod = yyjson_mut_obj_add_obj(doc, spec, "podRef");

		yyjson_mut_obj_add_strcpy(doc, pod, "namespace", a->ns);
		yyjson_mut_obj_add_strcpy(doc, pod, "name", a->pod);
		if (r->pod_uid[0])
			yyjson_mut_obj_add_strcpy(doc, pod, "uid", r->pod_uid);
	}
}

/* An attachment that is known is in force: those that are not are never stored. */
static void add_ready(yyjson_mut_doc *doc, yyjson_mut_val *conditions)
{
	yyjson_mut_val *c = yyjson_mut_arr_add_obj(doc, conditions);
	char now[TIME_TEXT];

	yyjson_mut_obj_add_str(doc, c, "type", "Ready");
	yyjson_mut_obj_add_str(doc, c, "status", "True");
	yyjson_mut_obj_add_str(doc, c, "reason", "NetworkAttached");
	yyjson_mut_obj_add_strcpy(doc, c, "lastTransitionTime", time_text(time(NULL), now));
}

static void add_ports(yyjson_mut_doc *doc, yyjson_mut_val *spec, const struct attachment *a)
{
	yyjson_mut_val *list = a->n_ports ? yyjson_mut_obj_add_arr(doc, spec, "hostPorts") : NULL;
	char text[IP_TEXT];

	for (unsigned i = 0; i < a->n_ports; i++) {
		const struct cni_port *p = &a->ports[i];
		yyjson_mut_val *v = yyjson_mut_arr_add_obj(doc, list);

		if (p->host_ip.len)
			yyjson_mut_obj_add_strcpy(doc, v, "hostIP", ip_text(&p->host_ip, text));
		yyjson_mut_obj_add_uint(doc, v, "hostPort", p->host);
		yyjson_mut_obj_add_uint(doc, v, "containerPort", p->pod);
		yyjson_mut_obj_add_str(doc, v, "protocol", cni_proto_name(p->proto));
	}
}

yyjson_mut_doc *attachment_doc(const struct attachment *a, const struct cni_request *r)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *spec, *status, *ips;
	char text[IP_TEXT];

	yyjson_mut_doc_set_root(doc, root);
	spec = yyjson_mut_obj_add_obj(doc, root, "spec");
	add_spec(doc, spec, a, r);
	add_ports(doc, spec, a);
	status = yyjson_mut_obj_add_obj(doc, root, "status");
	yyjson_mut_obj_add_str(doc, status, "phase", "Attached");
	add_ready(doc, yyjson_mut_obj_add_arr(doc, status, "conditions"));
	ips = yyjson_mut_obj_add_arr(doc, status, "ips");
	for (unsigned i = 0; i < a->n_ips; i++)
		yyjson_mut_arr_add_strcpy(doc, ips, ip_text(&a->ips[i], text));
	return doc;
}

static bool copy_text(char *out, size_t size, const char *text)
{
	return text && *text && (size_t)snprintf(out, size, "%s", text) < size;
}

static bool read_mac(uint8_t mac[static 6], const char *text)
{
	return text && sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1],
	                      &mac[2], &mac[3], &mac[4], &mac[5]) == 6;
}

static bool read_spec(struct attachment *a, yyjson_val *spec)
{
	const char *pod = json_str(spec, "podRef.name");

	a->files = json_bool(spec, "files", false);
	a->ingress = read_rate(spec, "bandwidth.ingressRate", "bandwidth.ingressBurst");
	a->egress = read_rate(spec, "bandwidth.egressRate", "bandwidth.egressBurst");
	return copy_text(a->container, sizeof(a->container), json_str(spec, "containerID")) &&
	       copy_text(a->ifname, sizeof(a->ifname), json_str(spec, "ifName")) &&
	       copy_text(a->network, sizeof(a->network), json_str(spec, "network")) &&
	       copy_text(a->link, sizeof(a->link), json_str(spec, "hostInterface")) &&
	       (!pod || copy_text(a->pod, sizeof(a->pod), pod)) &&
	       read_mac(a->mac, json_str(spec, "mac")) &&
	       read_mac(a->link_mac, json_str(spec, "hostMac"));
}

bool attachment_read(struct attachment *a, const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc), *v;
	size_t i, max;

	*a = (struct attachment){ 0 };
	if (!read_spec(a, json_at(root, "spec")) || !copy_text(a->ns, sizeof(a->ns), o->ns) ||
	    !copy_text(a->object, sizeof(a->object), o->name))
		return false;
	yyjson_arr_foreach (json_at(root, "status.ips"), i, max, v) {
		if (a->n_ips == CNI_FAMILIES || !yyjson_is_str(v) ||
		    !ip_parse(&a->ips[a->n_ips], yyjson_get_str(v)))
			return false;
		a->n_ips++;
	}
	a->mtu = json_int(root, "spec.mtu", 0);
	a->default_route = json_bool(root, "spec.defaultRoute", true);
	attachment_key(a->key, a->container, a->ifname);
	return true;
}

static bool read_port(struct cni_port *p, yyjson_val *v)
{
	int64_t host = json_int(v, "hostPort", 0), pod = json_int(v, "containerPort", 0);
	const char *ip = json_str(v, "hostIP");

	*p = (struct cni_port){
		cni_proto_number(json_str(v, "protocol")), (uint16_t)host, (uint16_t)pod, { 0 }
	};
	return p->proto && host > 0 && host <= UINT16_MAX && pod > 0 && pod <= UINT16_MAX &&
	       (!ip || ip_parse(&p->host_ip, ip));
}

unsigned attachment_read_ports(struct cni_port out[static CNI_PORTS_MAX], const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *v;
	unsigned n = 0;
	size_t i, max;

	yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "spec.hostPorts"), i, max, v)
		if (n < CNI_PORTS_MAX && read_port(&out[n], v))
			n++;
	return n;
}

/* ---- the index ------------------------------------------------------------------------------ */

static void count_container(const char *name, int change)
{
	size_t n = strlen(name);
	struct container *c = map_get(&by_container, name, n);

	if (!c) {
		c = xcalloc(1, sizeof(*c) + n + 1);
		memcpy(c->name, name, n);
		map_put(&by_container, c->name, n, c);
	}
	c->attachments += change;
	if (!c->attachments)
		free(map_del(&by_container, name, n));
}

void attachment_insert(const struct attachment *a)
{
	size_t ports = a->n_ports * sizeof(*a->ports);
	struct attachment *mine = xmalloc(sizeof(*mine) + ports);

	*mine = *a;
	mine->ports = (void *)(mine + 1);
	if (ports)
		memcpy(mine + 1, a->ports, ports);
	map_put(&by_key, mine->key, strlen(mine->key), mine);
	map_put(&by_link, mine->link, strlen(mine->link), mine);
	count_container(mine->container, 1);
	list_init(&mine->moving);
	if (mine->state != ATTACHED)
		list_add_tail(&moving, &mine->moving);
}

void attachment_remove(struct attachment *a)
{
	map_del(&by_key, a->key, strlen(a->key));
	map_del(&by_link, a->link, strlen(a->link));
	count_container(a->container, -1);
	list_del(&a->moving);
	free(a);
}

void attachment_going(struct attachment *a)
{
	if (a->state == COMING)
		list_del(&a->moving);
	a->state = GOING;
	list_add_tail(&moving, &a->moving);
}

void attachment_settled(struct attachment *a)
{
	a->state = ATTACHED;
	list_del(&a->moving);
}

struct attachment *attachment_moving(void)
{
	return list_empty(&moving) ? NULL : container_of(moving.next, struct attachment, moving);
}

struct attachment *attachment_find(const char *container, const char *ifname)
{
	char key[CNI_CONTAINER_MAX + 17];

	attachment_key(key, container, ifname);
	return map_get(&by_key, key, strlen(key));
}

struct attachment *attachment_of_link(const char *link)
{
	return map_get(&by_link, link, strlen(link));
}

bool attachments_of_container(const char *container)
{
	return map_get(&by_container, container, strlen(container));
}

struct attachment *attachment_next(size_t *i)
{
	return map_next(&by_key, i);
}

size_t attachments_count(void)
{
	return by_key.len;
}

void attachments_load(void (*each)(const struct attachment *a))
{
	const struct object *o;
	struct cni_port ports[CNI_PORTS_MAX];
	struct attachment a;

	for (size_t i = 0; (o = store_next_object(KIND_PODNETWORK, &i));) {
		if (!attachment_read(&a, o)) {
			log_warn("podnet: %s cannot be read and is left alone", o->key);
			continue;
		}
		a.n_ports = attachment_read_ports(ports, o);
		a.ports = ports;
		attachment_insert(&a);
		each(&a);
	}
}

/* The newest object was written by the last attach before a restart. */
bool attachments_newest(struct attachment *a)
{
	const struct object *o, *newest = NULL;

	for (size_t i = 0; (o = store_next_object(KIND_PODNETWORK, &i));)
		if (!newest || o->version > newest->version)
			newest = o;
	return newest && attachment_read(a, newest);
}

void attachments_free(void)
{
	struct attachment *a;

	for (size_t i = 0; (a = attachment_next(&i));)
		attachment_remove(a);
	map_free(&by_key);
	map_free(&by_link);
	map_free(&by_container);
}
