/* proxy_grpc.h - what gRPC has of its own. */
#pragma once

#include "proxy.h"

/* Does gRPC ask? */
bool grpc_asks(const struct http_head *h);
/* Makes of a refusal what gRPC's clients understand: an answer of trailers only. */
void grpc_refusal(struct http_head *h, unsigned status, const char *text);
