/* api_valid.h - pieces of validation that several kinds share.
 *
 * A place in an object is a chain of `struct at` on the stack, from the inside out; it becomes text
 * ("spec.ports[0].name") only when something is wrong there. The messages are Kubernetes' own. */
#pragma once

#include <string.h>

#include "api.h"

struct at {
	const struct at *up; /* NULL: the object itself */
	const char *name;    /* a member; NULL: an item */
	size_t item;
	bool keyed; /* an entry of a map: "data[a.b]" */
};
/* These live as long as the block they are written in. */
#define AT(name) (&(const struct at){ NULL, (name), 0, false })
#define CHILD(up, name) (&(const struct at){ (up), (name), 0, false })
#define ITEM(up, i) (&(const struct at){ (up), NULL, (i), false })
#define KEYED(up, key) (&(const struct at){ (up), (key), 0, true })

const char *at_text(struct arena *a, const struct at *at);

/* ---- what is wrong (the words of field.Error in k8s.io/apimachinery) ------------------------- */

void wrong(struct causes *c, const struct at *at, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void wrong_number(struct causes *c, const struct at *at, int64_t value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The value is shown as JSON: lists and objects. */
void wrong_json(struct causes *c, const struct at *at, yyjson_mut_val *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void wrong_missing(struct causes *c, const struct at *at, const char *detail);
void wrong_twice(struct causes *c, const struct at *at, const char *value);
void wrong_twice_raw(struct causes *c, const struct at *at, const char *value); /* not quoted */
void wrong_here(struct causes *c, const struct at *at, const char *detail);     /* Forbidden */
void wrong_long(struct causes *c, const struct at *at, size_t max);             /* bytes */
void wrong_many(struct causes *c, const struct at *at, size_t n, size_t max);
void wrong_internal(struct causes *c, const struct at *at, const char *detail);
/* Lists of words are sorted, and end with NULL. */
void wrong_word(struct causes *c, const struct at *at, const char *value, const char *const *words);
/* A number out of a list of them. */
void wrong_choice(struct causes *c, const struct at *at, int64_t value, const char *const *words);

/* ---- checks of one value; each tells everything that is wrong -------------------------------- */

extern const char *const valid_protocols[];
bool valid_among(const char *s, const char *const *words);
/* obj.name is among words, or is not there; required: it has to be. */
void check_word(struct causes *c, const struct at *obj_at, yyjson_mut_val *obj, const char *name,
                const char *const *words, bool required);
void check_label(struct causes *c, const struct at *at, const char *s);      /* RFC 1123 */
void check_label_1035(struct causes *c, const struct at *at, const char *s); /* RFC 1035 */
void check_subdomain(struct causes *c, const struct at *at, const char *s);
void check_wildcard(struct causes *c, const struct at *at, const char *s); /* "*.example.com" */
void check_fqdn(struct causes *c, const struct at *at, const char *s);
void check_qualified_name(struct causes *c, const struct at *at, const char *s);
void check_annotation_key(struct causes *c, const struct at *at, const char *s);
void check_label_value(struct causes *c, const struct at *at, const char *s);
void check_config_key(struct causes *c, const struct at *at, const char *s);
void check_path_segment(struct causes *c, const struct at *at, const char *s);
void check_domain_path(struct causes *c, const struct at *at, const char *s);  /* "example.com/a" */
void check_port_name(struct causes *c, const struct at *at, const char *s);    /* RFC 6335 */
void check_port(struct causes *c, const struct at *at, yyjson_mut_val *v);     /* a number */
void check_port_ref(struct causes *c, const struct at *at, yyjson_mut_val *v); /* or a name */
/* Both true when it is one. */
bool check_ip(struct causes *c, const struct at *at, const char *s);
bool check_cidr(struct causes *c, const struct at *at, const char *s);
/* Not unspecified, loopback, link-local. */
void check_ip_plain(struct causes *c, const struct at *at, const char *s);
void check_labels(struct causes *c, const struct at *at, yyjson_mut_val *labels);
void check_selector(struct causes *c, const struct at *at, yyjson_mut_val *selector);
/* status.loadBalancer of Service (ip_mode) and Ingress. */
void check_balancer(struct causes *c, yyjson_mut_val *root, bool ip_mode);

#define LABEL_FMT "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_FMT LABEL_FMT "(\\." LABEL_FMT ")*"
#define SUBDOMAIN_HELP                                                                             \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
	"regex used for validation is '" SUBDOMAIN_FMT "')"

bool valid_label(const char *s);
bool valid_subdomain(const char *s);

/* ---- looking -------------------------------------------------------------------------------- */

/* A member's text; "" when it is not there. */
static inline const char *text_of(yyjson_mut_val *obj, const char *path)
{
	const char *s = mut_str(obj, path);

	return s ? s : "";
}
static inline bool has(yyjson_mut_val *obj, const char *name)
{
	return yyjson_mut_obj_get(obj, name);
}
static inline int64_t number_of(yyjson_mut_val *obj, const char *name)
{
	return yyjson_mut_get_sint(yyjson_mut_obj_get(obj, name));
}
static inline bool text_is(yyjson_mut_val *obj, const char *path, const char *s)
{
	return !strcmp(text_of(obj, path), s);
}
/* Both absent, or the same. */
bool same_value(yyjson_mut_val *now, yyjson_val *was);

/* ---- kinds; old is NULL on create ------------------------------------------------------------ */

void valid_meta(enum kind kind, yyjson_mut_val *root, struct causes *c);
/* Completes ipFamilies and ipFamilyPolicy on the way: they follow from one another. */
void valid_service(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void service_families(yyjson_mut_doc *doc, yyjson_mut_val *spec, yyjson_val *was, struct causes *c);
bool service_headless(yyjson_mut_val *spec);
bool service_headless_old(yyjson_val *spec);
bool service_external(yyjson_mut_val *spec);     /* reachable from outside the cluster */
bool service_wants_health(yyjson_mut_val *spec); /* has a healthCheckNodePort */
void valid_slice(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_endpoints(yyjson_mut_val *root, struct causes *c);
void valid_pod(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_pod_status(yyjson_mut_val *root, struct causes *c);
void valid_node(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_namespace(yyjson_mut_val *root, struct causes *c);
void valid_event(yyjson_mut_val *root, struct causes *c);
void valid_config_map(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_secret(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_ingress(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_ingress_class(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_policy(yyjson_mut_val *root, struct causes *c);
void valid_cluster_policy(yyjson_mut_val *root, struct causes *c);
void valid_gateway_kind(enum kind kind, yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_pool(yyjson_mut_val *root, struct causes *c);
/* What the schema of a custom resource says of single fields. */
void valid_schema(enum kind kind, yyjson_mut_val *root, struct causes *c);

/* ---- filling in ------------------------------------------------------------------------------ */

/* Not there, or "". */
bool missing(yyjson_mut_val *obj, const char *key);
void set_if_missing(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, const char *value);
void default_service(yyjson_mut_doc *doc, yyjson_mut_val *root, yyjson_val *old);
