/* api_discovery.c - discovery, all of it from kind_info: /api, /apis, their groups and versions, as
 * lists of one version each and aggregated (apidiscovery.k8s.io). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_form.h"
#include "api_review.h"

#define GROUPS_MAX 8
#define VERSIONS_MAX 8

struct group {
	const char *name;
	unsigned n;
	struct version {
		const char *name; /* not ended by NUL */
		size_t len;
	} v[VERSIONS_MAX]; /* the preferred one first */
};

static bool version_is(const struct version *v, const char *name)
{
	return strlen(name) == v->len && !memcmp(v->name, name, v->len);
}

/* Kubernetes' order: v2 v1 v1beta1 v1alpha2 v1alpha1. */
static int by_priority(const void *a, const void *b)
{
	unsigned key[2];

	for (int i = 0; i < 2; i++) {
		const struct version *v = i ? b : a;
		char text[24], stage[8] = "";
		unsigned major = 0, minor = 0;

		snprintf(text, sizeof(text), "%.*s", (int)v->len, v->name);
		sscanf(text, "v%u%5[a-z]%u", &major, stage, &minor);
		key[i] = (!*stage ? 2 : stage[0] == 'b') << 16 | major << 8 | minor;
	}
	return key[0] < key[1] ? 1 : key[0] > key[1] ? -1 : 0;
}

static void add_version(struct group *g, const char *name, size_t len)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->v[i].len == len && !memcmp(g->v[i].name, name, len))
			return;
	if (g->n < VERSIONS_MAX)
		g->v[g->n++] = (struct version){ name, len };
}

static struct group *group_of(struct group *v, unsigned *n, const char *name)
{
	for (unsigned i = 0; i < *n; i++)
		if (!strcmp(v[i].name, name))
			return &v[i];
	if (*n == GROUPS_MAX)
		return &v[0];
	v[*n] = (struct group){ .name = name };
	return &v[(*n)++];
}

static unsigned collect(struct group v[static GROUPS_MAX])
{
	unsigned n = 0;

	for (int k = 0; k < KIND_COUNT; k++) {
		struct group *g = group_of(v, &n, kind_info[k].group);

		add_version(g, kind_info[k].version, strlen(kind_info[k].version));
		for (const char *s = kind_info[k].also; *s; s += strcspn(s, " "), s += *s == ' ')
			add_version(g, s, strcspn(s, " "));
	}
	for (size_t i = 0; i < REVIEWS; i++)
		add_version(group_of(v, &n, reviews[i].group), "v1", 2);
	for (unsigned i = 0; i < n; i++)
		qsort(v[i].v, v[i].n, sizeof(v[i].v[0]), by_priority);
	return n;
}

/* ---- pieces --------------------------------------------------------------------------------- */

static void put_names(struct buf *b, const char *member, const char *names)
{
	if (!*names)
		return;
	buf_printf(b, ",\"%s\":[", member);
	for (const char *s = names; *s; s += strcspn(s, " "), s += *s == ' ')
		buf_printf(b, "%s\"%.*s\"", s == names ? "" : ",", (int)strcspn(s, " "), s);
	buf_str(b, "]");
}

static const char *verbs_of(const struct kind_info *k)
{
	return k->read_only ? "get list watch"
	                    : "create delete deletecollection get list patch update watch";
}

static const char *yes_no(bool yes)
{
	return yes ? "true" : "false";
}

/* ---- lists of one version ------------------------------------------------------------------- */

static void write_group(struct buf *b, const struct group *g, const char *type)
{
	buf_printf(b, "{%s\"name\":\"%s\",\"versions\":[", type, g->name);
	for (unsigned i = 0; i < g->n; i++)
		buf_printf(b, "%s{\"groupVersion\":\"%s/%.*s\",\"version\":\"%.*s\"}", i ? "," : "",
		           g->name, (int)g->v[i].len, g->v[i].name, (int)g->v[i].len, g->v[i].name);
	buf_printf(b, "],\"preferredVersion\":{\"groupVersion\":\"%s/%.*s\",\"version\":\"%.*s\"}}",
	           g->name, (int)g->v[0].len, g->v[0].name, (int)g->v[0].len, g->v[0].name);
}

static void write_resource(struct buf *b, const struct kind_info *k)
{
	buf_printf(b, "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\"",
	           k->plural, k->singular, yes_no(k->namespaced), k->kind);
	put_names(b, "verbs", verbs_of(k));
	put_names(b, "shortNames", k->short_names);
	put_names(b, "categories", k->category);
	buf_str(b, "}");
	if (k->has_status)
		buf_printf(b,
		           ",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,"
		           "\"kind\":\"%s\",\"verbs\":[\"get\",\"patch\",\"update\"]}",
		           k->plural, yes_no(k->namespaced), k->kind);
}

static void write_resources(struct buf *b, const char *group, const char *version)
{
	const char *sep = "";

	buf_printf(b,
	           "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":"
	           "\"%s%s%s\",\"resources\":[",
	           group, *group ? "/" : "", version);
	for (int k = 0; k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].group, group) && kind_serves(k, version)) {
			buf_str(b, sep);
			write_resource(b, &kind_info[k]);
			sep = ",";
		}
	for (size_t i = 0; i < REVIEWS; i++)
		if (!strcmp(reviews[i].group, group)) {
			buf_printf(b,
			           "%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":"
			           "false,\"kind\":\"%s\",\"verbs\":[\"create\"]}",
			           sep, reviews[i].plural, reviews[i].singular, reviews[i].kind);
			sep = ",";
		}
	buf_str(b, "]}");
}

