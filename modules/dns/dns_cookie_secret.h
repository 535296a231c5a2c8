/* dns_cookie_secret.h - what the workers' cookies are made with: kept in the run directory, so that
 * clients' cookies stay good over a restart of the daemon, and another one after each boot. */
#pragma once

#include "dns_cookie.h"

/* Reads it, or makes it; when it cannot be kept there is one all the same. */
void dns_cookie_secret_init(void);
const uint8_t *dns_cookie_secret(void);
