/* api_weight.c - what a copy of a document would cost, told before it is made. */
#include "api.h"

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
