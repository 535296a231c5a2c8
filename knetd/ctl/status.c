/* status.c - `status`, `logs-level` and `version`: what runs here, and how it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "columns.h"
#include "json_text.h"
#include "ctl.h"

/* ---- metrics -------------------------------------------------------------------------------- */

/* For every line of the metric: its labels ("" for none) and its value. */
static const char *next_metric(const char *p, const char *name, const char **labels, size_t *n,
                               double *value)
{
	size_t len = strlen(name);

	while (*p) {
		const char *end = strchr(p, '\n'), *close;
		const char *at = p;

		p = end ? end + 1 : p + strlen(p);
		if (strncmp(at, name, len) != 0 || (at[len] != ' ' && at[len] != '{'))
			continue;
		close = at[len] == '{' ? strchr(at, '}') : at + len - 1;
		if (!close || close > p)
			continue;
		*labels = at + len + (at[len] == '{');
		*n = at[len] == '{' ? (size_t)(close - *labels) : 0;
		*value = strtod(close + 1, NULL);
		return p;
	}
	return NULL;
}

static double sum(const char *text, const char *name)
{
	const char *labels, *p = text;
	double value, all = 0;
	size_t n;

	while ((p = next_metric(p, name, &labels, &n, &value)))
		all += value;
	return all;
}

/* The first label's value, as in {family="IPv4"}. */
static void put_label_value(struct buf *out, const char *labels, size_t n)
{
	const char *from = memchr(labels, '"', n);
	const char *to = from ? memchr(from + 1, '"', n - (from + 1 - labels)) : NULL;

	if (to)
		buf_add(out, from + 1, to - from - 1);
}

/* ---- the page ------------------------------------------------------------------------------- */

static void put_doors(struct buf *out, yyjson_val *root)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(root, "doors"), i, n, v) {
		const char *type = json_str(v, "type"), *at = json_str(v, "address");

		buf_printf(out, "%s\t%s %s\n", i ? "" : "Doors:", type ? type : "", at ? at : "");
	}
}

static void put_modules(struct buf *out, yyjson_val *root)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (yyjson_obj_get(root, "modules"), i, n, v) {
		const char *name = json_str(v, "name"), *error = json_str(v, "error");

		buf_printf(out, "%s\t%s: %s\n", i ? "" : "Modules:", name ? name : "",
		           error && *error ? error : "ready");
	}
}

static void put_kernel(struct buf *out, yyjson_val *root)
{
	yyjson_val *kernel = yyjson_obj_get(root, "kernel"), *v;
	const char *release = json_str(kernel, "release");
	size_t i, n;

	buf_printf(out, "Kernel:\tLinux %s%s\n", release ? release : "?",
	           yyjson_arr_size(yyjson_obj_get(kernel, "missing")) ? ", without" : "");
	yyjson_arr_foreach (yyjson_obj_get(kernel, "missing"), i, n, v) {
		const char *name = json_str(v, "name"), *options = json_str(v, "options");
		const char *without = json_str(v, "without");

		buf_printf(out, "\t%s (%s): %s\n", name ? name : "", options ? options : "",
		           without ? without : "");
	}
}

static void put_objects(struct buf *out, yyjson_val *root)
{
	yyjson_val *key, *v;
	const char *sep = "";
	size_t i, n;

	buf_str(out, "Objects:\t");
	yyjson_obj_foreach (json_members(yyjson_obj_get(root, "objects")), i, n, key, v) {
		if (!yyjson_get_sint(v))
			continue;
		buf_printf(out, "%s%s %lld", sep, yyjson_get_str(key),
		           (long long)yyjson_get_sint(v));
		sep = ", ";
	}
	buf_str(out, *sep ? "\n" : "none\n");
}

static void put_addresses(struct buf *out, const char *metrics)
{
	const char *labels, *p = metrics, *sep = "; free: ";
	double value;
	size_t n;

	buf_printf(out, "Pods:\t%.0f attached", sum(metrics, "knetd_podnet_attachments"));
	while ((p = next_metric(p, "knetd_podnet_addresses_free", &labels, &n, &value))) {
		buf_str(out, sep);
		if (value > 1e9)
			buf_str(out, "plenty");
		else
			buf_printf(out, "%.0f", value);
		buf_str(out, " ");
		put_label_value(out, labels, n);
		sep = ", ";
	}
	buf_printf(out, "\nServices:\t%.0f in force, %.0f endpoints\n",
	           sum(metrics, "knetd_svcnat_services"), sum(metrics, "knetd_svcnat_endpoints"));
}

