/* trace_plan.c - see trace_plan.h. The two ends are read here, and the steps put in their order:
 * sender, name, Service, endpoint, policies, way. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "trace_plan.h"

const char *const trace_verdict_name[TRACE_VERDICTS] = { "note", "ok", "stop" };

/* ---- telling -------------------------------------------------------------------------------- */

static void say(struct trace *t, const char *step, enum trace_verdict verdict, const char *detail,
                const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (t->n == TRACE_STEPS) /* the last place is kept for the end */
		return;
	if (t->n == TRACE_STEPS - 1 && verdict != TRACE_STOP)
		return;
	t->steps[t->n++] = (struct trace_step){ step, verdict, arena_strdup(t->arena, text),
		                                detail ? detail : "" };
}

void trace_say(struct trace *t, const char *step, enum trace_verdict verdict, const char *detail,
               const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(t, step, verdict, detail, fmt, ap);
	va_end(ap);
}

void trace_stop(struct trace *t, const char *step, const char *result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(t, step, TRACE_STOP, NULL, fmt, ap);
	va_end(ap);
	t->stopped = true;
	t->result = result;
}

const char *trace_ip(struct trace *t, const struct ip *ip)
{
	char text[IP_TEXT];

	return arena_strdup(t->arena, ip_text(ip, text));
}

const char *trace_proto(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "UDP" : proto == IPPROTO_SCTP ? "SCTP" : "TCP";
}

const char *trace_at(struct trace *t, const struct ip *ip, uint16_t port)
{
	if (!port)
		return trace_ip(t, ip);
	return arena_printf(t->arena, ip->len == 16 ? "[%s]:%u/%s" : "%s:%u/%s", trace_ip(t, ip),
	                    port, trace_proto(t->proto));
}

bool trace_has_family(const struct trace *t, uint8_t len)
{
	for (unsigned i = 0; i < t->n_ips; i++)
		if (t->ips[i].len == len)
			return true;
	return false;
}

/* ---- who sends ------------------------------------------------------------------------------ */

const struct object *trace_owner(const struct ip *ip)
{
	const struct object *o;

	for (size_t i = 0; (o = store_next_object(KIND_PODNETWORK, &i));) {
		auto_doc yyjson_doc *doc = object_doc(o);
		yyjson_val *v;
		struct ip has;
		size_t k, n;

		yyjson_arr_foreach (json_at(yyjson_doc_get_root(doc), "status.ips"), k, n, v)
			if (yyjson_is_str(v) && ip_parse(&has, yyjson_get_str(v)) &&
			    ip_equal(&has, ip))
				return o;
	}
	return NULL;
}

/* The attachment a pod has its way out by. */
static const struct object *attachment_of(const char *ns, const char *pod)
{
	const struct list *all = store_group(KIND_PODNETWORK, ns);
	const struct object *found = NULL;

	for (const struct list *l = all ? all->next : NULL; l && l != all; l = l->next) {
		const struct object *o = container_of(l, const struct object, in_group);
		auto_doc yyjson_doc *doc = object_doc(o);
		const char *name = json_str(yyjson_doc_get_root(doc), "spec.podRef.name");

		if (name && !strcmp(name, pod) &&
		    json_bool(yyjson_doc_get_root(doc), "spec.defaultRoute", true) &&
		    (!found || o->version > found->version))
			found = o;
	}
	return found;
}

static void sender_is_node(struct trace *t, const char *why)
{
	t->source = TRACE_NODE;
	t->n_ips = 0;
	for (uint8_t len = 4; len <= 16; len += 12)
		for (unsigned i = 0; i < t->node->n; i++)
			if (t->node->ips[i].len == len && t->n_ips < 2 && !trace_has_family(t, len))
				t->ips[t->n_ips++] = t->node->ips[i];
	trace_say(t, "source", TRACE_OK, NULL, "%s", why);
}

static void sender_ips(struct trace *t, yyjson_val *root)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (json_at(root, "status.ips"), i, n, v)
		if (t->n_ips < 2 && yyjson_is_str(v) &&
		    ip_parse(&t->ips[t->n_ips], yyjson_get_str(v)))
			t->n_ips++;
}

static void sender_attached(struct trace *t, const struct object *attachment)
{
	auto_doc yyjson_doc *doc = object_doc(attachment);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *link = json_str(root, "spec.hostInterface"), *ips = "";

	sender_ips(t, root);
	for (unsigned i = 0; i < t->n_ips; i++)
		ips = arena_printf(t->arena, "%s%s%s", ips, i ? ", " : "", trace_ip(t, &t->ips[i]));
	trace_say(t, "source", TRACE_OK, NULL, "pod %s/%s has %s; its packets come in by %s", t->ns,
	          t->pod, ips, link ? link : "its interface");
}

static void sender_is_pod(struct trace *t, const struct object *attachment)
{
	auto_doc yyjson_doc *doc = t->pod_object ? object_doc(t->pod_object) : NULL;

	t->source = TRACE_POD;
	if (attachment)
		sender_attached(t, attachment);
	else if (json_bool(yyjson_doc_get_root(doc), "spec.hostNetwork", false))
		sender_is_node(t, arena_printf(t->arena, "pod %s/%s uses the node's own network",
		                               t->ns, t->pod));
	else
		trace_stop(t, "source", "the pod cannot send anything",
		           "pod %s/%s has no attachment: CNI ADD has not been called, or DEL has",
		           t->ns, t->pod);
}

