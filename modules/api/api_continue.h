/* api_continue.h - the token that goes on with a list: opaque to clients, it says of which version
 * the list is and behind which key it goes on. As Kubernetes writes it: unpadded base64url of
 * {"v":"meta.k8s.io/v1","rv":123,"start":"default/web\u0000"}. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/arena.h>

struct continue_token {
	int64_t version;   /* -1: of whatever there is now */
	const char *after; /* the last key that was told */
};
const char *continue_write(struct arena *a, const struct continue_token *t);
/* NULL, or what is wrong with it. */
const char *continue_read(const char *text, struct arena *a, struct continue_token *out);
