/* api_static.c - what is the same for everybody: health, version, metrics; discovery and OpenAPI
 * have files of their own. */
#include <stdio.h>
#include <string.h>

#include <knetd/module.h>

#include "api.h"

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
	else if (!strcmp(path, "/readyz") && store_damage())
		plain(c, 500, store_damage());
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
	else
		return serve_openapi(c) || serve_discovery(c);
	return true;
}
