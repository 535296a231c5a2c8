/* ctl.c - `knetctl`: the command line, for machines without kubectl. It is a client of the daemon's
 * socket and nothing else; it needs no rights but those on the socket.
 *
 * args.c reads the words, client.c talks, get.c apply.c delete.c describe.c export.c status.c
 * trace.c lb.c dns.c ui.c are the commands; columns.c, json_text.c, jsonpath.c and table.c make
 * what they print. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/cni_plugin.h>
#include <knetd/ctl.h>

#include "columns.h"
#include "ctl.h"

static const struct {
	int (*run)(const struct ctl_args *a);
	const char *words, *doc;
} commands[CTL_COMMANDS] = {
	[CTL_GET] = { ctl_get, "TYPE[,TYPE...] [NAME...] | TYPE/NAME... | all",
	              "Print objects, as a table or as they are." },
	[CTL_WATCH] = { ctl_get, "TYPE [NAME]", "Print objects, then each change of them." },
	[CTL_DESCRIBE] = { ctl_describe, "TYPE[,TYPE...] [NAME...] | TYPE/NAME...",
	                   "Tell all about objects, with their events." },
	[CTL_APPLY] = { ctl_apply, "-f FILE...",
	                "Make objects as manifests say. All of a file is applied, or nothing." },
	[CTL_CREATE] = { ctl_create, "-f FILE...", "Create the objects of manifests." },
	[CTL_DELETE] = { ctl_delete, "TYPE NAME... | TYPE/NAME... | TYPE --all | -f FILE...",
	                 "Delete objects." },
	[CTL_EXPORT] = { ctl_export, "[TYPE[,TYPE...]]",
	                 "Print what people wrote as manifests for another cluster, without what "
	                 "is this node's own." },
	[CTL_STATUS] = { ctl_status, "", "Tell what the node runs and how it is." },
	[CTL_TRACE] = { ctl_trace, "POD|ADDRESS [->] NAME|ADDRESS[:PORT][/udp|/sctp]",
	                "Tell step by step what would happen to a packet, and where it stops.\n"
	                "POD is NAME, or NAMESPACE/NAME. Ends with 0 when the packet arrives, 1 "
	                "when "
	                "it does not." },
	[CTL_LB] = { ctl_lb, "[test [ADDRESS]]",
	             "Tell which Service holds which load-balancer address, and which wait.\n"
	             "test asks the network whether they can be reached, and says what to do. Ends "
	             "with 1 when something is wrong." },
	[CTL_DNS] = { ctl_dns, "NAME [TYPE] | --watch",
	              "Tell where the cluster DNS has an answer from, and the answer.\n"
	              "Short names are looked up as pods of the namespace do. With --watch: show "
	              "the "
	              "queries as they come, until Ctrl-C. Ends with 1 when there is no answer, 2 "
	              "when "
	              "it could not be asked for." },
	[CTL_UI] = { ctl_ui, "",
	             "Print where a browser finds the status page, with the token if it needs "
	             "one." },
	[CTL_LOGS_LEVEL] = { ctl_logs_level, "[err|warn|info|debug]",
	                     "Print or set how much the daemon logs." },
	[CTL_UPGRADE] = { ctl_upgrade, "[FILE]",
	                  "Put another binary (the daemon's own path, or FILE) in the daemon's "
	                  "place.\nNo connection is refused or lost meanwhile. One that does not "
	                  "start, or is too old for\nthe store, changes nothing: ends with 1, and "
	                  "tells why. Root alone may." },
	[CTL_VERSION] = { ctl_version, "", "Print the versions of knetctl and of the daemon." },
};

int ctl_fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("error: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

const char *ctl_namespace(const struct ctl_args *a)
{
	return a->ns && *a->ns ? a->ns : "default";
}

struct ctl_request ctl_request(const struct ctl_args *a, const char *method, const char *path)
{
	const char *socket = a->socket;

	if (!socket || !*socket)
		socket = getenv("KNETD_SOCKET");
	if (!socket || !*socket)
		socket = CNI_DEFAULT_SOCKET;
	return (struct ctl_request){ .socket = socket, .method = method, .path = path };
}

bool ctl_send(const struct ctl_args *a, const char *method, const char *path, const char *type,
              const char *body, size_t n, struct ctl_answer *out)
{
	struct ctl_request r = ctl_request(a, method, path);
	struct err e = { 0 };

	r.type = type;
	r.body = body;
	r.body_len = n;
	if (client_call(&r, out, &e) == 0)
		return true;
	ctl_fail("%s", e.text);
	return false;
}

bool ctl_call(const struct ctl_args *a, const char *method, const char *path,
              struct ctl_answer *out)
{
	return ctl_send(a, method, path, NULL, NULL, 0, out);
}

yyjson_doc *ctl_json(const struct ctl_answer *a)
{
	return yyjson_read(a->body.data ? a->body.data : "", a->body.len, 0);
}

void ctl_print(const struct buf *b)
{
	if (b->len)
		fwrite(b->data, 1, b->len, stdout);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void put_causes(struct buf *out, yyjson_val *causes)
{
	size_t i, n, count = yyjson_arr_size(causes);
	yyjson_val *v;

	yyjson_arr_foreach (causes, i, n, v) {
		const char *field = json_str(v, "field"), *message = json_str(v, "message");

		buf_str(out, count > 1 ? "\n* " : " ");
		if (field && *field)
			buf_printf(out, "%s: ", field);
		buf_str(out, message ? message : "");
	}
}

void ctl_status_text(yyjson_val *status, const char *doing, struct buf *out)
{
	const char *reason = json_str(status, "reason"), *message = json_str(status, "message");
	const char *kind = json_str(status, "details.kind"),
		   *name = json_str(status, "details.name");
	yyjson_val *causes = json_at(status, "details.causes");

	if (reason && !strcmp(reason, "Invalid") && kind && yyjson_arr_size(causes)) {
		buf_printf(out, "The %s \"%s\" is invalid:", kind, name ? name : "");
		put_causes(out, causes);
		return;
	}
	buf_str(out, "Error from server");
	if (reason && *reason)
		buf_printf(out, " (%s)", reason);
	buf_printf(out, ": %s%s", doing, message ? message : "unknown");
}

int ctl_refused(const struct ctl_answer *answer, const char *doing)
{
	auto_doc yyjson_doc *doc = ctl_json(answer);
	auto_buf struct buf out = { 0 };

	ctl_status_text(yyjson_doc_get_root(doc), doing, &out);
	if (!doc)
		buf_printf(&out, " (HTTP status %u)", answer->status);
	fflush(stdout);
	fprintf(stderr, "%.*s\n", (int)out.len, out.data);
	return 1;
}

/* ---- help ----------------------------------------------------------------------------------- */

