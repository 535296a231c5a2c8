/* api_valid_core.c - the rules of Namespace, Node and Event (pkg/apis/core/validation in
 * Kubernetes). */
#include <string.h>

#include <knetd/ip.h>

#include "api_valid.h"

void valid_namespace(yyjson_mut_val *root, struct causes *c)
{
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (mut_at(root, "spec.finalizers"), i, n, v) {
		const char *s = yyjson_mut_get_str(v);

		check_qualified_name(c, CHILD(AT("spec"), "finalizers"), s);
		if (!strchr(s, '/') && strcmp(s, "kubernetes") != 0)
			wrong(c, CHILD(AT("spec"), "finalizers"), s,
			      "name is neither a standard finalizer name nor is it fully "
			      "qualified");
	}
}

/* ---- Node ----------------------------------------------------------------------------------- */

static void check_taint(struct causes *c, const struct at *at, yyjson_mut_val *taints, size_t nth,
                        yyjson_mut_val *taint)
{
	static const char *const effects[] = { "NoSchedule", "PreferNoSchedule", "NoExecute",
		                               NULL };
	yyjson_mut_val *other;
	size_t i, n;

	check_qualified_name(c, CHILD(at, "key"), text_of(taint, "key"));
	check_label_value(c, CHILD(at, "value"), text_of(taint, "value"));
	check_word(c, at, taint, "effect", effects, true);
	yyjson_mut_arr_foreach (taints, i, n, other) {
		if (i >= nth)
			break;
		if (text_is(other, "key", text_of(taint, "key")) &&
		    text_is(other, "effect", text_of(taint, "effect"))) {
			wrong_twice(c, at, text_of(taint, "key"));
			break;
		}
	}
}

static void check_pod_cidrs(struct causes *c, yyjson_mut_val *list)
{
	const struct at *at = CHILD(AT("spec"), "podCIDRs");
	unsigned families[2] = { 0 };
	struct cidr cidr;
	yyjson_mut_val *v;
	size_t i, n;

	yyjson_mut_arr_foreach (list, i, n, v)
		if (check_cidr(c, ITEM(at, i), yyjson_mut_get_str(v)) &&
		    cidr_parse(&cidr, yyjson_mut_get_str(v)))
			families[cidr.ip.len == 16]++;
	if (families[0] > 1 || families[1] > 1)
		wrong_json(c, at, list, "may specify no more than one CIDR for each IP family");
}

void valid_node(yyjson_mut_val *root, yyjson_val *old, struct causes *c)
{
	yyjson_mut_val *spec = yyjson_mut_obj_get(root, "spec"),
		       *taints = yyjson_mut_obj_get(spec, "taints"), *v;
	yyjson_val *was = yyjson_obj_get(old, "spec");
	const char *provider = json_str(was, "providerID");
	size_t i, n;

	check_pod_cidrs(c, yyjson_mut_obj_get(spec, "podCIDRs"));
	if (yyjson_arr_size(yyjson_obj_get(was, "podCIDRs")) &&
	    !same_value(yyjson_mut_obj_get(spec, "podCIDRs"), yyjson_obj_get(was, "podCIDRs")))
		wrong_here(c, CHILD(AT("spec"), "podCIDRs"),
		           "node updates may not change podCIDR except from \"\" to valid");
	if (provider && *provider && !text_is(spec, "providerID", provider))
		wrong_here(c, CHILD(AT("spec"), "providerID"),
		           "node updates may not change providerID except from \"\" to valid");
	yyjson_mut_arr_foreach (taints, i, n, v) {
		if (i >= 256) /* each is held against those before it */
			break;
		check_taint(c, ITEM(CHILD(AT("metadata"), "taints"), i), taints, i, v);
	}
}

/* ---- Event ---------------------------------------------------------------------------------- */

static void check_size(struct causes *c, yyjson_mut_val *root, const char *name, size_t max,
                       bool required)
{
	const char *s = text_of(root, name);

	if (required && !*s)
		wrong_missing(c, AT(name), "");
	if (strlen(s) > max)
		wrong(c, AT(name), "", "can have at most %zu characters", max);
}

void valid_event(yyjson_mut_val *root, struct causes *c)
{
	const char *ns = text_of(root, "metadata.namespace"),
		   *about = text_of(root, "involvedObject.namespace");
	bool modern = *text_of(root, "eventTime");
	bool fits =
		*about ? modern || !*ns || !strcmp(ns, about)
		       : !*ns || !strcmp(ns, "default") || (modern && !strcmp(ns, "kube-system"));

	if (!has(root, "involvedObject"))
		wrong_missing(c, AT("involvedObject"), "");
	else if (!fits)
		wrong(c, CHILD(AT("involvedObject"), "namespace"), about,
		      "does not match event.namespace");
	if (!modern)
		return;
	if (!*text_of(root, "reportingComponent"))
		wrong_missing(c, AT("reportingComponent"), "");
	check_qualified_name(c, AT("reportingComponent"), text_of(root, "reportingComponent"));
	check_size(c, root, "reportingInstance", 128, true);
	check_size(c, root, "action", 128, true);
	check_size(c, root, "reason", 128, true);
	check_size(c, root, "message", 1024, false);
}
