/* dns_show.c - see dns_show.h. The answer itself is dns_answer's; the store tells what stands
 * behind a name of the cluster. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "dns_pods.h"
#include "dns_reverse.h"
#include "dns_rr_text.h"
#include "dns_show.h"
#include "dns_text.h"

#define NDOTS 5   /* what a kubelet writes into resolv.conf */
#define LISTED 16 /* endpoints that are left out, by their addresses */

struct show {
	const struct dns_zone *z;
	struct arena arena;
	struct buf *out;
	unsigned steps;
	const char *ns; /* where short names are looked up from */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} from;
	bool known; /* who asks */
	const char *who;
	uint16_t type;
	/* of the question that was answered last */
	enum dns_result result;
	struct dns_query q;
	struct dns_forwarded fwd;
	struct dns_reply reply;
};

__attribute__((format(printf, 3, 4))) static void say(struct show *s, const char *step,
                                                      const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	buf_printf(s->out, "%s{\"step\":\"%s\",\"text\":", s->steps++ ? "," : "", step);
	buf_json(s->out, text, n < 0 ? 0 : (size_t)n);
	buf_str(s->out, "}");
}

/* ---- the question ------------------------------------------------------------------------------
 */

const char *dns_show_question(const struct http_call *call, char name[static DNS_NAME_MAX + 1],
                              uint16_t *type)
{
	char text[DNS_TYPE_TEXT] = "A";
	uint8_t wire[DNS_NAME_MAX];

	if (!http_query(call->query, "name", name, DNS_NAME_MAX + 1) ||
	    (strcmp(name, ".") != 0 && !dns_name_from_text(wire, name)))
		return "name: a domain name is expected";
	if (http_query_has(call->query, "type") &&
	    !http_query(call->query, "type", text, sizeof(text)))
		return "type: a record type like AAAA, or TYPE65 is expected";
	if (!dns_type_parse(text, type))
		return "type: a record type like AAAA, or TYPE65 is expected";
	return NULL;
}

size_t dns_show_query(uint8_t out[static DNS_QUERY_PACKED], const char *name, uint16_t type,
                      uint16_t id)
{
	size_t n = DNS_HEADER, len = 1;

	memset(out, 0, DNS_QUERY_PACKED);
	if (strcmp(name, ".") != 0 && !(len = dns_name_from_text(out + n, name)))
		return 0;
	dns_put16(out, id);
	dns_put16(out + 2, DNS_RD);
	dns_put16(out + 4, 1);
	dns_put16(out + n + len, type);
	dns_put16(out + n + len + 2, DNS_IN);
	return n + len + 4;
}

/* ---- what stands behind a name -----------------------------------------------------------------
 */

static const char *list_ips(struct show *s, const struct ip *v, unsigned n)
{
	const char *text = "";
	char ip[IP_TEXT];

	for (unsigned i = 0; i < n; i++)
		text = arena_printf(&s->arena, "%s%s%s", text, i ? ", " : "", ip_text(&v[i], ip));
	return text;
}

static unsigned count_slices(struct show *s, const char *ns, const char *name)
{
	const struct list *l =
		store_group(KIND_ENDPOINTSLICE, arena_printf(&s->arena, "%s/%s", ns, name));
	unsigned n = 0;

	for (const struct list *i = l ? l->next : NULL; i && i != l; i = i->next)
		n++;
	return n;
}

static void say_headless(struct show *s, const struct service_view *v)
{
	struct endpoint_set all, ready;
	const char *left = "";
	unsigned n = 0, slices = count_slices(s, v->ns, v->name);
	char ip[IP_TEXT];

	view_endpoints_named(v->ns, v->name, NULL, true, &s->arena, &ready);
	view_endpoints_named(v->ns, v->name, NULL, false, &s->arena, &all);
	say(s, "service", "headless Service %s/%s: %u EndpointSlice%s, %u ready endpoint%s%s",
	    v->ns, v->name, slices, slices == 1 ? "" : "s", ready.n, ready.n == 1 ? "" : "s",
	    v->publish_not_ready ? " (publishNotReadyAddresses: all count)" : "");
	for (unsigned i = 0; i < all.n; i++)
		if (!all.v[i].ready && n++ < LISTED)
			left = arena_printf(&s->arena, "%s%s%s%s%s%s", left, *left ? ", " : "",
			                    ip_text(&all.v[i].ip, ip), *all.v[i].target ? " (" : "",
			                    all.v[i].target, *all.v[i].target ? ")" : "");
	if (n)
		say(s, "service", "left out, as they are not ready: %s%s", left,
		    n > LISTED ? " and more" : "");
}

