/* policy_spaces.c - namespaces, and identities: pods that are alike in all that policies can say;
 * see policy_int.h. */
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/store.h>

#include "policy_int.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

static struct map spaces; /* by name */
static struct {
	struct space **v; /* by index; the first is never used */
	uint32_t n, cap;
	uint32_t *free;
	uint32_t n_free;
	uint32_t base; /* of all of them */
} indexes;

/* ---- namespaces ----------------------------------------------------------------------------- */

/* One that nobody made has its name for a label, as it would have by itself. */
static void read_labels(struct space *s)
{
	const struct object *o = store_get(KIND_NAMESPACE, "", s->name);
	auto_doc yyjson_doc *doc = o ? object_doc(o) : NULL;
	yyjson_val *labels = json_at(yyjson_doc_get_root(doc), "metadata.labels");
	struct buf text = { 0 };

	policy_labels_text(labels, &text);
	if (!yyjson_obj_get(labels, NAME_LABEL)) {
		buf_add(&text, NAME_LABEL, sizeof(NAME_LABEL));
		buf_add(&text, s->name, strlen(s->name) + 1);
	}
	free(s->labels_text);
	policy_labels_close(&s->labels);
	s->labels_text = text.data;
	s->labels_len = text.len;
	policy_labels_open(&s->labels, s->labels_text, text.len);
}

static void index_take(struct space *s)
{
	if (!indexes.n)
		indexes.n = 1;
	if (indexes.n >= indexes.cap) {
		indexes.cap = indexes.cap ? indexes.cap * 2 : 16;
		indexes.v = xrealloc(indexes.v, indexes.cap * sizeof(*indexes.v));
		indexes.free = xrealloc(indexes.free, indexes.cap * sizeof(*indexes.free));
	}
	s->index = indexes.n_free ? indexes.free[--indexes.n_free] : indexes.n++;
	indexes.v[s->index] = s;
	s->index += indexes.base;
}

static void index_give(const struct space *s)
{
	indexes.v[s->index - indexes.base] = NULL;
	indexes.free[indexes.n_free++] = s->index - indexes.base;
}

static struct space *space_new(const char *name)
{
	struct space *s = xcalloc(1, sizeof(*s));

	s->name = xstrdup(name);
	list_init(&s->identities);
	list_init(&s->terms);
	index_take(s);
	read_labels(s);
	map_put(&spaces, s->name, strlen(s->name), s);
	terms_space_marked(s);
	return s;
}

struct space *space_ref(struct space *s)
{
	s->refs++;
	return s;
}

struct space *space_get(const char *name)
{
	struct space *s = map_get(&spaces, name, strlen(name));

	return space_ref(s ? s : space_new(name));
}

void space_put(struct space *s)
{
	if (--s->refs)
		return;
	terms_space_marked(s);
	index_give(s);
	map_del(&spaces, s->name, strlen(s->name));
	numbers_free(&s->classes);
	policy_labels_close(&s->labels);
	free(s->labels_text);
	free(s->name);
	free(s);
	if (spaces.len)
		return;
	map_free(&spaces);
	free(indexes.v);
	free(indexes.free);
	indexes.v = NULL;
	indexes.free = NULL;
	indexes.n = indexes.cap = indexes.n_free = 0;
}

struct space *space_at(uint32_t index)
{
	return index > indexes.base && index - indexes.base < indexes.n
	               ? indexes.v[index - indexes.base]
	               : NULL;
}

void spaces_index_above(uint32_t index)
{
	indexes.base = index;
}

struct space *space_next(size_t *i)
{
	return map_next(&spaces, i);
}

static void touch_space(struct space *s)
{
	struct list *l;

	for (l = s->identities.next; l != &s->identities; l = l->next) {
		struct identity *id = container_of(l, struct identity, in_space);

		identity_sign(id);
		identity_touch(id);
	}
	for (uint32_t i = 0; i < s->classes.n; i++)
		if (s->classes.v[i])
			terms_number_given(s->classes.v[i]->number);
}

static bool same_labels(const struct space *s, const char *text, size_t len)
{
	return s->labels_len == len && !memcmp(s->labels_text, text, len);
}

void space_refresh(const char *name)
{
	struct space *s = map_get(&spaces, name, strlen(name));
	auto_free char *was = NULL;
	size_t len;

	if (!s)
		return;
	terms_space_marked(s);
	len = s->labels_len;
	was = xmalloc(len);
	memcpy(was, s->labels_text, len);
	read_labels(s);
	if (same_labels(s, was, len))
		return;
	terms_space_marked(s);
	touch_space(s);
}

/* ---- identities ----------------------------------------------------------------------------- */

static struct map identities; /* by text */

/* "labelled finished namespace\0count\0", of each port "proto number name\0", then the labels. */
static void identity_text(const struct pod_facts *f, struct buf *out)
{
	buf_printf(out, "%d%d%s", f->labelled, f->finished, f->space->name);
	buf_add(out, "", 1);
	buf_printf(out, "%u", f->n_ports);
	buf_add(out, "", 1);
	buf_add(out, f->ports.data, f->ports.len);
	buf_add(out, f->labels.data, f->labels.len);
}

static const char *open_port(struct identity *id, const char *p)
{
	struct identity_port *port = &id->ports[id->n_ports++];
	char *rest;

	port->proto = (uint8_t)strtoul(p, &rest, 10);
	port->number = (uint16_t)strtoul(rest, &rest, 10);
	port->name = rest + 1;
	return port->name + strlen(port->name) + 1;
}

static struct identity *identity_new(const struct pod_facts *f, const struct buf *text)
{
	struct identity *id = xcalloc(1, sizeof(*id) + text->len);
	const char *p;

	memcpy(id->text, text->data, text->len);
	id->len = text->len;
	id->space = space_ref(f->space);
	id->labelled = f->labelled;
	id->finished = f->finished;
	p = id->text + strlen(id->text) + 1;
	p += strlen(p) + 1;
	id->ports = f->n_ports ? xcalloc(f->n_ports, sizeof(*id->ports)) : NULL;
	while (id->n_ports < f->n_ports)
		p = open_port(id, p);
	policy_labels_open(&id->labels, p, (size_t)(id->text + id->len - p));
	list_init(&id->in_touched);
	for (enum side side = 0; side < SIDES; side++)
		list_init(&id->in_class[side]);
	list_add_tail(&id->space->identities, &id->in_space);
	map_put(&identities, id->text, id->len, id);
	identity_sign(id);
	return id;
}

struct identity *identity_get(const struct pod_facts *f)
{
	auto_buf struct buf text = { 0 };
	struct identity *id;

	identity_text(f, &text);
	id = map_get(&identities, text.data, text.len);
	return id ? id : identity_new(f, &text);
}

void identity_sign(struct identity *id)
{
	id->signature[SIDE_PEER] = terms_sign(id);
	id->signature[SIDE_IN] = policies_sign(id, POLICY_IN);
	id->signature[SIDE_OUT] = policies_sign(id, POLICY_OUT);
}

void identity_free(struct identity *id)
{
	map_del(&identities, id->text, id->len);
	if (!identities.len)
		map_free(&identities);
	list_del(&id->in_space);
	policy_labels_close(&id->labels);
	space_put(id->space);
	free(id->ports);
	free(id);
}

uint16_t identity_port(const struct identity *id, const struct named_port *port)
{
	for (unsigned i = 0; i < id->n_ports; i++) {
		const struct identity_port *p = &id->ports[i];

		if ((!p->proto || p->proto == port->proto) && !strcmp(p->name, port->name))
			return p->number;
	}
	return 0;
}
