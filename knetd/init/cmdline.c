/* cmdline.c - the kernel's command line, as far as it is ours:
 *
 *   knetd.conf=PATH              the configuration, in place of /etc/knetd.ini
 *   knetd.rescue                 the rescue console
 *   knetd.SECTION.KEY=VALUE      a key, in force over the file
 *
 * Double quotes, around a value or the whole word, keep blanks together. */
#include <string.h>

#include "init.h"

/* The next word of *in, its quotes dropped, at *out; NULL behind the last. */
static char *next_word(const char **in, char **out)
{
	bool quoted = false;
	char *word = *out;

	*in += strspn(*in, " \t\n");
	if (!**in)
		return NULL;
	for (; **in && (quoted || !strchr(" \t\n", **in)); (*in)++) {
		if (**in == '"')
			quoted = !quoted;
		else
			*(*out)++ = **in;
	}
	*(*out)++ = 0;
	return word;
}

static void take(struct init_cmdline *c, const char *word)
{
	if (!strcmp(word, "rescue"))
		c->rescue = true;
	else if (!strncmp(word, "conf=", 5))
		c->conf = word + 5;
	else if (c->n < INIT_PARAMETERS)
		c->parameters[c->n++] = word;
	else
		c->dropped++;
}

void init_cmdline_parse(const char *line, struct init_cmdline *c)
{
	char *out = c->text, *word;

	memset(c, 0, sizeof(*c));
	/* what is written is never longer than what was read, but for the last word's end */
	while (strlen(line) < (size_t)(c->text + sizeof(c->text) - out) &&
	       (word = next_word(&line, &out)))
		if (!strncmp(word, "knetd.", 6))
			take(c, word + 6);
		else
			out = word;
}
