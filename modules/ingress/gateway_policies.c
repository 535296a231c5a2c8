/* gateway_policies.c - BackendTLSPolicies: which Services are spoken to by TLS, and what their
 * endpoints must prove. Of two that name the same target the older one counts (GEP-713). */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/store.h>
#include <knetd/view.h>

#include "certs.h"
#include "gateway_policies.h"

struct policies policies;

/* ---- one policy -------------------------------------------------------------------------------
 */

static const char *text(struct arena *a, yyjson_val *v, const char *key)
{
	const char *s = json_str(v, key);

	return s ? arena_strdup(a, s) : "";
}

static void read_targets(struct policy *p, yyjson_val *refs, struct arena *a)
{
	yyjson_val *ref;
	size_t i, n;

	yyjson_arr_foreach (refs, i, n, ref) {
		const char *kind = json_str(ref, "kind");

		if (p->n_targets == POLICY_TARGETS || *text(a, ref, "group") || !kind ||
		    strcmp(kind, "Service") != 0)
			continue; /* others are nobody's that we speak to */
		p->targets[p->n_targets++] =
			(struct policy_target){ text(a, ref, "name"), text(a, ref, "sectionName") };
	}
}

static void refuse_ca(struct policy *p, const char *reason, const char *why)
{
	if (p->resolved)
		return;
	p->resolved = reason;
	p->resolved_why = why;
}

static unsigned read_refs(struct policy *p, yyjson_val *refs, struct arena *a,
                          struct certs_ref *good)
{
	unsigned n_good = 0;
	yyjson_val *ref;
	size_t i, n;

	yyjson_arr_foreach (refs, i, n, ref) {
		const char *group = text(a, ref, "group"), *kind = text(a, ref, "kind");
		bool secret = !strcmp(kind, "Secret");
		struct certs_ref to = { secret ? KIND_SECRET : KIND_CONFIGMAP, p->ns,
			                text(a, ref, "name") };
		struct err e = { 0 };

		if (*group || (!secret && strcmp(kind, "ConfigMap") != 0))
			refuse_ca(p, "InvalidKind",
			          arena_printf(a,
			                       "caCertificateRefs[%zu]: %s%s%s: only ConfigMap and "
			                       "Secret can be referred to",
			                       i, kind, *group ? "." : "", group));
		else if (certs_check_ca(&to, &e))
			refuse_ca(p, "InvalidCACertificateRef",
			          arena_printf(a, "caCertificateRefs[%zu]: %s", i, e.text));
		else if (n_good < CERTS_REFS_MAX)
			good[n_good++] = to;
	}
	return n_good;
}

static void not_accepted(struct policy *p, const char *reason, const char *why)
{
	if (p->accepted)
		return;
	p->accepted = reason;
	p->accepted_why = why;
}

/* Whom it believes; with nobody, connections fail, as they must. */
static void read_authorities(struct policy *p, yyjson_val *validation, struct arena *a)
{
	const char *known = text(a, validation, "wellKnownCACertificates");
	struct certs_ref good[CERTS_REFS_MAX];
	struct err e = { 0 };
	unsigned n;

	p->tls.ca = CERTS_NOBODY;
	if (*known && strcmp(known, "System") != 0) {
		not_accepted(
			p, "Invalid",
			arena_printf(a, "wellKnownCACertificates %s is not known here", known));
		return;
	}
	if (*known) {
		if (certs_want_system_ca(&p->tls.ca, &e)) {
			p->tls.ca = CERTS_NOBODY;
			not_accepted(p, "NoValidCACertificate", arena_strdup(a, e.text));
		}
		return;
	}
	n = read_refs(p, yyjson_obj_get(validation, "caCertificateRefs"), a, good);
	if (!n)
		not_accepted(p, "NoValidCACertificate", "none of caCertificateRefs will do");
	else if (certs_want_ca(good, n, &p->tls.ca, &e))
		p->tls.ca = CERTS_NOBODY;
}

static struct span span_of(char *s)
{
	return (struct span){ s, strlen(s) };
}

static char *lower(char *s)
{
	for (char *p = s; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? *p + 32 : *p;
	return s;
}

static void read_names(struct policy *p, yyjson_val *validation, struct arena *a)
{
	yyjson_val *alt, *alts = yyjson_obj_get(validation, "subjectAltNames");
	struct table_text *names = arena_alloc(a, (yyjson_arr_size(alts) + 1) * sizeof(*names));
	size_t i, n;

	p->tls.name = span_of(lower((char *)text(a, validation, "hostname")));
	p->tls.names = names;
	yyjson_arr_foreach (alts, i, n, alt) {
		const char *host = json_str(alt, "hostname"), *uri = json_str(alt, "uri");
		char *name = arena_strdup(a, uri && *uri ? uri : host ? host : "");

		if (!uri || !*uri)
			lower(name);
		if (*name)
			names[p->tls.n_names++].text = span_of(name);
	}
}

static void read_policy(struct policy *p, const struct object *o, struct arena *a)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc), *validation = json_at(root, "spec.validation");

	p->ns = arena_strdup(a, o->ns);
	p->name = arena_strdup(a, o->name);
	p->key = arena_strdup(a, o->key);
	p->born = text(a, root, "metadata.creationTimestamp");
	p->generation = json_int(root, "metadata.generation", 0);
	p->tls.cert = TABLE_NONE;
	read_targets(p, json_at(root, "spec.targetRefs"), a);
	read_names(p, validation, a);
	read_authorities(p, validation, a);
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static int by_precedence(const void *a, const void *b)
{
	const struct policy *x = a, *y = b;
	int order = strcmp(x->born, y->born);

	return order ? order : strcmp(x->key, y->key);
}