static void say_service(struct show *s, const char *ns, const char *name)
{
	const struct object *o = store_get(KIND_SERVICE, ns, name);
	struct service_view v = { 0 };

	if (!o || !view_service(o, &s->arena, &v))
		say(s, "service", "there is no Service %s/%s%s", ns, name,
		    store_get(KIND_NAMESPACE, "", ns) ? "" : ", nor such a namespace");
	else if (!strcmp(v.type, "ExternalName"))
		say(s, "service", "Service %s/%s of type ExternalName: an alias for %s", ns, name,
		    v.external_name);
	else if (v.headless)
		say_headless(s, &v);
	else
		say(s, "service", "Service %s/%s, ClusterIP %s", ns, name,
		    list_ips(s, v.ips, v.n_ips));
	yyjson_doc_free(v.doc);
}

/* text: without the zone and the dot before it. */
static void say_cluster_name(struct show *s, char *text)
{
	static const char *const pods[] = { [CONF_PODS_INSECURE] = "insecure",
		                            [CONF_PODS_VERIFIED] = "verified",
		                            [CONF_PODS_DISABLED] = "disabled" };
	char *label[DNS_LABELS_MAX], *save = NULL;
	unsigned n = 0;

	for (char *l = strtok_r(text, ".", &save); l && n < DNS_LABELS_MAX;
	     l = strtok_r(NULL, ".", &save))
		label[n++] = l;
	if (n >= 3 && !strcmp(label[n - 1], "svc"))
		say_service(s, label[n - 2], label[n - 3]);
	else if (n >= 2 && !strcmp(label[n - 1], "pod"))
		say(s, "pod", "a name of a pod's address in namespace %s ([dns] pods = %s)",
		    label[n - 2], pods[conf.dns.pods]);
	else if (n == 2 && !strcmp(label[1], "svc"))
		say(s, "zone", "namespace %s%s", label[0],
		    store_get(KIND_NAMESPACE, "", label[0]) ? "" : ", which does not exist");
	else
		say(s, "zone",
		    s->reply.rcode == DNS_NXDOMAIN ? "no name of the zone itself"
		                                   : "a name of the zone itself");
}

static void say_reverse(struct show *s, const struct dns_reverse *r)
{
	char ip[IP_TEXT];

	if (r->exact)
		say(s, "reverse", "the reverse name of %s", ip_text(&r->ip, ip));
	else
		say(s, "reverse", "a reverse name, of less or more than an address");
}

/* A name that the answer leads through. */
static void say_name(struct show *s, const uint8_t *wire, size_t len)
{
	uint8_t label[DNS_LABELS_MAX + 1];
	struct dns_name name = dns_name_split(wire, len, label);
	const struct dns_settings *set = s->z->set;
	struct dns_reverse r;
	char text[DNS_NAME_MAX + 1];

	dns_name_to_text(text, wire, len);
	if (dns_name_under(wire, len, set->zone, set->zone_len)) {
		size_t n = strlen(text), zone = strlen(conf.dns.domain);

		text[n > zone ? n - zone - 1 : 0] = '\0';
		say_cluster_name(s, text);
	} else if (dns_reverse_parse(&name, &r)) {
		say_reverse(s, &r);
	}
}

static void say_upstreams(struct show *s)
{
	const struct dns_groups *g = &s->z->set->groups;
	const struct dns_group *group = dns_group_for(s->z->set, s->fwd.target, s->fwd.target_len);
	char text[UPSTREAM_TEXT], name[DNS_NAME_MAX + 1];
	const char *list = "";

	for (unsigned i = 0; i < group->n; i++)
		list = arena_printf(&s->arena, "%s%s%s", list, i ? ", " : "",
		                    upstream_text(&g->upstream[group->first + i], text));
	if (group->suffix_len > 1)
		say(s, "forward", "stub domain %s: asked of %s",
		    dns_name_to_text(name, group->suffix, group->suffix_len), list);
	else
		say(s, "forward", "no name of ours: asked of the upstreams %s", list);
}

