/* proxy_canary.h - which requests a canary gets. */
#pragma once

#include "proxy.h"
#include "proxy_policy.h"

/* One of the action's choices; NULL: no canary wants it. */
const struct table_choice *canary_choose(const struct table_action *a, const struct http_head *h);
