/* object.c - see object.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/log.h>
#include <knetd/object.h>

struct object *object_ref(const struct object *o)
{
	struct object *mine = (struct object *)o;

	mine->refs++;
	return mine;
}

void object_unref(struct object *o)
{
	if (o && --o->refs == 0)
		free(o);
}

yyjson_doc *object_doc(const struct object *o)
{
	yyjson_doc *doc = yyjson_read(o->json, o->json_len, 0);

	if (!doc) { /* what the store holds was written by yyjson: only memory can be missing */
		log_err("object %s/%s: cannot be read", kind_info[o->kind].plural, o->key);
		abort();
	}
	return doc;
}

yyjson_val *json_at(yyjson_val *root, const char *path)
{
	while (root && *path) {
		size_t n = strcspn(path, ".");

		root = yyjson_obj_getn(root, path, n);
		path += n + (path[n] == '.');
	}
	return root;
}

const char *json_str(yyjson_val *root, const char *path)
{
	return yyjson_get_str(json_at(root, path));
}

int64_t json_int(yyjson_val *root, const char *path, int64_t absent)
{
	yyjson_val *v = json_at(root, path);

	return yyjson_is_int(v) ? yyjson_get_sint(v) : absent;
}

bool json_bool(yyjson_val *root, const char *path, bool absent)
{
	yyjson_val *v = json_at(root, path);

	return yyjson_is_bool(v) ? yyjson_get_bool(v) : absent;
}

bool json_array_has(yyjson_val *array, const char *text)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (array, i, n, v)
		if (yyjson_equals_str(v, text))
			return true;
	return false;
}

yyjson_val *json_members(yyjson_val *obj)
{
	static yyjson_val none[3] = { { .tag = YYJSON_TYPE_OBJ } }; /* and where a first pair is */

	return yyjson_is_obj(obj) ? obj : none;
}