/* The aliases of the answer, and what each leads to. */
static void say_aliases(struct show *s)
{
	const uint8_t *p = s->reply.p;
	size_t n = s->reply.len, at = DNS_HEADER + s->q.name_len + 4u, len;
	uint8_t name[DNS_NAME_MAX];
	char text[DNS_NAME_MAX + 1];
	struct dns_rr rr;

	for (unsigned i = 0; i < s->reply.answers && dns_rr_read(p, n, at, &rr); i++, at = rr.end) {
		if (rr.type != DNS_CNAME || s->type == DNS_CNAME ||
		    !dns_name_read(p, n, rr.rdata, name, &len))
			continue;
		say(s, s->reply.by == DNS_BY_AUTOPATH ? "autopath" : "alias", "leads to %s.",
		    dns_name_to_text(text, name, len));
		dns_name_lower(name, len);
		if (s->result != DNS_FORWARD || len != s->fwd.target_len ||
		    memcmp(name, s->fwd.target, len) != 0)
			say_name(s, name, len);
	}
}

static void say_source(struct show *s)
{
	uint8_t made[DNS_NAME_MAX];
	char text[DNS_NAME_MAX + 1];
	size_t len = s->q.name_len;
	const uint8_t *name = s->q.name;

	if (s->z->rewriter.head && dns_rewrite(&s->z->rewriter, s->q.name, len, made, &len)) {
		name = made;
		say(s, "rewrite", "looked up as %s.", dns_name_to_text(text, made, len));
	}
	if (s->reply.by == DNS_BY_HOSTS)
		say(s, "hosts", "an entry of the hosts");
	else if (s->reply.by == DNS_BY_FILE)
		say(s, "zone file", "a name of a zone from a file");
	else if (s->result != DNS_FORWARD || s->fwd.alias)
		say_name(s, name, len);
	say_aliases(s);
	if (s->result == DNS_FORWARD)
		say_upstreams(s);
}

/* ---- one name after the other ------------------------------------------------------------------
 */

/* One candidate; false when it does not exist, or cannot be asked for. */
static bool try(struct show *s, const char *name)
{
	static uint8_t bytes[DNS_TCP_MAX], query[DNS_QUERY_PACKED];
	struct dns_asker by = { .stream = true, .from = s->known ? &s->from.any : NULL };
	size_t n = dns_show_query(query, name, s->type, 0);
	const char *rcode;

	if (!n)
		return false;
	s->reply = (struct dns_reply){ .p = bytes, .max = sizeof(bytes) };
	s->result = dns_answer(s->z, query, n, &by, &s->q, &s->fwd, &s->reply);
	rcode = dns_rcode_text(s->reply.rcode);
	say(s, "question", "%s%s: %s", name, name[strlen(name) - 1] == '.' ? "" : ".",
	    s->result == DNS_FORWARD                             ? "known elsewhere"
	    : s->reply.rcode == DNS_NOERROR && !s->reply.answers ? "exists, without such records"
	    : s->reply.rcode == DNS_NOERROR                      ? "answered here"
	    : rcode                                              ? rcode
	                                                         : "an error");
	say_source(s);
	return s->result == DNS_FORWARD || s->reply.rcode != DNS_NXDOMAIN;
}

static bool is_whole(const char *name)
{
	size_t n = strlen(name), zone = strlen(conf.dns.domain);
	unsigned dots = 0;

	for (const char *c = name; *c; c++)
		dots += *c == '.';
	return name[n - 1] == '.' || dots >= NDOTS ||
	       (n >= zone && !strcasecmp(name + n - zone, conf.dns.domain));
}

/* As a resolver in a pod asks: a short name behind each suffix of its search path. */
static void walk(struct show *s, const char *name)
{
	const char *d = conf.dns.domain;

	if (!is_whole(name) && (try(s, arena_printf(&s->arena, "%s.%s.svc.%s.", name, s->ns, d)) ||
	                        try(s, arena_printf(&s->arena, "%s.svc.%s.", name, d)) ||
	                        try(s, arena_printf(&s->arena, "%s.%s.", name, d))))
		return;
	try(s, name);
}

