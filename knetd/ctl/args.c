/* args.c - see args.h. One table of flags; a flag may stand anywhere, and is told from a word by
 * its dash alone: kubectl's users write `get svc -n shop web -o=wide`. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

#include "args.h"

const char *const ctl_command_name[CTL_COMMANDS] = {
	[CTL_GET] = "get",         [CTL_WATCH] = "watch",           [CTL_DESCRIBE] = "describe",
	[CTL_APPLY] = "apply",     [CTL_CREATE] = "create",         [CTL_DELETE] = "delete",
	[CTL_STATUS] = "status",   [CTL_TRACE] = "trace",           [CTL_LB] = "lb",
	[CTL_DNS] = "dns",         [CTL_LOGS_LEVEL] = "logs-level", [CTL_VERSION] = "version",
	[CTL_UPGRADE] = "upgrade", [CTL_EXPORT] = "export",         [CTL_UI] = "ui",
};

enum flag_type { FLAG_BOOL, FLAG_TEXT, FLAG_FILES };

struct flag {
	const char *name;
	char letter; /* 0: none */
	enum flag_type type;
	size_t at; /* in struct ctl_args */
	uint32_t commands;
	const char *value, *doc; /* value: what stands for it in the help */
};

#define AT(member) offsetof(struct ctl_args, member)
enum { /* which commands take a flag */
       READS = CTL_BIT(CTL_GET) | CTL_BIT(CTL_WATCH),
       PICKS = READS | CTL_BIT(CTL_DESCRIBE) | CTL_BIT(CTL_DELETE),
       WRITES = CTL_BIT(CTL_APPLY) | CTL_BIT(CTL_CREATE),
       FILED = WRITES | CTL_BIT(CTL_DELETE),
       SPACED = PICKS | FILED | CTL_BIT(CTL_TRACE) | CTL_BIT(CTL_DNS),
       ALL_COMMANDS = CTL_BIT(CTL_COMMANDS) - 1,
};

