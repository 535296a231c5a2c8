/* conf.c - see conf.h. One table says which keys exist and how each value is read; inih reads the
 * file. A key's reader returns NULL when the value is good, else what it should have been. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include <knetd/auto.h>
#include <knetd/conf.h>

#include "conf_read.h"

struct conf conf;

struct key {
	const char *section, *name;
	const char *(*read)(void *field, size_t size, const char *value);
	void *field;
	size_t size;
	const char *standard; /* the default, as one would write it */
	bool live;            /* may change while the daemon runs */
};

/* ---- readers of values ---------------------------------------------------------------------- */

static const char *read_text(void *field, size_t size, const char *value)
{
	if (strlen(value) >= size)
		return "a shorter value";
	strcpy(field, value);
	return NULL;
}

static const char *read_path(void *field, size_t size, const char *value)
{
	if (value[0] != '/')
		return "an absolute path";
	return read_text(field, size, value);
}

static const char *read_path_or_none(void *field, size_t size, const char *value)
{
	return *value ? read_path(field, size, value) : read_text(field, size, value);
}

static const char *read_bool(void *field, size_t size, const char *value)
{
	(void)size;
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return "yes or no";
	*(bool *)field = value[0] == 'y';
	return NULL;
}

static const char *read_log_level(void *field, size_t size, const char *value)
{
	(void)size;
	for (unsigned i = 0; i < LOG_LEVELS; i++)
		if (!strcmp(value, log_level_name[i])) {
			*(enum log_level *)field = i;
			return NULL;
		}
	return "err, warn, info or debug";
}

/* A decimal number of at most max, "0" to "max"; false on anything else. */
static bool number(const char *s, unsigned long max, unsigned long *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoul(s, &end, 10);
	return !*end && !errno && *out <= max;
}

static const char *read_workers(void *field, size_t size, const char *value)
{
	unsigned long n = sysconf(_SC_NPROCESSORS_ONLN);

	(void)size;
	if (strcmp(value, "auto") != 0 && (!number(value, 64, &n) || n < 1))
		return "auto or 1 to 64";
	*(unsigned *)field = n > 64 ? 64 : n;
	return NULL;
}

static const char *read_mtu(void *field, size_t size, const char *value)
{
	unsigned long n = 0;

	(void)size;
	if (strcmp(value, "auto") != 0 && (!number(value, 65535, &n) || n < 1280))
		return "auto or 1280 to 65535";
	*(unsigned *)field = n;
	return NULL;
}

static const char *read_port(void *field, size_t size, const char *value)
{
	unsigned long n;

	(void)size;
	if (!*value)
		n = 0;
	else if (!number(value, 65535, &n))
		return "a port from 1 to 65535, or nothing for off";
	*(uint16_t *)field = n;
	return NULL;
}

static const char *read_seconds(void *field, size_t size, const char *value)
{
	unsigned long n;

	(void)size;
	if (!number(value, 3600, &n) || !n)
		return "seconds from 1 to 3600";
	*(uint16_t *)field = n;
	return NULL;
}

static const char *read_ttl(void *field, size_t size, const char *value)
{
	unsigned long n;

	(void)size;
	if (!number(value, 3600, &n))
		return "seconds from 0 to 3600";
	*(uint16_t *)field = n;
	return NULL;
}

static const char *read_metrics(void *field, size_t size, const char *value)
{
	unsigned long n;

	(void)size;
	if (!number(value, 10000, &n))
		return "a number of Services from 0 to 10000";
	*(unsigned *)field = n;
	return NULL;
}

static const char *read_cache_ttl(void *field, size_t size, const char *value)
{
	unsigned long n;

	(void)size;
	if (!number(value, 86400, &n))
		return "seconds from 0 to 86400";
	*(uint32_t *)field = (uint32_t)n;
	return NULL;
}

