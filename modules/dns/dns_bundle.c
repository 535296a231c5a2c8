/* dns_bundle.c - see dns_bundle.h */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dns_bundle.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define BYTES_MAX 60000 /* of one message: with its headers it stays an IP packet */

static struct { /* what goes out; n of each */
	unsigned n;
	const struct msghdr *query[DNS_BUNDLE];
	uint8_t *p[DNS_BUNDLE];
	uint16_t len[DNS_BUNDLE];
	uint64_t order[DNS_BUNDLE]; /* client, longest first, number */
} all;

static struct { /* as the kernel wants it */
	struct mmsghdr v[DNS_BUNDLE];
	struct iovec iov[DNS_BUNDLE];
	_Alignas(8) uint8_t control[DNS_BUNDLE][DNS_CONTROL + CMSG_SPACE(sizeof(uint16_t))];
} out;

void dns_control_set(struct msghdr *m, void *control, size_t len)
{
	struct cmsghdr *cm = control;

	m->msg_control = len ? control : NULL;
	m->msg_controllen = len;
	if (len >= CMSG_LEN(sizeof(struct in_pktinfo)) && cm->cmsg_level == IPPROTO_IP)
		((struct in_pktinfo *)CMSG_DATA(cm))->ipi_ifindex = 0;
}

/* Equal for one client; what is equal by chance is told apart later. */
static uint32_t client_digest(const struct msghdr *m)
{
	const union dns_sockaddr *at = m->msg_name;
	uint64_t w[2] = { 0 };

	if (at->any.sa_family == AF_INET)
		w[0] = at->v4.sin_addr.s_addr;
	else
		memcpy(w, &at->v6.sin6_addr, sizeof(w));
	return (uint32_t)((w[0] ^ w[1] ^ (uint64_t)at->v4.sin_port << 32) * 0x9e3779b97f4a7c15ull >>
	                  32);
}

static bool same_client(const struct msghdr *a, const struct msghdr *b)
{
	return a->msg_namelen == b->msg_namelen && a->msg_controllen == b->msg_controllen &&
	       !memcmp(a->msg_name, b->msg_name, a->msg_namelen) &&
	       (!a->msg_controllen || !memcmp(a->msg_control, b->msg_control, a->msg_controllen));
}

void dns_bundle_add(const struct msghdr *query, uint8_t *p, size_t len)
{
	unsigned i = all.n++, at = i;
	uint64_t key = (uint64_t)client_digest(query) << 32 | (uint64_t)(0xffff - len) << 16 | i;

	all.query[i] = query;
	all.p[i] = p;
	all.len[i] = (uint16_t)len;
	for (; at && all.order[at - 1] > key; at--)
		all.order[at] = all.order[at - 1];
	all.order[at] = key;
}

/* How many from the place on go as one message: some of one length, then one that is shorter. */
static unsigned run_length(unsigned place)
{
	unsigned first = all.order[place] & 0xffff, n = 1;
	size_t bytes = all.len[first];

	for (; place + n < all.n; n++) {
		unsigned i = all.order[place + n] & 0xffff;

		bytes += all.len[i];
		if (all.order[place + n] >> 32 != all.order[place] >> 32 || bytes > BYTES_MAX ||
		    !same_client(all.query[first], all.query[i]))
			break;
		if (all.len[i] < all.len[first])
			return n + 1;
	}
	return n;
}

static void segment_set(struct msghdr *m, uint8_t *control, uint16_t size)
{
	struct cmsghdr *cm = (struct cmsghdr *)(control + m->msg_controllen);

	if (m->msg_controllen)
		memcpy(control, m->msg_control, m->msg_controllen);
	/* whole, as musl keeps the upper half of the kernel's length as padding */
	*cm = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(size)),
		                .cmsg_level = IPPROTO_UDP,
		                .cmsg_type = UDP_SEGMENT };
	memcpy(CMSG_DATA(cm), &size, sizeof(size));
	m->msg_control = control;
	m->msg_controllen += CMSG_SPACE(sizeof(size));
}

static unsigned messages(void)
{
	unsigned n = 0;

	for (unsigned place = 0, len; place < all.n; place += len, n++) {
		const struct msghdr *query = all.query[all.order[place] & 0xffff];
		struct msghdr *m = &out.v[n].msg_hdr;

		len = run_length(place);
		for (unsigned k = place; k < place + len; k++) {
			unsigned i = all.order[k] & 0xffff;

			out.iov[k] = (struct iovec){ all.p[i], all.len[i] };
		}
		m->msg_name = query->msg_name;
		m->msg_namelen = query->msg_namelen;
		m->msg_iov = &out.iov[place];
		m->msg_iovlen = len;
		dns_control_set(m, query->msg_control, query->msg_controllen);
		if (len > 1)
			segment_set(m, out.control[n], (uint16_t)out.iov[place].iov_len);
	}
	return n;
}

/* A way out without checksums or with a small MTU takes no bundles. */
static void send_singly(int fd, const struct msghdr *bundle)
{
	for (size_t i = 0; i < (size_t)bundle->msg_iovlen; i++) {
		struct msghdr m = *bundle;

		m.msg_iov = bundle->msg_iov + i;
		m.msg_iovlen = 1;
		m.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
		if (!m.msg_controllen)
			m.msg_control = NULL;
		sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* A message that cannot be sent (no route, full buffer) is skipped: its client asks again. The call
 * is made by number because musl's sendmmsg is a loop around sendmsg, which clears the padding of
 * the headers; ours are static and were never anything but zero there. */
void dns_bundle_send(int fd)
{
	unsigned n = messages();

	for (unsigned done = 0; done < n;) {
		long sent = syscall(SYS_sendmmsg, fd, out.v + done, n - done, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN && out.v[done].msg_hdr.msg_iovlen > 1)
			send_singly(fd, &out.v[done].msg_hdr);
		done += sent > 0 ? (unsigned)sent : 1;
	}
	all.n = 0;
}
