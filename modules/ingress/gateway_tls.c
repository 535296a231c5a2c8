/* gateway_tls.c - the certificates that Gateways and their listeners name: which will do, and in
 * Gateway API's words why the others will not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "certs.h"
#include "gateway_grant.h"
#include "gateway_tls.h"

struct referrer { /* who names something */
	const char *kind, *ns;
	struct arena *arena;
	const char **reason, **message;
};

/* The first thing that is wrong is told. */
static bool refuse(const struct referrer *r, const char *reason, const char *text)
{
	if (!*r->reason) {
		*r->reason = reason;
		*r->message = arena_strdup(r->arena, text);
	}
	return false;
}

static const char *text_or(yyjson_val *v, const char *key, const char *absent)
{
	const char *text = json_str(v, key);

	return text && *text ? text : absent;
}

/* Is that a reference to one of the kinds, which it may name? */
static bool permitted(const struct referrer *r, yyjson_val *ref, const char *kinds,
                      const char *bad_kind, struct certs_ref *out)
{
	const char *group = text_or(ref, "group", ""), *kind = text_or(ref, "kind", "Secret");
	char text[512];

	out->ns = text_or(ref, "namespace", r->ns);
	out->name = text_or(ref, "name", "");
	out->kind = !strcmp(kind, "Secret") ? KIND_SECRET : KIND_CONFIGMAP;
	if (*group || !strstr(kinds, kind)) {
		snprintf(text, sizeof(text), "%s%s%s %s: only %s can be referred to", kind,
		         *group ? "." : "", group, out->name, kinds);
		return refuse(r, bad_kind, text);
	}
	if (!gateway_grant(GATEWAY_GROUP, r->kind, r->ns, "", kind, out->ns, out->name)) {
		snprintf(text, sizeof(text), "no ReferenceGrant lets it refer to %s %s/%s", kind,
		         out->ns, out->name);
		return refuse(r, "RefNotPermitted", text);
	}
	return true;
}

/* ---- certificates of listeners ----------------------------------------------------------------
 */

static void listener_certs(yyjson_val *refs, const struct referrer *r, struct gateway_tls *out)
{
	uint32_t *list = arena_alloc(r->arena, (yyjson_arr_size(refs) + 1) * sizeof(*list));
	yyjson_val *ref;
	size_t i, n;

	out->certs = list;
	yyjson_arr_foreach (refs, i, n, ref) {
		struct err e = { 0 };
		struct certs_ref to;

		if (!permitted(r, ref, "Secret", "InvalidCertificateRef", &to))
			continue;
		if (certs_want(to.ns, to.name, &list[out->n_certs], &e))
			refuse(r, "InvalidCertificateRef", e.text);
		else
			out->n_certs++;
	}
	if (!yyjson_arr_size(refs)) /* options alone */
		list[out->n_certs++] = certs_default();
}

/* ---- who vouches for clients ------------------------------------------------------------------
 */

static yyjson_val *validation_for(yyjson_val *gateway, int64_t port)
{
	yyjson_val *entry, *list = json_at(gateway, "spec.tls.frontend.perPort");
	size_t i, n;

	yyjson_arr_foreach (list, i, n, entry)
		if (json_int(entry, "port", 0) == port)
			return json_at(entry, "tls.validation");
	return json_at(gateway, "spec.tls.frontend.default.validation");
}

static void listener_clients(yyjson_val *validation, const struct referrer *r,
                             struct gateway_tls *out)
{
	yyjson_val *ref, *refs = yyjson_obj_get(validation, "caCertificateRefs");
	struct certs_ref good[CERTS_REFS_MAX];
	unsigned n_good = 0;
	struct err e = { 0 };
	size_t i, n;

	yyjson_arr_foreach (refs, i, n, ref) {
		struct certs_ref to;

		if (!permitted(r, ref, "ConfigMap, Secret", "InvalidCACertificateKind", &to))
			continue;
		if (certs_check_ca(&to, &e))
			refuse(r, "InvalidCACertificateRef", e.text);
		else if (n_good < CERTS_REFS_MAX)
			good[n_good++] = to;
	}
	out->no_ca = !n_good;
	out->client_optional =
		!strcmp(text_or(validation, "mode", "AllowValidOnly"), "AllowInsecureFallback");
	if (certs_want_ca(good, n_good, &out->client_ca, &e)) {
		out->no_ca = true;
		out->client_ca = CERTS_NOBODY;
	}
}

void gateway_tls_listener(yyjson_val *listener, enum kind from, const char *ns, yyjson_val *gateway,
                          const char *gateway_ns, struct arena *a, struct gateway_tls *out)
{
	const char *protocol = text_or(listener, "protocol", "");
	const struct referrer owner = { kind_info[from].kind, ns, a, &out->reason, &out->message };
	const struct referrer whole = { "Gateway", gateway_ns, a, &out->reason, &out->message };
	yyjson_val *validation;

	*out = (struct gateway_tls){ .client_ca = TABLE_NONE };
	if (strcmp(protocol, "HTTPS") != 0 && strcmp(protocol, "TLS") != 0)
		return;
	out->passthrough = !strcmp(text_or(listener, "tls.mode", "Terminate"), "Passthrough");
	if (out->passthrough)
		return;
	listener_certs(json_at(listener, "tls.certificateRefs"), &owner, out);
	if (strcmp(protocol, "HTTPS") != 0)
		return;
	validation = validation_for(gateway, json_int(listener, "port", 0));
	if (validation)
		listener_clients(validation, &whole, out);
}

/* ---- our own towards backends -----------------------------------------------------------------
 */

uint32_t gateway_tls_client(yyjson_val *gateway, const char *ns, struct arena *a,
                            const char **reason, const char **message)
{
	yyjson_val *ref = json_at(gateway, "spec.tls.backend.clientCertificateRef");
	const struct referrer r = { "Gateway", ns, a, reason, message };
	uint32_t number = TABLE_NONE;
	struct err e = { 0 };
	struct certs_ref to;

	*reason = *message = NULL;
	if (ref && permitted(&r, ref, "Secret", "InvalidClientCertificateRef", &to) &&
	    certs_want(to.ns, to.name, &number, &e))
		refuse(&r, "InvalidClientCertificateRef", e.text);
	return number;
}
