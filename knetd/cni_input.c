/* cni_input.c - see cni_input.h */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <knetd/file.h>
#include <knetd/object.h>

#include "cni_input.h"

/* What a plugin is given fits: every further page that is touched is felt in the time of an ADD. */
#define READ_SIZE 2048

static enum cni_code read_all(struct buf *b, struct cni_error *er)
{
	b->max = CNI_INPUT_MAX;
	for (;;) {
		char *room = buf_room(b, READ_SIZE);
		ssize_t n;

		if (!room)
			return cni_error_set(er, CNI_DECODE,
			                     "the network configuration is larger than 1 MiB");
		n = read(STDIN_FILENO, room, READ_SIZE);
		if (n == 0)
			return CNI_OK;
		if (n < 0 && errno != EINTR)
			return cni_error_set(er, CNI_IO, "standard input: %s", strerror(errno));
		b->len += n > 0 ? n : 0;
	}
}

enum cni_code cni_input_read(struct cni_input *in, struct cni_error *er)
{
	enum cni_code code;

	in->command = getenv("CNI_COMMAND");
	if (!in->command || !*in->command)
		return cni_error_set(er, CNI_BAD_ENVIRONMENT,
		                     "CNI_COMMAND is missing: this is a CNI plugin, which a "
		                     "container runtime calls");
	code = read_all(&in->text, er);
	if (code)
		return code;
	in->doc = yyjson_read(in->text.data, in->text.len, 0);
	in->config = yyjson_doc_get_root(in->doc);
	in->version = json_str(in->config, "cniVersion");
	if (!yyjson_is_obj(in->config) && strcmp(in->command, "VERSION") != 0)
		return cni_error_set(
			er, CNI_DECODE,
			"the network configuration on standard input is no JSON object");
	return CNI_OK;
}

void cni_input_free(struct cni_input *in)
{
	yyjson_doc_free(in->doc);
	buf_free(&in->text);
}

int cni_output(const struct buf *b)
{
	return file_write(STDOUT_FILENO, b->data, b->len) ? 1 : 0;
}

int cni_input_fail(const struct cni_input *in, const struct cni_error *er)
{
	auto_buf struct buf out = { 0 };

	cni_error_write(&out, er, in->version);
	cni_output(&out);
	return 1;
}