/* A number and one of the letters, each of which multiplies it. */
static bool number_with_unit(const char *s, const char *letters, const unsigned long *factors,
                             unsigned long max, unsigned long *out)
{
	char digits[12] = { 0 };
	size_t n = strlen(s);
	const char *unit = n ? strchr(letters, s[n - 1]) : NULL;

	if (!n || n > sizeof(digits) - 1)
		return false;
	memcpy(digits, s, unit ? n - 1 : n);
	if (!number(digits, max, out))
		return false;
	*out *= unit ? factors[unit - letters] : 1;
	return *out <= max;
}

static const char *read_cache_size(void *field, size_t size, const char *value)
{
	static const unsigned long factors[] = { 1024, 1024 * 1024 };
	unsigned long n;

	(void)size;
	if (!number_with_unit(value, "KM", factors, 256ul << 20, &n) || n < 64 * 1024)
		return "bytes from 64K to 256M";
	*(uint32_t *)field = (uint32_t)n;
	return NULL;
}

static const char *read_stale(void *field, size_t size, const char *value)
{
	static const unsigned long factors[] = { 1, 60, 3600, 86400 };
	unsigned long n;

	(void)size;
	if (!number_with_unit(value, "smhd", factors, 7 * 86400, &n))
		return "a time like 30m, 12h, 1d, at most 7d, or 0";
	*(uint32_t *)field = (uint32_t)n;
	return NULL;
}

static const char *read_node_ports(void *field, size_t size, const char *value)
{
	uint16_t *range = field;
	unsigned first, last;
	int end = 0;

	(void)size;
	if (sscanf(value, "%5u-%5u%n", &first, &last, &end) != 2 || value[end] || !first ||
	    last > 65535 || first > last)
		return "FIRST-LAST, ports from 1 to 65535";
	range[0] = first;
	range[1] = last;
	return NULL;
}

static const char *read_masquerade(void *field, size_t size, const char *value)
{
	static const char *const words[] = {
		[CONF_MASQUERADE_STANDARD] = "standard",
		[CONF_MASQUERADE_ALL] = "all",
		[CONF_MASQUERADE_NEEDED] = "needed",
	};

	(void)size;
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(value, words[i])) {
			*(enum conf_masquerade *)field = i;
			return NULL;
		}
	return "standard, all or needed";
}

static const char *read_pods(void *field, size_t size, const char *value)
{
	static const char *const words[] = {
		[CONF_PODS_INSECURE] = "insecure",
		[CONF_PODS_VERIFIED] = "verified",
		[CONF_PODS_DISABLED] = "disabled",
	};

	(void)size;
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(value, words[i])) {
			*(enum conf_pods *)field = i;
			return NULL;
		}
	return "insecure, verified or disabled";
}

/* Calls one for each item of a comma-separated list, blanks around items dropped. */
const char *conf_each_item(const char *value, const char *(*one)(void *arg, char *item), void *arg)
{
	auto_free char *copy = xstrdup(value);
	const char *want;
	char *save = NULL;

	for (char *item = strtok_r(copy, ", \t", &save); item; item = strtok_r(NULL, ", \t", &save))
		if ((want = one(arg, item)))
			return want;
	return NULL;
}

static const char *one_cidr(void *arg, char *item)
{
	struct conf_cidrs *list = arg;

	if (list->n == CONF_CIDRS)
		return "at most 8 ranges";
	if (!cidr_parse(&list->v[list->n], item))
		return "ranges like 10.244.0.0/24, fd00:10:244::/64";
	list->n++;
	return NULL;
}

static const char *read_cidrs(void *field, size_t size, const char *value)
{
	(void)size;
	((struct conf_cidrs *)field)->n = 0;
	return conf_each_item(value, one_cidr, field);
}

/* Where nobody is a stranger: RFC 1918, 6598, 3927, 4193, and IPv6's link-local addresses. */
static const char *const private_ranges[] = { "10.0.0.0/8",    "172.16.0.0/12",  "192.168.0.0/16",
	                                      "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
	                                      "fe80::/10" };

