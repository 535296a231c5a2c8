/* trace_dns.c - a name as the sender's resolver asks for it: the search path, ndots, and what the
 * cluster DNS answers to each candidate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "trace_plan.h"

#define STEP "dns"
#define NDOTS 5 /* what a kubelet writes into resolv.conf */
#define LABELS 128
#define ADDRESSES 64

enum answer { NO_NAME, NO_DATA, ADDRESS, ALIAS, UPSTREAM };

struct resolved {
	enum answer answer;
	unsigned n;
	struct ip ips[ADDRESSES];
	const char *alias; /* of an ExternalName */
	const char *what;  /* "Service shop/web", "endpoints of headless Service a/b" */
};

static void add_address(struct resolved *r, const struct ip *ip)
{
	if (r->n < ADDRESSES)
		r->ips[r->n++] = *ip;
	r->answer = ADDRESS;
}

/* ---- the cluster's zone --------------------------------------------------------------------- */

/* As DNS names an endpoint: its hostname, or the address with dashes. */
static bool labelled(const struct view_endpoint *e, const char *label)
{
	char text[IP_TEXT];

	if (*e->hostname && strlen(e->hostname) < 64)
		return !strcasecmp(e->hostname, label);
	ip_text(&e->ip, text);
	for (char *c = text; *c; c++)
		if (*c == '.' || *c == ':')
			*c = '-';
	return !strcasecmp(text, label);
}

static void add_endpoints(struct trace *t, const struct service_view *v, const char *label,
                          struct resolved *r)
{
	struct endpoint_set set;

	view_endpoints(v->ns, v->name, NULL, 0, true, t->arena, &set);
	r->what = arena_printf(t->arena, "headless Service %s/%s, %u ready endpoint%s", v->ns,
	                       v->name, set.n, set.n == 1 ? "" : "s");
	for (unsigned i = 0; i < set.n; i++)
		if (!label || labelled(&set.v[i], label))
			add_address(r, &set.v[i].ip);
}

static void of_service(struct trace *t, const char *ns, const char *name, const char *label,
                       struct resolved *r)
{
	const struct object *o = store_get(KIND_SERVICE, ns, name);
	struct service_view v;

	if (!o || !view_service(o, t->arena, &v))
		return;
	if (!strcmp(v.type, "ExternalName")) {
		r->answer = label ? NO_NAME : ALIAS;
		r->alias = v.external_name;
		r->what = arena_printf(t->arena, "Service %s/%s of type ExternalName", ns, name);
	} else if (v.headless) {
		add_endpoints(t, &v, label, r);
	} else if (!label) {
		r->what = arena_printf(t->arena, "Service %s/%s", ns, name);
		for (unsigned i = 0; i < v.n_ips; i++)
			add_address(r, &v.ips[i]);
	}
	yyjson_doc_free(v.doc);
}

static void of_pod(struct trace *t, const char *label, const char *ns, struct resolved *r)
{
	char text[64];
	struct ip ip;

	if (strlen(label) >= sizeof(text) || !store_get(KIND_NAMESPACE, "", ns))
		return;
	r->what = "an address in a pod's form";
	for (unsigned pass = 0; pass < 2; pass++) {
		strcpy(text, label);
		for (char *c = text; *c; c++)
			if (*c == '-')
				*c = pass ? ':' : '.';
		if (ip_parse(&ip, text)) {
			add_address(r, &ip);
			return;
		}
	}
	(void)t;
}

/* name: without the zone; labels from the right: svc or pod, namespace, Service, host. */
static void in_zone(struct trace *t, char *name, struct resolved *r)
{
	char *label[5], *save = NULL;
	unsigned n = 0;

	for (char *l = strtok_r(name, ".", &save); l && n < 5; l = strtok_r(NULL, ".", &save))
		label[n++] = l;
	if (!n)
		r->answer = NO_DATA;
	else if (n >= 3 && n <= 4 && !strcmp(label[n - 1], "svc"))
		of_service(t, label[n - 2], label[n - 3], n == 4 ? label[0] : NULL, r);
	else if (n == 3 && !strcmp(label[2], "pod"))
		of_pod(t, label[0], label[1], r);
	else if (n == 2 && !strcmp(label[1], "dns") && !strcmp(label[0], "ns"))
		for (unsigned i = 0; i < conf.dns.address.n; i++)
			add_address(r, &conf.dns.address.v[i].ip);
	else if (n == 2 && (!strcmp(label[1], "svc") || !strcmp(label[1], "pod")) &&
	         store_get(KIND_NAMESPACE, "", label[0]))
		r->answer = NO_DATA;
}

