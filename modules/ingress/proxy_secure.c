/* proxy_secure.c - the handshake with a client, from its hello to the first byte of HTTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "proxy_certs.h"
#include "proxy_h2_client.h"
#include "proxy_secure.h"

#define SESSIONS 8192 /* of each worker: 100 bytes each */

static const char *const web[] = { "h2", "http/1.1", "http/1.0" };

struct secure { /* until the handshake is done */
	struct grave grave;
	struct client client;
	struct event ev;
	struct deadline end;
	struct tls *tls;
	struct cert_trust *trust;
	struct arrival arrival;
	bool dead;
};

static void secure_free(struct grave *g)
{
	free(container_of(g, struct secure, grave));
}

/* fd and tls are gone, or somebody else's. */
static void leave(struct secure *s)
{
	s->dead = true;
	deadline_del(&s->end);
	cert_trust_drop(s->trust);
	client_leaves(&s->client);
	bury(&s->grave, secure_free);
}

static void die(struct secure *s)
{
	if (s->dead)
		return;
	loop_del(&s->ev);
	close(s->ev.fd);
	tls_free(s->tls);
	leave(s);
}

static void on_end(struct deadline *d)
{
	count_up(COUNT_TLS_FAILED);
	die(container_of(d, struct secure, end));
}

static void on_close(struct client *client)
{
	die(container_of(client, struct secure, client));
}

static void on_drain(struct client *client)
{
	(void)client; /* its request is served; deadlines bound the rest */
}

/* ---- done -------------------------------------------------------------------------------------
 */

static void know_client(struct secure *s)
{
	const char *name, *organization;
	bool refused;

	s->arrival.client_vouched = tls_peer(s->tls, &name, &organization, &refused);
	snprintf(s->arrival.client_subject, sizeof(s->arrival.client_subject), "%s",
	         s->arrival.client_vouched ? name : "");
}

static void hand_over(struct secure *s)
{
	const char *protocol = tls_protocol(s->tls);

	count_up(tls_resumed(s->tls) ? COUNT_TLS_RESUMED : COUNT_TLS_FULL);
	know_client(s);
	loop_del(&s->ev);
	if (protocol && !strcmp(protocol, "h2"))
		h2_new(s->ev.fd, s->tls, &s->arrival, NULL, 0);
	else
		h1_new(s->ev.fd, s->tls, &s->arrival, NULL, 0);
	leave(s);
}

static void go_on(struct secure *s)
{
	int done = tls_shake(s->tls, s->ev.fd);

	if (done > 0) {
		hand_over(s);
	} else if (done < 0) {
		count_up(COUNT_TLS_FAILED);
		die(s);
	} else {
		loop_mod(&s->ev, EPOLLIN | (tls_unsent(s->tls) ? EPOLLOUT : 0));
	}
}

static void on_event(struct event *ev, uint32_t events)
{
	(void)events;
	go_on(container_of(ev, struct secure, ev));
}

/* ---- the beginning ----------------------------------------------------------------------------
 */

static struct tls_sessions *sessions(void)
{
	static struct tls_sessions *all;

	if (!all)
		all = tls_sessions_new(SESSIONS);
	return all;
}

static void refuse(int fd, enum tls_alert alert)
{
	count_up(COUNT_TLS_FAILED);
	tls_refuse(fd, alert);
	close(fd);
}

/* Whom clients must have been vouched for by. False: nobody can be. */
static bool find_trust(const struct table_listener *l, struct cert_trust **trust)
{
	*trust = l->client_ca == TABLE_NONE ? NULL : cert_trust(l->client_ca);
	return *trust || l->client_ca == TABLE_NONE || l->client_optional;
}

static void begin_https(int fd, const struct arrival *a, struct cert_trust *trust, struct tls *tls)
{
	struct secure *s = xcalloc(1, sizeof(*s));
	struct err e;

	s->ev = (struct event){ .fd = fd, .fn = on_event };
	s->client.drain = on_drain;
	s->client.close = on_close;
	s->end.fn = on_end;
	s->tls = tls;
	s->trust = trust;
	s->arrival = *a;
	client_joins(&s->client);
	client_idle(&s->client, true); /* it is waited for until it has agreed */
	deadline_set(&s->end, HEAD_MS);
	if (loop_add(&s->ev, EPOLLIN, &e))
		die(s);
	else
		go_on(s);
}

void secure_begin(int fd, const struct arrival *a, const struct table_listener *l,
                  const struct tls_hello *h, const void *read, size_t n)
{
	bool http = l->protocol == LISTEN_HTTPS;
	struct tls_terms terms = { .protocols = web, .clients_needed = !l->client_optional };
	struct arrival here = *a;
	struct cert_trust *trust;
	uint64_t uid = 0;
	struct tls *tls;

	terms.identity = cert_choose(l, h, &uid);
	if (!terms.identity) {
		refuse(fd, TLS_UNRECOGNIZED_NAME);
		return;
	}
	if (http && h->alpn && !h->h2 && !h->http1) {
		refuse(fd, TLS_NO_PROTOCOL);
		return;
	}
	if (!find_trust(l, &trust)) {
		refuse(fd, TLS_HANDSHAKE_FAILURE);
		return;
	}
	/* BearSSL must not be left to find out that there is nothing in common */
	terms.n_protocols = http && h->alpn ? ARRAY_LEN(web) : 0;
	terms.clients = trust ? cert_trust_anchors(trust) : NULL;
	terms.sessions = sessions();
	terms.scope = uid ^ hash_bytes(l->name.p, l->name.n, hash_seed());
	here.tls = true;
	memcpy(here.sni, h->sni, sizeof(here.sni));
	tls = tls_accept(&terms, h->sni, read, n);
	if (http) {
		begin_https(fd, &here, trust, tls);
	} else {
		cert_trust_drop(trust); /* never there: only HTTPS asks */
		tcp_new(fd, tls, &here, l, NULL, 0);
	}
}

void secure_refuse_plain(int fd, const void *read, size_t n)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\n"
				   "Content-Length: 56\r\n"
				   "Connection: close\r\n"
				   "\r\n"
				   "this port speaks HTTPS: a request in clear came for it.\n";
	const char *p = read;

	count_up(COUNT_TLS_FAILED);
	if (n && *p >= 'A' && *p <= 'Z') {
		count_up(COUNT_STATUS_0 + 4);
		send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		shutdown(fd, SHUT_WR);
	}
	close(fd);
}