// clang-format off
static const struct flag flags[] = {
	{ "socket", 's', FLAG_TEXT, AT(socket), ALL_COMMANDS, "PATH", "the daemon's socket (else KNETD_SOCKET, else /run/knetd/knetd.sock)" },
	{ "namespace", 'n', FLAG_TEXT, AT(ns), SPACED | CTL_BIT(CTL_EXPORT), "NAME", "the namespace (default \"default\")" },
	{ "all-namespaces", 'A', FLAG_BOOL, AT(all_namespaces), PICKS | CTL_BIT(CTL_EXPORT), NULL, "of all namespaces" },
	{ "output", 'o', FLAG_TEXT, AT(output), READS | FILED | CTL_BIT(CTL_TRACE) | CTL_BIT(CTL_STATUS) | CTL_BIT(CTL_LB) | CTL_BIT(CTL_DNS), "FORMAT", "wide, yaml, json, name or jsonpath=TEMPLATE, as the command knows" },
	{ "selector", 'l', FLAG_TEXT, AT(selector), PICKS | CTL_BIT(CTL_EXPORT), "LABELS", "those with these labels: a=b,c!=d,e in (f,g),!h" },
	{ "field-selector", 0, FLAG_TEXT, AT(field_selector), PICKS, "FIELDS", "those with these fields: metadata.name=x" },
	{ "show-labels", 0, FLAG_BOOL, AT(show_labels), READS, NULL, "a column of labels" },
	{ "show-kind", 0, FLAG_BOOL, AT(show_kind), READS, NULL, "the kind before each name" },
	{ "no-headers", 0, FLAG_BOOL, AT(no_headers), READS | CTL_BIT(CTL_LB), NULL, "no line of headers" },
	{ "show-managed-fields", 0, FLAG_BOOL, AT(show_managed_fields), READS, NULL, "metadata.managedFields in json and yaml" },
	{ "watch", 'w', FLAG_BOOL, AT(watch), READS | CTL_BIT(CTL_DNS), NULL, "then go on with what changes; of dns: the queries, as they come" },
	{ "from", 0, FLAG_TEXT, AT(from), CTL_BIT(CTL_DNS), "POD|ADDRESS", "answer as that client is answered" },
	{ "name", 0, FLAG_TEXT, AT(name), CTL_BIT(CTL_DNS), "SUFFIX", "with --watch: queries for this name and those below it" },
	{ "client", 0, FLAG_TEXT, AT(client), CTL_BIT(CTL_DNS), "ADDRESS", "with --watch: queries of this client" },
	{ "watch-only", 0, FLAG_BOOL, AT(watch_only), READS, NULL, "only what changes" },
	{ "filename", 'f', FLAG_FILES, AT(files), FILED, "FILE", "a manifest, a directory of them, or - for standard input; several may be given" },
	{ "recursive", 'R', FLAG_BOOL, AT(recursive), FILED, NULL, "directories with what is below them" },
	{ "dry-run", 0, FLAG_TEXT, AT(dry_run), FILED, "server", "check everything, change nothing" },
	{ "validate", 0, FLAG_TEXT, AT(validate), WRITES, "HOW", "unknown fields: strict (default), warn or ignore" },
	{ "server-side", 0, FLAG_BOOL, AT(server_side), CTL_BIT(CTL_APPLY), NULL, "server-side apply, each object by itself" },
	{ "force-conflicts", 0, FLAG_BOOL, AT(force_conflicts), CTL_BIT(CTL_APPLY), NULL, "take fields that others own (with --server-side)" },
	{ "field-manager", 0, FLAG_TEXT, AT(field_manager), WRITES, "NAME", "who owns the fields (default \"knetctl\")" },
	{ "ignore-not-found", 0, FLAG_BOOL, AT(ignore_not_found), READS | CTL_BIT(CTL_DELETE), NULL, "what is not there is no error" },
	{ "all", 0, FLAG_BOOL, AT(all), CTL_BIT(CTL_DELETE), NULL, "every object of these types" },
	{ "cascade", 0, FLAG_TEXT, AT(cascade), CTL_BIT(CTL_DELETE), "HOW", "background (default), foreground or orphan" },
	{ "grace-period", 0, FLAG_TEXT, AT(grace_period), CTL_BIT(CTL_DELETE), "SECONDS", "passed on to the server" },
	{ "force", 0, FLAG_BOOL, AT(force), CTL_BIT(CTL_DELETE) | CTL_BIT(CTL_APPLY), NULL, "delete with no grace period; apply --server-side: as --force-conflicts" },
	{ "now", 0, FLAG_BOOL, AT(now), CTL_BIT(CTL_DELETE), NULL, "a grace period of one second" },
	{ "wait", 0, FLAG_BOOL, AT(wait), CTL_BIT(CTL_DELETE), NULL, "until objects with finalizers are gone (default true)" },
	{ "timeout", 0, FLAG_TEXT, AT(timeout), CTL_BIT(CTL_DELETE), "TIME", "the longest wait: 30s, 5m" },
	{ "help", 'h', FLAG_BOOL, AT(help), ALL_COMMANDS, NULL, "this text" },
};
// clang-format on

static const struct flag *find_long(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strlen(flags[i].name) == n && !memcmp(flags[i].name, name, n))
			return &flags[i];
	return NULL;
}

