/* policy_labels.h - labels and selectors in a form in which thousands of both are matched against
 * each other in a moment: most pairs are told apart by one word. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yyjson.h>

#include <knetd/buf.h>
#include <knetd/map.h>

struct policy_label {
	uint64_t key, pair; /* hashes */
	const char *name, *value;
};
struct policy_labels {
	uint32_t n;
	uint64_t bits; /* of every key and pair there is one set */
	struct policy_label *v;
};

/* An object of strings as text: "name\0value\0", sorted by name. Other values are left out. */
void policy_labels_text(yyjson_val *object, struct buf *out);
/* The labels of such a text, which must stay as long as they do. */
void policy_labels_open(struct policy_labels *l, const char *text, size_t len);
void policy_labels_close(struct policy_labels *l);

enum policy_operator { POLICY_ONE_OF, POLICY_NONE_OF, POLICY_EXISTS, POLICY_ABSENT };
struct policy_requirement {
	enum policy_operator op;
	const char *name;
	uint64_t key;
	uint32_t n;
	const char **values;
	uint64_t *pairs;
};
struct policy_selector { /* equal ones are one object */
	unsigned refs;
	bool never;      /* nothing can match: it is none that the API lets through */
	uint64_t bits;   /* what matches has all of these */
	uint64_t anchor; /* the pair of one label that it asks for; 0: there is none */
	uint32_t n;
	struct policy_requirement *v;
	size_t len;
	char text[]; /* what it is found by */
};

/* A LabelSelector; NULL and {} choose everything. The caller owns a reference. */
struct policy_selector *policy_selector_get(yyjson_val *selector);
struct policy_selector *policy_selector_ref(struct policy_selector *s);
void policy_selector_put(struct policy_selector *s);
bool policy_selector_match_slowly(const struct policy_selector *s, const struct policy_labels *l);

static inline bool policy_selector_all(const struct policy_selector *s)
{
	return !s->n && !s->never;
}

static inline bool policy_selector_match(const struct policy_selector *s,
                                         const struct policy_labels *l)
{
	return (s->bits & ~l->bits) == 0 && policy_selector_match_slowly(s, l);
}