/* An address: a pod's, the node's, or somebody's outside. */
static void sender_is_address(struct trace *t, const struct ip *ip)
{
	const struct object *attachment = trace_owner(ip);

	if (attachment) {
		auto_doc yyjson_doc *doc = object_doc(attachment);
		const char *pod = json_str(yyjson_doc_get_root(doc), "spec.podRef.name");

		t->ns = arena_strdup(t->arena, attachment->ns);
		t->pod = arena_strdup(t->arena, pod ? pod : attachment->name);
		t->pod_object = store_get(KIND_POD, t->ns, t->pod);
		sender_is_pod(t, attachment);
		return;
	}
	for (unsigned i = 0; i < t->node->n; i++)
		if (ip_equal(&t->node->ips[i], ip)) {
			sender_is_node(t, "the node itself sends");
			t->ips[0] = *ip;
			t->n_ips = 1;
			t->bound = true;
			return;
		}
	t->source = TRACE_OUTSIDE;
	t->ips[0] = *ip;
	t->n_ips = 1;
	trace_say(t, "source", TRACE_OK, NULL,
	          "%s is no pod's and not the node's: it comes from "
	          "outside",
	          trace_ip(t, ip));
}

static int read_from(struct trace *t, const char *from, struct err *e)
{
	const char *slash;
	struct ip ip;

	if (!*from || strlen(from) > 512)
		return err_set(e, EINVAL, "from: a pod, an address or \"node\" is expected");
	if (ip_parse(&ip, from)) {
		sender_is_address(t, &ip);
		return 0;
	}
	if (!strcmp(from, "node")) {
		sender_is_node(t, "the node itself sends");
		return 0;
	}
	slash = strchr(from, '/');
	if (slash && strncmp(from, "pod/", 4) != 0 && strncmp(from, "pods/", 5) != 0)
		t->ns = arena_strndup(t->arena, from, slash - from);
	t->pod = arena_strdup(t->arena, slash ? slash + 1 : from);
	t->pod_object = store_get(KIND_POD, t->ns, t->pod);
	if (!t->pod_object && !attachment_of(t->ns, t->pod))
		return err_set(e, ENOENT, "pods \"%.200s\" not found in namespace %.60s", t->pod,
		               t->ns);
	sender_is_pod(t, attachment_of(t->ns, t->pod));
	return 0;
}

/* ---- where to ------------------------------------------------------------------------------- */

static bool read_proto(struct trace *t, const char *name)
{
	static const struct {
		const char *name;
		uint8_t number;
	} known[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strcasecmp(name, known[i].name)) {
			t->proto = known[i].number;
			return true;
		}
	return false;
}

static bool read_port(struct trace *t, const char *text)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	t->port = (uint16_t)port;
	return *text >= '1' && *text <= '9' && !*end && port <= 65535;
}

/* NAME, ADDRESS, with :PORT and /PROTO behind it; [v6]:PORT. *host: what is left. */
static int read_to(struct trace *t, const char *to, char **host, struct err *e)
{
	char *text = arena_strdup(t->arena, to), *slash, *colon, *close;
	struct ip ip;

	*host = text;
	t->proto = IPPROTO_TCP;
	if (strlen(to) > 512)
		return err_set(e, EINVAL, "to: the name is too long");
	slash = strrchr(text, '/');
	if (slash) {
		*slash = 0;
		if (!read_proto(t, slash + 1))
			return err_set(e, EINVAL, "to: \"%.20s\" is none of tcp, udp, sctp",
			               slash + 1);
	}
	if (ip_parse(&ip, text))
		return 0;
	close = *text == '[' ? strchr(text, ']') : NULL;
	colon = close ? (close[1] == ':' ? close + 1 : NULL) : strrchr(text, ':');
	if (colon) {
		*colon = 0;
		if (!read_port(t, colon + 1))
			return err_set(e, EINVAL, "to: \"%.20s\" is no port from 1 to 65535",
			               colon + 1);
	}
	if (close) {
		*close = 0;
		*host = text + 1;
		if (close[1] || !ip_parse(&ip, *host))
			return err_set(e, EINVAL, "to: \"%.60s\" is no address", to);
	}
	if (!close && (!**host || strpbrk(*host, ":[]/ ")))
		return err_set(e, EINVAL, "to: \"%.60s\" is neither a name nor an address", to);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void check_family(struct trace *t)
{
	if (!t->stopped && t->to.len && !trace_has_family(t, t->to.len))
		trace_stop(t, "route", "the sender has no address of that family",
		           "the sender has no %s address: \"Network is unreachable\"",
		           t->to.len == 16 ? "IPv6" : "IPv4");
}

static void follow(struct trace *t)
{
	check_family(t);
	if (t->stopped)
		return;
	if (trace_service(t) || t->stopped)
		return;
	if (ip_is_loopback(&t->to) && t->source == TRACE_NODE && trace_hostport(t))
		return;
	if (ip_is_loopback(&t->to)) {
		trace_say(t, "route", TRACE_OK, NULL,
		          "%s is the sender itself: the packet never "
		          "leaves it",
		          trace_ip(t, &t->to));
		t->result = "it stays with the sender";
	} else {
		trace_way(t, false);
	}
}

int trace_plan(struct trace *t, const char *ns, const char *from, const char *to, struct err *e)
{
	char *host;
	int ret;

	t->ns = ns;
	ret = read_to(t, to, &host, e);
	if (!ret)
		ret = read_from(t, from, e);
	if (ret || t->stopped)
		return ret;
	if (!ip_parse(&t->to, host))
		trace_dns(t, host);
	if (!t->stopped)
		follow(t);
	if (!t->result)
		t->result = "";
	return 0;
}