static const char *one_allowed(void *arg, char *item)
{
	struct conf_allow *list = arg;
	const char *want = NULL;

	if (!strcmp(item, "*")) {
		list->any = true;
		return NULL;
	}
	if (!strcmp(item, "private")) {
		for (unsigned i = 0; i < ARRAY_LEN(private_ranges) && !want; i++) {
			char range[CIDR_TEXT];

			snprintf(range, sizeof(range), "%s", private_ranges[i]);
			want = one_allowed(arg, range);
		}
		return want;
	}
	if (list->n == CONF_DNS_ALLOW)
		return "at most 32 ranges";
	if (!cidr_parse(&list->v[list->n], item))
		return "*, private, or ranges like 203.0.113.0/24";
	list->n++;
	return NULL;
}

static const char *read_allow(void *field, size_t size, const char *value)
{
	memset(field, 0, size);
	return conf_each_item(value, one_allowed, field);
}

static const char *read_rate_limit(void *field, size_t size, const char *value)
{
	unsigned long n;

	(void)size;
	if (!number(value, 100000, &n))
		return "answers a second from 0 to 100000";
	*(uint32_t *)field = (uint32_t)n;
	return NULL;
}

static const char *read_node_port_addresses(void *field, size_t size, const char *value)
{
	(void)field;
	(void)size;
	conf.service.node_port_at.n = 0;
	conf.service.node_port_primary = !strcmp(value, "primary");
	if (!*value)
		return "all, primary, or ranges like 192.168.0.0/16";
	if (!strcmp(value, "all") || conf.service.node_port_primary)
		return NULL;
	return conf_each_item(value, one_cidr, &conf.service.node_port_at);
}

static const char *one_outbound(void *arg, char *item)
{
	struct ip *addresses = arg, ip;

	if (!ip_parse(&ip, item) || !range_is_unicast(&(struct ip_range){ ip, ip }))
		return "an address of the node like 192.0.2.7, 2001:db8::7";
	if (addresses[ip.len == 16].len)
		return "at most one address for each of IPv4 and IPv6";
	addresses[ip.len == 16] = ip;
	return NULL;
}

static const char *read_outbound(void *field, size_t size, const char *value)
{
	memset(field, 0, size);
	return conf_each_item(value, one_outbound, field);
}

static const char *one_range(void *arg, char *item)
{
	struct conf_ranges *list = arg;

	if (list->n == CONF_RANGES)
		return "at most 32 items";
	if (!range_parse(&list->v[list->n], item))
		return "addresses and ranges like 10.244.0.9, 10.244.0.10-10.244.0.20, "
		       "10.244.0.64/26";
	list->n++;
	return NULL;
}

static const char *read_ranges(void *field, size_t size, const char *value)
{
	(void)size;
	((struct conf_ranges *)field)->n = 0;
	return conf_each_item(value, one_range, field);
}

/* Service ranges: at most one a family. */
static const char *read_service_cidrs(void *field, size_t size, const char *value)
{
	struct conf_cidrs *list = field;
	const char *want = read_cidrs(field, size, value);

	if (!want && (list->n > 2 || (list->n == 2 && list->v[0].ip.len == list->v[1].ip.len)))
		want = "at most one range for each of IPv4 and IPv6";
	return want;
}

static const char *one_endpoint(void *arg, char *item)
{
	struct conf_endpoints *list = arg;

	if (list->n == CONF_ADDRS)
		return "at most 16 addresses";
	if (!endpoint_parse(&list->v[list->n], item))
		return "ADDRESS:PORT, IPv6 in brackets";
	list->n++;
	return NULL;
}

static const char *read_endpoints(void *field, size_t size, const char *value)
{
	(void)size;
	((struct conf_endpoints *)field)->n = 0;
	return conf_each_item(value, one_endpoint, field);
}

static const char *read_loopback(void *field, size_t size, const char *value)
{
	struct conf_endpoints *list = field;
	const char *want = read_endpoints(field, size, value);

	for (unsigned i = 0; !want && i < list->n; i++)
		if (!ip_is_loopback(&list->v[i].ip))
			want = "a loopback address: this door asks nobody who they are";
	return want;
}

