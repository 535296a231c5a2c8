/* api_review.c - `kubectl auth can-i` and `kubectl auth whoami`: questions that are POSTed and come
 * back answered. A caller who passed a door may do everything that knetd does at all, so the answer
 * is about the kinds. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>

#include "api_review.h"
#include "fields_int.h"

static bool is(const char *wanted, const char *s)
{
	return !wanted || !strcmp(wanted, "*") || !strcmp(wanted, s);
}

static bool reads(const char *verb)
{
	return !strcmp(verb, "get") || !strcmp(verb, "list") || !strcmp(verb, "watch");
}

/* NULL: allowed; else why not. */
static const char *refused(yyjson_mut_val *what)
{
	const char *verb = mut_str(what, "verb"), *group = mut_str(what, "group"),
		   *resource = mut_str(what, "resource");
	bool known = false;

	group = group ? group : "";
	for (int k = 0; k < KIND_COUNT; k++) {
		if (!is(group, kind_info[k].group) || !is(resource, kind_info[k].plural))
			continue;
		if (!kind_info[k].read_only || (verb && reads(verb)))
			return NULL;
		known = true;
	}
	for (size_t i = 0; i < REVIEWS; i++)
		if (is(group, reviews[i].group) && is(resource, reviews[i].plural) && verb &&
		    !strcmp(verb, "create"))
			return NULL;
	return known ? "these objects are written by knetd alone" : "knetd has no such kind";
}

static void answer_access(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                          yyjson_mut_val *status)
{
	yyjson_mut_val *what = mut_at(root, "spec.resourceAttributes");
	const char *why = !c->http->by.known ? "the caller is not known"
	                  : what             ? refused(what)
	                                     : NULL;

	yyjson_mut_obj_add_bool(doc, status, "allowed", !why);
	if (why)
		yyjson_mut_obj_add_str(doc, status, "reason", why);
}

static void add_rule(yyjson_mut_doc *doc, yyjson_mut_val *rules, const char *const *verbs, size_t n,
                     const struct kind_info *k)
{
	yyjson_mut_val *rule = yyjson_mut_arr_add_obj(doc, rules), *list;
	char status[64];

	list = yyjson_mut_obj_add_arr(doc, rule, "verbs");
	for (size_t i = 0; i < n; i++)
		yyjson_mut_arr_add_str(doc, list, verbs[i]);
	yyjson_mut_arr_add_str(doc, yyjson_mut_obj_add_arr(doc, rule, "apiGroups"), k->group);
	list = yyjson_mut_obj_add_arr(doc, rule, "resources");
	yyjson_mut_arr_add_str(doc, list, k->plural);
	snprintf(status, sizeof(status), "%s/status", k->plural);
	if (k->has_status)
		yyjson_mut_arr_add_strcpy(doc, list, status);
}

static void answer_rules(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                         yyjson_mut_val *status)
{
	static const char *const all[] = { "*" }, *const read[] = { "get", "list", "watch" };
	yyjson_mut_val *rules = yyjson_mut_obj_add_arr(doc, status, "resourceRules"), *rule;

	(void)root;
	for (int k = 0; c->http->by.known && k < KIND_COUNT; k++)
		add_rule(doc, rules, kind_info[k].read_only ? read : all,
		         kind_info[k].read_only ? ARRAY_LEN(read) : ARRAY_LEN(all), &kind_info[k]);
	rules = yyjson_mut_obj_add_arr(doc, status, "nonResourceRules");
	rule = yyjson_mut_arr_add_obj(doc, rules);
	yyjson_mut_arr_add_str(doc, yyjson_mut_obj_add_arr(doc, rule, "verbs"), "*");
	yyjson_mut_arr_add_str(doc, yyjson_mut_obj_add_arr(doc, rule, "nonResourceURLs"), "*");
	yyjson_mut_obj_add_bool(doc, status, "incomplete", false);
}

static void answer_self(struct call *c, yyjson_mut_doc *doc, yyjson_mut_val *root,
                        yyjson_mut_val *status)
{
	yyjson_mut_val *user = yyjson_mut_obj_add_obj(doc, status, "userInfo"), *groups;
	const struct http_caller *by = &c->http->by;

	(void)root;
	yyjson_mut_obj_add_strcpy(doc, user, "username", by->user ? by->user : "system:anonymous");
	groups = yyjson_mut_obj_add_arr(doc, user, "groups");
	if (by->group && *by->group)
		yyjson_mut_arr_add_strcpy(doc, groups, by->group);
	yyjson_mut_arr_add_str(doc, groups,
	                       by->known ? "system:authenticated" : "system:unauthenticated");
}

#define AUTHORIZATION "authorization.k8s.io"
// clang-format off
const struct review reviews[REVIEWS] = {
	{ AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", "selfsubjectaccessreview", &auth_self_subject_access_review, answer_access },
	{ AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews", "selfsubjectrulesreview", &auth_self_subject_rules_review, answer_rules },
	{ "authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview", &auth_self_subject_review, answer_self },
};
// clang-format on

static void serve(struct call *c, const struct review *r)
{
	yyjson_mut_val *root, *status;
	auto_free char *text = NULL;
	struct documents d;
	size_t n = 0;

	if (strcmp(c->http->method, "POST") != 0) {
		status_fail(c, 405, "MethodNotAllowed",
		            "the server does not allow this method on the requested resource");
		return;
	}
	if (!body_read_as(c, r->message, &d))
		return;
	root = d.v[0].root;
	status = yyjson_mut_obj(d.doc);
	mut_set(d.doc, root, "kind", yyjson_mut_str(d.doc, r->kind));
	mut_set(d.doc, root, "apiVersion",
	        yyjson_mut_str(d.doc, arena_printf(&c->arena, "%s/v1", r->group)));
	if (!yyjson_mut_is_obj(yyjson_mut_obj_get(root, "metadata")))
		mut_set(d.doc, root, "metadata", yyjson_mut_obj(d.doc));
	r->answer(c, d.doc, root, status);
	mut_set(d.doc, root, "status", status);
	text = yyjson_mut_val_write(root, 0, &n);
	c->answer->status = 201;
	buf_add(&c->answer->body, text ? text : "{}", text ? n : 2);
	answer_done(c);
	documents_free(&d);
}

bool serve_review(struct call *c)
{
	for (size_t i = 0; i < REVIEWS; i++)
		if (!strcmp(c->http->path, arena_printf(&c->arena, "/apis/%s/v1/%s",
		                                        reviews[i].group, reviews[i].plural))) {
			serve(c, &reviews[i]);
			return true;
		}
	return false;
}
