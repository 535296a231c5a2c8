/* dhcp_hook.c - knetd as dhcpcd's hook: writes <run_dir>/uplink/resolv.conf, where /etc/resolv.conf
 * leads to. DHCP, DHCPv6 and router advertisements each tell servers at their own time, and take
 * them back: what each told stays in a file, and all of them make the result.
 *
 * Everything here comes from the network. Nothing of it is text for a shell, as there is none; what
 * is not an address or a name by its letters is left out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/file.h>
#include <knetd/init.h>

#include "dhcp_hook.h"

#define PART_MAX 4096

static const char *const protocols[] = { "dhcp", "dhcp6", "ra" };

/* ---- reading -------------------------------------------------------------------------------- */

static void add_server(struct resolv *names, const char *word)
{
	struct ip ip;

	if (ip_parse(&ip, word))
		resolv_add_server(names, &ip);
}

static void each_word(struct resolv *names, const char *value,
                      void (*one)(struct resolv *names, const char *word))
{
	auto_free char *copy = xstrdup(value);
	char *rest = NULL;

	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		one(names, w);
}

/* "nd1_rdnss1_servers": what a router told, each by its number. */
static bool is_routers(const char *key, const char *middle, const char *end)
{
	const char *at = strncmp(key, "nd", 2) ? NULL : strstr(key, middle);
	size_t n = strlen(key), m = strlen(end);

	return at && n > m && !strcmp(key + n - m, end);
}

static void read_variable(struct dhcp_told *t, const char *key, const char *value)
{
	if (!strcmp(key, "protocol"))
		snprintf(t->protocol, sizeof(t->protocol), "%s", value);
	else if (!strcmp(key, "if_up"))
		t->up = !strcmp(value, "true");
	else if (!strcmp(key, "new_domain_name_servers") ||
	         !strcmp(key, "new_dhcp6_name_servers") || is_routers(key, "_rdnss", "_servers"))
		each_word(&t->names, value, add_server);
	else if (!strcmp(key, "new_domain_search") || !strcmp(key, "new_dhcp6_domain_search") ||
	         is_routers(key, "_dnssl", "_search"))
		each_word(&t->names, value, resolv_add_domain);
}

bool dhcp_hook_read(char *const *environment, struct dhcp_told *t)
{
	memset(t, 0, sizeof(*t));
	for (; *environment; environment++) {
		const char *value = strchr(*environment, '=');
		char key[64];

		if (!value || value - *environment >= (int)sizeof(key))
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)(value - *environment), *environment);
		read_variable(t, key, value + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (!strcmp(t->protocol, protocols[i]))
			return true;
	return false;
}

/* ---- what becomes of it --------------------------------------------------------------------- */

static int write_part(const char *dir, const struct dhcp_told *t, struct err *e)
{
	auto_free char *path = xasprintf("%s/dhcp.%s", dir, t->protocol);
	auto_buf struct buf b = { 0 };

	if (t->up)
		resolv_print(&t->names, &b);
	if (b.len)
		return file_settle(path, b.data, b.len, 0644, e);
	return unlink(path) < 0 && errno != ENOENT
	               ? err_set(e, errno, "%s: %s", path, strerror(errno))
	               : 0;
}

/* One list of all: of several lines of domains, resolvers read the last alone. */
static int join_parts(const char *dir, struct err *e)
{
	auto_free char *path = xasprintf("%s/resolv.conf", dir);
	auto_buf struct buf b = { 0 };
	struct resolv all = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		auto_free char *part = xasprintf("%s/dhcp.%s", dir, protocols[i]);
		auto_buf struct buf one = { 0 };

		if (file_read(part, PART_MAX, &one, e) == 0)
			resolv_add_text(&all, one.data);
		else if (e->code != ENOENT)
			return -e->code;
	}
	resolv_print(&all, &b);
	return file_settle(path, b.len ? b.data : "", b.len, 0644, e);
}

int dhcp_hook_main(void)
{
	const char *dir = getenv(DHCP_HOOK_DIR);
	struct dhcp_told t;
	struct err e = { 0 };

	if (!dir || !dhcp_hook_read(environ, &t))
		return 0;
	if (file_make_dirs(dir, 0755, &e) || write_part(dir, &t, &e) || join_parts(dir, &e)) {
		fprintf(stderr, DHCP_HOOK_NAME ": %s\n", e.text);
		return 1;
	}
	return 0;
}
