/* cni_ips.c - addresses that a request asks for: runtimeConfig.ips, args.cni.ips, CNI_ARGS IP=. */
#include <string.h>

#include "cni_config.h"

enum cni_code cni_want_ip(struct cni_request *r, const char *text, struct cni_error *er)
{
	char bare[IP_TEXT];
	size_t n = text ? strcspn(text, "/") : 0;
	struct ip ip;

	if (n == 0 || n >= sizeof(bare))
		return cni_error_set(er, CNI_BAD_CONFIG, "a requested address is no IP address");
	memcpy(bare, text, n);
	bare[n] = 0;
	if (!ip_parse(&ip, bare))
		return cni_error_set(er, CNI_BAD_CONFIG, "requested address %s is no IP address",
		                     bare);
	for (unsigned i = 0; i < r->n_ips; i++) {
		if (ip_equal(&r->ips[i], &ip))
			return CNI_OK;
		if (r->ips[i].len == ip.len)
			return cni_error_set(
				er, CNI_BAD_CONFIG,
				"requested address %s: one of its family is requested already",
				bare);
	}
	r->ips[r->n_ips++] = ip;
	return CNI_OK;
}

enum cni_code cni_want_ips(struct cni_request *r, yyjson_val *list, struct cni_error *er)
{
	enum cni_code code = CNI_OK;
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (list, i, max, v) {
		code = cni_want_ip(r, yyjson_get_str(v), er);
		if (code)
			break;
	}
	return code;
}
