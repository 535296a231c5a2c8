/* dns_config_map.c - see dns_config_map.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/event.h>
#include <knetd/list.h>
#include <knetd/log.h>
#include <knetd/object.h>
#include <knetd/store.h>
#include <knetd/upstream.h>

#include "dns_config_map.h"
#include "dns_log.h"
#include "dns_names.h"
#include "dns_upstreams.h"
#include "dns_zones.h"

struct value { /* a key's text as it was last seen, good or not */
	struct list in_all;
	char *key, *text;
};

static struct list all = LIST_INIT(all);

static struct { /* in force */
	bool has_upstreams, has_stubs;
	struct dns_upstreams upstreams;
	struct stub_domains stubs;
} now;

/* ---- what the values say -----------------------------------------------------------------------
 */

static unsigned line_at(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

static yyjson_doc *read_json(const char *key, const char *text, struct err *e)
{
	yyjson_read_err why;
	yyjson_doc *doc = yyjson_read_opts((char *)text, strlen(text), 0, NULL, &why);

	if (!doc)
		err_set(e, EINVAL, "%s:%u: JSON is expected: %s", key, line_at(text, why.pos),
		        why.msg);
	return doc;
}

static void override(void)
{
	dns_upstreams_override(now.has_upstreams ? &now.upstreams : NULL,
	                       now.has_stubs ? &now.stubs : NULL);
}

static int use_upstreams(const char *key, const char *text, struct err *e)
{
	static struct dns_upstreams list;
	auto_doc yyjson_doc *doc = read_json(key, text, e);
	yyjson_val *root = yyjson_doc_get_root(doc), *item;
	size_t i, n;

	if (!doc)
		return -e->code;
	memset(&list, 0, sizeof(list));
	if (!yyjson_is_arr(root))
		return err_set(e, EINVAL, "%s: a list of addresses is expected", key);
	yyjson_arr_foreach (root, i, n, item) {
		const char *value = yyjson_get_str(item);
		const char *want = value ? upstreams_add(&list, value) : "a string";

		if (want)
			return err_set(e, EINVAL, "%s[%zu]: \"%.60s\": %s is expected", key, i,
			               value ? value : "", want);
	}
	now.upstreams = list;
	now.has_upstreams = true;
	override();
	return 0;
}

static int read_stub(struct stub_domains *stubs, const char *key, const char *domain,
                     yyjson_val *list, struct err *e)
{
	const char *want = stubs_add(stubs, domain);
	yyjson_val *item;
	size_t i, n;

	if (want)
		return err_set(e, EINVAL, "%s: \"%.60s\": %s is expected", key, domain, want);
	if (!yyjson_is_arr(list) || !yyjson_arr_size(list))
		return err_set(e, EINVAL, "%s: %.60s: a list of addresses is expected", key,
		               domain);
	yyjson_arr_foreach (list, i, n, item) {
		const char *value = yyjson_get_str(item);

		want = value ? stubs_add_upstream(stubs, value) : "a string";
		if (want)
			return err_set(e, EINVAL, "%s: %.60s[%zu]: \"%.60s\": %s is expected", key,
			               domain, i, value ? value : "", want);
	}
	return 0;
}

static int use_stubs(const char *key, const char *text, struct err *e)
{
	static struct stub_domains stubs;
	auto_doc yyjson_doc *doc = read_json(key, text, e);
	yyjson_val *root = yyjson_doc_get_root(doc), *name, *list;
	size_t i, n;
	int ret = 0;

	if (!doc)
		return -e->code;
	memset(&stubs, 0, sizeof(stubs));
	if (!yyjson_is_obj(root))
		return err_set(e, EINVAL, "%s: an object of domains is expected", key);
	yyjson_obj_foreach (root, i, n, name, list)
		if (!ret)
			ret = read_stub(&stubs, key, yyjson_get_str(name), list, e);
	if (ret)
		return ret;
	now.stubs = stubs;
	now.has_stubs = true;
	override();
	return 0;
}

static int use_rewrite(const char *key, const char *text, struct err *e)
{
	static struct dns_rewrites rules;
	char line[1024];

	rules.n = 0;
	for (unsigned n = 1; *text; n++) {
		size_t whole = strcspn(text, "\n"), len = strcspn(text, "#\n");
		int ret;

		if (len >= sizeof(line))
			return err_set(e, EINVAL, "%s:%u: too long", key, n);
		memcpy(line, text, len);
		line[len] = '\0';
		ret = line[strspn(line, " \t\r")] ? dns_rewrite_parse(&rules, line, e) : 0;
		if (ret)
			return err_wrap(e, "%s:%u", key, n);
		text += whole + (text[whole] == '\n');
	}
	dns_names_set_rewrites(&rules);
	return 0;
}

static int use_log(const char *key, const char *text, struct err *e)
{
	size_t n = strcspn(text, "\r\n");

	for (unsigned i = 0; i < CONF_LOGGED; i++)
		if (n == strlen(conf_logged_name[i]) && !strncmp(text, conf_logged_name[i], n) &&
		    !text[n + strspn(text + n, "\r\n")]) {
			dns_log_set((enum conf_logged)i);
			return 0;
		}
	return err_set(e, EINVAL, "%s: \"%.40s\": no, errors or all is expected", key, text);
}

/* ---- keys --------------------------------------------------------------------------------------
 */

static void drop_upstreams(void)
{
	now.has_upstreams = false;
	override();
}

static void drop_stubs(void)
{
	now.has_stubs = false;
	override();
}

static void drop_hosts(void)
{
	dns_names_set_hosts("hosts", "", NULL);
}

static void drop_rewrite(void)
{
	dns_names_set_rewrites(NULL);
}

static void drop_log(void)
{
	dns_log_set(conf.dns.log);
}

static const struct key {
	const char *name;
	int (*use)(const char *key, const char *text, struct err *e);
	void (*drop)(void);
} keys[] = {
	{ "stubDomains", use_stubs, drop_stubs },
	{ "upstreamNameservers", use_upstreams, drop_upstreams },
	{ "hosts", dns_names_set_hosts, drop_hosts },
	{ "rewrite", use_rewrite, drop_rewrite },
	{ "log", use_log, drop_log },
};

static const struct key *key_of(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static bool is_zone(const char *key)
{
	size_t n = strlen(key);

	return n > 5 && !strcmp(key + n - 5, ".zone");
}

static int use(const char *name, const char *text, struct err *e)
{
	const struct key *key = key_of(name);

	if (key)
		return key->use(name, text, e);
	return dns_names_set_zone(name, text, e);
}

static void drop(const char *name)
{
	const struct key *key = key_of(name);

	if (key)
		key->drop();
	else
		dns_names_set_zone(name, NULL, NULL);
}

static void tell(const struct object *o, const struct err *e)
{
	log_err("dns: ConfigMap %s: %s; what it said before stays", o->key, e->text);
	event_emit(KIND_CONFIGMAP, o->ns, o->name, EVENT_WARNING, "InvalidDNSConfig",
	           "%s; what it said before stays in force", e->text);
}

/* ---- the object --------------------------------------------------------------------------------
 */

static struct value *value_of(const char *key)
{
	struct list *l, *next;
	struct value *v;

	list_each (l, next, &all)
		if (!strcmp(container_of(l, struct value, in_all)->key, key))
			return container_of(l, struct value, in_all);
	v = xcalloc(1, sizeof(*v));
	v->key = xstrdup(key);
	list_add_tail(&all, &v->in_all);
	return v;
}

static void value_free(struct value *v)
{
	list_del(&v->in_all);
	free(v->key);
	free(v->text);
	free(v);
}

/* The same text as before has been judged before. */
static void read_value(const struct object *o, const char *key, const char *text)
{
	struct value *v = value_of(key);
	struct err e = { 0 };

	if (v->text && !strcmp(v->text, text))
		return;
	free(v->text);
	v->text = xstrdup(text);
	if (use(key, text, &e))
		tell(o, &e);
}

static bool means_something(const char *key)
{
	return key_of(key) || is_zone(key);
}

/* First what is said no more: a zone may have moved to another key. */
static void drop_others(yyjson_val *data)
{
	struct list *l, *next;

	list_each (l, next, &all) {
		struct value *v = container_of(l, struct value, in_all);

		if (yyjson_is_str(yyjson_obj_get(data, v->key)))
			continue;
		drop(v->key);
		value_free(v);
	}
}

bool dns_config_map_is(const struct object *o)
{
	return o && *conf.dns.config_map && !strcmp(o->key, conf.dns.config_map);
}

const struct object *dns_config_map_now(void)
{
	return *conf.dns.config_map ? store_get_key(KIND_CONFIGMAP, conf.dns.config_map) : NULL;
}

void dns_config_map_read(const struct object *o)
{
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *data = json_members(json_at(yyjson_doc_get_root(doc), "data")), *key, *text;
	size_t i, n;

	drop_others(data);
	yyjson_obj_foreach (data, i, n, key, text)
		if (yyjson_is_str(text) && means_something(yyjson_get_str(key)))
			read_value(o, yyjson_get_str(key), yyjson_get_str(text));
}

void dns_config_map_exit(void)
{
	struct list *l, *next;

	list_each (l, next, &all)
		value_free(container_of(l, struct value, in_all));
}
