/* flow_blast.c - traffic for tests/bench/flow_tables.py, and how long it took:
 *
 *   flow_blast sink ADDRESS PORT      answers a client's first datagram, and TCP byte by byte
 *   flow_blast udp ADDRESS PORT N     N datagrams of 64 bytes: nanoseconds each
 *   flow_blast turns ADDRESS PORT N   a byte there and back by TCP, N times: nanoseconds each
 *   flow_blast bulk ADDRESS PORT N    N times 64 KB by TCP: nanoseconds each
 *
 * Nobody reads the datagrams: the sink drops them, at the same cost each. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 32
#define PIECE 65536

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int to(const char *address, const char *port, int type, int server)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, type, 0), on = 1;

	inet_pton(AF_INET, address, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (server ? bind(fd, (void *)&a, sizeof(a)) : connect(fd, (void *)&a, sizeof(a)))
		die("address");
	return fd;
}

static void serve(int fd)
{
	static char room[PIECE];
	ssize_t n;

	while ((n = read(fd, room, sizeof(room))) > 0)
		if (n == 1 && write(fd, room, 1) != 1)
			break;
	_exit(0);
}

/* Looks now and then: a wakeup for each datagram would be most of what is measured. */
static void answer(int udp)
{
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char byte;

	for (;; usleep(10000))
		while (recvfrom(udp, &byte, 1, MSG_DONTWAIT, (void *)&from, &size) == 1)
			if (byte == '?')
				sendto(udp, &byte, 1, 0, (void *)&from, size);
}

static void sink(const char *address, const char *port)
{
	int udp = to(address, port, SOCK_DGRAM, 1), tcp = to(address, port, SOCK_STREAM, 1);

	listen(tcp, 16);
	puts("ready");
	fflush(stdout);
	if (fork() == 0)
		answer(udp);
	for (;;) {
		int fd = accept(tcp, NULL, NULL);

		if (fork() == 0)
			serve(fd);
		close(fd);
	}
}

static void udp(int fd, long n)
{
	static char payload[64];
	struct mmsghdr m[AT_ONCE];
	struct iovec iov = { payload, sizeof(payload) };
	char byte;
	double began;
	const struct timeval soon = { .tv_usec = 200000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	do
		if (write(fd, "?", 1) != 1)
			die("udp");
	while (read(fd, &byte, 1) != 1);
	memset(m, 0, sizeof(m));
	for (int i = 0; i < AT_ONCE; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	sendmmsg(fd, m, AT_ONCE, 0);
	began = now();
	for (long i = 0; i < n; i += AT_ONCE)
		sendmmsg(fd, m, AT_ONCE, 0);
	printf("%.0f\n", (now() - began) / n);
}

static void turn(int fd, long n)
{
	char byte = 'x';

	for (long i = 0; i < n; i++)
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("turn");
}

static void bulk(int fd, long n)
{
	static char room[PIECE];

	for (long i = 0; i < n; i++)
		for (ssize_t at = 0, k; at < PIECE; at += k)
			if ((k = write(fd, room + at, PIECE - at)) <= 0)
				die("bulk");
}

int main(int argc, char **argv)
{
	long n = argc > 4 ? atol(argv[4]) : 0;
	double began;
	int fd;

	if (argc < 4)
		return 2;
	if (!strcmp(argv[1], "sink"))
		sink(argv[2], argv[3]);
	if (!strcmp(argv[1], "udp")) {
		udp(to(argv[2], argv[3], SOCK_DGRAM, 0), n);
		return 0;
	}
	fd = to(argv[2], argv[3], SOCK_STREAM, 0);
	turn(fd, 16);
	began = now();
	(!strcmp(argv[1], "bulk") ? bulk : turn)(fd, n);
	printf("%.0f\n", (now() - began) / n);
	return 0;
}
