/* api_node.c - what knetctl asks of the daemon itself: /knetd/v1/status tells what the node runs,
 * /knetd/v1/log-level reads and sets how much is logged, until the next start. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/kern_check.h>
#include <knetd/log.h>
#include <knetd/loop.h>
#include <knetd/module.h>
#include <knetd/upgrade.h>

#include "api.h"
#include "api_node.h"

static uint64_t started;

void node_started(void)
{
	started = loop_now();
}

/* ---- status --------------------------------------------------------------------------------- */

static void put_door(struct buf *b, const char *sep, const char *type, const char *address)
{
	buf_printf(b, "%s{\"type\":\"%s\",\"address\":", sep, type);
	put_text(b, address);
	buf_str(b, "}");
}

static void put_listens(struct buf *b, const char *type, const struct conf_endpoints *listen)
{
	for (unsigned i = 0; i < listen->n; i++) {
		const struct endpoint *ep = &listen->v[i];
		char ip[IP_TEXT], text[IP_TEXT + 24];

		ip_text(&ep->ip, ip);
		snprintf(text, sizeof(text), ep->ip.len == 16 ? "%s://[%s]:%u" : "%s://%s:%u", type,
		         ip, ep->port);
		put_door(b, ",", type, text);
	}
}

static void put_doors(struct buf *b)
{
	buf_str(b, ",\"doors\":[");
	put_door(b, "", "unix", conf.api.socket);
	put_listens(b, "https", &conf.api.listen);
	put_listens(b, "http", &conf.api.insecure_listen);
	buf_str(b, "]");
}

static void put_modules(struct buf *b)
{
	const char *name, *error;

	buf_str(b, ",\"modules\":[");
	for (unsigned i = 0; modules_state(i, &name, &error); i++) {
		buf_printf(b, "%s{\"name\":\"%s\",\"ready\":%s,\"error\":", i ? "," : "", name,
		           *error ? "false" : "true");
		put_text(b, error);
		buf_str(b, "}");
	}
	buf_str(b, "]");
}

static void serve_status(const struct http_call *call, struct http_answer *answer)
{
	struct buf *b = &answer->body;
	const char *why;

	(void)call;
	buf_str(b, "{\"kind\":\"NodeStatus\",\"apiVersion\":\"knetd.io/"
	           "v1alpha1\",\"version\":\"" KNETD_VERSION "\",\"node\":");
	put_text(b, conf.node.name);
	buf_str(b, ",\"clusterDomain\":");
	put_text(b, conf.dns.domain);
	buf_printf(b, ",\"pid\":%d,\"uptimeSeconds\":%llu,\"ready\":%s,\"logLevel\":\"%s\"",
	           getpid(), (unsigned long long)((loop_now() - started) / 1000),
	           modules_ready(&why) ? "true" : "false", log_level_name[log_level()]);
	put_doors(b);
	put_modules(b);
	buf_str(b, ",\"kernel\":");
	kern_check_json(b);
	buf_str(b, ",\"objects\":{");
	for (int k = 0; k < KIND_COUNT; k++)
		buf_printf(b, "%s\"%s\":%zu", k ? "," : "", kind_info[k].kind, store_count(k));
	buf_str(b, "}}\n");
}

/* ---- log level ------------------------------------------------------------------------------ */

static void answer_level(struct http_answer *answer)
{
	buf_printf(&answer->body, "{\"level\":\"%s\"}\n", log_level_name[log_level()]);
}

static void serve_level(const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	answer_level(answer);
}

static void refuse_level(struct http_answer *answer, const char *level)
{
	struct call c = { .answer = answer };
	struct causes causes = { .arena = &c.arena };

	cause_not_supported(&causes, "level", level, "\"err\", \"warn\", \"info\", \"debug\"");
	status_fail(&c, 422, "Invalid", "level: %s", causes.v[0].message);
	arena_free(&c.arena);
}

static void serve_set_level(const struct http_call *call, struct http_answer *answer)
{
	auto_doc yyjson_doc *doc = yyjson_read(call->body ? call->body : "", call->body_len, 0);
	const char *level = json_str(yyjson_doc_get_root(doc), "level");

	for (int i = 0; level && i < LOG_LEVELS; i++) {
		if (strcmp(level, log_level_name[i]) != 0)
			continue;
		log_set_level(LOG_LEVEL_INFO); /* the line that tells of it is always written */
		log_info("api: log level %s, set by %s, uid %u", log_level_name[i],
		         call->by.user ? call->by.user : "nobody", call->by.uid);
		log_set_level(i);
		answer_level(answer);
		return;
	}
	refuse_level(answer, level ? level : "");
}

/* ---- upgrades ------------------------------------------------------------------------------- */

static void serve_upgrade(const struct http_call *call, struct http_answer *answer)
{
	(void)call;
	upgrade_show(&answer->body);
}

/* What is executed runs as root: no group's word is enough for that. */
static void serve_begin_upgrade(const struct http_call *call, struct http_answer *answer)
{
	struct call c = { .answer = answer };
	bool named = http_query_has(call->query, "path");
	char path[512];
	struct err e = { 0 };

	if (call->by.door != HTTP_DOOR_UNIX || call->by.uid != 0)
		status_fail(&c, 403, "Forbidden", "root alone may, by the unix socket");
	else if (named && !http_query(call->query, "path", path, sizeof(path)))
		status_fail(&c, 422, "Invalid", "path: malformed or too long");
	else if (named && *path != '/')
		status_fail(&c, 422, "Invalid", "path: Invalid value: must be absolute");
	else if (!upgrade_begin(named ? path : NULL, &e))
		answer->status = 202;
	else if (e.code == EBUSY)
		status_fail(&c, 409, "Conflict", "%s", e.text);
	else
		status_fail(&c, 422, "Invalid", "%s", e.text);
	if (answer->status == 202)
		upgrade_show(&answer->body);
	arena_free(&c.arena);
}

const struct route node_routes[] = {
	{ "GET", "/knetd/v1/upgrade", serve_upgrade },
	{ "POST", "/knetd/v1/upgrade", serve_begin_upgrade },
	{ "GET", "/knetd/v1/status", serve_status },
	{ "GET", "/knetd/v1/log-level", serve_level },
	{ "PUT", "/knetd/v1/log-level", serve_set_level },
	{ NULL, NULL, NULL },
};