static void write_groups(struct buf *b, const struct group *v, unsigned n)
{
	const char *sep = "";

	buf_str(b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
	for (unsigned i = 0; i < n; i++) {
		if (!*v[i].name)
			continue;
		buf_str(b, sep);
		write_group(b, &v[i], "");
		sep = ",";
	}
	buf_str(b, "]}");
}

/* ---- aggregated ----------------------------------------------------------------------------- */

static void put_response_kind(struct buf *b, const char *group, const struct version *v,
                              const char *kind)
{
	buf_printf(b, "\"responseKind\":{\"group\":\"%s\",\"version\":\"%.*s\",\"kind\":\"%s\"}",
	           group, (int)v->len, v->name, kind);
}

static void put_found(struct buf *b, const struct kind_info *k, const struct version *v)
{
	buf_printf(b, "{\"resource\":\"%s\",", k->plural);
	put_response_kind(b, k->group, v, k->kind);
	buf_printf(b, ",\"scope\":\"%s\",\"singularResource\":\"%s\"",
	           k->namespaced ? "Namespaced" : "Cluster", k->singular);
	put_names(b, "verbs", verbs_of(k));
	put_names(b, "shortNames", k->short_names);
	put_names(b, "categories", k->category);
	if (k->has_status) {
		buf_str(b, ",\"subresources\":[{\"subresource\":\"status\",");
		put_response_kind(b, k->group, v, k->kind);
		buf_str(b, ",\"verbs\":[\"get\",\"patch\",\"update\"]}]");
	}
	buf_str(b, "}");
}

static void put_version(struct buf *b, const struct group *g, const struct version *v)
{
	char name[24];
	const char *sep = "";

	snprintf(name, sizeof(name), "%.*s", (int)v->len, v->name);
	buf_printf(b, "{\"version\":\"%s\",\"resources\":[", name);
	for (int k = 0; k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].group, g->name) && kind_serves(k, name)) {
			buf_str(b, sep);
			put_found(b, &kind_info[k], v);
			sep = ",";
		}
	for (size_t i = 0; i < REVIEWS; i++)
		if (!strcmp(reviews[i].group, g->name)) {
			buf_printf(b, "%s{\"resource\":\"%s\",", sep, reviews[i].plural);
			put_response_kind(b, g->name, v, reviews[i].kind);
			buf_printf(b,
			           ",\"scope\":\"Cluster\",\"singularResource\":\"%s\","
			           "\"verbs\":[\"create\"]}",
			           reviews[i].singular);
			sep = ",";
		}
	buf_str(b, "],\"freshness\":\"Current\"}");
}

/* core: what stands under /api; else what stands under /apis. */
static void write_aggregated(struct call *c, const struct group *v, unsigned n, bool core)
{
	bool beta = c->form == FORM_DISCOVERY_V2BETA1;
	struct buf *b = &c->answer->body;
	const char *sep = "";

	/* the client knows the form by these parameters alone */
	c->answer->content_type =
		beta ? "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
		     : "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
	buf_printf(b,
	           "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/"
	           "%s\",\"metadata\":{},\"items\":[",
	           beta ? "v2beta1" : "v2");
	for (unsigned i = 0; i < n; i++) {
		if (core != !*v[i].name)
			continue;
		buf_printf(b, "%s{\"metadata\":{\"name\":\"%s\"},\"versions\":[", sep, v[i].name);
		for (unsigned k = 0; k < v[i].n; k++) {
			buf_str(b, k ? "," : "");
			put_version(b, &v[i], &v[i].v[k]);
		}
		buf_str(b, "]}");
		sep = ",";
	}
	buf_str(b, "]}\n");
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* GROUP or GROUP/VERSION */
static bool serve_group(struct call *c, const struct group *v, unsigned n, const char *path)
{
	size_t len = strcspn(path, "/");

	for (unsigned i = 0; i < n; i++) {
		if (strlen(v[i].name) != len || memcmp(v[i].name, path, len) != 0 || !len)
			continue;
		if (!path[len]) {
			write_group(&c->answer->body, &v[i],
			            "\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
			return true;
		}
		for (unsigned k = 0; k < v[i].n; k++)
			if (version_is(&v[i].v[k], path + len + 1)) {
				write_resources(&c->answer->body, v[i].name, path + len + 1);
				return true;
			}
	}
	return false;
}

bool serve_discovery(struct call *c)
{
	const char *path = c->http->path;
	bool core = !strcmp(path, "/api"), groups = !strcmp(path, "/apis");
	struct group v[GROUPS_MAX];
	unsigned n;

	if (strncmp(path, "/api", 4) != 0)
		return false;
	n = collect(v);
	if ((core || groups) &&
	    (c->form == FORM_DISCOVERY_V2 || c->form == FORM_DISCOVERY_V2BETA1)) {
		write_aggregated(c, v, n, core);
		return true;
	}
	if (core)
		buf_str(&c->answer->body, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
		                          "\"serverAddressByClientCIDRs\":[]}");
	else if (groups)
		write_groups(&c->answer->body, v, n);
	else if (!strcmp(path, "/api/v1"))
		write_resources(&c->answer->body, "", "v1");
	else if (strncmp(path, "/apis/", 6) != 0 || !serve_group(c, v, n, path + 6))
		return false;
	answer_done(c);
	return true;
}
