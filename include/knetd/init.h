/* init.h - the first process of a machine: knetd as /init of an initramfs. */
#pragma once

/* Never returns. argv[0] is "init", and this is process 1. */
int init_main(int argc, char **argv);
#define DHCP_HOOK_NAME "dhcp-hook"
/* By the name DHCP_HOOK_NAME: what dhcpcd tells by its environment becomes resolv.conf. */
int dhcp_hook_main(void);
/* knetd --rescue: a prompt on the console, for machines without a shell. */
int rescue_main(void);