/* full: lower case, without the dot at its end. */
static void resolve(struct trace *t, const char *full, struct resolved *r)
{
	size_t n = strlen(full), zone = strlen(conf.dns.domain);

	*r = (struct resolved){ .answer = NO_NAME, .what = "" };
	if (n == zone && !strcmp(full, conf.dns.domain))
		r->answer = NO_DATA;
	else if (n > zone + 1 && full[n - zone - 1] == '.' &&
	         !strcmp(full + n - zone, conf.dns.domain))
		in_zone(t, arena_strndup(t->arena, full, n - zone - 1), r);
	else
		r->answer = UPSTREAM;
}

/* ---- the search path ------------------------------------------------------------------------ */

struct search {
	unsigned n, ndots;
	const char *names[TRACE_NAMES];
	bool cluster;   /* false: the sender asks somebody else */
	bool elsewhere; /* its names are looked up, but not by the cluster DNS */
};

static void read_options(yyjson_val *options, struct search *s)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (options, i, n, v) {
		const char *name = json_str(v, "name"), *value = json_str(v, "value");

		if (name && value && !strcmp(name, "ndots"))
			s->ndots = (unsigned)strtoul(value, NULL, 10);
	}
}

static void search_of(struct trace *t, struct search *s)
{
	auto_doc yyjson_doc *doc = t->pod_object ? object_doc(t->pod_object) : NULL;
	yyjson_val *spec = yyjson_obj_get(yyjson_doc_get_root(doc), "spec"), *v;
	const char *policy = json_str(spec, "dnsPolicy"), *domain = conf.dns.domain;
	size_t i, n;

	*s = (struct search){ .ndots = NDOTS, .cluster = t->source == TRACE_POD };
	s->elsewhere = policy && !strcmp(policy, "None");
	if (policy && !strcmp(policy, "Default"))
		s->cluster = false;
	if (s->cluster && !s->elsewhere) {
		s->names[s->n++] = arena_printf(t->arena, "%s.svc.%s", t->ns, domain);
		s->names[s->n++] = arena_printf(t->arena, "svc.%s", domain);
		s->names[s->n++] = domain;
	}
	yyjson_arr_foreach (json_at(spec, "dnsConfig.searches"), i, n, v)
		if (yyjson_is_str(v) && s->n < TRACE_NAMES - 1)
			s->names[s->n++] = arena_strdup(t->arena, yyjson_get_str(v));
	read_options(json_at(spec, "dnsConfig.options"), s);
}

static unsigned dots(const char *name)
{
	unsigned n = 0;

	for (; *name; name++)
		n += *name == '.';
	return n;
}

