/* conf_node.c - readers of the keys of a machine's own network, and of [init]: see conf_read.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>

#include "conf_read.h"

/* ---- the uplink ----------------------------------------------------------------------------- */

static bool is_host(const struct ip *ip)
{
	bool multicast = ip->len == 4 ? ip->b[0] >= 224 : ip->b[0] == 0xff;

	return !ip_is_any(ip) && !ip_is_loopback(ip) && !multicast;
}

/* ADDRESS/LENGTH: what cidr_parse reads, with the bits of the host. */
static const char *one_address(void *arg, char *item)
{
	static const char want[] = "dhcp, slaac, or addresses like 192.0.2.7/24, 2001:db8::7/64";
	struct conf_cidrs *list = arg;
	struct cidr c;
	char *slash = strchr(item, '/');

	if (list->n == CONF_CIDRS)
		return "at most 8 addresses";
	if (!slash || !cidr_parse(&c, item) || !c.bits)
		return want;
	*slash = 0;
	if (!ip_parse(&c.ip, item) || !is_host(&c.ip))
		return want;
	list->v[list->n++] = c;
	return NULL;
}

const char *conf_read_uplink(void *field, size_t size, const char *value)
{
	(void)field;
	(void)size;
	conf.node.uplink_at.n = 0;
	conf.node.uplink = CONF_UPLINK_NONE;
	if (!*value)
		return NULL;
	if (!strcmp(value, "dhcp"))
		conf.node.uplink = CONF_UPLINK_DHCP;
	else if (!strcmp(value, "slaac"))
		conf.node.uplink = CONF_UPLINK_SLAAC;
	else
		conf.node.uplink = CONF_UPLINK_STATIC;
	return conf.node.uplink == CONF_UPLINK_STATIC
	               ? conf_each_item(value, one_address, &conf.node.uplink_at)
	               : NULL;
}

const char *conf_read_link(void *field, size_t size, const char *value)
{
	if (!*value || strlen(value) >= size || strpbrk(value, "/ \t"))
		return "auto, or a link's name like eth0";
	strcpy(field, value);
	return NULL;
}

static const char *one_gateway(void *arg, char *item)
{
	struct ip *gateways = arg, ip;

	if (!ip_parse(&ip, item) || !is_host(&ip))
		return "addresses of routers like 192.0.2.1, fe80::1";
	if (gateways[ip.len == 16].len)
		return "at most one address for each of IPv4 and IPv6";
	gateways[ip.len == 16] = ip;
	return NULL;
}

const char *conf_read_gateways(void *field, size_t size, const char *value)
{
	memset(field, 0, size);
	return conf_each_item(value, one_gateway, field);
}

static const char *one_nameserver(void *arg, char *item)
{
	struct conf_ips *list = arg;

	if (list->n == CONF_NAMESERVERS)
		return "at most 4 addresses";
	if (!ip_parse(&list->v[list->n], item) || ip_is_any(&list->v[list->n]))
		return "addresses of name servers like 192.0.2.53, 2001:db8::53";
	list->n++;
	return NULL;
}

const char *conf_read_nameservers(void *field, size_t size, const char *value)
{
	memset(field, 0, size);
	return conf_each_item(value, one_nameserver, field);
}

static bool has_family(uint8_t family)
{
	for (unsigned i = 0; i < conf.node.uplink_at.n; i++)
		if (conf.node.uplink_at.v[i].ip.len == family)
			return true;
	return false;
}

int conf_settle_uplink(struct err *e)
{
	static const uint8_t families[] = { 4, 16 };
	char text[IP_TEXT];

	for (unsigned i = 0; i < ARRAY_LEN(families); i++)
		if (conf.node.gateways[i].len && !has_family(families[i]))
			return err_set(e, EINVAL,
			               "[node] gateways: %s needs an address of its family in "
			               "[node] uplink",
			               ip_text(&conf.node.gateways[i], text));
	return 0;
}

/* ---- the first process ---------------------------------------------------------------------- */

/* The next word; one that does not fit or is not there: false. */
static bool take_word(const char **rest, char *out, size_t size)
{
	size_t n;

	*rest += strspn(*rest, " \t");
	n = strcspn(*rest, " \t");
	if (!n || n >= size)
		return false;
	memcpy(out, *rest, n);
	out[n] = 0;
	*rest += n;
	*rest += strspn(*rest, " \t");
	return true;
}

static bool read_mount(struct conf_mount *m, const char *rest)
{
	return take_word(&rest, m->source, sizeof(m->source)) &&
	       take_word(&rest, m->target, sizeof(m->target)) &&
	       (!*rest || take_word(&rest, m->type, sizeof(m->type))) &&
	       (!*rest || take_word(&rest, m->options, sizeof(m->options))) && !*rest;
}

/* Each time the key stands there it adds one. */
const char *conf_read_mount(void *field, size_t size, const char *value)
{
	struct conf_mount m = { .type = "ext4" };

	(void)field;
	(void)size;
	if (!*value)
		return NULL;
	if (conf.init.n_mounts == CONF_INIT)
		return "at most 8 of them";
	if (!read_mount(&m, value) || m.target[0] != '/' || !m.target[1] ||
	    (m.source[0] != '/' && strncmp(m.source, "LABEL=", 6) != 0))
		return "SOURCE TARGET [TYPE [OPTIONS]], SOURCE a device or LABEL=NAME";
	conf.init.mounts[conf.init.n_mounts++] = m;
	return NULL;
}

const char *conf_read_run(void *field, size_t size, const char *value)
{
	(void)field;
	(void)size;
	if (!*value)
		return NULL;
	if (conf.init.n_runs == CONF_INIT)
		return "at most 8 of them";
	if (value[0] != '/' || strlen(value) >= sizeof(conf.init.runs[0]))
		return "the absolute path of a program, and its arguments";
	strcpy(conf.init.runs[conf.init.n_runs++], value);
	return NULL;
}

const char *conf_read_console(void *field, size_t size, const char *value)
{
	if (strlen(value) >= size ||
	    (value[0] != '/' && strcmp(value, "no") != 0 && strcmp(value, "rescue") != 0))
		return "no, rescue, or the absolute path of a program";
	strcpy(field, value);
	return NULL;
}
