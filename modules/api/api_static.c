/* api_static.c - what is the same for everybody: discovery, health, version. */
#include <stdio.h>
#include <string.h>

#include <knetd/module.h>

#include "api.h"

static const char *const group_versions[][2] = {
	{ "discovery.k8s.io", "v1" },
	{ "networking.k8s.io", "v1" },
	{ "gateway.networking.k8s.io", "v1" },
	{ "knetd.io", "v1alpha1" },
};
#define GROUPS (sizeof(group_versions) / sizeof(group_versions[0]))

static void write_group(struct buf *b, size_t i, bool alone)
{
	const char *g = group_versions[i][0], *v = group_versions[i][1];

	buf_printf(
		b,
		"{%s\"name\":\"%s\",\"versions\":[{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}],"
		"\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}}",
		alone ? "\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," : "", g, g, v, v, g, v, v);
}

static void write_resource(struct buf *b, const struct kind_info *k, const char *sep)
{
	const char *verbs = k->read_only ? "\"get\",\"list\",\"watch\""
	                                 : "\"create\",\"delete\",\"deletecollection\",\"get\","
	                                   "\"list\",\"patch\",\"update\",\"watch\"";

	buf_printf(b,
	           "%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\","
	           "\"verbs\":[%s]",
	           sep, k->plural, k->singular, k->namespaced ? "true" : "false", k->kind, verbs);
	if (*k->short_names)
		buf_str(b, ",\"shortNames\":[");
	for (const char *s = k->short_names; *s; s += strcspn(s, " "), s += *s == ' ')
		buf_printf(b, "%s\"%.*s\"", s == k->short_names ? "" : ",", (int)strcspn(s, " "),
		           s);
	if (*k->short_names)
		buf_str(b, "]");
	if (*k->category)
		buf_printf(b, ",\"categories\":[\"%s\"]", k->category);
	buf_str(b, "}");
}

static void write_subresource(struct buf *b, const struct kind_info *k)
{
	buf_printf(
		b,
		",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,\"kind\":\"%s\","
		"\"verbs\":[\"get\",\"patch\",\"update\"]}",
		k->plural, k->namespaced ? "true" : "false", k->kind);
}

static void write_resources(struct buf *b, const char *group, const char *version)
{
	const char *sep = "";

	buf_printf(b,
	           "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%"
	           "s\",\"resources\":[",
	           group, *group ? "/" : "", version);
	for (int k = 0; k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].group, group)) {
			write_resource(b, &kind_info[k], sep);
			if (kind_info[k].has_status)
				write_subresource(b, &kind_info[k]);
			sep = ",";
		}
	buf_str(b, "]}\n");
}

static bool discovery(struct call *c, const char *path)
{
	struct buf *b = &c->answer->body;
	char gv[80];

	if (!strcmp(path, "/api")) {
		buf_str(b, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
		           "\"serverAddressByClientCIDRs\":[]}\n");
		return true;
	}
	if (!strcmp(path, "/api/v1")) {
		write_resources(b, "", "v1");
		return true;
	}
	if (!strcmp(path, "/apis")) {
		buf_str(b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
		for (size_t i = 0; i < GROUPS; i++) {
			buf_str(b, i ? "," : "");
			write_group(b, i, false);
		}
		buf_str(b, "]}\n");
		return true;
	}
	for (size_t i = 0; !strncmp(path, "/apis/", 6) && i < GROUPS; i++) {
		snprintf(gv, sizeof(gv), "%s/%s", group_versions[i][0], group_versions[i][1]);
		if (!strcmp(path + 6, group_versions[i][0])) {
			write_group(b, i, true);
			return true;
		}
		if (!strcmp(path + 6, gv)) {
			write_resources(b, group_versions[i][0], group_versions[i][1]);
			return true;
		}
	}
	return false;
}

static void plain(struct call *c, unsigned status, const char *text)
{
	c->answer->status = status;
	c->answer->content_type = "text/plain; charset=utf-8";
	buf_str(&c->answer->body, text);
}

static void serve_metrics(struct call *c)
{
	c->answer->content_type = "text/plain; version=0.0.4";
	metrics_write(&c->answer->body);
}

bool serve_static(struct call *c)
{
	const char *path = c->http->path, *why = "";

	if (strcmp(c->http->method, "GET") != 0 && strcmp(c->http->method, "HEAD") != 0)
		return false;
	if (!strcmp(path, "/livez") || !strcmp(path, "/healthz"))
		plain(c, 200, "ok");
	else if (!strcmp(path, "/readyz") && modules_ready(&why))
		plain(c, 200, "ok");
	else if (!strcmp(path, "/readyz"))
		plain(c, 500, why);
	else if (!strcmp(path, "/metrics"))
		serve_metrics(c);
	else if (!strcmp(path, "/version"))
		buf_printf(&c->answer->body,
		           "{\"major\":\"1\",\"minor\":\"32\",\"gitVersion\":\"v1.32.0+knetd-%s\","
		           "\"gitCommit\":\"\",\"gitTreeState\":\"\","
		           "\"buildDate\":\"\",\"goVersion\":\"\",\"compiler\":\"gcc\","
		           "\"platform\":\"linux\"}\n",
		           KNETD_VERSION);
	else if (!strcmp(path, "/openapi/v2"))
		c->answer->content_type =
			"application/com.github.proto-openapi.spec.v2.v1.0+protobuf"; /* an empty
		                                                                         document */
	else
		return discovery(c, path);
	return true;
}
