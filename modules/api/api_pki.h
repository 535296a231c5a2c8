/* api_pki.h - what the TLS door shows and believes. */
#pragma once

#include <knetd/tls.h>

/* Reads <state_dir>/pki, makes what is missing or runs out, writes <run_dir>/kubeconfig. When it
 * fails, what was in use before stays so (at start: nothing, and the door is shut). */
int pki_load(struct err *e);
void pki_unload(void);
/* NULL: the door is shut. Borrowed. */
struct tls_identity *pki_identity(void);
bool pki_token_is(const char *p, size_t n); /* in a time that tells nothing */
bool pki_name_is(const char *host);         /* one that the certificate is for */