static void print_flags(enum ctl_command command)
{
	struct columns c = { .least = 0, .pad = 2 };
	auto_buf struct buf out = { 0 };

	ctl_args_help(command, &c.text);
	columns_flush(&c, &out);
	buf_free(&c.text);
	ctl_print(&out);
}

static int print_help(const struct ctl_args *a)
{
	if (a->command < CTL_COMMANDS) {
		printf("usage: knetctl %s %s\n\n%s\n\n", ctl_command_name[a->command],
		       commands[a->command].words, commands[a->command].doc);
		print_flags(a->command);
		return 0;
	}
	puts("knetctl: the command line of knetd, in kubectl's words\n");
	for (int i = 0; i < CTL_COMMANDS; i++)
		printf("  %-11s %.*s\n", ctl_command_name[i], (int)strcspn(commands[i].doc, "\n"),
		       commands[i].doc);
	puts("\nTYPE is a plural, a singular or a short name: services, service, svc.\n"
	     "knetctl COMMAND --help tells the flags; knetctl(1) tells everything.");
	return 0;
}

/* A wrong call ends with 1 as kubectl's do; with 2 where 1 is an answer. */
static int misused(const struct ctl_args *a, const struct err *e)
{
	ctl_fail("%s", e->text);
	if (a->command < CTL_COMMANDS)
		fprintf(stderr, "See 'knetctl %s --help' for usage.\n",
		        ctl_command_name[a->command]);
	else
		fprintf(stderr, "Run 'knetctl --help' for usage.\n");
	return a->command == CTL_TRACE || a->command == CTL_DNS ? 2 : 1;
}

int ctl_main(int argc, char **argv)
{
	static struct ctl_args a;
	struct err e = { 0 };
	int ret;

	if (argc > 1 && !strcmp(argv[1], "help"))
		argv[1] = argc > 2 ? argv[2] : "--help", argc = 2;
	ret = ctl_args_parse(argc - 1, argv + 1, &a, &e);
	if (ret)
		return misused(&a, &e);
	if (a.help || a.command == CTL_COMMANDS)
		return print_help(&a);
	ret = commands[a.command].run(&a);
	if (fflush(stdout) != 0 && !ret)
		return ctl_fail("standard output: %s", strerror(errno));
	return ret;
}
