/* dhcp_hook.h - what dhcpcd tells by the environment of its hook. */
#pragma once

#include <stdbool.h>

#include <knetd/resolv.h>

#define DHCP_HOOK_DIR "knetd_dir" /* the variable that says where the result goes */

struct dhcp_told {
	char protocol[8]; /* "dhcp", "dhcp6" or "ra": each has told something of its own */
	bool up;          /* what it told is in force; otherwise it is no more */
	struct resolv names;
};
/* False when the event is none of these. What is no address or no name is left out. */
bool dhcp_hook_read(char *const *environment, struct dhcp_told *out);
