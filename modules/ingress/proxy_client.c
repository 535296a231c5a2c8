/* proxy_client.c - every connection of a client: what it begins with, how many there are, who makes
 * room when there are as many as may be, and their end. */
#include <sys/socket.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "proxy.h"

static struct list all = LIST_INIT(all);
static struct list idle = LIST_INIT(idle); /* who is so longest, first */
static unsigned n_clients;
static int staying;

unsigned clients_open(void)
{
	return n_clients;
}

void client_joins(struct client *c)
{
	list_add_tail(&all, &c->in_all);
	n_clients++;
}

struct endpoint arrival_at(const struct arrival *a)
{
	struct endpoint at = a->at;
	struct sockaddr_storage s = { 0 };
	socklen_t n = sizeof(s);

	if (!at.ip.len && !getsockname(a->fd, (struct sockaddr *)&s, &n))
		ip_of_sockaddr(&at.ip, (struct sockaddr *)&s);
	return at;
}

static void may_exit(void)
{
	if (proxy_worker->draining && !n_clients && !staying)
		worker_exit();
}

void clients_stay(int more)
{
	staying += more;
	may_exit();
}

void client_leaves(struct client *c)
{
	client_idle(c, false);
	list_del(&c->in_all);
	n_clients--;
	may_exit();
}

/* ---- idle ones ------------------------------------------------------------------------------ */

void client_idle(struct client *c, bool is)
{
	if (is == c->idle)
		return;
	c->idle = is;
	if (is)
		list_add_tail(&idle, &c->in_idle);
	else
		list_del(&c->in_idle);
}

bool client_has_room(void)
{
	struct client *c;

	if (n_clients < CLIENTS_MAX)
		return true;
	if (list_empty(&idle))
		return false;
	c = container_of(idle.next, struct client, in_idle);
	count_up(COUNT_EVICTED);
	c->close(c);
	return n_clients < CLIENTS_MAX;
}

void clients_drain(void)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		struct client *c = container_of(l, struct client, in_all);

		c->drain(c);
	}
	may_exit();
}

void client_begin(int fd, const struct arrival *a, const void *read, size_t n)
{
	const struct table_port *port = proxy_port(a->door);

	if (!port || !port->n_listeners) {
		client_reset(fd);
		return;
	}
	switch ((enum listener_protocol)port->listeners[0].protocol) {
	case LISTEN_HTTP:
		h1_new(fd, NULL, a, read, n);
		break;
	case LISTEN_HTTPS:
	case LISTEN_TLS:
		hello_new(fd, a, read, n);
		break;
	case LISTEN_TCP:
		tcp_new(fd, NULL, a, &port->listeners[0], read, n);
		break;
	case LISTEN_UDP:
		client_reset(fd);
		break;
	}
}
