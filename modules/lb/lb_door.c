/* lb_door.c - see lb_door.h */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "lb_door.h"

struct set { /* a ListenerSet */
	char *key, *gateway;
	struct lb_port *doors;
	unsigned n;
};

static struct map sets; /* by key */

/* ---- doors ---------------------------------------------------------------------------------- */

void lb_doors_add(struct lb_doors *d, const struct lb_port *v, unsigned n)
{
	for (unsigned i = 0; i < n && d->n < LB_DOORS_MAX; i++)
		d->v[d->n++] = v[i];
}

/* ---- what is said of listeners -------------------------------------------------------------- */

static bool is_programmed(yyjson_val *said)
{
	yyjson_val *list = yyjson_obj_get(said, "conditions"), *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals_str(yyjson_obj_get(v, "type"), "Programmed"))
			return yyjson_equals_str(yyjson_obj_get(v, "status"), "True");
	return false;
}

static yyjson_val *named(yyjson_val *list, yyjson_val *name)
{
	yyjson_val *v;
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v)
		if (yyjson_equals(yyjson_obj_get(v, "name"), name))
			return v;
	return NULL;
}

static void read_listeners(yyjson_val *root, struct lb_doors *out)
{
	yyjson_val *list = json_at(root, "spec.listeners"), *v;
	yyjson_val *said = json_at(root, "status.listeners");
	size_t i, n;

	yyjson_arr_foreach (list, i, n, v) {
		struct lb_port p = {
			yyjson_equals_str(yyjson_obj_get(v, "protocol"), "UDP") ? IPPROTO_UDP
										: IPPROTO_TCP,
			(uint16_t)json_int(v, "port", 0),
		};

		if (is_programmed(named(said, yyjson_obj_get(v, "name"))))
			lb_doors_add(out, &p, 1);
	}
}

void lb_doors_read(const char *gateway, yyjson_val *root, struct lb_doors *out)
{
	const struct set *s;

	out->n = 0;
	read_listeners(root, out);
	for (size_t i = 0; (s = map_next(&sets, &i));)
		if (!strcmp(s->gateway, gateway))
			lb_doors_add(out, s->doors, s->n);
	out->n = lb_ports_sort(out->v, out->n);
}

/* ---- ListenerSets --------------------------------------------------------------------------- */

static struct set *find(const char *key)
{
	return map_get(&sets, key, strlen(key));
}

static void set_free(struct set *s)
{
	map_del(&sets, s->key, strlen(s->key));
	free(s->key);
	free(s->gateway);
	free(s->doors);
	free(s);
}

const char *lb_doors_gateway(const char *set)
{
	const struct set *s = find(set);

	return s ? s->gateway : NULL;
}

static char *gateway_of(const struct object *set, yyjson_val *root)
{
	yyjson_val *ref = json_at(root, "spec.parentRef");
	const char *ns = json_str(ref, "namespace"), *name = json_str(ref, "name");
	char key[600];

	snprintf(key, sizeof(key), "%s/%s", ns ? ns : set->ns, name ? name : "");
	return xstrdup(key);
}

void lb_doors_look(const char *key, const struct object *set)
{
	struct set *s = find(key);
	struct lb_doors doors = { .n = 0 };
	auto_doc yyjson_doc *doc = set ? object_doc(set) : NULL;

	if (s)
		set_free(s);
	if (!set)
		return;
	read_listeners(yyjson_doc_get_root(doc), &doors);
	s = xcalloc(1, sizeof(*s));
	s->key = xstrdup(key);
	s->gateway = gateway_of(set, yyjson_doc_get_root(doc));
	s->doors = xcalloc(doors.n + 1, sizeof(*s->doors));
	s->n = doors.n;
	memcpy(s->doors, doors.v, doors.n * sizeof(*s->doors));
	map_put(&sets, s->key, strlen(s->key), s);
}

void lb_doors_look_all(void)
{
	const struct object *o;

	lb_doors_free();
	for (size_t i = 0; (o = store_next_object(KIND_LISTENERSET, &i));)
		lb_doors_look(o->key, o);
}

void lb_doors_free(void)
{
	struct set *s;

	for (size_t i = 0; (s = map_next(&sets, &i));)
		set_free(s);
	map_free(&sets);
}
