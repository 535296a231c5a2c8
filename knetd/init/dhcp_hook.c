/* dhcp_hook.c - knetd as dhcpcd's hook: writes <run_dir>/resolv.conf, where /etc/resolv.conf leads
 * to. DHCP, DHCPv6 and router advertisements each tell servers at their own time, and take them
 * back: what each told stays in a file, and all of them make the result.
 *
 * Everything here comes from the network. Nothing of it is text for a shell, as there is none; what
 * is not an address or a name by its letters is left out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/file.h>
#include <knetd/init.h>

#include "dhcp_hook.h"

#define PART_MAX 4096

static const char *const protocols[] = { "dhcp", "dhcp6", "ra" };

/* ---- reading -------------------------------------------------------------------------------- */

static void add_server(struct dhcp_told *t, const char *word)
{
	struct ip ip;

	/* link-local ones would need the link's name, which resolv.conf's readers do not all know
	 */
	if (t->n < DHCP_SERVERS && ip_parse(&ip, word) && !ip_is_any(&ip) &&
	    !(ip.len == 16 && ip_is_link_local(&ip)) && !ip_is_in(&ip, t->servers, t->n))
		t->servers[t->n++] = ip;
}

static bool is_name(const char *word)
{
	size_t n = strlen(word);

	return n && n < 254 && word[0] != '.' && word[0] != '-' &&
	       word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                         "0123456789.-_")] == 0;
}

static void add_domain(struct dhcp_told *t, const char *word)
{
	size_t n = strlen(t->search);

	if (is_name(word) && n + 1 + strlen(word) < sizeof(t->search))
		snprintf(t->search + n, sizeof(t->search) - n, " %s", word);
}

static void set_host(struct dhcp_told *t, const char *word)
{
	if (is_name(word) && strlen(word) < sizeof(t->host))
		strcpy(t->host, word);
}

static void each_word(struct dhcp_told *t, const char *value,
                      void (*one)(struct dhcp_told *t, const char *word))
{
	auto_free char *copy = xstrdup(value);
	char *rest = NULL;

	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		one(t, w);
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
		each_word(t, value, add_server);
	else if (!strcmp(key, "new_domain_search") || !strcmp(key, "new_dhcp6_domain_search") ||
	         is_routers(key, "_dnssl", "_search"))
		each_word(t, value, add_domain);
	else if (!strcmp(key, "new_host_name"))
		set_host(t, value);
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
	char text[IP_TEXT];

	for (unsigned i = 0; t->up && i < t->n; i++)
		buf_printf(&b, "nameserver %s\n", ip_text(&t->servers[i], text));
	if (t->up && t->search[0])
		buf_printf(&b, "search%s\n", t->search);
	if (b.len)
		return file_settle(path, b.data, b.len, 0644, e);
	return unlink(path) < 0 && errno != ENOENT
	               ? err_set(e, errno, "%s: %s", path, strerror(errno))
	               : 0;
}

static int join_parts(const char *dir, struct err *e)
{
	auto_free char *path = xasprintf("%s/resolv.conf", dir);
	auto_buf struct buf b = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		auto_free char *part = xasprintf("%s/dhcp.%s", dir, protocols[i]);
		auto_buf struct buf one = { 0 };

		if (file_read(part, PART_MAX, &one, e) == 0)
			buf_add(&b, one.data, one.len);
		else if (e->code != ENOENT)
			return -e->code;
	}
	return file_settle(path, b.len ? b.data : "", b.len, 0644, e);
}

/* A machine whose configuration names it has that name already. */
static void name_host(const struct dhcp_told *t)
{
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	if (t->up && t->host[0] && !strcmp(name, "knetd") &&
	    sethostname(t->host, strlen(t->host)) < 0)
		fprintf(stderr, DHCP_HOOK_NAME ": host name: %m\n");
}

int dhcp_hook_main(void)
{
	const char *dir = getenv(DHCP_HOOK_DIR);
	struct dhcp_told t;
	struct err e = { 0 };

	if (!dir || !dhcp_hook_read(environ, &t))
		return 0;
	mkdir(dir, 0755); /* knetd may not have come to it yet */
	if (write_part(dir, &t, &e) || join_parts(dir, &e)) {
		fprintf(stderr, DHCP_HOOK_NAME ": %s\n", e.text);
		return 1;
	}
	name_host(&t);
	return 0;
}
