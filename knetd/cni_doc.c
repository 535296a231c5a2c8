/* cni_doc.c - see cni.h */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/cni.h>
#include <knetd/object.h>

const char *const cni_version_name[CNI_VERSIONS] = {
	[CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0",
	[CNI_1_0_0] = "1.0.0",
	[CNI_1_1_0] = "1.1.0",
};

int cni_version_find(const char *text)
{
	for (int i = 0; i < CNI_VERSIONS; i++)
		if (text && !strcmp(cni_version_name[i], text))
			return i;
	return -1;
}

enum cni_code cni_error_set(struct cni_error *er, enum cni_code code, const char *fmt, ...)
{
	va_list ap;

	*er = (struct cni_error){ .code = code };
	va_start(ap, fmt);
	vsnprintf(er->msg, sizeof(er->msg), fmt, ap);
	va_end(ap);
	return code;
}

static void text_add(struct buf *out, const char *text)
{
	buf_json(out, text, strlen(text));
}

void cni_error_write(struct buf *out, const struct cni_error *er, const char *version)
{
	buf_str(out, "{\"cniVersion\":");
	text_add(out, cni_version_find(version) < 0 ? cni_version_name[CNI_VERSIONS - 1] : version);
	buf_printf(out, ",\"code\":%d,\"msg\":", er->code);
	text_add(out, er->msg);
	if (er->details[0]) {
		buf_str(out, ",\"details\":");
		text_add(out, er->details);
	}
	buf_str(out, "}\n");
}

void cni_versions_write(struct buf *out, const char *version)
{
	buf_str(out, "{\"cniVersion\":");
	text_add(out, version ? version : cni_version_name[CNI_VERSIONS - 1]);
	buf_str(out, ",\"supportedVersions\":[");
	for (int i = 0; i < CNI_VERSIONS; i++)
		buf_printf(out, "%s\"%s\"", i ? "," : "", cni_version_name[i]);
	buf_str(out, "]}\n");
}

/* ---- results: the previous plugin's entries first, then ours
 * -------------------------------------- */

static yyjson_mut_val *list_from(yyjson_mut_doc *doc, yyjson_val *prev, const char *key)
{
	yyjson_val *old = yyjson_obj_get(prev, key);

	return yyjson_is_arr(old) ? yyjson_val_mut_copy(doc, old) : yyjson_mut_arr(doc);
}

/* 1.1.0 added members to interfaces and routes. */
static const char *const newer_in_interface[] = { "mtu", "socketPath", "pciID", NULL };
static const char *const newer_in_route[] = { "mtu", "advmss", "priority", "table", "scope", NULL };

static void drop_members(yyjson_mut_val *list, const char *const *names)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		for (const char *const *name = names; *name; name++)
			yyjson_mut_obj_remove_key(v, *name);
}

/* Until 1.0.0 an address said which family it is of. */
static void convert_ips(yyjson_mut_doc *doc, yyjson_mut_val *list, enum cni_version version)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v) {
		const char *address = yyjson_mut_get_str(yyjson_mut_obj_get(v, "address"));

		yyjson_mut_obj_remove_key(v, "version");
		if (version < CNI_1_0_0 && address)
			yyjson_mut_obj_add_str(doc, v, "version", strchr(address, ':') ? "6" : "4");
	}
}

static void add_interfaces(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct cni_result *r)
{
	for (unsigned i = 0; i < r->n_interfaces; i++) {
		const struct cni_interface *in = &r->interfaces[i];
		yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);

		yyjson_mut_obj_add_str(doc, o, "name", in->name);
		yyjson_mut_obj_add_str(doc, o, "mac", in->mac);
		if (in->mtu && r->version >= CNI_1_1_0)
			yyjson_mut_obj_add_uint(doc, o, "mtu", in->mtu);
		if (in->sandbox)
			yyjson_mut_obj_add_str(doc, o, "sandbox", in->sandbox);
	}
}

static void add_address(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct cni_address *a,
                        size_t interface, enum cni_version version)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
	struct cidr c = { .ip = a->ip, .bits = a->bits };
	char text[CIDR_TEXT];

	if (version < CNI_1_0_0)
		yyjson_mut_obj_add_str(doc, o, "version", a->ip.len == 4 ? "4" : "6");
	yyjson_mut_obj_add_uint(doc, o, "interface", interface);
	yyjson_mut_obj_add_strcpy(doc, o, "address", cidr_text(&c, text));
	if (a->gateway.len)
		yyjson_mut_obj_add_strcpy(doc, o, "gateway", ip_text(&a->gateway, text));
}

static void add_default_route(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct ip *gateway)
{
	yyjson_mut_val *o = yyjson_mut_arr_add_obj(doc, list);
	char text[IP_TEXT];

	yyjson_mut_obj_add_str(doc, o, "dst", gateway->len == 4 ? "0.0.0.0/0" : "::/0");
	yyjson_mut_obj_add_strcpy(doc, o, "gw", ip_text(gateway, text));
}

static yyjson_mut_val *dns_of(yyjson_mut_doc *doc, const struct cni_result *r)
{
	yyjson_val *prev = yyjson_obj_get(r->prev, "dns");

	if (r->dns)
		return yyjson_val_mut_copy(doc, r->dns);
	return yyjson_is_obj(prev) ? yyjson_val_mut_copy(doc, prev) : yyjson_mut_obj(doc);
}

void cni_result_write(struct buf *out, const struct cni_result *r)
{
	auto_mut yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc);
	yyjson_mut_val *interfaces = list_from(doc, r->prev, "interfaces");
	yyjson_mut_val *ips = list_from(doc, r->prev, "ips");
	yyjson_mut_val *routes = list_from(doc, r->prev, "routes");
	size_t before = yyjson_mut_arr_size(interfaces), len;
	auto_free char *text = NULL;

	convert_ips(doc, ips, r->version);
	if (r->version < CNI_1_1_0) {
		drop_members(interfaces, newer_in_interface);
		drop_members(routes, newer_in_route);
	}
	add_interfaces(doc, interfaces, r);
	for (unsigned i = 0; i < r->n_addresses; i++) {
		const struct cni_address *a = &r->addresses[i];

		add_address(doc, ips, a, before + a->interface, r->version);
		if (a->gateway.len)
			add_default_route(doc, routes, &a->gateway);
	}
	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_str(doc, root, "cniVersion", cni_version_name[r->version]);
	yyjson_mut_obj_add_val(doc, root, "interfaces", interfaces);
	yyjson_mut_obj_add_val(doc, root, "ips", ips);
	yyjson_mut_obj_add_val(doc, root, "routes", routes);
	yyjson_mut_obj_add_val(doc, root, "dns", dns_of(doc, r));
	text = yyjson_mut_write(doc, 0, &len);
	buf_add(out, text, text ? len : 0);
	buf_str(out, "\n");
}
