/* http_refuse.c - what the doors of modules say when they are asked wrongly. */
#include <errno.h>
#include <string.h>

#include <knetd/http.h>

void http_refuse(struct http_answer *answer, int code, const char *text)
{
	bool missing = code == ENOENT;
	struct buf *b = &answer->body;

	answer->status = missing ? 404 : 400;
	buf_printf(b,
	           "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
	           "\"Failure\",\"reason\":\"%s\",\"message\":",
	           missing ? "NotFound" : "BadRequest");
	buf_json(b, text, strlen(text));
	buf_printf(b, ",\"code\":%u}\n", answer->status);
}
