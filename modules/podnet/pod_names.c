/* pod_names.c - see pod_names.h */
#include <stdio.h>
#include <string.h>

#include <knetd/conf.h>
#include <knetd/object.h>

#include "cni_config.h"
#include "pod_names.h"

/* The kubelet's limits (MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars). */
#define SERVERS_MAX 3
#define SEARCHES_MAX 32
#define SEARCH_BYTES_MAX 2048
#define NAME_MAX_BYTES 64 /* of the kernel's host name */

static void add(const char *list[static CNI_DNS_LIST], unsigned *n, unsigned max, const char *word)
{
	if (!cni_is_word(word) || *n >= max)
		return;
	for (unsigned i = 0; i < *n; i++)
		if (!strcmp(list[i], word))
			return;
	list[(*n)++] = word;
}

static void add_search(struct cni_dns *d, const char *word)
{
	size_t bytes;

	if (!word)
		return;
	bytes = strlen(word);
	for (unsigned i = 0; i < d->n_searches; i++)
		bytes += strlen(d->searches[i]) + 1;
	if (bytes <= SEARCH_BYTES_MAX)
		add(d->searches, &d->n_searches, SEARCHES_MAX, word);
}

/* A later one takes the place of an earlier one of that name ("ndots:2" of "ndots:5"). */
static void add_option(struct cni_dns *d, const char *word)
{
	size_t n = cni_is_word(word) ? strcspn(word, ":") : 0;

	for (unsigned i = 0; n && i < d->n_options; i++)
		if (strcspn(d->options[i], ":") == n && !strncmp(d->options[i], word, n)) {
			d->options[i] = word;
			return;
		}
	if (n)
		add(d->options, &d->n_options, CNI_DNS_LIST, word);
}

/* ---- where it comes from -------------------------------------------------------------------- */

static void add_line(struct cni_dns *d, char *line, bool searches_only)
{
	char *save = NULL, *key = strtok_r(line, " \t", &save);
	bool server = key && !strcmp(key, "nameserver"),
	     search = key && (!strcmp(key, "search") || !strcmp(key, "domain")),
	     option = key && !strcmp(key, "options");

	if (search && !searches_only)
		d->n_searches = 0; /* the last line counts */
	for (char *w = key ? strtok_r(NULL, " \t", &save) : NULL; w;
	     w = strtok_r(NULL, " \t", &save))
		if (search)
			add_search(d, w);
		else if (server && !searches_only)
			add(d->servers, &d->n_servers, SERVERS_MAX, w);
		else if (option && !searches_only)
			add_option(d, w);
}

static void add_host(struct cni_dns *d, const char *host, bool searches_only, struct arena *arena)
{
	char *save = NULL, *copy = arena_strdup(arena, host);

	for (char *l = strtok_r(copy, "\r\n", &save); l; l = strtok_r(NULL, "\r\n", &save))
		add_line(d, l, searches_only);
}

static void add_cluster(struct cni_dns *d, const char *ns, const char *host, struct arena *arena)
{
	char text[IP_TEXT];

	for (unsigned i = 0; i < conf.dns.address.n; i++)
		add(d->servers, &d->n_servers, SERVERS_MAX,
		    arena_strdup(arena, ip_text(&conf.dns.address.v[i].ip, text)));
	add_search(d, arena_printf(arena, "%s.svc.%s", ns, conf.dns.domain));
	add_search(d, arena_printf(arena, "svc.%s", conf.dns.domain));
	add_search(d, conf.dns.domain);
	add_host(d, host, true, arena);
	add_option(d, "ndots:5");
}

/* What the runtime or the configuration says takes the place of what we would have said. */
static void take_asked(struct cni_dns *d, const struct cni_dns *asked)
{
	if (asked->n_servers)
		d->n_servers = 0;
	for (unsigned i = 0; i < asked->n_servers; i++)
		add(d->servers, &d->n_servers, SERVERS_MAX, asked->servers[i]);
	if (asked->n_searches)
		d->n_searches = 0;
	for (unsigned i = 0; i < asked->n_searches; i++)
		add_search(d, asked->searches[i]);
	for (unsigned i = 0; i < asked->n_options; i++)
		add_option(d, asked->options[i]);
}

static void add_dns_config(struct cni_dns *d, yyjson_val *config, struct arena *arena)
{
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (json_at(config, "nameservers"), i, max, v)
		add(d->servers, &d->n_servers, SERVERS_MAX, yyjson_get_str(v));
	yyjson_arr_foreach (json_at(config, "searches"), i, max, v)
		add_search(d, yyjson_get_str(v));
	yyjson_arr_foreach (json_at(config, "options"), i, max, v) {
		const char *name = json_str(v, "name"), *value = json_str(v, "value");

		if (cni_is_word(name))
			add_option(d, value && *value ? arena_printf(arena, "%s:%s", name, value)
			                              : name);
	}
}