static const char *lower(struct trace *t, const char *name)
{
	char *copy = arena_strdup(t->arena, name);
	size_t n = strlen(copy);

	for (char *c = copy; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	if (n && copy[n - 1] == '.')
		copy[n - 1] = 0;
	return copy;
}

/* The names that are asked for, in their order. */
static unsigned candidates(struct trace *t, const char *name, const struct search *s,
                           const char *out[static TRACE_NAMES])
{
	bool whole = name[strlen(name) - 1] == '.', first = dots(name) >= s->ndots;
	unsigned n = 0;

	if (whole || first)
		out[n++] = lower(t, name);
	for (unsigned i = 0; !whole && i < s->n && n < TRACE_NAMES - 1; i++)
		out[n++] = lower(t, arena_printf(t->arena, "%s.%s", name, s->names[i]));
	if (!whole && !first)
		out[n++] = lower(t, name);
	return n;
}

/* ---- telling -------------------------------------------------------------------------------- */

static const char *address_list(struct trace *t, const struct resolved *r)
{
	const char *text = "";

	for (unsigned i = 0; i < r->n && i < TRACE_LISTED; i++)
		text = arena_printf(t->arena, "%s%s%s %s", text, i ? ", " : "",
		                    r->ips[i].len == 4 ? "A" : "AAAA", trace_ip(t, &r->ips[i]));
	return r->n > TRACE_LISTED
	               ? arena_printf(t->arena, "%s and %u more", text, r->n - TRACE_LISTED)
	               : text;
}

/* What is asked of an upstream is not known here, and nothing is sent to find out. */
static void ask_upstream(struct trace *t, const char *name)
{
	trace_stop(t, STEP,
	           "not known: give the trace the address that the name has (knetctl dns asks)",
	           "%s is no name of the cluster: the upstreams are asked, and only they know",
	           name);
}

/* IPv4 first, as resolvers sort when pods have both. */
static void choose(struct trace *t, const struct resolved *r)
{
	for (uint8_t len = 4; len <= 16 && !t->to.len; len += 12)
		for (unsigned i = 0; i < r->n && !t->to.len; i++)
			if (r->ips[i].len == len && trace_has_family(t, len))
				t->to = r->ips[i];
	if (!t->to.len)
		t->to = r->ips[0]; /* of a family that the sender has not: told where it goes on */
	if (r->n > 1)
		trace_say(t, STEP, TRACE_NOTE, NULL, "%s is followed here", trace_ip(t, &t->to));
}

/* True when the search ends with this name. */
static bool tell(struct trace *t, const char *name, struct resolved *r)
{
	for (unsigned i = 0; r->answer == ALIAS; i++) {
		const char *alias = lower(t, r->alias);

		trace_say(t, STEP, TRACE_OK, NULL, "%s is an alias for %s (%s)", name, alias,
		          r->what);
		name = alias;
		resolve(t, name, r);
		if (i == TRACE_NAMES) {
			trace_stop(t, STEP, "the name has no address",
			           "the aliases lead in circles");
			return true;
		}
	}
	switch (r->answer) {
	case ADDRESS:
		trace_say(t, STEP, TRACE_OK, NULL, "%s: %s (%s)", name, address_list(t, r),
		          r->what);
		choose(t, r);
		return true;
	case UPSTREAM:
		ask_upstream(t, name);
		return true;
	case NO_DATA:
		trace_say(t, STEP, TRACE_NOTE, NULL, "%s has no addresses", name);
		return false;
	case NO_NAME:
	case ALIAS:
		trace_say(t, STEP, TRACE_NOTE, NULL, "%s does not exist%s%s%s", name,
		          *r->what ? " (" : "", r->what, *r->what ? ")" : "");
		return false;
	}
	return false;
}

static void no_such_name(struct trace *t, const char *name)
{
	if (store_get(KIND_POD, t->ns, name))
		trace_say(t, STEP, TRACE_NOTE, NULL,
		          "there is a Pod %s/%s, but pods have no names of their own: a headless "
		          "Service gives them some",
		          t->ns, name);
	trace_stop(t, STEP, "no such name (NXDOMAIN)", "none of these names has an address");
}

/* A name that leaves the cluster: hardly ever has one of one label an address there. */
static bool worth_asking(struct trace *t, const char *name)
{
	bool upstreams = conf.dns.upstreams_file || conf.dns.upstreams.n;

	if (upstreams && dots(name))
		return true;
	trace_say(t, STEP, TRACE_NOTE, NULL, "%s is no name of the cluster, and %s", name,
	          upstreams ? "names of one label are none of the upstreams' either, but for "
	                      "rare ones"
	                    : "there are no upstreams");
	return false;
}

static void through_cluster(struct trace *t, const char *name, const struct search *s)
{
	const char *names[TRACE_NAMES];
	unsigned n = candidates(t, name, s, names);
	struct resolved r;

	trace_say(t, STEP, TRACE_NOTE, NULL, "\"%s\" has %u dots (ndots %u): asked for as %s", name,
	          dots(name), s->ndots,
	          n == 1 ? "it is" : "each of these, until one has an address");
	for (unsigned i = 0; i < n; i++) {
		resolve(t, names[i], &r);
		if (r.answer == UPSTREAM && !worth_asking(t, names[i]))
			continue;
		if (tell(t, names[i], &r))
			return;
	}
	no_such_name(t, name);
}

void trace_dns(struct trace *t, const char *name)
{
	struct search s;
	struct resolved r;

	search_of(t, &s);
	if (s.cluster && !s.elsewhere && !trace_policies_dns(t))
		return;
	if (s.cluster) {
		through_cluster(t, name, &s);
		return;
	}
	trace_say(t, STEP, TRACE_NOTE, NULL,
	          "the sender asks the servers in the node's resolv.conf; here the cluster DNS is "
	          "taken for one of them");
	resolve(t, lower(t, name), &r);
	if (!tell(t, name, &r))
		no_such_name(t, name);
}
