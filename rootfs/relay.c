/* relay.c - relay ADDRESS PORT SOCKET: every TCP connection to ADDRESS:PORT becomes one to the unix
 * socket, bytes carried both ways.
 *
 * knetd answers plain HTTP on its unix socket and on loopback only, on purpose; the host of the
 * test machine reaches neither. This program is the hole, and it is in the test machine's image
 * alone. One process a connection: there are few, and none can hold up another. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* One portion from one side to the other. At the end of what a side sends, the other is told. */
static int carry(int from, int to)
{
	char buffer[16384];
	ssize_t n = read(from, buffer, sizeof(buffer));

	if (n <= 0) {
		shutdown(to, SHUT_WR);
		return 0;
	}
	for (ssize_t done = 0, w; done < n; done += w) {
		w = write(to, buffer + done, n - done);
		if (w <= 0)
			return 0;
	}
	return 1;
}

static void serve(int client, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	int sides[2] = { client, server };
	struct pollfd p[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(server, (struct sockaddr *)&un, sizeof(un)) < 0)
		_exit(1); /* knetd is not up yet: the client sees a closed connection and comes
		             again */
	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0)
			_exit(1);
		for (int i = 0; i < 2; i++) /* poll() leaves alone what has ended: -1 */
			if (p[i].revents && !carry(sides[i], sides[!i]))
				p[i].fd = -1;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &in.sin_addr) != 1) {
		fprintf(stderr, "usage: relay ADDRESS PORT SOCKET\n");
		return 2;
	}
	in.sin_port = htons(atoi(argv[2]));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, SOL_IP, IP_FREEBIND, &one,
	           sizeof(one)); /* the address may come later */
	if (bind(listener, (struct sockaddr *)&in, sizeof(in)) < 0)
		return fail("relay: bind");
	if (listen(listener, 64) < 0)
		return fail("relay: listen");
	signal(SIGCHLD, SIG_IGN); /* ended children need no waiting for */
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int client = accept(listener, NULL, NULL);

		if (client < 0)
			continue;
		if (fork() == 0) {
			close(listener);
			serve(client, argv[3]);
		}
		close(client);
	}
}
