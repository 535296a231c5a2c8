/* cni_dns.c - what a request says about names: config.dns, runtimeConfig.dns,
 * runtimeConfig.aliases. They go into the result and into resolv.conf, so nothing that could break
 * a line of it passes. */
#include <stdio.h>
#include <string.h>

#include "cni_config.h"

bool cni_is_word(const char *s)
{
	if (!s || !*s || strlen(s) > 253)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* A list that is there and not empty takes the place of the one before. */
static enum cni_code read_list(yyjson_val *list, bool addresses, const char *what,
                               const char *out[static CNI_DNS_LIST], unsigned *n,
                               struct cni_error *er)
{
	size_t i, max;
	yyjson_val *v;
	struct ip ip;

	if (list && !yyjson_is_null(list) && !yyjson_is_arr(list))
		return cni_error_set(er, CNI_BAD_CONFIG, "%s is no list", what);
	if (!yyjson_arr_size(list))
		return CNI_OK;
	if (yyjson_arr_size(list) > CNI_DNS_LIST)
		return cni_error_set(er, CNI_BAD_CONFIG, "%s: more than %d", what, CNI_DNS_LIST);
	*n = 0;
	yyjson_arr_foreach (list, i, max, v) {
		const char *s = yyjson_get_str(v);

		if (!cni_is_word(s) || strlen(s) != yyjson_get_len(v) ||
		    (addresses && !ip_parse(&ip, s)))
			return cni_error_set(er, CNI_BAD_CONFIG, "%s: \"%.64s\" is no %s", what,
			                     s ? s : "", addresses ? "address" : "single word");
		out[(*n)++] = s;
	}
	return CNI_OK;
}

static enum cni_code overlay(struct cni_dns *d, yyjson_val *servers, yyjson_val *searches,
                             yyjson_val *options, const char *where, struct cni_error *er)
{
	char what[64];
	enum cni_code code;

	snprintf(what, sizeof(what), "%s: servers", where);
	code = read_list(servers, true, what, d->servers, &d->n_servers, er);
	snprintf(what, sizeof(what), "%s: searches", where);
	if (!code)
		code = read_list(searches, false, what, d->searches, &d->n_searches, er);
	snprintf(what, sizeof(what), "%s: options", where);
	return code ? code : read_list(options, false, what, d->options, &d->n_options, er);
}

static void write_list(yyjson_mut_doc *doc, yyjson_mut_val *obj, const char *key,
                       const char *const *list, unsigned n)
{
	if (n)
		yyjson_mut_obj_add_val(doc, obj, key,
		                       yyjson_mut_arr_with_str(doc, (void *)list, n));
}

yyjson_doc *cni_dns_result(const struct cni_dns *d)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	yyjson_doc *out;

	yyjson_mut_doc_set_root(doc, root);
	write_list(doc, root, "nameservers", d->servers, d->n_servers);
	if (*d->domain)
		yyjson_mut_obj_add_str(doc, root, "domain", d->domain);
	write_list(doc, root, "search", d->searches, d->n_searches);
	write_list(doc, root, "options", d->options, d->n_options);
	out = yyjson_mut_doc_imut_copy(doc, NULL);
	yyjson_mut_doc_free(doc);
	return out;
}

enum cni_code cni_want_dns(struct cni_request *r, yyjson_val *config, yyjson_val *runtime,
                           struct cni_error *er)
{
	yyjson_val *own = yyjson_obj_get(config, "dns"), *told = cni_member(runtime, "dns");
	yyjson_val *servers = cni_member(told, "servers"), *searches = cni_member(told, "searches"),
		   *options = cni_member(told, "options");
	struct cni_dns *d = &r->names;
	enum cni_code code;

	d->domain = cni_text(own, "domain");
	if (*d->domain && !cni_is_word(d->domain))
		return cni_error_set(er, CNI_BAD_CONFIG, "dns: the domain is no single word");
	code = overlay(d, yyjson_obj_get(own, "nameservers"), yyjson_obj_get(own, "search"),
	               yyjson_obj_get(own, "options"), "dns", er);
	if (!code)
		code = overlay(d, servers, searches, options, "runtimeConfig.dns", er);
	if (code ||
	    yyjson_arr_size(servers) + yyjson_arr_size(searches) + yyjson_arr_size(options) == 0)
		return code;
	r->dns_doc = cni_dns_result(d);
	r->dns = yyjson_doc_get_root(r->dns_doc);
	return CNI_OK;
}

/* ---- aliases -------------------------------------------------------------------------------- */

static enum cni_code take_aliases(struct cni_request *r, yyjson_val *list, struct cni_error *er)
{
	size_t i, max;
	yyjson_val *v;

	yyjson_arr_foreach (list, i, max, v) {
		const char *s = yyjson_get_str(v);

		if (!s || strlen(s) != yyjson_get_len(v) || !cni_is_dns_name(s, true))
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     "runtimeConfig.aliases: \"%.64s\" is no DNS name",
			                     s ? s : "");
		if (r->n_aliases == CNI_ALIASES)
			return cni_error_set(er, CNI_BAD_CONFIG,
			                     "runtimeConfig.aliases: more than %d", CNI_ALIASES);
		r->aliases[r->n_aliases++] = s;
	}
	return CNI_OK;
}

/* A list, or podman's object of lists by network. */
enum cni_code cni_want_aliases(struct cni_request *r, yyjson_val *aliases, struct cni_error *er)
{
	if (!aliases || yyjson_is_null(aliases))
		return CNI_OK;
	if (yyjson_is_obj(aliases))
		aliases = yyjson_obj_get(aliases, r->network);
	if (aliases && !yyjson_is_null(aliases) && !yyjson_is_arr(aliases))
		return cni_error_set(er, CNI_BAD_CONFIG, "runtimeConfig.aliases is no list");
	return take_aliases(r, aliases, er);
}
