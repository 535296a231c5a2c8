/* proxy_htpasswd.h - passwords against the hashes that htpasswd(1) writes. Pure. */
#pragma once

#include <stdbool.h>

#include <knetd/http.h>

#define HTPASSWD_BCRYPT_COST 12
#define HTPASSWD_SHA_ROUNDS 100000
#define HTPASSWD_PASSWORD_MAX 256

bool htpasswd_verify(struct span hash, struct span password);
/* NULL, or why nobody can have that hash. */
const char *htpasswd_trouble(struct span hash);
