/* http_int.h - between http.c, which takes heads apart, and http_meaning.c, which judges them. */
#pragma once

#include <knetd/http.h>

struct http_fields { /* those that decide where a message ends and whose it is */
	unsigned lengths, encodings, hosts;
	struct span length, encoding, host;
	bool close, keep, upgrade, has_upgrade, expect_continue;
};
void http_note_field(struct http_fields *f, const struct http_header *x);
/* What was found, into h. What is wrong with it, or NULL. */
const char *http_read_request(struct http_head *h, const struct http_fields *f);
const char *http_read_response(struct http_head *h, const struct http_fields *f, bool head_request);