/* ---- who asks ----------------------------------------------------------------------------------
 */

static void use_address(struct show *s, const struct ip *ip)
{
	s->known = true;
	if (ip->len == 4) {
		s->from.v4.sin_family = AF_INET;
		memcpy(&s->from.v4.sin_addr, ip->b, 4);
	} else {
		s->from.v6.sin6_family = AF_INET6;
		memcpy(&s->from.v6.sin6_addr, ip->b, 16);
	}
}

static int read_from(struct show *s, const char *from, struct err *e)
{
	const char *slash = strchr(from, '/');
	const char *ns = slash ? arena_strndup(&s->arena, from, (size_t)(slash - from)) : s->ns;
	const char *name = slash ? slash + 1 : from;
	const struct object *o;
	struct dns_pod_facts facts;
	struct ip ip;

	if (ip_parse(&ip, from)) {
		use_address(s, &ip);
		s->who = arena_printf(&s->arena, "%s", from);
		return 0;
	}
	o = store_get(KIND_POD, ns, name);
	if (!o)
		return err_set(e, ENOENT, "from: there is no Pod %s/%s", ns, name);
	dns_pod_read(o, &facts);
	if (!facts.n_ips)
		return err_set(e, EINVAL, "from: Pod %s/%s has no address of its own", ns, name);
	use_address(s, &facts.ips[0]);
	s->ns = ns;
	s->who = arena_printf(&s->arena, "Pod %s/%s (%s)", ns, name,
	                      list_ips(s, facts.ips, facts.n_ips));
	if (!(facts.flags & DNS_POD_AUTOPATH))
		s->who = arena_printf(&s->arena, "%s, whose search path is its own", s->who);
	return 0;
}

static void put(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	buf_json(b, text, strlen(text));
	buf_str(b, ",");
}

static void serve(struct show *s, const char *name)
{
	static const char *const source[DNS_SOURCES] = {
		[DNS_BY_ZONE] = "cluster", [DNS_BY_CACHE] = "cache", [DNS_BY_FORWARD] = "forward",
		[DNS_BY_HOSTS] = "hosts",  [DNS_BY_FILE] = "file",   [DNS_BY_AUTOPATH] = "autopath",
	};
	char type[DNS_TYPE_TEXT], target[DNS_NAME_MAX + 1];

	buf_str(s->out, "{\"kind\":\"DNSTrace\",\"apiVersion\":\"knetd.io/v1alpha1\",");
	put(s->out, "name", name);
	put(s->out, "type", dns_type_text(s->type, type));
	buf_str(s->out, "\"steps\":[");
	say(s, "from", "%s", s->who);
	walk(s, name);
	buf_str(s->out, "],");
	if (s->result == DNS_FORWARD) {
		/* header and aliases are written, the rest is somebody else's */
		dns_reply_end(&s->reply, &s->q, 0);
		put(s->out, "forwarded",
		    dns_name_to_text(target, s->fwd.target, s->fwd.target_len));
	}
	put(s->out, "source", s->result == DNS_FORWARD ? "forward" : source[s->reply.by]);
	dns_message_json(s->reply.p, s->reply.len, s->out);
	buf_str(s->out, "}\n");
}

void dns_show(const struct dns_zone *z, const struct http_call *call, struct http_answer *answer)
{
	struct show s = { .z = z, .out = &answer->body, .who = "anybody, no pod in particular" };
	char name[DNS_NAME_MAX + 1], from[600] = "", ns[64] = "default";
	const char *wrong = dns_show_question(call, name, &s.type);
	struct err e = { 0 };

	http_query(call->query, "namespace", ns, sizeof(ns));
	s.ns = ns;
	if (wrong)
		http_refuse(answer, EINVAL, wrong);
	else if (!z->set)
		http_refuse(answer, EINVAL, "the cluster DNS has not started yet");
	else if (http_query_has(call->query, "from") &&
	         !http_query(call->query, "from", from, sizeof(from)))
		http_refuse(answer, EINVAL, "from: a pod or an address is expected");
	else if (*from && read_from(&s, from, &e))
		http_refuse(answer, e.code, e.text);
	else
		serve(&s, name);
	arena_free(&s.arena);
}
