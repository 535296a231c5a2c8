/* object.h - an object: an immutable JSON document with its identity beside it, refcounted.
 *
 * The text is the canonical form: the API answers with it as it is, the store keeps it as it is,
 * and a module that needs fields reads it with yyjson or a typed view (view.h). An update replaces
 * the object, so a holder never sees a change. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yyjson.h>

#include <knetd/list.h>

enum kind {
	KIND_NAMESPACE,
	KIND_NODE,
	KIND_POD,
	KIND_SERVICE,
	KIND_ENDPOINTS,
	KIND_ENDPOINTSLICE,
	KIND_INGRESS,
	KIND_INGRESSCLASS,
	KIND_NETWORKPOLICY,
	KIND_CLUSTERNETWORKPOLICY,
	KIND_CONFIGMAP,
	KIND_SECRET,
	KIND_EVENT,
	KIND_GATEWAYCLASS,
	KIND_GATEWAY,
	KIND_LISTENERSET,
	KIND_HTTPROUTE,
	KIND_GRPCROUTE,
	KIND_TLSROUTE,
	KIND_TCPROUTE,
	KIND_UDPROUTE,
	KIND_REFERENCEGRANT,
	KIND_BACKENDTLSPOLICY,
	KIND_ADDRESSPOOL,
	KIND_PODNETWORK,
	KIND_COUNT
};
#define KIND_BIT(kind) (1u << (kind))

struct kind_info {
	const char *group;       /* "" for the core group */
	const char *version;     /* "v1" */
	const char *api_version; /* "v1", "discovery.k8s.io/v1" */
	const char *kind;        /* "EndpointSlice" */
	const char *plural, *singular;
	const char *short_names; /* space separated, "" for none */
	const char *also;        /* further versions it is served in, space separated */
	const char *category;    /* "all", "" for none */
	bool namespaced;
	bool has_status; /* the status subresource */
	bool read_only;  /* written by knetd alone */
};
extern const struct kind_info kind_info[KIND_COUNT];

struct object {
	unsigned refs;
	enum kind kind;
	uint64_t version; /* metadata.resourceVersion */
	bool run;         /* kept in the run directory: gone after a reboot */
	const char *key;  /* "namespace/name", or "name" for cluster scope */
	const char *ns;   /* "" for cluster scope */
	const char *name;
	const char *group; /* what store_group() finds it by; see store.h */
	const char *json;  /* compact, NUL after json_len */
	size_t json_len;
	struct list in_group; /* the store's */
};

struct object *object_ref(const struct object *o);
void object_unref(struct object *o); /* NULL is fine */
static inline void auto_object_(struct object **o)
{
	object_unref(*o);
}
#define auto_object __attribute__((cleanup(auto_object_)))

/* Parsed form; free with yyjson_doc_free. Never fails: the text was made by us. */
yyjson_doc *object_doc(const struct object *o);

static inline void auto_doc_(yyjson_doc **doc)
{
	yyjson_doc_free(*doc);
}
#define auto_doc __attribute__((cleanup(auto_doc_)))
static inline void auto_mut_(yyjson_mut_doc **doc)
{
	yyjson_mut_doc_free(*doc);
}
#define auto_mut __attribute__((cleanup(auto_mut_)))

/* A member reached by its dotted path ("metadata.labels"), or NULL. Keys with dots: yyjson_obj_get.
 */
yyjson_val *json_at(yyjson_val *root, const char *path);
const char *json_str(yyjson_val *root, const char *path); /* NULL when absent or not a string */
int64_t json_int(yyjson_val *root, const char *path, int64_t absent);
bool json_bool(yyjson_val *root, const char *path, bool absent);
bool json_array_has(yyjson_val *array, const char *text); /* no array has nothing */
/* obj, or an empty object for what is none: yyjson_obj_foreach steps on from a NULL. */
yyjson_val *json_members(yyjson_val *obj);
