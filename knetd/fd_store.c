/* fd_store.c - see fd_store.h. What systemd calls it: FDSTORE=1, FDNAME=, LISTEN_FDS. A name there
 * has no colon; addresses of IPv6 have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <knetd/fd_store.h>
#include <knetd/handover.h>
#include <knetd/notify.h>

#define FIRST 3
#define COLON '|'

static void exchange(char *text, char from, char to)
{
	for (; *text; text++)
		*text = *text == from ? to : *text;
}

static void tell(const char *what, const char *name, int fd)
{
	char encoded[HANDOVER_NAME], lines[HANDOVER_NAME + 40];

	snprintf(encoded, sizeof(encoded), "%s", name);
	exchange(encoded, ':', COLON);
	snprintf(lines, sizeof(lines), "%s=1\nFDNAME=%s", what, encoded);
	notify_pass(lines, fd);
}

void fd_store_keep(const char *name, int fd)
{
	tell("FDSTORE", name, fd);
}

/* What is not wanted any more must not be held open: all of it is given back, and what is opened
 * again is kept again. */
void fd_store_take(void)
{
	const char *pid = getenv("LISTEN_PID"), *number = getenv("LISTEN_FDS");
	char *names = getenv("LISTEN_FDNAMES"), *name;
	int n = number && pid && atol(pid) == getpid() ? atoi(number) : 0;

	for (int fd = FIRST; fd < FIRST + n && (name = strsep(&names, ":")); fd++) {
		exchange(name, COLON, ':');
		handover_found(name, fd);
		tell("FDSTOREREMOVE", name, -1);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}
