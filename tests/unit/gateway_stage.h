/* gateway_stage.h - a store for the tests of Gateway API: objects are written as JSON with ' in
 * place of ". */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/store.h>

static char stage_dir[] = "/tmp/knettestXXXXXX";

#define GW "gateway.networking.k8s.io"

static yyjson_doc *stage_read(const char *json)
{
	auto_free char *text = xstrdup(json);
	yyjson_doc *doc;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	doc = yyjson_read(text, strlen(text), 0);
	if (!doc)
		fail_msg("no JSON: %s", text);
	return doc;
}

static inline const struct object *put(enum kind kind, const char *ns, const char *name,
                                       const char *json)
{
	auto_doc yyjson_doc *doc = stage_read(json);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	const struct object *out;
	struct err e;

	store_begin();
	assert_int_equal(store_put(kind, ns, name, mut, 0, &out, &e), 0);
	assert_int_equal(store_commit(&e), 0);
	return out;
}

static inline void del(enum kind kind, const char *ns, const char *name)
{
	struct err e;

	store_begin();
	assert_int_equal(store_delete(kind, ns, name), 0);
	assert_int_equal(store_commit(&e), 0);
}

static inline void stage_clear(void)
{
	const struct object *o;
	struct err e;

	for (unsigned k = 0; k < KIND_COUNT; k++)
		for (size_t i = 0; (o = store_next_object(k, &i)); i = 0) {
			auto_object struct object *held = object_ref(o);

			store_begin();
			assert_int_equal(store_delete(k, held->ns, held->name), 0);
			assert_int_equal(store_commit(&e), 0);
		}
}

static inline int stage_open(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(stage_dir));
	return store_open(stage_dir, stage_dir, &e);
}

static inline int stage_close(void **state)
{
	auto_free char *command = xasprintf("rm -rf %s", stage_dir);

	(void)state;
	store_close();
	return system(command);
}