static void put_dns(struct buf *out, const char *metrics)
{
	const char *labels, *p = metrics;
	double value;
	size_t n;
	bool any = false;

	buf_printf(out,
	           "DNS:\t%.0f workers, %.0f queries, %.0f forwarded, %.0f of them without an "
	           "answer\n",
	           sum(metrics, "knetd_dns_workers"), sum(metrics, "coredns_dns_requests_total"),
	           sum(metrics, "coredns_forward_requests_total"),
	           sum(metrics, "knetd_dns_forward_failures_total"));
	while ((p = next_metric(p, "knetd_dns_upstream_info", &labels, &n, &value))) {
		buf_str(out, any ? "\t" : "DNS upstreams:\t");
		put_label_value(out, labels, n);
		buf_str(out, "\n");
		any = true;
	}
	if (!any)
		buf_str(out,
		        "DNS upstreams:\tnone: names outside the cluster cannot be resolved\n");
}

static void put_ingress(struct buf *out, const char *metrics)
{
	buf_printf(out, "Ingress:\t%.0f routes, %.0f requests, %.0f without a route\n",
	           sum(metrics, "knetd_ingress_routes"),
	           sum(metrics, "knetd_ingress_requests_total"),
	           sum(metrics, "knetd_ingress_no_route_total"));
}

static void put_balancers(struct buf *out, const char *metrics)
{
	const char *p = metrics, *labels;
	double value, held = 0, waiting = 0;
	size_t n;

	while ((p = next_metric(p, "knetd_lb_services", &labels, &n, &value)))
		*(memmem(labels, n, "waiting", 7) ? &waiting : &held) += value;
	buf_printf(out, "Load balancers:\t%.0f with what they ask for, %.0f wait\n", held, waiting);
}

static void put_page(struct buf *out, yyjson_val *root, const char *metrics)
{
	const char *version = json_str(root, "version"), *node = json_str(root, "node");
	const char *level = json_str(root, "logLevel");

	buf_printf(out, "Node:\t%s\n", node ? node : "");
	buf_printf(out, "State:\t%s\n",
	           json_bool(root, "ready", false) ? "ready" : "not ready: see Modules");
	buf_printf(out, "Version:\tknetd %s, knetctl %s\n", version ? version : "?", KNETD_VERSION);
	buf_printf(out, "Process:\tpid %lld, up %lld s, %.0f kB resident\n",
	           (long long)json_int(root, "pid", 0),
	           (long long)json_int(root, "uptimeSeconds", 0),
	           sum(metrics, "process_resident_memory_bytes") / 1024);
	buf_printf(out, "Log level:\t%s\n", level ? level : "");
	put_doors(out, root);
	put_modules(out, root);
	put_kernel(out, root);
	put_objects(out, root);
	put_addresses(out, metrics);
	put_balancers(out, metrics);
	put_dns(out, metrics);
	put_ingress(out, metrics);
	buf_printf(out, "API:\t%.0f connections, %.0f watches\n",
	           sum(metrics, "knetd_api_connections"),
	           sum(metrics, "apiserver_longrunning_requests"));
}

int ctl_status(const struct ctl_args *a)
{
	auto_answer struct ctl_answer status = { 0 }, metrics = { 0 };
	struct columns c = { .least = 0, .pad = 2 };
	auto_buf struct buf out = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	yyjson_val *root;

	if (!ctl_call(a, "GET", "/knetd/v1/status", &status))
		return 1;
	doc = ctl_json(&status);
	root = yyjson_doc_get_root(doc);
	if (status.status != 200 || !root)
		return ctl_refused(&status, "");
	if (a->output && !strcmp(a->output, "json")) {
		json_text(&out, root, JSON_PRETTY, false);
		buf_str(&out, "\n");
	} else {
		if (!ctl_call(a, "GET", "/metrics", &metrics))
			return 1;
		buf_add(&metrics.body, "", 1);
		put_page(&c.text, root, metrics.body.data);
		columns_flush(&c, &out);
		buf_free(&c.text);
	}
	ctl_print(&out);
	return !json_bool(root, "ready", false);
}

/* ---- log level, version --------------------------------------------------------------------- */

static int print_member(const struct ctl_answer *answer, const char *label, const char *member)
{
	auto_doc yyjson_doc *doc = ctl_json(answer);
	const char *text = json_str(yyjson_doc_get_root(doc), member);

	if (answer->status != 200 || !text)
		return ctl_refused(answer, "");
	printf("%s%s\n", label, text);
	return 0;
}

int ctl_logs_level(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf body = { 0 };

	if (a->n_words > 1)
		return ctl_fail("one level is expected: err, warn, info or debug");
	if (a->n_words) {
		buf_str(&body, "{\"level\":");
		buf_json(&body, a->words[0], strlen(a->words[0]));
		buf_str(&body, "}");
	}
	if (!ctl_send(a, a->n_words ? "PUT" : "GET", "/knetd/v1/log-level", "application/json",
	              body.data, body.len, &answer))
		return 1;
	return print_member(&answer, "", "level");
}

int ctl_version(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };

	printf("Client Version: %s\n", KNETD_VERSION);
	if (!ctl_call(a, "GET", "/version", &answer))
		return 1;
	return print_member(&answer, "Server Version: ", "gitVersion");
}
