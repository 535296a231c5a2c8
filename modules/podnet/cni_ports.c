/* cni_ports.c - host ports that a request asks for: runtimeConfig.portMappings. A port that is
 * silently not opened would be a lie, so everything that cannot be understood is refused, with the
 * entry and the field; host port 0 alone asks for nothing. */
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>

#include "cni_config.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "TCP", IPPROTO_TCP },
	{ "UDP", IPPROTO_UDP },
	{ "SCTP", IPPROTO_SCTP },
};

const char *cni_proto_name(uint8_t number)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (protocols[i].number == number)
			return protocols[i].name;
	return "";
}

uint8_t cni_proto_number(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(protocols); i++)
		if (!strcasecmp(protocols[i].name, name))
			return protocols[i].number;
	return 0;
}

/* ---- one entry ------------------------------------------------------------------------------ */

#define PLACE "runtimeConfig.portMappings[%zu]"

/* Absent, null and "" are the same to Go's programs. */
static bool is_absent(yyjson_val *v)
{
	return !v || yyjson_is_null(v) || yyjson_equals_str(v, "");
}

static enum cni_code read_port(yyjson_val *entry, size_t i, const char *field, bool zero,
                               uint16_t *out, struct cni_error *er)
{
	yyjson_val *v = cni_member(entry, field);

	*out = 0;
	if (zero && is_absent(v))
		return CNI_OK;
	if (!yyjson_is_uint(v) || yyjson_get_uint(v) > UINT16_MAX || (!zero && !yyjson_get_uint(v)))
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     PLACE ".%s: a port from 1 to 65535 is expected", i, field);
	*out = (uint16_t)yyjson_get_uint(v);
	return CNI_OK;
}

static enum cni_code read_proto(yyjson_val *entry, size_t i, uint8_t *out, struct cni_error *er)
{
	yyjson_val *v = cni_member(entry, "protocol");
	const char *text = yyjson_get_str(v);

	*out = is_absent(v) ? IPPROTO_TCP : cni_proto_number(text);
	if (*out && (!text || strlen(text) == yyjson_get_len(v)))
		return CNI_OK;
	return cni_error_set(er, CNI_BAD_CONFIG,
	                     PLACE ".protocol: \"%.20s\" is none of tcp, udp, sctp", i,
	                     text ? text : "(no text)");
}

static enum cni_code read_host_ip(yyjson_val *entry, size_t i, struct ip *out, struct cni_error *er)
{
	yyjson_val *v = cni_member(entry, "hostIP");
	const char *text = yyjson_get_str(v);

	*out = (struct ip){ 0 };
	if (is_absent(v) || (text && strlen(text) == yyjson_get_len(v) && ip_parse(out, text)))
		return CNI_OK;
	return cni_error_set(er, CNI_BAD_CONFIG, PLACE ".hostIP: \"%.46s\" is no IP address", i,
	                     text ? text : "(no text)");
}

static enum cni_code read_entry(yyjson_val *entry, size_t i, struct cni_port *p,
                                struct cni_error *er)
{
	enum cni_code code;

	if (!yyjson_is_obj(entry))
		return cni_error_set(er, CNI_BAD_CONFIG, PLACE ": an object is expected", i);
	code = read_port(entry, i, "hostPort", true, &p->host, er);
	if (code || !p->host)
		return code;
	code = read_port(entry, i, "containerPort", false, &p->pod, er);
	if (!code)
		code = read_proto(entry, i, &p->proto, er);
	return code ? code : read_host_ip(entry, i, &p->host_ip, er);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static bool overlap(const struct ip *a, const struct ip *b)
{
	if (!a->len || !b->len)
		return true;
	return a->len == b->len && (ip_is_any(a) || ip_is_any(b) || ip_equal(a, b));
}

static enum cni_code refuse_twice(const struct cni_request *r, size_t i, const struct cni_port *p,
                                  struct cni_error *er)
{
	for (unsigned k = 0; k < r->n_ports; k++)
		if (r->ports[k].host == p->host && r->ports[k].proto == p->proto &&
		    overlap(&r->ports[k].host_ip, &p->host_ip))
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     PLACE ".hostPort: %u/%s is asked for twice", i,
			                     p->host, cni_proto_name(p->proto));
	return CNI_OK;
}

static enum cni_code add_entry(struct cni_request *r, yyjson_val *entry, size_t i,
                               struct cni_error *er)
{
	struct cni_port p = { 0 };
	enum cni_code code = read_entry(entry, i, &p, er);

	if (code || !p.host)
		return code;
	code = refuse_twice(r, i, &p, er);
	if (!code)
		r->ports[r->n_ports++] = p;
	return code;
}

enum cni_code cni_ports_parse(struct cni_request *r, yyjson_val *list, struct cni_error *er)
{
	enum cni_code code = CNI_OK;
	yyjson_val *entry;
	size_t i, max;

	if (!list || yyjson_is_null(list) || (yyjson_is_arr(list) && !yyjson_arr_size(list)))
		return CNI_OK;
	if (!yyjson_is_arr(list))
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "runtimeConfig.portMappings: a list is expected");
	if (yyjson_arr_size(list) > CNI_PORTS_MAX)
		return cni_error_set(
			er, CNI_BAD_CONFIG,
			"runtimeConfig.portMappings: %zu entries, at most %d are taken",
			yyjson_arr_size(list), CNI_PORTS_MAX);
	r->ports = arena_alloc(&r->arena, yyjson_arr_size(list) * sizeof(*r->ports));
	yyjson_arr_foreach (list, i, max, entry) {
		code = add_entry(r, entry, i, er);
		if (code)
			break;
	}
	return code;
}
