/* api_options.c - see api_options.h. The rules and their words are those of Kubernetes'
 * apimachinery (internalversion/validation). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api_options.h"

bool query_flag(const char *query, const char *name)
{
	char v[8] = "?"; /* what does not fit is neither */

	if (!http_query_has(query, name))
		return false;
	http_query(query, name, v, sizeof(v));
	return strcmp(v, "0") != 0 && strcasecmp(v, "false") != 0;
}

static const char *parameter(struct call *c, struct arena *a, const char *name)
{
	char text[2048];

	return http_query(c->http->query, name, text, sizeof(text)) ? arena_strdup(a, text) : "";
}

/* A number, 0 when absent. Negative ones mean nothing, as in Kubernetes. */
static bool read_number(struct call *c, struct arena *a, const char *name, long long *out)
{
	const char *text = parameter(c, a, name);
	char *end;

	*out = 0;
	if (!*text)
		return true;
	errno = 0;
	*out = strtoll(text, &end, 10);
	if (*end || errno || strchr(" \t\n\v\f\r", *text)) {
		status_fail(c, 400, "BadRequest", "%s: strconv.ParseInt: parsing \"%.64s\": %s",
		            name, text, errno == ERANGE ? "value out of range" : "invalid syntax");
		return false;
	}
	if (*out < 0)
		*out = 0;
	return true;
}

static bool read_version(struct call *c, struct arena *a, struct list_options *o)
{
	const char *text = parameter(c, a, "resourceVersion");

	o->newest = !*text;
	if (strlen(text) > 19 || text[strspn(text, "0123456789")]) {
		status_fail(c, 400, "BadRequest",
		            "resourceVersion: Invalid value: \"%.64s\": strconv.ParseUint: parsing "
		            "\"%.64s\": invalid syntax",
		            text, text);
		return false;
	}
	o->version = strtoull(text, NULL, 10);
	o->versioned = o->version != 0;
	return true;
}

static void check_list(struct list_options *o, const char *match, struct causes *causes)
{
	if (o->initial >= 0)
		cause_forbidden(causes, "sendInitialEvents",
		                "sendInitialEvents is forbidden for list");
	if (!*match)
		return;
	if (o->newest)
		cause_forbidden(causes, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden unless resourceVersion is "
		                "provided");
	if (o->token)
		cause_forbidden(causes, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden for continue");
	if (strcmp(match, "Exact") != 0 && strcmp(match, "NotOlderThan") != 0)
		cause_not_supported(causes, "resourceVersionMatch", match,
		                    "\"Exact\", \"NotOlderThan\", \"\"");
	o->exact = !strcmp(match, "Exact");
	if (o->exact && !o->newest && !o->versioned)
		cause_forbidden(causes, "resourceVersionMatch",
		                "resourceVersionMatch \"exact\" is forbidden for resourceVersion "
		                "\"0\"");
}

static void check_watch(const struct list_options *o, const char *match, struct causes *causes)
{
	bool not_older = !strcmp(match, "NotOlderThan");

	if (o->initial >= 0 && !not_older)
		cause_forbidden(causes, "resourceVersionMatch",
		                "sendInitialEvents requires setting resourceVersionMatch to "
		                "NotOlderThan");
	if (!*match)
		return;
	if (o->initial < 0)
		cause_forbidden(causes, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden for watch unless "
		                "sendInitialEvents is provided");
	if (!not_older)
		cause_not_supported(causes, "resourceVersionMatch", match, "\"NotOlderThan\"");
	if (o->token)
		cause_forbidden(causes, "resourceVersionMatch",
		                "resourceVersionMatch is forbidden for continue");
}

/* The client's state is of another life of the store, or of the next moment: it tries again, or
 * lists without a version. */
static void status_version_ahead(struct call *c, uint64_t wanted)
{
	c->answer->status = 504;
	buf_str(&c->answer->headers, "Retry-After: 1\r\n");
	buf_printf(
		&c->answer->body,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"Timeout: Too large resource version: %llu, current: %llu\","
		"\"reason\":\"Timeout\",\"details\":{\"causes\":[{\"reason\":"
		"\"ResourceVersionTooLarge\",\"message\":\"Too large resource version\"}],"
		"\"retryAfterSeconds\":1},\"code\":504}",
		(unsigned long long)wanted, (unsigned long long)store_version());
	answer_done(c);
}

bool options_read(struct call *c, bool watch, struct arena *a, struct list_options *o)
{
	const char *query = c->http->query, *why = "", *match, *token;
	struct causes causes = { .arena = &c->arena };
	long long limit, timeout;

	*o = (struct list_options){ .initial = -1 };
	if (!selector_parse(query, c->target.kind, a, &o->selector, &why)) {
		status_fail(c, 400, "BadRequest", "%s", why);
		return false;
	}
	if (!read_version(c, a, o) || !read_number(c, a, "limit", &limit) ||
	    !read_number(c, a, "timeoutSeconds", &timeout))
		return false;
	o->limit = limit;
	o->timeout_s = timeout < 86400 ? timeout : 86400;
	token = parameter(c, a, "continue");
	o->token = *token ? token : NULL;
	o->bookmarks = query_flag(query, "allowWatchBookmarks");
	if (http_query_has(query, "sendInitialEvents"))
		o->initial = query_flag(query, "sendInitialEvents");
	match = parameter(c, a, "resourceVersionMatch");
	if (watch)
		check_watch(o, match, &causes);
	else
		check_list(o, match, &causes);
	if (causes.n) {
		status_invalid_options(c, "ListOptions", &causes);
		return false;
	}
	if (o->versioned && o->version > store_version()) {
		status_version_ahead(c, o->version);
		return false;
	}
	return true;
}