void names_resolver(struct cni_dns *out, yyjson_val *spec, const char *ns,
                    const struct cni_dns *asked, const char *host, struct arena *arena)
{
	const char *policy = json_str(spec, "dnsPolicy");

	*out = (struct cni_dns){ .domain = "" };
	if (policy && !strcmp(policy, "Default"))
		add_host(out, host, false, arena);
	else if (!policy || strcmp(policy, "None") != 0)
		add_cluster(out, ns, host, arena);
	if (asked)
		take_asked(out, asked);
	add_dns_config(out, json_at(spec, "dnsConfig"), arena);
}

/* ---- the files ------------------------------------------------------------------------------ */

static void write_list(struct buf *out, const char *key, const char *const *list, unsigned n)
{
	if (!n)
		return;
	buf_str(out, key);
	for (unsigned i = 0; i < n; i++)
		buf_printf(out, " %s", list[i]);
	buf_str(out, "\n");
}

void names_write_resolver(struct buf *out, const struct cni_dns *d)
{
	write_list(out, "search", d->searches, d->n_searches);
	for (unsigned i = 0; i < d->n_servers; i++)
		buf_printf(out, "nameserver %s\n", d->servers[i]);
	write_list(out, "options", d->options, d->n_options);
}

/* spec.hostname, else the pod's name cut to a label, else the container's. */
static void host_of(yyjson_val *spec, const struct attachment *a, char out[static 64])
{
	const char *asked = json_str(spec, "hostname");
	int n = cni_is_word(asked) ? snprintf(out, 64, "%.63s", asked)
	        : a->pod[0]        ? snprintf(out, 64, "%.63s", a->pod)
	                           : snprintf(out, 64, "%.12s", a->container);

	while (n > 0 && (out[n - 1] == '-' || out[n - 1] == '.'))
		out[--n] = 0;
}

/* "" without a subdomain. */
static void fqdn_of(yyjson_val *spec, const struct attachment *a, char out[static 512])
{
	const char *subdomain = json_str(spec, "subdomain");
	char host[64];

	host_of(spec, a, host);
	*out = 0;
	if (cni_is_word(subdomain))
		snprintf(out, 512, "%s.%.63s.%s.svc.%s", host, subdomain, a->ns, conf.dns.domain);
}

static void write_aliases(struct buf *out, yyjson_val *aliases)
{
	size_t i, k, max, n;
	yyjson_val *v, *name;

	if (yyjson_arr_size(aliases))
		buf_str(out, "\n# Entries added by HostAliases.\n");
	yyjson_arr_foreach (aliases, i, max, v) {
		const char *ip = json_str(v, "ip");

		if (!cni_is_word(ip))
			continue;
		buf_str(out, ip);
		yyjson_arr_foreach (json_at(v, "hostnames"), k, n, name)
			if (cni_is_word(yyjson_get_str(name)))
				buf_printf(out, "\t%s", yyjson_get_str(name));
		buf_str(out, "\n");
	}
}

void names_write_hosts(struct buf *out, yyjson_val *spec, const struct attachment *a,
                       const struct cni_request *r)
{
	char host[64], fqdn[512], text[IP_TEXT];

	host_of(spec, a, host);
	fqdn_of(spec, a, fqdn);
	buf_str(out, "# Written by knetd: what is changed here is lost with the pod.\n"
	             "127.0.0.1\tlocalhost\n"
	             "::1\tlocalhost ip6-localhost ip6-loopback\n"
	             "fe00::0\tip6-localnet\n"
	             "fe00::0\tip6-mcastprefix\n"
	             "fe00::1\tip6-allnodes\n"
	             "fe00::2\tip6-allrouters\n");
	for (unsigned i = 0; i < a->n_ips; i++) {
		buf_printf(out, "%s\t%s%s%s", ip_text(&a->ips[i], text), fqdn, *fqdn ? "\t" : "",
		           host);
		for (unsigned k = 0; k < r->n_aliases; k++)
			buf_printf(out, "\t%s", r->aliases[k]);
		buf_str(out, "\n");
	}
	write_aliases(out, json_at(spec, "hostAliases"));
}

void names_write_hostname(struct buf *out, yyjson_val *spec, const struct attachment *a)
{
	char host[64], fqdn[512];

	host_of(spec, a, host);
	fqdn_of(spec, a, fqdn);
	buf_printf(out, "%s\n",
	           json_bool(spec, "setHostnameAsFQDN", false) && *fqdn &&
	                           strlen(fqdn) <= NAME_MAX_BYTES
	                   ? fqdn
	                   : host);
}
