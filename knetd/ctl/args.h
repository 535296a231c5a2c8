/* args.h - the words of a knetctl call: flags as kubectl spells them, and what they are not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/err.h>

#define CTL_WORDS 256
#define CTL_FILES 64

enum ctl_command {
	CTL_GET,
	CTL_WATCH,
	CTL_DESCRIBE,
	CTL_APPLY,
	CTL_CREATE,
	CTL_DELETE,
	CTL_EXPORT,
	CTL_STATUS,
	CTL_TRACE,
	CTL_LB,
	CTL_DNS,
	CTL_UI,
	CTL_LOGS_LEVEL,
	CTL_UPGRADE,
	CTL_VERSION,
	CTL_COMMANDS
};
#define CTL_BIT(command) (1u << (command))
extern const char *const ctl_command_name[CTL_COMMANDS];

struct ctl_args {
	enum ctl_command command;
	unsigned n_words, n_files;
	const char *words[CTL_WORDS]; /* what is no flag, without the command */
	const char *files[CTL_FILES]; /* of -f */
	const char *socket;           /* NULL: KNETD_SOCKET, else the default */
	const char *ns;               /* NULL: not said */
	const char *output, *selector, *field_selector, *dry_run, *validate, *timeout;
	const char *field_manager, *cascade, *grace_period;
	const char *from, *name, *client;
	bool all_namespaces, watch, watch_only, show_labels, no_headers, show_kind;
	bool show_managed_fields, ignore_not_found, force, server_side, force_conflicts;
	bool recursive, all, wait, now, help;
};

/* argv behind the program's name. */
int ctl_args_parse(int argc, char *const *argv, struct ctl_args *out, struct err *e);
/* Lines of the flags that a command takes, for its help. */
struct buf;
void ctl_args_help(enum ctl_command command, struct buf *out);
