/* api_create.c - POST of one object: its name, whether its namespace takes it, then the way of
 * every write (object_store). */
#include <string.h>
#include <sys/random.h>

#include <knetd/life.h>

#include "api_object.h"

#define TRIES 8       /* at a free name, as Kubernetes */
#define PREFIX_MAX 58 /* of generateName: with its end a name of 63 */

static const char *random_name(struct arena *a, const char *prefix)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789"; /* no vowels: no words */
	unsigned char r[5] = { 0 };

	if (getrandom(r, sizeof(r), 0) < 0)
		r[0] = 1;
	return arena_printf(a, "%.*s%c%c%c%c%c", PREFIX_MAX, prefix, letters[r[0] % 27],
	                    letters[r[1] % 27], letters[r[2] % 27], letters[r[3] % 27],
	                    letters[r[4] % 27]);
}

/* A free name, or the last one tried. */
static const char *generated_name(struct call *c, const char *prefix)
{
	const char *name = "";

	for (unsigned i = 0; i < TRIES; i++) {
		name = random_name(&c->arena, prefix);
		if (!store_get(c->target.kind, c->target.ns, name))
			break;
	}
	return name;
}

static const char *name_of(struct call *c, struct documents *d, bool *generated)
{
	yyjson_mut_val *root = d->v[0].root;
	const char *name = mut_str(root, "metadata.name"),
		   *prefix = mut_str(root, "metadata.generateName");

	*generated = (!name || !*name) && prefix && *prefix;
	if (!*generated)
		return name ? arena_strdup(&c->arena, name) : "";
	name = generated_name(c, prefix);
	mut_set(d->doc, yyjson_mut_obj_get(root, "metadata"), "name",
	        yyjson_mut_strcpy(d->doc, name));
	return name;
}

const struct causes *namespace_refusal(struct arena *a, const char *ns)
{
	const struct object *o = store_get(KIND_NAMESPACE, "", ns);
	struct causes *c;

	if (!o || !life_ending(o))
		return NULL;
	c = arena_alloc(a, sizeof(*c));
	c->arena = a;
	c->n = 1;
	c->v[0] = (struct cause){
		.reason = "NamespaceTerminating",
		.field = "metadata.namespace",
		.message = arena_printf(a, "namespace %s is being terminated", ns),
	};
	return c;
}

static bool namespace_takes(struct call *c, const char *name)
{
	const struct causes *refusal;

	if (!kind_info[c->target.kind].namespaced)
		return true;
	if (!store_get(KIND_NAMESPACE, "", c->target.ns)) {
		status_not_found(c, KIND_NAMESPACE, c->target.ns);
		return false;
	}
	refusal = namespace_refusal(&c->arena, c->target.ns);
	if (refusal)
		status_forbidden(c, c->target.kind, name,
		                 arena_printf(&c->arena,
		                              "unable to create new content in namespace %s "
		                              "because it is being terminated",
		                              c->target.ns),
		                 refusal);
	return !refusal;
}

void object_create(struct call *c, struct documents *d, const char *name)
{
	if (namespace_takes(c, name))
		object_store(c, d, name, NULL, 201);
}

/* A version says that the object was there before: it is no new one. */
static bool is_new(struct call *c, yyjson_mut_val *root)
{
	const char *version = mut_str(root, "metadata.resourceVersion");

	if (!version || !*version || !strcmp(version, "0"))
		return true;
	status_fail(c, 400, "BadRequest",
	            "resourceVersion should not be set on objects to be created");
	return false;
}

void serve_create(struct call *c)
{
	struct documents d;
	const char *name;
	bool generated;

	if (!body_read(c, &d))
		return;
	if (object_agree(c, d.doc, d.v[0].root, "") && is_new(c, d.v[0].root)) {
		name = name_of(c, &d, &generated);
		if (!namespace_takes(c, name))
			;
		else if (*name && store_get(c->target.kind, c->target.ns, name))
			status_exists(c, c->target.kind, name, generated);
		else
			object_store(c, &d, name, NULL, 201);
	}
	documents_free(&d);
}
