/* proxy_trailers.h - fields behind a body: "name: value" lines, each with its CRLF, at most
 * HTTP_HEAD_MAX bytes and HTTP_HEADERS_MAX fields. */
#pragma once

#include <knetd/http.h>

/* Fields that say how a message is framed, routed, told who sends it or to be read are no trailers
 * (RFC 9110 6.5.1): somebody behind us might take them for headers. */
bool trailer_may(struct span name);
/* Puts them behind what is there; leaves it empty when they do not fit. */
void trailers_keep(struct buf *text, const struct http_header *trailers, size_t n);
/* Those of them that may be told; *out until the next call, as long as text is there. */
size_t trailers_read(const struct buf *text, const struct http_header **out);
