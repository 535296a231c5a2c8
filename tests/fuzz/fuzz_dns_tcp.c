/* fuzz_dns_tcp.c - the stream of a TCP client: queries cut and joined in any way, answers of any
 * size, at once or late, read in any pieces. Whatever comes, each whole query is seen once, in
 * order, each answer goes out whole, and who has said all he will is not kept waiting. The .c is
 * included, so that a connection is served without a network. */
#include "../../modules/dns/dns_tcp.c"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dns_zone zone;
static _Atomic uint64_t counters[WORKER_COUNTERS];
static struct dns_client late[CONNS];
static unsigned n_late, n_seen, n_answered;
static int far; /* the client's end */

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* ---- the worker -------------------------------------------------------------------------------
 */

const struct dns_zone *dns_worker_zone(void)
{
	return &zone;
}

void dns_worker_fresh(void)
{
}

bool dns_worker_draining(void)
{
	return false;
}

bool dns_guard_admits(const struct dns_settings *set, int fd, const struct sockaddr *peer)
{
	(void)set, (void)fd, (void)peer;
	return true;
}

/* The query says how large its answer is, and whether it comes late. */
bool dns_worker_answer(const uint8_t *query, size_t n, const struct dns_client *client,
                       struct dns_reply *out)
{
	must(n >= DNS_HEADER && n <= QUERY_MAX && !(query[2] & 0x80));
	n_seen++;
	if (query[4] & 1 && n_late < ARRAY_LEN(late)) {
		late[n_late++] = *client;
		return false;
	}
	out->len = DNS_HEADER + dns_get16(query + 6) % (DNS_TCP_MAX - DNS_HEADER);
	memset(out->p, 0x55, out->len);
	n_answered++;
	return true;
}

static void answer_late(size_t n)
{
	static uint8_t bytes[DNS_TCP_MAX];

	if (!n_late)
		return;
	n_late--;
	n_answered++;
	dns_tcp_send(&late[n_late], bytes, DNS_HEADER + n);
}

/* ---- the client -------------------------------------------------------------------------------
 */

static size_t got, frame_left,
	head; /* of answers: whole ones, bytes missing of one, of its length */
static uint8_t length[2];

static void take(const uint8_t *p, size_t n)
{
	for (; n; n--, p++) {
		if (frame_left) {
			got += !--frame_left;
			continue;
		}
		length[head++] = *p;
		if (head == 2) {
			head = 0;
			frame_left = dns_get16(length);
			must(frame_left >= DNS_HEADER);
		}
	}
}

/* False when nothing could be read; *end: nor ever will be. */
static bool read_some(size_t most, bool *end)
{
	static uint8_t bytes[65536];
	ssize_t n = recv(far, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);

	*end = !n || (n < 0 && errno != EAGAIN);
	if (n > 0)
		take(bytes, (size_t)n);
	return n > 0;
}

static bool gone(const struct conn *c, uint32_t serial)
{
	return c->serial != serial;
}

/* What the loop would do; false when there was nothing to do. */
static bool turn(struct conn *c, uint32_t serial)
{
	struct pollfd p = { .fd = c->ev.fd, .events = (short)c->ev.mask };

	if (gone(c, serial) || poll(&p, 1, 0) != 1 || !p.revents)
		return false;
	conn_event(&c->ev, (uint32_t)p.revents);
	return true;
}

static void settle(struct conn *c, uint32_t serial)
{
	for (unsigned i = 0; i < 64 && turn(c, serial); i++)
		;
}

/* What was sent, and how many queries stand in it; *sound: nothing that is none. */
static uint8_t sent[16384];
static size_t n_sent;

static unsigned queries_sent(bool *sound)
{
	unsigned n = 0;
	size_t len;

	*sound = true;
	for (size_t at = 0; n_sent - at >= 2; at += 2 + len, n++) {
		len = dns_get16(sent + at);
		if (len < DNS_HEADER || len > QUERY_MAX || (n_sent - at > 4 && sent[at + 4] & 0x80))
			*sound = false;
		if (!*sound || n_sent - at < 2 + len)
			break;
	}
	return n;
}

/* ---- one life ---------------------------------------------------------------------------------
 */

static size_t step(struct conn *c, uint32_t serial, const uint8_t *p, size_t n)
{
	size_t len = n > 1 ? (size_t)p[1] + 1 : 0;
	ssize_t m;
	bool end;

	switch (p[0] % 4) {
	case 0:
		len = n < 2 ? 0 : len > n - 2 ? n - 2 : len;
		m = len ? send(far, p + 2, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
		if (m > 0) {
			memcpy(sent + n_sent, p + 2, (size_t)m);
			n_sent += (size_t)m;
		}
		settle(c, serial);
		return 2 + len;
	case 1:
		read_some(len * 64, &end);
		break;
	case 2:
		answer_late(len);
		break;
	case 3:
		turn(c, serial);
		break;
	}
	settle(c, serial);
	return 2;
}

/* The client waits for all answers, and says nothing more meanwhile. */
static void finish(struct conn *c, uint32_t serial)
{
	bool end = false;

	while (!end) {
		bool moved = turn(c, serial);

		moved |= read_some(SIZE_MAX, &end);
		if (!moved && !n_late)
			return;
		if (!moved)
			answer_late(100);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union dns_sockaddr peer = { .v4.sin_family = AF_INET };
	int pair[2], room = size && data[0] & 0x80 ? 8192 : 1 << 20; /* of the connection */
	bool sound;
	unsigned expected;
	struct conn *c;
	uint32_t serial;

	if (size > sizeof(sent) || (!loop_now() && loop_init(NULL)))
		return 0;
	dns_count_start(counters);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	far = pair[1];
	n_late = n_seen = n_answered = 0;
	n_sent = 0;
	got = frame_left = head = 0;
	conn_open(pair[0], &peer);
	c = container_of(open_conns.prev, struct conn, by_age);
	serial = c->serial;
	for (size_t at = 0; at < size;)
		at += step(c, serial, data + at, size - at);
	finish(c, serial);
	expected = queries_sent(&sound);
	must(n_seen <= expected && got <= n_answered);
	must(!sound || (n_seen == expected && got == n_seen));
	shutdown(far, SHUT_WR);
	finish(c, serial);
	must(gone(c, serial) && list_empty(&open_conns) && !n_open && !out_total);
	close(far);
	return 0;
}
