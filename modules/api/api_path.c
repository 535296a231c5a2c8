/* api_path.c - what a path names: /api/v1/..., /apis/GROUP/VERSION/...,
 * [namespaces/NS/]PLURAL[/NAME[/SUB]] */
#include <string.h>

#include <knetd/auto.h>

#include "api.h"

static const char *segment(struct arena *a, const char **path)
{
	size_t n = strcspn(*path, "/");
	const char *s = arena_strndup(a, *path, n);

	*path += n + ((*path)[n] == '/');
	return s;
}

/* One of the versions that a kind is served in. */
bool kind_serves(enum kind kind, const char *version)
{
	const struct kind_info *k = &kind_info[kind];
	size_t n = strlen(version);

	if (!strcmp(k->version, version))
		return true;
	for (const char *s = k->also; *s; s += strcspn(s, " "), s += *s == ' ')
		if (strcspn(s, " ") == n && !memcmp(s, version, n))
			return true;
	return false;
}

int kind_by_name(const char *api_version, const char *kind)
{
	const char *slash = strchr(api_version, '/'), *version = slash ? slash + 1 : api_version;
	size_t group = slash ? slash - api_version : 0;

	for (int k = 0; k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].kind, kind) && strlen(kind_info[k].group) == group &&
		    !memcmp(kind_info[k].group, api_version, group) && kind_serves(k, version))
			return k;
	return -1;
}

static bool kind_of(const char *group, const char *version, const char *plural, enum kind *out)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (!strcmp(kind_info[k].plural, plural) && !strcmp(kind_info[k].group, group) &&
		    kind_serves(k, version)) {
			*out = k;
			return true;
		}
	return false;
}

/* There is "status", where a kind has one, and a Namespace's "finalize". What a container runtime
 * would have to answer is told apart from what nobody knows (serve_object). */
static bool sub_known(const struct target *t)
{
	static const char *const runtime[] = { "log",         "exec",  "attach",
		                               "portforward", "proxy", "ephemeralcontainers" };

	if (!*t->sub)
		return true;
	for (size_t i = 0; t->kind == KIND_POD && *t->name && i < ARRAY_LEN(runtime); i++)
		if (!strcmp(t->sub, runtime[i]))
			return true;
	return *t->name && ((!strcmp(t->sub, "status") && kind_info[t->kind].has_status) ||
	                    (!strcmp(t->sub, "finalize") && t->kind == KIND_NAMESPACE));
}

bool target_parse(const char *path, struct arena *a, struct target *out)
{
	const char *group = "", *version, *plural;

	*out = (struct target){ .ns = "", .name = "", .sub = "" };
	if (!strncmp(path, "/api/", 5)) {
		path += 5;
	} else if (!strncmp(path, "/apis/", 6)) {
		path += 6;
		group = segment(a, &path);
	} else {
		return false;
	}
	version = out->version = segment(a, &path);
	plural = segment(a, &path);
	if (!strcmp(plural, "watch") && *path) { /* the old way to ask for a watch */
		out->watch = true;
		plural = segment(a, &path);
	}
	/* namespaces/NS/PLURAL is a namespaced collection, namespaces/NS and its
	 * subresources the Namespace */
	if (!strcmp(plural, "namespaces") && *path) {
		const char *ns = segment(a, &path);

		if (!*path || !strcmp(path, "status") || !strcmp(path, "finalize")) {
			out->name = ns;
			out->sub = arena_strdup(a, path);
			return kind_of(group, version, plural, &out->kind);
		}
		out->ns = ns;
		plural = segment(a, &path);
	}
	if (!kind_of(group, version, plural, &out->kind) ||
	    (*out->ns && !kind_info[out->kind].namespaced))
		return false;
	out->name = segment(a, &path);
	out->sub = segment(a, &path);
	return !*path && sub_known(out);
}