static struct policy *find(const char *ns, const char *service, const char *section)
{
	auto_free char *key = xasprintf("%s/%s/%s", ns, service, section);

	return map_get(&policies.by_target, key, strlen(key));
}

static void settle(struct policy *p, struct arena *a)
{
	for (unsigned i = 0; i < p->n_targets; i++) {
		const struct policy_target *t = &p->targets[i];
		const struct policy *first = find(p->ns, t->service, t->section);
		const char *key = arena_printf(a, "%s/%s/%s", p->ns, t->service, t->section);

		if (!first)
			map_put(&policies.by_target, key, strlen(key), p);
		else if (first != p)
			not_accepted(
				p, "Conflicted",
				arena_printf(a, "Service %s: %s is older", t->service, first->key));
	}
}

/* Everything that routes are compiled from. */
static void put_meaning(struct buf *out)
{
	for (unsigned i = 0; i < policies.n; i++) {
		const struct policy *p = &policies.list[i];

		buf_printf(out, "%s %s %u", p->key, p->tls.name.p, p->tls.ca);
		for (uint32_t n = 0; n < p->tls.n_names; n++)
			buf_printf(out, " %s", p->tls.names[n].text.p);
		for (unsigned t = 0; t < p->n_targets; t++)
			buf_printf(out, " %s/%s", p->targets[t].service, p->targets[t].section);
		buf_str(out, "\n");
	}
}

bool gateway_backend_tls_read(void)
{
	static struct buf before;
	struct buf now = { 0 };
	const struct object *o;
	bool changed;

	map_free(&policies.by_target);
	arena_free(&policies.arena);
	policies = (struct policies){ 0 };
	policies.list = arena_alloc(&policies.arena, (store_count(KIND_BACKENDTLSPOLICY) + 1) *
	                                                     sizeof(*policies.list));
	for (size_t i = 0; (o = store_next_object(KIND_BACKENDTLSPOLICY, &i));)
		read_policy(&policies.list[policies.n++], o, &policies.arena);
	qsort(policies.list, policies.n, sizeof(*policies.list), by_precedence);
	for (unsigned i = 0; i < policies.n; i++)
		settle(&policies.list[i], &policies.arena);
	put_meaning(&now);
	changed = now.len != before.len || (now.len && memcmp(now.data, before.data, now.len) != 0);
	buf_free(&before);
	before = now;
	return changed;
}

/* ---- asked by routes --------------------------------------------------------------------------
 */

static const char *name_of_port(const char *ns, const char *service, uint16_t port, struct arena *a)
{
	const struct object *o = store_get(KIND_SERVICE, ns, service);
	const char *name = "";
	struct service_view view;

	if (!o || !view_service(o, a, &view))
		return name;
	for (unsigned i = 0; i < view.n_ports; i++)
		if (view.ports[i].port == port && view.ports[i].proto == IPPROTO_TCP)
			name = view.ports[i].name;
	yyjson_doc_free(view.doc);
	return name;
}

const struct table_backend_tls *gateway_backend_tls(const char *ns, const char *service,
                                                    const char *port_name, uint16_t port,
                                                    uint32_t cert)
{
	static struct table_backend_tls out;
	auto_arena struct arena a = { 0 };
	const struct policy *p = NULL;

	if (!policies.n)
		return NULL;
	if (!port_name || !*port_name)
		port_name = name_of_port(ns, service, port, &a);
	if (*port_name)
		p = find(ns, service, port_name);
	if (!p)
		p = find(ns, service, "");
	if (!p)
		return NULL;
	out = p->tls;
	out.cert = cert;
	return &out;
}

static void add_ancestor(struct policy *p, const char *ns, const char *gateway)
{
	for (unsigned i = 0; i < p->n_ancestors; i++)
		if (!strcmp(p->ancestors[i].ns, ns) && !strcmp(p->ancestors[i].gateway, gateway))
			return;
	if (p->n_ancestors < POLICY_ANCESTORS)
		p->ancestors[p->n_ancestors++] = (struct policy_ancestor){ ns, gateway };
}

void gateway_backend_tls_seen(const char *ns, const char *service, const char *gateway_ns,
                              const char *gateway)
{
	for (unsigned i = 0; i < policies.n; i++) {
		struct policy *p = &policies.list[i];

		for (unsigned t = 0; !strcmp(p->ns, ns) && t < p->n_targets; t++)
			if (!strcmp(p->targets[t].service, service))
				add_ancestor(p, gateway_ns, gateway);
	}
}

void gateway_backend_tls_unsee(void)
{
	for (unsigned i = 0; i < policies.n; i++)
		policies.list[i].n_ancestors = 0;
}

void gateway_backend_tls_keep(void)
{
	for (unsigned i = 0; i < policies.n; i++)
		certs_keep(policies.list[i].tls.ca);
}
