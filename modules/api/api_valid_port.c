/* api_valid_port.c - ports, by number and by name, as Service, Ingress and NetworkPolicy have them.
 */
#include <string.h>

#include "api_valid.h"

const char *const valid_protocols[] = { "TCP", "UDP", "SCTP", NULL };

bool valid_among(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

void valid_port_number(yyjson_mut_val *v, const char *field, struct causes *c)
{
	int64_t n = yyjson_mut_get_sint(v);

	if (yyjson_mut_is_int(v) && (n < 1 || n > 65535))
		cause_invalid_number(c, field, n, "must be between 1 and 65535, inclusive");
}

static const char *port_name_trouble(const char *s)
{
	bool letter = false;
	size_t n = strlen(s);

	if (n > 15)
		return "must be no more than 15 characters";
	if (!n || s[0] == '-' || s[n - 1] == '-')
		return "must not begin or end with a hyphen";
	if (strstr(s, "--"))
		return "must not contain consecutive hyphens";
	for (; *s; s++) {
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-'))
			return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens "
			       "(-)";
		letter |= *s >= 'a';
	}
	return letter ? NULL : "must contain at least one letter (a-z)";
}

bool valid_port_name(const char *s)
{
	return !port_name_trouble(s);
}

void valid_port_ref(yyjson_mut_val *v, const char *field, struct causes *c)
{
	const char *name = yyjson_mut_get_str(v), *why = name ? port_name_trouble(name) : NULL;

	valid_port_number(v, field, c);
	if (why)
		cause_invalid(c, field, name, "%s", why);
}