/* An address alone; its port is the DNS port. */
static const char *one_dns_address(void *arg, char *item)
{
	struct conf_endpoints *list = arg;

	if (list->n == 2)
		return "at most two addresses";
	if (!ip_parse(&list->v[list->n].ip, item))
		return "auto or addresses like 10.96.0.10";
	list->v[list->n++].port = 53;
	return NULL;
}

static const char *read_dns_address(void *field, size_t size, const char *value)
{
	(void)size;
	((struct conf_endpoints *)field)->n = 0;
	if (!strcmp(value, "auto")) /* settled when the Service ranges are known */
		return NULL;
	return conf_each_item(value, one_dns_address, field);
}

static const char *read_domain(void *field, size_t size, const char *value)
{
	size_t label = 0;
	char *out = field;

	if (!*value || strlen(value) >= size)
		return "a domain like cluster.local";
	for (; *value && !(*value == '.' && !value[1]); value++) {
		char c = *value >= 'A' && *value <= 'Z' ? *value + 32 : *value;

		if (c == '.' ? !label
		             : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return "a domain like cluster.local";
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return "labels of at most 63 characters";
		*out++ = c;
	}
	*out = 0;
	return label ? NULL : "a domain like cluster.local";
}

static const char *one_upstream(void *arg, char *item)
{
	return upstreams_add(arg, item);
}

/* "/etc/resolv.conf" names a file to follow, anything else the upstreams themselves. */
static const char *read_upstreams(void *field, size_t size, const char *value)
{
	(void)field;
	(void)size;
	memset(&conf.dns.upstreams, 0, sizeof(conf.dns.upstreams));
	conf.dns.upstreams_file = value[0] == '/';
	if (conf.dns.upstreams_file)
		return read_text(conf.dns.resolv_conf, sizeof(conf.dns.resolv_conf), value);
	return conf_each_item(value, one_upstream, &conf.dns.upstreams);
}

const char *const conf_logged_name[CONF_LOGGED] = { "no", "errors", "all" };

static const char *read_logged(void *field, size_t size, const char *value)
{
	(void)size;
	for (unsigned i = 0; i < CONF_LOGGED; i++)
		if (!strcmp(value, conf_logged_name[i])) {
			*(enum conf_logged *)field = i;
			return NULL;
		}
	return "no, errors or all";
}

static const char *read_policy(void *field, size_t size, const char *value)
{
	static const char *const words[] = {
		[CONF_DNS_SEQUENTIAL] = "sequential",
		[CONF_DNS_RANDOM] = "random",
		[CONF_DNS_ROUND_ROBIN] = "round_robin",
	};

	(void)size;
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(value, words[i])) {
			*(enum conf_dns_policy *)field = i;
			return NULL;
		}
	return "sequential, random or round_robin";
}

/* "DOMAIN UPSTREAM [UPSTREAM ...]" */
static const char *one_stub(struct stub_domains *stubs, char *text)
{
	char *save = NULL, *word = strtok_r(text, " \t", &save);
	const char *want = word ? stubs_add(stubs, word) : NULL;

	if (!word || want)
		return want;
	while (!want && (word = strtok_r(NULL, " \t", &save)))
		want = stubs_add_upstream(stubs, word);
	if (!want && !stubs->v[stubs->n - 1].n)
		want = "DOMAIN ADDRESS [ADDRESS ...], with commas between domains";
	return want;
}

/* Each time the key stands there it adds some. */
static const char *read_stubs(void *field, size_t size, const char *value)
{
	auto_free char *copy = xstrdup(value);
	char *save = NULL;
	const char *want;

	(void)size;
	for (char *item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save))
		if ((want = one_stub(field, item)))
			return want;
	return NULL;
}

/* A list that may be long: the key may stand more than once. */
static const char *read_more(void *field, size_t size, const char *value)
{
	char *text = field;
	size_t n = strlen(text);

	if (!*value)
		return NULL;
	if (n + 1 + strlen(value) >= size)
		return "a shorter list";
	snprintf(text + n, size - n, "%s%s", n ? "," : "", value);
	return NULL;
}

