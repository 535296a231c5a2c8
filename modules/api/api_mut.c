/* api_mut.c - small access to documents that are being made. */
#include <string.h>

#include "api.h"

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

void mut_weigh(yyjson_mut_val *v, struct weight *w)
{
	yyjson_mut_val *key, *item;
	unsigned deepest = 0;
	size_t i, n;

	w->nodes++;
	w->depth = 0;
	if (yyjson_mut_is_str(v))
		w->bytes += yyjson_mut_get_len(v);
	if (yyjson_mut_is_arr(v)) {
		yyjson_mut_arr_foreach (v, i, n, item) {
			mut_weigh(item, w);
			deepest = w->depth > deepest ? w->depth : deepest;
		}
	} else if (yyjson_mut_is_obj(v)) {
		yyjson_mut_obj_foreach (v, i, n, key, item) {
			w->bytes += yyjson_mut_get_len(key);
			mut_weigh(item, w);
			deepest = w->depth > deepest ? w->depth : deepest;
		}
	} else {
		return;
	}
	w->depth = deepest + 1;
}
