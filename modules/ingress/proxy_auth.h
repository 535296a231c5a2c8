/* proxy_auth.h - HTTP basic authentication. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy_policy.h"

enum auth_answer {
	AUTH_GOOD,
	AUTH_BAD,  /* no credentials, or wrong ones */
	AUTH_LATER /* so much time went into passwords that others wait: try again */
};
/* credentials: the value of Authorization; p NULL: none was sent. */
enum auth_answer auth_check(const struct table_basic *b, struct span credentials);
