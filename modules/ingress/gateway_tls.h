/* gateway_tls.h - what Gateways, listeners and BackendTLSPolicies say about TLS. */
#pragma once

#include <knetd/arena.h>
#include <knetd/object.h>

#include "proxy_table.h"

/* What became of the references of a listener's tls. reason is NULL when all is well, else one of
 * Gateway API's for ResolvedRefs ("InvalidCertificateRef", "RefNotPermitted",
 * "InvalidCACertificateRef", "InvalidCACertificateKind"); message then says which and why. */
struct gateway_tls {
	const uint32_t *certs; /* those that will do, in order */
	uint32_t n_certs;
	bool passthrough;
	uint32_t client_ca; /* TABLE_NONE: clients are asked for none */
	bool client_optional;
	bool no_ca; /* every caCertificateRef is bad: Accepted False, NoValidCACertificate */
	const char *reason, *message;
};
/* listener: one entry of spec.listeners (of a Gateway or ListenerSet; from: its kind and namespace,
 * for ReferenceGrants). gateway: the root of the Gateway. All in the arena. */
void gateway_tls_listener(yyjson_val *listener, enum kind from, const char *ns, yyjson_val *gateway,
                          const char *gateway_ns, struct arena *a, struct gateway_tls *out);

/* The certificate of ours towards backends (spec.tls.backend.clientCertificateRef): its number, or
 * TABLE_NONE; *reason ("InvalidClientCertificateRef", "RefNotPermitted") and *message when it is
 * asked for and cannot be had. */
uint32_t gateway_tls_client(yyjson_val *gateway, const char *ns, struct arena *a,
                            const char **reason, const char **message);

/* ---- BackendTLSPolicy ------------------------------------------------------------------------ */

/* Before routes are compiled, when a policy may be another: reads every policy. True when what it
 * says of any backend is not what it said before: compiled routes must be compiled again. */
bool gateway_backend_tls_read(void);
/* What a policy says of that port; NULL: spoken to in clear. cert: of gateway_tls_client. Lives
 * until the next call; backends_want copies it. */
const struct table_backend_tls *gateway_backend_tls(const char *ns, const char *service,
                                                    const char *port_name, uint16_t port,
                                                    uint32_t cert);
/* A route of that Gateway asks that Service: the policies that target it get an ancestor in their
 * status. The Gateway's names are not copied. */
void gateway_backend_tls_seen(const char *ns, const char *service, const char *gateway_ns,
                              const char *gateway);
void gateway_backend_tls_unsee(void); /* none of them has any */
void gateway_backend_tls_keep(void);  /* the certificates that they name: certs_keep */
/* Writes the policies' status, for what was seen. */
void gateway_backend_tls_status(void);
