/* cni_sysctl.c - "sysctl" in the plugin's configuration: keys of the pod's own network namespace.
 */
#include <ctype.h>
#include <string.h>

#include "cni_config.h"

#define KEY_MAX 120
#define VALUE_MAX 120 /* bytes */

/* As sysctl(8): the first separator says which of '.' and '/' separates, the other stands for
 * itself ("net.ipv4.conf.eth0/100.forwarding"). */
static void to_path(char *path)
{
	char *first = path + strcspn(path, "./");

	if (*first != '.')
		return;
	for (; *path; path++)
		*path = *path == '.' ? '/' : *path == '/' ? '.' : *path;
}

static bool is_path(const char *path)
{
	if (strncmp(path, "net/", 4) != 0 || strstr(path, "..") || strstr(path, "//") ||
	    path[strlen(path) - 1] == '/')
		return false;
	for (; *path; path++)
		if (!isalnum((unsigned char)*path) && !strchr("/._-", *path))
			return false;
	return true;
}

/* net/ipv4/conf/NAME/... and net/ipv6/neigh/NAME/...: only of this interface, or of all. IFNAME
 * stands for its name, as in the reference plugin. */
static const char *own_path(struct cni_request *r, const char *path)
{
	static const char *const families[] = { "net/ipv4/", "net/ipv6/" };
	static const char *const folders[] = { "conf/", "neigh/" };

	for (unsigned i = 0; i < 4; i++) {
		const char *family = families[i / 2], *folder = folders[i % 2], *name, *rest;
		size_t before = strlen(family) + strlen(folder), n;

		if (strncmp(path, family, strlen(family)) != 0 ||
		    strncmp(path + strlen(family), folder, strlen(folder)) != 0)
			continue;
		name = path + before;
		n = strcspn(name, "/");
		rest = name + n;
		if (n == 6 && !strncmp(name, "IFNAME", n))
			return arena_printf(&r->arena, "%s%s%s%s", family, folder, r->ifname, rest);
		if ((n == 3 && !strncmp(name, "all", n)) ||
		    (n == 7 && !strncmp(name, "default", n)) ||
		    (n == strlen(r->ifname) && !strncmp(name, r->ifname, n)))
			return path;
		return NULL;
	}
	return path;
}

static enum cni_code add(struct cni_request *r, const char *key, size_t n, yyjson_val *value,
                         struct cni_error *er)
{
	struct cni_sysctl *s = &r->sysctls[r->n_sysctls];
	const char *text = yyjson_get_str(value);
	char *path;

	if (n > KEY_MAX || strlen(key) != n || !text || strlen(text) != yyjson_get_len(value) ||
	    strlen(text) > VALUE_MAX)
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "sysctl %.100s: key and value are strings of at most %d bytes",
		                     key, VALUE_MAX);
	path = arena_strdup(&r->arena, key);
	to_path(path);
	if (!is_path(path))
		return cni_error_set(er, CNI_BAD_CONFIG, "sysctl %s: no key of net.*", key);
	*s = (struct cni_sysctl){ .key = key, .path = own_path(r, path), .value = text };
	if (!s->path)
		return cni_error_set(er, CNI_BAD_CONFIG, "sysctl %s: another interface than %s",
		                     key, r->ifname);
	for (unsigned i = 0; i < r->n_sysctls; i++)
		if (!strcmp(r->sysctls[i].path, s->path))
			return cni_error_set(er, CNI_BAD_CONFIG, "sysctl %s: given twice", key);
	r->n_sysctls++;
	return CNI_OK;
}

enum cni_code cni_want_sysctls(struct cni_request *r, yyjson_val *sysctls, struct cni_error *er)
{
	enum cni_code code = CNI_OK;
	size_t i, max;
	yyjson_val *k, *v;

	if (!sysctls || yyjson_is_null(sysctls))
		return CNI_OK;
	if (!yyjson_is_obj(sysctls))
		return cni_error_set(er, CNI_BAD_CONFIG, "\"sysctl\" is no object");
	if (yyjson_obj_size(sysctls) > CNI_SYSCTLS)
		return cni_error_set(er, CNI_BAD_CONFIG, "\"sysctl\": more than %d keys",
		                     CNI_SYSCTLS);
	yyjson_obj_foreach (sysctls, i, max, k, v) {
		code = add(r, yyjson_get_str(k), yyjson_get_len(k), v, er);
		if (code)
			break;
	}
	return code;
}
