/* dhcp_hook.h - what dhcpcd tells by the environment of its hook. */
#pragma once

#include <stdbool.h>

#include <knetd/ip.h>

#define DHCP_HOOK_DIR "knetd_run_dir" /* the variable that says where the result goes */
#define DHCP_SERVERS 6

struct dhcp_told {
	char protocol[8]; /* "dhcp", "dhcp6" or "ra": each has told something of its own */
	bool up;          /* what it told is in force; otherwise it is no more */
	unsigned n;
	struct ip servers[DHCP_SERVERS]; /* of names */
	char search[256];                /* domains with a blank before each, "": none */
	char host[64];                   /* "": none */
};
/* False when the event is none of these. What is no address or no name is left out. */
bool dhcp_hook_read(char *const *environment, struct dhcp_told *out);
