/* api_valid_value.c - checks of values that several kinds have: words of a list, ports, addresses,
 * label selectors, a load balancer's status. */
#include <stdio.h>
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

const char *const valid_protocols[] = { "SCTP", "TCP", "UDP", NULL };

bool valid_among(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

void check_word(struct causes *c, const struct at *obj_at, yyjson_mut_val *obj, const char *name,
                const char *const *words, bool required)
{
	const char *s = text_of(obj, name);

	if (required && !*s)
		wrong_missing(c, CHILD(obj_at, name), "");
	else if (has(obj, name) && !valid_among(s, words))
		wrong_word(c, CHILD(obj_at, name), s, words);
}

bool same_value(yyjson_mut_val *now, yyjson_val *was)
{
	yyjson_mut_doc *doc;
	bool same;

	if (!now || !was)
		return !now && !was;
	doc = yyjson_mut_doc_new(NULL);
	same = yyjson_mut_equals(now, yyjson_val_mut_copy(doc, was));
	yyjson_mut_doc_free(doc);
	return same;
}

/* ---- ports and addresses -------------------------------------------------------------------- */

void check_port(struct causes *c, const struct at *at, yyjson_mut_val *v)
{
	int64_t n = yyjson_mut_get_sint(v);

	if (yyjson_mut_is_int(v) && (n < 1 || n > 65535))
		wrong_number(c, at, n, "must be between 1 and 65535, inclusive");
}

void check_port_ref(struct causes *c, const struct at *at, yyjson_mut_val *v)
{
	if (yyjson_mut_is_str(v))
		check_port_name(c, at, yyjson_mut_get_str(v));
	else
		check_port(c, at, v);
}

bool check_ip(struct causes *c, const struct at *at, const char *s)
{
	struct ip ip;

	if (ip_parse(&ip, s))
		return true;
	wrong(c, at, s, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
	return false;
}

bool check_cidr(struct causes *c, const struct at *at, const char *s)
{
	struct cidr cidr;

	if (cidr_parse(&cidr, s))
		return true;
	wrong(c, at, s, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
	return false;
}

void check_ip_plain(struct causes *c, const struct at *at, const char *s)
{
	static const uint8_t zeros[16];
	struct ip ip;
	const uint8_t *b = ip.b;
	bool four;

	if (!ip_parse(&ip, s))
		return;
	four = ip.len == 4;
	if (!memcmp(b, zeros, ip.len))
		wrong(c, at, s, "may not be unspecified (%s)", s);
	if (four ? b[0] == 127 : !memcmp(b, zeros, 15) && b[15] == 1)
		wrong(c, at, s, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (four ? b[0] == 169 && b[1] == 254 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		wrong(c, at, s, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	if (four ? b[0] == 224 && !b[1] && !b[2] : b[0] == 0xff && (b[1] & 0x0f) == 2)
		wrong(c, at, s,
		      "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

/* ---- labels and selectors ------------------------------------------------------------------- */

void check_labels(struct causes *c, const struct at *at, yyjson_mut_val *labels)
{
	yyjson_mut_val *key, *v;
	size_t i, n;

	yyjson_mut_obj_foreach (labels, i, n, key, v) {
		check_qualified_name(c, at, yyjson_mut_get_str(key));
		if (yyjson_mut_is_str(v))
			check_label_value(c, at, yyjson_mut_get_str(v));
	}
}

static void check_expression(struct causes *c, const struct at *at, yyjson_mut_val *e)
{
	static const char *const among[] = { "In", "NotIn", NULL }, *const alone[] = {
		"Exists", "DoesNotExist", NULL
	};
	yyjson_mut_val *values = yyjson_mut_obj_get(e, "values"), *v;
	const char *op = text_of(e, "operator");
	size_t i, n;

	if (valid_among(op, among)) {
		if (!yyjson_mut_arr_size(values))
			wrong_missing(c, CHILD(at, "values"),
			              "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (valid_among(op, alone)) {
		if (yyjson_mut_arr_size(values))
			wrong_here(c, CHILD(at, "values"),
			           "may not be specified when `operator` is 'Exists' or "
			           "'DoesNotExist'");
	} else {
		wrong(c, CHILD(at, "operator"), op, "not a valid selector operator");
	}
	check_qualified_name(c, CHILD(at, "key"), text_of(e, "key"));
	yyjson_mut_arr_foreach (values, i, n, v)
		check_label_value(c, ITEM(CHILD(at, "values"), i), yyjson_mut_get_str(v));
}

void check_selector(struct causes *c, const struct at *at, yyjson_mut_val *selector)
{
	yyjson_mut_val *e;
	size_t i, n;

	check_labels(c, CHILD(at, "matchLabels"), yyjson_mut_obj_get(selector, "matchLabels"));
	yyjson_mut_arr_foreach (yyjson_mut_obj_get(selector, "matchExpressions"), i, n, e)
		check_expression(c, ITEM(CHILD(at, "matchExpressions"), i), e);
}

/* ---- status --------------------------------------------------------------------------------- */

static void check_ip_mode(struct causes *c, const struct at *at, yyjson_mut_val *v)
{
	static const char *const modes[] = { "Proxy", "VIP", NULL };
	bool ip = *text_of(v, "ip"), mode = has(v, "ipMode");

	if (!mode && ip)
		wrong_missing(c, CHILD(at, "ipMode"), "must be specified when `ip` is set");
	else if (mode && !ip)
		wrong_here(c, CHILD(at, "ipMode"), "may not be specified when `ip` is not set");
	else if (mode && !valid_among(text_of(v, "ipMode"), modes))
		wrong_word(c, CHILD(at, "ipMode"), text_of(v, "ipMode"), modes);
}

static void check_port_status(struct causes *c, const struct at *at, yyjson_mut_val *v)
{
	check_port(c, CHILD(at, "port"), yyjson_mut_obj_get(v, "port"));
	check_word(c, at, v, "protocol", valid_protocols, true);
}

void check_balancer(struct causes *c, yyjson_mut_val *root, bool ip_mode)
{
	const struct at *at = CHILD(CHILD(AT("status"), "loadBalancer"), "ingress");
	yyjson_mut_val *v, *p;
	size_t i, n, k, m;
	struct ip ip;

	yyjson_mut_arr_foreach (mut_at(root, "status.loadBalancer.ingress"), i, n, v) {
		const char *name = text_of(v, "hostname");

		if (*text_of(v, "ip"))
			check_ip(c, CHILD(ITEM(at, i), "ip"), text_of(v, "ip"));
		if (ip_mode)
			check_ip_mode(c, ITEM(at, i), v);
		if (*name)
			check_subdomain(c, CHILD(ITEM(at, i), "hostname"), name);
		if (*name && ip_parse(&ip, name))
			wrong(c, CHILD(ITEM(at, i), "hostname"), name,
			      "must be a DNS name, not an IP address");
		yyjson_mut_arr_foreach (yyjson_mut_obj_get(v, "ports"), k, m, p)
			check_port_status(c, ITEM(CHILD(ITEM(at, i), "ports"), k), p);
	}
}