static const struct flag *find_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (letter && flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

static int set_bool(bool *to, const struct flag *f, const char *value, struct err *e)
{
	if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return err_set(e, EINVAL,
		               "invalid argument \"%.60s\" for \"--%s\" flag: true or false is "
		               "expected",
		               value, f->name);
	*to = !value || !strcmp(value, "true");
	return 0;
}

static int set_flag(struct ctl_args *a, const struct flag *f, const char *value, struct err *e)
{
	void *to = (char *)a + f->at;

	if (f->type == FLAG_BOOL)
		return set_bool(to, f, value, e);
	if (f->type == FLAG_TEXT) {
		memcpy(to, &value, sizeof(value));
		return 0;
	}
	if (a->n_files == CTL_FILES)
		return err_set(e, E2BIG, "more than %d files are given", CTL_FILES);
	a->files[a->n_files++] = value;
	return 0;
}

struct reader {
	int argc, at;
	char *const *argv;
	uint32_t used[2]; /* bits of flags seen, for the check against the command */
	struct ctl_args *args;
	bool command; /* seen */
};

static void note(struct reader *r, const struct flag *f)
{
	size_t i = f - flags;

	r->used[i / 32] |= 1u << i % 32;
}

static int want_value(struct reader *r, const struct flag *f, const char *value, struct err *e)
{
	if (f->type != FLAG_BOOL && !value) {
		if (r->at == r->argc)
			return err_set(e, EINVAL, "flag needs an argument: --%s", f->name);
		value = r->argv[r->at++];
	}
	note(r, f);
	return set_flag(r->args, f, value, e);
}

static int read_long(struct reader *r, const char *arg, struct err *e)
{
	size_t n = strcspn(arg + 2, "=");
	const struct flag *f = find_long(arg + 2, n);

	if (!f)
		return err_set(e, EINVAL, "unknown flag: --%.*s", (int)(n < 60 ? n : 60), arg + 2);
	return want_value(r, f, arg[2 + n] ? arg + 3 + n : NULL, e);
}

/* -n NAME, -nNAME, -n=NAME, and letters without values together: -Aw. */
static int read_short(struct reader *r, const char *arg, struct err *e)
{
	for (const char *p = arg + 1; *p; p++) {
		const struct flag *f = find_letter(*p);
		int ret;

		if (!f)
			return err_set(e, EINVAL, "unknown shorthand flag: '%c' in %.60s", *p, arg);
		if (f->type != FLAG_BOOL || p[1] == '=')
			return want_value(r, f, p[1] ? p + 1 + (p[1] == '=') : NULL, e);
		ret = want_value(r, f, NULL, e);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_command(struct reader *r, const char *word, struct err *e)
{
	for (int i = 0; i < CTL_COMMANDS; i++)
		if (!strcmp(ctl_command_name[i], word)) {
			r->args->command = i;
			r->command = true;
			return 0;
		}
	return err_set(e, ENOENT, "unknown command \"%.60s\" for \"knetctl\"", word);
}

static int read_word(struct reader *r, const char *word, struct err *e)
{
	if (!r->command)
		return read_command(r, word, e);
	if (r->args->n_words == CTL_WORDS)
		return err_set(e, E2BIG, "more than %d arguments", CTL_WORDS);
	r->args->words[r->args->n_words++] = word;
	return 0;
}

static int check_flags(const struct reader *r, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if ((r->used[i / 32] >> i % 32 & 1) &&
		    !(flags[i].commands & CTL_BIT(r->args->command)))
			return err_set(e, EINVAL, "unknown flag: --%s", flags[i].name);
	return 0;
}

int ctl_args_parse(int argc, char *const *argv, struct ctl_args *out, struct err *e)
{
	struct reader r = { .argc = argc, .argv = argv, .args = out };
	bool plain = false; /* behind "--" */

	*out = (struct ctl_args){ .command = CTL_COMMANDS, .wait = true };
	while (r.at < argc) {
		const char *arg = argv[r.at++];
		int ret = 0;

		if (!plain && !strcmp(arg, "--"))
			plain = true;
		else if (!plain && !strncmp(arg, "--", 2))
			ret = read_long(&r, arg, e);
		/* "->" is the arrow between the two ends of a trace */
		else if (!plain && arg[0] == '-' && arg[1] && strcmp(arg, "->") != 0)
			ret = read_short(&r, arg, e);
		else
			ret = read_word(&r, arg, e);
		if (ret)
			return ret;
	}
	return r.command ? check_flags(&r, e) : 0;
}

void ctl_args_help(enum ctl_command command, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		const struct flag *f = &flags[i];
		char letter[] = { '-', f->letter, ',', ' ', 0 };

		if (f->commands & CTL_BIT(command))
			buf_printf(out, "  %4s--%s%s%s\t%s\n", f->letter ? letter : "", f->name,
			           f->value ? "=" : "", f->value ? f->value : "", f->doc);
	}
}
