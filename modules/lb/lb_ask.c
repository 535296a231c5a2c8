/* lb_ask.c - see lb_ask.h */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_ask.h"

#define OUR_CLASS "knetd.io/lb"
#define BLANK " \t\r\n"

bool lb_ask_may_be(const struct object *service)
{
	return strstr(service->json, "\"type\":\"LoadBalancer\"") ||
	       strstr(service->json, "\"" LB_FROM_POOL "\"");
}

static bool is(yyjson_val *obj, const char *key, const char *text)
{
	return yyjson_equals_str(yyjson_obj_get(obj, key), text);
}

/* MetalLB's users need not rewrite anything. */
const char *lb_ask_annotation(yyjson_val *root, const char *ours, const char *theirs,
                              struct arena *a)
{
	static const char *const prefixes[] = { "knetd.io/", "metallb.io/",
		                                "metallb.universe.tf/" };
	yyjson_val *all = json_at(root, "metadata.annotations");

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		const char *key = arena_printf(a, "%s%s", prefixes[i], i ? theirs : ours),
			   *text = yyjson_get_str(yyjson_obj_get(all, key));

		if (text && text[strspn(text, BLANK)])
			return text;
	}
	return NULL;
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void read_families(yyjson_val *spec, struct lb_ask *out)
{
	yyjson_val *list = yyjson_obj_get(spec, "ipFamilies"), *v;
	bool single = is(spec, "ipFamilyPolicy", "SingleStack");
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		unsigned f = yyjson_equals_str(v, "IPv6") ? LB_IPV6 : LB_IPV4;

		if (i == 0)
			out->first = f;
		if (i == 0 || !single)
			out->wants[f] = true;
	}
	if (!n)
		out->wants[LB_IPV4] = true;
	out->both = out->wants[LB_IPV4] && out->wants[LB_IPV6] &&
	            is(spec, "ipFamilyPolicy", "RequireDualStack");
}

static void want_address(struct lb_ask *out, const char *text, struct arena *a)
{
	struct ip ip;

	if (!ip_parse(&ip, text)) {
		out->wrong = arena_printf(a, "\"%.60s\" is no address", text);
		return;
	}
	if (out->wanted[lb_family(&ip)].len)
		out->wrong = "it asks for two addresses of one family";
	else if (!out->wants[lb_family(&ip)])
		out->wrong = arena_printf(a, "it asks for %s, but the Service has no %s", text,
		                          ip.len == 4 ? "IPv4" : "IPv6");
	else
		out->wanted[lb_family(&ip)] = ip;
}

static void read_wanted(yyjson_val *root, yyjson_val *spec, struct arena *a, struct lb_ask *out)
{
	const char *list = lb_ask_annotation(root, "load-balancer-ips", "loadBalancerIPs", a);
	char *copy, *save = NULL;

	if (!list)
		list = json_str(spec, "loadBalancerIP");
	if (!list)
		return;
	copy = arena_strdup(a, list);
	for (char *s = strtok_r(copy, "," BLANK, &save); s && !out->wrong;
	     s = strtok_r(NULL, "," BLANK, &save))
		want_address(out, s, a);
	if (out->wrong)
		memset(out->wanted, 0, sizeof(out->wanted));
}

/* plain: exactly the entries that we would write. */
static void read_status(yyjson_val *root, struct lb_ask *out)
{
	yyjson_val *list = json_at(root, "status.loadBalancer.ingress"), *v;
	size_t i, n;
	struct ip ip;

	out->plain = true;
	yyjson_arr_foreach (list, i, n, v) {
		const char *text = json_str(v, "ip");
		bool good = text && ip_parse(&ip, text) && !out->has[lb_family(&ip)].len;

		if (good)
			out->has[lb_family(&ip)] = ip;
		out->plain &= good && yyjson_obj_size(v) == 2 && is(v, "ipMode", "VIP") &&
		              (n == 1 || (i == 0) == (lb_family(&ip) == out->first));
	}
}

/* ---- sharing -------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "Local:app=web,tier=front,": equal for two Services that select the same pods. */
static const char *backend_of(yyjson_val *spec, const char *key, struct arena *a)
{
	yyjson_val *selector = json_members(yyjson_obj_get(spec, "selector")), *k, *v;
	size_t i, n, size = yyjson_obj_size(selector), bytes = sizeof("Local:");
	const char **items;
	char *text, *end;

	if (!is(spec, "externalTrafficPolicy", "Local"))
		return "";
	if (!size)
		return arena_printf(a, "Local %s", key);
	items = arena_alloc(a, size * sizeof(*items));
	yyjson_obj_foreach (selector, i, n, k, v) {
		items[i] = arena_printf(a, "%s=%s", yyjson_get_str(k),
		                        yyjson_is_str(v) ? yyjson_get_str(v) : "");
		bytes += strlen(items[i]) + 1;
	}
	qsort(items, size, sizeof(*items), by_text);
	text = arena_alloc(a, bytes);
	end = stpcpy(text, "Local:");
	for (i = 0; i < size; i++)
		end = stpcpy(stpcpy(end, items[i]), ",");
	return text;
}

static int by_port(const void *a, const void *b)
{
	const struct lb_port *x = a, *y = b;

	return x->port != y->port ? x->port - y->port : x->proto - y->proto;
}

unsigned lb_ports_sort(struct lb_port *v, unsigned n)
{
	unsigned out = n > 0;

	if (n)
		qsort(v, n, sizeof(*v), by_port);
	for (unsigned i = 1; i < n; i++)
		if (by_port(&v[out - 1], &v[i]) != 0)
			v[out++] = v[i];
	return out;
}

static void read_ports(yyjson_val *spec, struct arena *a, struct lb_ask *out)
{
	yyjson_val *list = yyjson_obj_get(spec, "ports"), *v;
	size_t i, n;

	out->ports = arena_alloc(a, yyjson_arr_size(list) * sizeof(*out->ports));
	yyjson_arr_foreach (list, i, n, v)
		out->ports[out->n_ports++] =
			(struct lb_port){ is(v, "protocol", "UDP")    ? IPPROTO_UDP
			                  : is(v, "protocol", "SCTP") ? IPPROTO_SCTP
			                                              : IPPROTO_TCP,
			                  (uint16_t)json_int(v, "port", 0) };
	out->n_ports = lb_ports_sort(out->ports, out->n_ports);
}

void lb_ask_read(const struct object *service, struct arena *a, struct lb_ask *out)
{
	yyjson_doc *doc = object_doc(service);
	yyjson_val *root = yyjson_doc_get_root(doc), *spec = yyjson_obj_get(root, "spec");
	const char *class = json_str(spec, "loadBalancerClass");

	*out = (struct lb_ask){ .key = service->key, .ns = service->ns, .doc = doc };
	out->named = class && !strcmp(class, OUR_CLASS);
	out->ours = is(spec, "type", "LoadBalancer") && (!class || !*class || out->named);
	out->marked = yyjson_obj_get(json_at(root, "metadata.annotations"), LB_FROM_POOL) != NULL;
	if (!out->ours)
		return;
	out->labels = json_at(root, "metadata.labels");
	out->pool = lb_ask_annotation(root, "address-pool", "address-pool", a);
	out->share = lb_ask_annotation(root, "allow-shared-ip", "allow-shared-ip", a);
	out->backend = backend_of(spec, service->key, a);
	read_families(spec, out);
	read_wanted(root, spec, a, out);
	read_status(root, out);
	read_ports(spec, a, out);
}
