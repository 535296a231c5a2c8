/* proxy_grpc.c - refusals as gRPC tells them: 200, and what is the matter in a field, for its
 * clients look at nothing else (gRPC over HTTP2, "Trailers-Only"). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy_grpc.h"

enum code {
	DEADLINE_EXCEEDED = 4,
	PERMISSION_DENIED = 7,
	RESOURCE_EXHAUSTED = 8,
	UNIMPLEMENTED = 12,
	INTERNAL = 13,
	UNAVAILABLE = 14,
	UNAUTHENTICATED = 16,
};

static enum code code_of(unsigned status)
{
	switch (status) {
	case 401:
		return UNAUTHENTICATED;
	case 403:
		return PERMISSION_DENIED;
	case 404: /* no rule is for that service and method */
	case 405:
	case 501:
		return UNIMPLEMENTED;
	case 413:
	case 431:
		return RESOURCE_EXHAUSTED;
	case 504:
		return DEADLINE_EXCEEDED;
	}
	/* 500 as well: a route whose backend cannot be asked (Gateway API, GRPCBackendRef) */
	return status >= 500 || status == 429 ? UNAVAILABLE : INTERNAL;
}

bool grpc_asks(const struct http_head *h)
{
	const struct span *type =
		span_is(h->method, "POST") ? http_header(h, "content-type") : NULL;

	return type && type->n >= 16 && !strncasecmp(type->p, "application/grpc", 16) &&
	       (type->n == 16 || type->p[16] == '+' || type->p[16] == ';');
}

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void add(struct http_head *h, const char *name, const char *value)
{
	h->headers[h->n_headers++] = (struct http_header){ span_of(name), span_of(value) };
}

void grpc_refusal(struct http_head *h, unsigned status, const char *text)
{
	static char number[4], message[256];
	size_t n = 0;

	for (; *text && n < sizeof(message) - 1; text++)
		message[n++] = *text >= ' ' && *text < 0x7f && *text != '%' ? *text : ' ';
	message[n] = 0;
	snprintf(number, sizeof(number), "%d", (int)code_of(status));
	h->status = 200;
	h->reason = span_of("OK");
	h->body = HTTP_BODY_NONE;
	h->length = 0;
	h->n_headers = 0;
	add(h, "Content-Type", "application/grpc");
	add(h, "Content-Length", "0");
	add(h, "grpc-status", number);
	add(h, "grpc-message", message);
}
