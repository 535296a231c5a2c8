/* label_selector.c - see label_selector.h */
#include <string.h>

#include <knetd/label_selector.h>
#include <knetd/object.h>

static bool expression_holds(yyjson_val *x, yyjson_val *labels)
{
	const char *key = json_str(x, "key"), *operator= json_str(x, "operator");
	const char *value = key ? yyjson_get_str(yyjson_obj_get(labels, key)) : NULL;
	yyjson_val *values = yyjson_obj_get(x, "values");

	if (!operator)
		return false;
	if (!strcmp(operator, "In"))
		return value && json_array_has(values, value);
	if (!strcmp(operator, "NotIn"))
		return !value || !json_array_has(values, value);
	if (!strcmp(operator, "Exists"))
		return value != NULL;
	return !strcmp(operator, "DoesNotExist") && !value;
}

bool label_selector_match(yyjson_val *selector, yyjson_val *labels)
{
	yyjson_val *key, *v;
	size_t i, n;

	yyjson_obj_foreach (json_members(yyjson_obj_get(selector, "matchLabels")), i, n, key, v) {
		const char *has = yyjson_get_str(yyjson_obj_get(labels, yyjson_get_str(key)));

		if (!has || !yyjson_equals_str(v, has))
			return false;
	}
	yyjson_arr_foreach (yyjson_obj_get(selector, "matchExpressions"), i, n, v)
		if (!expression_holds(v, labels))
			return false;
	return true;
}
