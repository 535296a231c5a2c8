/* json_mut.c - see json_mut.h */
#include <string.h>

#include <knetd/json_mut.h>

yyjson_mut_val *mut_at(yyjson_mut_val *root, const char *path)
{
	while (root && *path) {
		size_t n = strcspn(path, ".");

		root = yyjson_mut_obj_getn(root, path, n);
		path += n + (path[n] == '.');
	}
	return root;
}

const char *mut_str(yyjson_mut_val *root, const char *path)
{
	return yyjson_mut_get_str(mut_at(root, path));
}

void mut_set(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, yyjson_mut_val *val)
{
	yyjson_mut_val *k = yyjson_mut_strcpy(doc, key);

	if (!yyjson_mut_obj_replace(obj, k, val))
		yyjson_mut_obj_add(obj, k, val);
}

void mut_set_text(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key, const char *text)
{
	mut_set(doc, obj, key, yyjson_mut_strcpy(doc, text));
}

yyjson_mut_val *mut_object_in(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(obj, key);

	if (!yyjson_mut_is_obj(v)) {
		v = yyjson_mut_obj(doc);
		mut_set(doc, obj, key, v);
	}
	return v;
}

yyjson_mut_val *mut_array_in(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key)
{
	yyjson_mut_val *v = yyjson_mut_obj_get(obj, key);

	if (!yyjson_mut_is_arr(v)) {
		v = yyjson_mut_arr(doc);
		mut_set(doc, obj, key, v);
	}
	return v;
}

const char *time_text(time_t at, char out[static TIME_TEXT])
{
	struct tm tm;

	if (!strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm)))
		*out = 0;
	return out;
}
