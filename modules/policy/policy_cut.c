/* policy_cut.c - see policy_cut.h
 *
 * The kernel judges a connection's first packet; what follows passes because the connection is
 * known. So when something is tightened, those that would not begin any more are forgotten: their
 * next packet is the first one again. A connection is judged as its first packet was, between who
 * began it and who answers it, behind any translation of where it went.
 *
 * That next packet may come from the other end, and would begin a connection of its own there,
 * which may well be allowed; all that the first end sends would be its answers. (A segment of TCP
 * tells that it begins nothing, and where pods are isolated that is looked at; but a policy may be
 * gone for a moment.) So the way back is held shut: the sets cut4, cut6 of policy_rules.c. It needs
 * no opening: once the first end may speak again its packets begin the connection, and those of the
 * other end belong to it. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern.h>
#include <knetd/log.h>
#include <knetd/map.h>

#include "policy_cut.h"
#include "policy_held.h"
#include "policy_metrics.h"
#include "policy_plan.h"
#include "policy_rules.h"

#define WAYS_MAX (POLICY_CUT_MAX / 4) /* held shut by one walk */

struct node { /* the machine's own addresses, at this moment */
	struct map addresses;
	size_t cut;
	struct map ways; /* back, of what was cut: struct nft_bytes, an element each */
};

static void on_address(const struct rt_addr *a, void *arg)
{
	struct node *node = arg;
	struct ip *key = xcalloc(1, sizeof(*key));

	key->len = a->ip.len;
	memcpy(key->b, a->ip.b, a->ip.len);
	free(map_put(&node->addresses, key, sizeof(*key), key));
}

static void node_free(struct node *node)
{
	void *v;

	for (size_t i = 0; (v = map_next(&node->addresses, &i));)
		free(v);
	for (size_t i = 0; (v = map_next(&node->ways, &i));)
		free(v);
	map_free(&node->addresses);
	map_free(&node->ways);
}

static int node_read(struct node *node, struct err *e)
{
	struct rt *rt = rt_open(-1, e);
	int ret;

	if (!rt)
		return -e->code;
	ret = rt_addr_each(rt, on_address, node, e);
	rt_close(rt);
	return ret;
}

static bool is_service(const struct ip *ip)
{
	for (unsigned i = 0; i < conf.service.cidrs.n; i++)
		if (cidr_has(&conf.service.cidrs.v[i], ip))
			return true;
	return false;
}

static bool has_address(const struct node *node, const struct ip *ip)
{
	struct ip key = { .len = ip->len };

	memcpy(key.b, ip->b, ip->len);
	return ip_is_loopback(ip) || map_get(&node->addresses, &key, sizeof(key));
}

/* The node's own connections to Services begin with an address of their range. */
static bool begins_here(const struct node *node, const struct ip *client)
{
	return is_service(client) || has_address(node, client);
}

/* The cluster's addresses are judged though the node has them. */
static bool ends_here(const struct node *node, const struct ip *server)
{
	return !is_service(server) && !policy_held_has(server) && has_address(node, server);
}

static bool concerns_a_pod(const struct ip *ip)
{
	const struct policy_pod *pod = policy_plan_pod_at(ip);

	return pod && pod->here && (pod->in || pod->out);
}

static struct nft_bytes way_of(const struct endpoint *from, const struct endpoint *to)
{
	struct nft_bytes way = { 0 };

	nft_put_ip(&way, &from->ip);
	nft_put_port(&way, from->port);
	nft_put_ip(&way, &to->ip);
	nft_put_port(&way, to->port);
	return way;
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static void hold_back(struct node *node, const struct conntrack_flow *f)
{
	struct nft_bytes *way;

	if (!has_ports(f->proto) || node->ways.len == WAYS_MAX)
		return;
	way = xcalloc(1, sizeof(*way));
	*way = way_of(&f->from, &f->client);
	free(map_put(&node->ways, way->b, way->n, way));
}

static bool is_forbidden(const struct conntrack_flow *f, void *arg)
{
	const struct ip *client = &f->client.ip, *server = &f->from.ip;
	struct node *node = arg;

	if ((!concerns_a_pod(client) && !concerns_a_pod(server)) || ip_equal(client, server) ||
	    begins_here(node, client) || ends_here(node, server) ||
	    policy_plan_allows(client, server, f->proto, f->from.port, NULL))
		return false;
	node->cut++;
	hold_back(node, f);
	return true;
}

/* What the other end began between the walk and the element. */
static bool is_held(const struct conntrack_flow *f, void *arg)
{
	const struct node *node = arg;
	struct nft_bytes way = way_of(&f->client, &f->from);

	return map_get(&node->ways, way.b, way.n) != NULL;
}

static int hold(struct node *node, struct err *e)
{
	struct nft_txn *t = nft_begin();
	const struct nft_bytes *way;
	int ret;

	for (size_t i = 0; (way = map_next(&node->ways, &i));)
		nft_elem_add(t, POLICY_TABLE, policy_cut_name(way->n == 2 * (4 + 4) ? 4 : 16), way,
		             NULL);
	ret = nft_commit(t, e);
	if (ret == -ENFILE) { /* POLICY_CUT_MAX are held already: no reason to hold up policies */
		log_warn(
			"policy: the ways back of %zu connections that were cut are not held shut: "
			"%u are at a time",
			node->ways.len, POLICY_CUT_MAX);
		return 0;
	}
	return ret ? ret : conntrack_purge(0, 0, is_held, node, e);
}

int policy_cut(struct err *e)
{
	uint64_t began = policy_metrics_now();
	struct node node = { 0 };
	int ret = node_read(&node, e);

	if (!ret)
		ret = conntrack_purge(0, 0, is_forbidden, &node, e);
	if (!ret && node.ways.len)
		ret = hold(&node, e);
	policy_metrics.walks++;
	policy_metrics.walk_nanoseconds += policy_metrics_now() - began;
	policy_metrics.flows_cut += node.cut;
	if (!ret && node.cut)
		log_dbg("policy: %zu connections are not allowed any more", node.cut);
	node_free(&node);
	return ret;
}