static const char *one_path(void *arg, char *item)
{
	(void)arg;
	return *item == '/' ? NULL : "absolute paths of files or directories";
}

static const char *read_paths(void *field, size_t size, const char *value)
{
	const char *want = conf_each_item(value, one_path, NULL);

	return want ? want : read_more(field, size, value);
}

static const char *read_object_name(void *field, size_t size, const char *value)
{
	const char *slash = strchr(value, '/');

	if (*value && (!slash || slash == value || !slash[1] || strchr(slash + 1, '/')))
		return "NAMESPACE/NAME, or nothing";
	return read_text(field, size, value);
}

static const char *one_whole_address(void *arg, char *item)
{
	struct conf_cidrs *list = arg;

	if (list->n == CONF_CIDRS)
		return "at most 8 addresses";
	if (!ip_parse(&list->v[list->n].ip, item))
		return "* or addresses";
	list->v[list->n].bits = list->v[list->n].ip.len * 8;
	list->n++;
	return NULL;
}

static const char *read_ingress_addresses(void *field, size_t size, const char *value)
{
	(void)field;
	(void)size;
	conf.ingress.addresses.n = 0;
	conf.ingress.any_address = !strcmp(value, "*");
	if (conf.ingress.any_address)
		return NULL;
	return conf_each_item(value, one_whole_address, &conf.ingress.addresses);
}

static const char *one_pool(void *arg, char *item)
{
	struct conf_ranges *list = &conf.lb.pools;

	(void)arg;
	if (!strcmp(item, "node")) {
		conf.lb.node = true;
		return NULL;
	}
	if (list->n == CONF_RANGES)
		return "at most 32 items";
	if (!range_parse(&list->v[list->n], item) || !range_is_unicast(&list->v[list->n]))
		return "unicast addresses like 192.0.2.240-192.0.2.250, 2001:db8::100/120, or node";
	list->n++;
	return NULL;
}

static const char *read_pools(void *field, size_t size, const char *value)
{
	(void)field;
	(void)size;
	memset(&conf.lb.pools, 0, sizeof(conf.lb.pools));
	conf.lb.node = false;
	return conf_each_item(value, one_pool, NULL);
}

static const char *one_link(void *arg, char *item)
{
	struct conf_links *list = arg;

	if (list->n == CONF_LINKS)
		return "at most 16 links";
	if (strlen(item) >= sizeof(list->v[0]) || strchr(item, '/') || !strcmp(item, "auto") ||
	    !strcmp(item, "none"))
		return "auto, none, or names of links like eth0, ens*";
	strcpy(list->v[list->n++], item);
	return NULL;
}

static const char *read_links(void *field, size_t size, const char *value)
{
	struct conf_links *list = field;

	memset(list, 0, size);
	list->automatic = !strcmp(value, "auto");
	list->none = !strcmp(value, "none");
	if (list->automatic || list->none)
		return NULL;
	return *value ? conf_each_item(value, one_link, list)
	              : "auto, none, or names of links like eth0, ens*";
}

/* ---- the keys ------------------------------------------------------------------------------- */

