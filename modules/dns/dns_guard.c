/* dns_guard.c - see dns_guard.h. What pods and the node ask passes after a look at their address;
 * the rest of this file is for others. */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/loop.h>

#include "dns_guard.h"
#include "dns_limit.h"

static bool in_cluster(const struct dns_settings *set, const struct ip *ip)
{
	for (unsigned i = 0; i < set->n_ranges; i++)
		if (cidr_has(&set->ranges[i], ip))
			return true;
	return ip_is_loopback(ip);
}

/* Who asks from the very address that he asks is the node itself. */
static bool own_address(int fd, const uint8_t *control, size_t control_len, const struct ip *from)
{
	const struct cmsghdr *cm = (const struct cmsghdr *)control;
	union dns_sockaddr at = { 0 };
	socklen_t len = sizeof(at);
	struct ip ip = { 0 };

	if (cm && control_len >= CMSG_LEN(sizeof(struct in_pktinfo)) &&
	    cm->cmsg_level == IPPROTO_IP) {
		ip.len = 4;
		memcpy(ip.b, &((const struct in_pktinfo *)CMSG_DATA(cm))->ipi_addr, 4);
	} else if (cm && control_len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
		at.v6.sin6_family = AF_INET6;
		at.v6.sin6_addr = ((const struct in6_pktinfo *)CMSG_DATA(cm))->ipi6_addr;
		ip_of_sockaddr(&ip, &at.any);
	} else if (getsockname(fd, &at.any, &len) == 0) {
		ip_of_sockaddr(&ip, &at.any);
	}
	return ip_equal(&ip, from);
}

static bool allowed(const struct dns_settings *set, const struct ip *ip)
{
	for (unsigned i = 0; i < set->allow.n; i++)
		if (cidr_has(&set->allow.v[i], ip))
			return true;
	return set->allow.any;
}

bool dns_guard_admits(const struct dns_settings *set, int fd, const struct sockaddr *peer)
{
	struct ip ip;

	return set && ip_of_sockaddr(&ip, peer) &&
	       (in_cluster(set, &ip) || allowed(set, &ip) || own_address(fd, NULL, 0, &ip));
}

/* RFC 8914: who has EDNS learns why. */
static enum dns_verdict prohibit(const struct dns_query *q, struct dns_reply *out)
{
	dns_count(DNS_COUNT_PROHIBITED);
	out->ede = DNS_EDE_PROHIBITED;
	dns_reply_error(out, q, DNS_REFUSED, 0);
	return DNS_GUARD_REPLY;
}

/* Every other time there is an answer of the question's size, which brings a real client back: by
 * TCP, or with the cookie that is in it (RFC 7873 5.2.3). */
static enum dns_verdict slip(const struct dns_query *q, struct dns_reply *out)
{
	static unsigned turn;

	dns_count(DNS_COUNT_LIMITED);
	if (turn++ % 2)
		return DNS_GUARD_DROP;
	if (q->cookie_len) {
		dns_reply_error(out, q, DNS_BADCOOKIE, 0);
	} else {
		out->truncated = true;
		dns_reply_end(out, q, DNS_RA);
	}
	return DNS_GUARD_REPLY;
}

enum dns_verdict dns_guard(const struct dns_settings *set, const struct dns_client *client,
                           const uint8_t *query, size_t n, struct dns_query *q,
                           struct dns_reply *out)
{
	struct dns_asker by;
	struct ip ip;
	bool may;

	if (!ip_of_sockaddr(&ip, &client->peer.any))
		return DNS_GUARD_DROP;
	if (in_cluster(set, &ip) || dns_query_parse(q, query, n) < 0)
		return DNS_GUARD_PASS;
	may = allowed(set, &ip);
	if ((may && !set->rate_limit) ||
	    own_address(client->fd, client->control, client->control_len, &ip))
		return DNS_GUARD_PASS;
	by = dns_worker_asker(client, 0);
	dns_edns_settle(q, &ip, set->cookie_secret, by.now, false, 0);
	dns_reply_begin(out, q, false);
	if (set->rate_limit && q->cookie_state == DNS_COOKIE_BAD &&
	    !dns_limit_take(&ip, set->rate_limit, loop_now()))
		return slip(q, out);
	return may ? DNS_GUARD_PASS : prohibit(q, out);
}
