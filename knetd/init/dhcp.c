/* dhcp.c - [node] uplink = dhcp: dhcpcd is kept running on the link, once there is one. What it is
 * told comes back through dhcp_hook.c, which is this binary by another name. Both read what
 * strangers send: they are a user of their own, who owns three directories and has the capabilities
 * that setting up a link needs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>

#include <knetd/auto.h>
#include <knetd/file.h>
#include <knetd/init.h>
#include <knetd/uplink.h>

#include "dhcp_hook.h"
#include "init.h"

#define CLIENT "/sbin/dhcpcd"
#define HOOK "/run/" DHCP_HOOK_NAME
#define LOOK_MS 500

static struct rt *rt;
static struct uplink_choice choice;
static void on_look(struct timer *t);
static struct timer look = { .fn = on_look };

#define ASKED "domain_name_servers,domain_search,domain_name,classless_static_routes,interface_mtu"
#define ASKED6 "dhcp6_name_servers,dhcp6_domain_search"

/* What the client and the hook write to. */
static void make_room(const char *path)
{
	struct err e;

	if (file_make_dirs(path, 0755, &e))
		init_say("%s", e.text);
	else if (chown(path, INIT_DHCP_USER, INIT_DHCP_USER) < 0)
		init_say("%s: %m", path);
}

static void start(const char *link)
{
	/* In the foreground; no address of its own making; what it has set up stays when it ends,
	 * to be found by the next one; no file of its own; nothing that makes a start slow (a
	 * moment of chance before, and seconds of ARP after the server has looked itself); and what
	 * it asks for. */
	static const char hook[] = HOOK, asked[] = ASKED;
	const char *const words[] = { "-B", "-L", "-p", "-f",  "/dev/null", "-A",
		                      "-c", hook, "-o", asked, "-o",        ASKED6 };
	struct init_program *p = init_program_add(CLIENT, false);
	char *dir = xasprintf("%s/" UPLINK_DIR, conf.node.run_dir); /* for good */

	make_room("/run/dhcpcd");
	make_room("/var/lib/dhcpcd");
	make_room(dir);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		init_program_word(p, words[i]);
	init_program_word(p, "-e");
	init_program_word(p, xasprintf(DHCP_HOOK_DIR "=%s", dir)); /* for good */
	init_program_word(p, xstrdup(link));
	p->user = INIT_DHCP_USER;
	p->capabilities = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW | 1u << CAP_NET_BIND_SERVICE;
	init_program_start(p);
}

static void on_look(struct timer *t)
{
	struct rt_link l;
	struct err e;
	int ret = uplink_find(rt, &choice, &l, &e);

	if (ret < 0)
		init_say("uplink: %s", e.text);
	if (ret <= 0) {
		timer_set(t, LOOK_MS);
		return;
	}
	start(l.name);
	rt_close(rt);
	rt = NULL;
}

void init_start_dhcp(const char *self)
{
	struct err e;

	if (conf.node.uplink != CONF_UPLINK_DHCP)
		return;
	if (access(CLIENT, X_OK) < 0)
		init_say("[node] uplink = dhcp: %s: %m", CLIENT);
	else if (symlink(self, HOOK) < 0 && errno != EEXIST)
		init_say("%s: %m", HOOK);
	else if (!(rt = rt_open(-1, &e)))
		init_say("%s", e.text);
	else
		on_look(&look);
}