// clang-format off
#define KEY(section, name, reader, standard) \
	{ #section, #name, reader, &conf.section.name, sizeof(conf.section.name), standard, false }
#define LIVE_KEY(section, name, reader, standard) \
	{ #section, #name, reader, &conf.section.name, sizeof(conf.section.name), standard, true }
// clang-format on

static const struct key keys[] = {
	KEY(node, name, read_text, ""),
	KEY(node, state_dir, read_path, "/var/lib/knetd"),
	KEY(node, run_dir, read_path, "/run/knetd"),
	KEY(node, manifests, read_path, "/etc/knetd/manifests"),
	KEY(node, log_level, read_log_level, "info"),
	KEY(node, workers, read_workers, "auto"),
	{ "node", "uplink", conf_read_uplink, NULL, 0, "", false },
	KEY(node, uplink_link, conf_read_link, "auto"),
	KEY(node, gateways, conf_read_gateways, ""),
	KEY(node, nameservers, conf_read_nameservers, ""),
	KEY(api, socket, read_text, ""),
	KEY(api, socket_group, read_text, "knetd"),
	KEY(api, insecure_listen, read_loopback, ""),
	KEY(api, event_ttl, read_seconds, "3600"),
	KEY(api, listen, read_endpoints, "127.0.0.1:6443"),
	KEY(api, names, read_text, ""),
	KEY(api, cert, read_path_or_none, ""),
	KEY(api, key, read_path_or_none, ""),
	KEY(podnet, cidrs, read_cidrs, "10.244.0.0/24,fd00:10:244::/64"),
	KEY(podnet, reserved, read_ranges, ""),
	KEY(podnet, mtu, read_mtu, "auto"),
	KEY(podnet, masquerade, read_bool, "yes"),
	KEY(podnet, flow_tables, read_bool, "no"),
	KEY(podnet, masquerade_except, read_cidrs, ""),
	KEY(podnet, outbound, read_outbound, ""),
	KEY(service, cidrs, read_service_cidrs, "10.96.0.0/16,fd00:10:96::/112"),
	{ "service", "node_ports", read_node_ports, &conf.service.node_port_first, 0, "30000-32767",
	  false },
	KEY(service, healthz, read_endpoints, ""),
	{ "service", "node_port_addresses", read_node_port_addresses, NULL, 0, "all", false },
	KEY(service, node_port_localhost, read_bool, "no"),
	KEY(service, external_ips, read_bool, "no"),
	KEY(service, masquerade, read_masquerade, "standard"),
	KEY(service, metrics, read_metrics, "1000"),
	KEY(dns, domain, read_domain, "cluster.local"),
	KEY(dns, address, read_dns_address, "auto"),
	KEY(dns, listen, read_endpoints, ""),
	KEY(dns, allow, read_allow, "private"),
	KEY(dns, ttl, read_ttl, "5"),
	KEY(dns, pods, read_pods, "insecure"),
	KEY(dns, autopath, read_bool, "yes"),
	{ "dns", "upstreams", read_upstreams, NULL, 0, "/etc/resolv.conf", false },
	KEY(dns, policy, read_policy, "sequential"),
	{ "dns", "stub_domains", read_stubs, &conf.dns.stubs, sizeof(conf.dns.stubs), "", false },
	KEY(dns, tls_ca, read_path_or_none, "/etc/ssl/certs/ca-certificates.crt"),
	KEY(dns, hosts, read_path_or_none, ""),
	KEY(dns, rewrite, read_more, ""),
	KEY(dns, zones, read_paths, ""),
	KEY(dns, config_map, read_object_name, "kube-system/kube-dns"),
	KEY(dns, cache_ttl, read_cache_ttl, "3600"),
	KEY(dns, cache_deny_ttl, read_cache_ttl, "1800"),
	KEY(dns, cache_size, read_cache_size, "4M"),
	KEY(dns, prefetch, read_bool, "yes"),
	KEY(dns, serve_stale, read_stale, "1d"),
	KEY(dns, rate_limit, read_rate_limit, "200"),
	KEY(dns, log, read_logged, "no"),
	{ "ingress", "addresses", read_ingress_addresses, NULL, 0, "*", false },
	KEY(ingress, http, read_port, "80"),
	KEY(ingress, https, read_port, "443"),
	KEY(ingress, timeout, read_seconds, "60"),
	LIVE_KEY(ingress, access_log, read_logged, "no"),
	KEY(ingress, trusted, read_cidrs, ""),
	KEY(ingress, proxy_protocol, read_bool, "no"),
	{ "lb", "pools", read_pools, NULL, 0, "", false },
	KEY(lb, announce, read_links, "auto"),
	KEY(policy, enabled, read_bool, "yes"),
	KEY(policy, log, read_bool, "no"),
	KEY(init, modules, read_path_or_none, "/modules"),
	{ "init", "mount", conf_read_mount, NULL, 0, "", false },
	{ "init", "run", conf_read_run, NULL, 0, "", false },
	KEY(init, console, conf_read_console, "no"),
};

/* Keys of the contract whose feature is not in this version. Their default may stand in a file; a
 * wish for the feature is refused, so that nobody believes it is there. */
static const struct later {
	const char *section, *name, *standard;
} later[] = {
	{ "kube", "kubeconfig", "" },
};

struct reading {
	const char *path; /* line 0: of no file, but a parameter */
	struct err *e;
};

static int refuse(struct reading *r, int line, const char *section, const char *name,
                  const char *text)
{
	if (r->e->code)
		return 0;
	if (line)
		err_set(r->e, EINVAL, "%s:%d: [%s] %s: %s", r->path, line, section, name, text);
	else
		err_set(r->e, EINVAL, "knetd.%s.%s: %s", section, name, text);
	return 0;
}

static int read_key(struct reading *r, int line, const struct key *k, const char *value)
{
	const char *want = k->read(k->field, k->size, value);
	char text[200];

	if (!want)
		return 1;
	snprintf(text, sizeof(text), "\"%.60s\" is wrong here: %s is expected", value, want);
	return refuse(r, line, k->section, k->name, text);
}

static int read_later(struct reading *r, int line, const struct later *k, const char *value)
{
	char text[160];

	if (!strcmp(value, k->standard))
		return 1;
	snprintf(text, sizeof(text),
	         "is not supported by this version; leave it out or set it to \"%s\"", k->standard);
	return refuse(r, line, k->section, k->name, text);
}

static int on_key(void *user, const char *section, const char *name, const char *value, int line)
{
	struct reading *r = user;
	bool known = false;

	for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
		bool here = !strcmp(keys[i].section, section);

		known |= here;
		if (here && !strcmp(keys[i].name, name))
			return read_key(r, line, &keys[i], value);
	}
	for (unsigned i = 0; i < ARRAY_LEN(later); i++) {
		bool here = !strcmp(later[i].section, section);

		known |= here;
		if (here && !strcmp(later[i].name, name))
			return read_later(r, line, &later[i], value);
	}
	return refuse(r, line, section, name, known ? "unknown key" : "unknown section");
}

/* ---- what follows from other keys ----------------------------------------------------------- */

static int settle_name(struct err *e)
{
	if (conf.node.name[0])
		return 0;
	if (gethostname(conf.node.name, sizeof(conf.node.name) - 1) < 0)
		return err_set(e, errno, "[node] name: the host has no usable name: %s",
		               strerror(errno));
	return 0;
}

/* The 10th address of each Service range, as every cluster has it. */
static void settle_dns_address(bool automatic)
{
	if (!automatic)
		return;
	for (unsigned i = 0; i < conf.service.cidrs.n; i++) {
		struct endpoint *ep = &conf.dns.address.v[conf.dns.address.n];

		if (cidr_nth(&conf.service.cidrs.v[i], 10, &ep->ip)) {
			ep->port = 53;
			conf.dns.address.n++;
		}
	}
}

static int check_overlap(struct err *e)
{
	char a[CIDR_TEXT], b[CIDR_TEXT];

	for (unsigned i = 0; i < conf.podnet.cidrs.n; i++)
		for (unsigned k = 0; k < conf.service.cidrs.n; k++) {
			const struct cidr *p = &conf.podnet.cidrs.v[i],
					  *s = &conf.service.cidrs.v[k];

			if (cidr_has(p, &s->ip) || cidr_has(s, &p->ip))
				return err_set(e, EINVAL,
				               "[podnet] cidrs %s and [service] cidrs %s overlap",
				               cidr_text(p, a), cidr_text(s, b));
		}
	return 0;
}

/* An address is a pod's, a Service's own or a load balancer's. */
static int check_pools(const struct conf_cidrs *list, const char *name, struct err *e)
{
	char a[IP_TEXT], b[CIDR_TEXT];
	struct ip_range taken;

	for (unsigned i = 0; i < conf.lb.pools.n; i++)
		for (unsigned k = 0; k < list->n; k++) {
			range_of_cidr(&list->v[k], &taken);
			if (range_overlap(&taken, &conf.lb.pools.v[i]))
				return err_set(e, EINVAL,
				               "[lb] pools: the range from %s on and %s %s overlap",
				               ip_text(&conf.lb.pools.v[i].first, a), name,
				               cidr_text(&list->v[k], b));
		}
	return 0;
}

static int settle(struct err *e)
{
	int ret = settle_name(e);

	if (ret)
		return ret;
	if (!conf.api.socket[0] &&
	    snprintf(conf.api.socket, sizeof(conf.api.socket), "%s/knetd.sock",
	             conf.node.run_dir) >= (int)sizeof(conf.api.socket))
		return err_set(e, EINVAL, "[node] run_dir: too long for a socket's path");
	if (conf.api.socket[0] != '/')
		return err_set(e, EINVAL, "[api] socket: an absolute path is expected");
	if (!conf.podnet.masquerade && (conf.podnet.outbound[0].len || conf.podnet.outbound[1].len))
		return err_set(e, EINVAL, "[podnet] outbound needs masquerade = yes");
	settle_dns_address(conf.dns.address.n == 0);
	ret = conf_settle_uplink(e);
	if (!ret)
		ret = check_overlap(e);
	if (!ret)
		ret = check_pools(&conf.podnet.cidrs, "[podnet] cidrs", e);
	return ret ? ret : check_pools(&conf.service.cidrs, "[service] cidrs", e);
}

static const char *loaded; /* lives as long as the process: of the command line */
static const char *const *overrides;

void conf_override(const char *const *texts)
{
	overrides = texts;
}

static int read_override(struct reading *r, const char *text)
{
	size_t section = strcspn(text, ".="), name = strcspn(text + section, "=");
	auto_free char *copy = xstrdup(text);

	if (text[section] != '.' || text[section + name] != '=')
		return err_set(r->e, EINVAL, "knetd.%.80s: SECTION.KEY=VALUE is expected", text);
	copy[section] = copy[section + name] = 0;
	on_key(r, copy, copy + section + 1, copy + section + name + 1, 0);
	return -r->e->code;
}

static int read_overrides(struct reading *r)
{
	int ret = 0;

	for (unsigned i = 0; !ret && overrides && overrides[i]; i++)
		ret = read_override(r, overrides[i]);
	return ret;
}

static int read_file(struct reading *r)
{
	int line = r->path ? ini_parse(r->path, on_key, r) : 0;

	if (r->e->code)
		return -r->e->code;
	if (line < 0)
		return err_set(r->e, ENOENT, "%s: cannot be read: %s", r->path, strerror(errno));
	if (line > 0)
		return err_set(r->e, EINVAL, "%s:%d: neither a [section] nor key = value", r->path,
		               line);
	return 0;
}

int conf_load(const char *path, struct err *e)
{
	struct err unread = { 0 };
	struct reading r = { .path = path, .e = e ? e : &unread };
	int ret;

	loaded = path;
	memset(&conf, 0, sizeof(conf));
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		keys[i].read(keys[i].field, keys[i].size, keys[i].standard);
	r.e->code = 0;
	ret = read_file(&r);
	if (!ret)
		ret = read_overrides(&r);
	return ret ? ret : settle(r.e);
}

int conf_reload(struct err *e)
{
	static struct conf old, fresh;
	int ret;

	old = conf;
	ret = conf_load(loaded, e);
	fresh = conf;
	conf = old;
	for (unsigned i = 0; !ret && i < ARRAY_LEN(keys); i++) {
		size_t at = (char *)keys[i].field - (char *)&conf;

		if (keys[i].live)
			memcpy(keys[i].field, (char *)&fresh + at, keys[i].size);
	}
	return ret;
}
