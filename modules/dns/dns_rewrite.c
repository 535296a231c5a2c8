/* dns_rewrite.c - see dns_rewrite.h. Names are compared as text with a dot before each label and
 * none at the end: ".www.example.com". */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <knetd/auto.h>
#include <knetd/map.h>

#include "dns_rewrite.h"

#define MAGIC 0x31777264u        /* "drw1": the number changes with the format */
#define SEED 0x72657772697465ull /* tables of an earlier start are read too: it must stay */
#define GROUPS_MAX (DNS_REWRITE_MAX + 1)

struct dns_rewrite_head { /* then groups, places, rules */
	uint32_t magic;
	uint32_t n_groups, n_rules;
	uint32_t mask; /* places less one; a power of two less one */
};
struct group { /* what to cut out of the name, to be looked for */
	uint16_t kind, len;
};
struct slot {
	uint32_t hash;
	uint32_t rule; /* number plus one, 0: free */
};

/* ---- rules from text ---------------------------------------------------------------------------
 */

/* As it is compared: lower case, a dot first where the name's beginning is meant, none at the end.
 * Returns what is wrong, or NULL. */
static const char *take_text(char out[static DNS_NAME_MAX + 1], enum dns_rewrite_kind kind,
                             const char *text)
{
	size_t n = strlen(text), label = 0, at = 0;

	if (kind != DNS_REWRITE_PREFIX && n > 1 && text[n - 1] == '.')
		n--;
	if (!n || n > DNS_NAME_MAX - 2 || (n == 1 && *text == '.'))
		return "is no name, or too long";
	if (kind != DNS_REWRITE_SUFFIX) {
		if (*text == '.')
			return "must not begin with a dot";
		out[at++] = '.';
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c == '.' && i && text[i - 1] == '.')
			return "has an empty label";
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return "has a label of more than 63 characters";
		if (c <= ' ' || c >= 127 || c == '*' || c == '\\')
			return "has a character that cannot stand here";
		out[at++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : (char)c;
	}
	out[at] = '\0';
	return NULL;
}

static bool take_kind(const char *word, enum dns_rewrite_kind *kind)
{
	static const char *const words[] = {
		[DNS_REWRITE_EXACT] = "exact",
		[DNS_REWRITE_PREFIX] = "prefix",
		[DNS_REWRITE_SUFFIX] = "suffix",
	};

	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(word, words[i])) {
			*kind = (enum dns_rewrite_kind)i;
			return true;
		}
	return false;
}

static int read_words(struct dns_rewrite_rule *r, char **word, unsigned n, struct err *e)
{
	const char *wrong;

	if (n == 3 && !take_kind(word[0], &r->kind))
		return err_set(e, EINVAL, "\"%.40s\": exact, prefix or suffix is expected",
		               word[0]);
	if (n < 2 || n > 3)
		return err_set(e, EINVAL, "[exact|prefix|suffix] FROM TO is expected");
	for (unsigned i = 0; i < 2; i++) {
		const char *text = word[n - 2 + i];

		wrong = take_text(i ? r->to : r->from, r->kind, text);
		if (wrong)
			return err_set(e, EINVAL, "\"%.80s\" %s", text, wrong);
	}
	if (r->kind == DNS_REWRITE_SUFFIX && (r->from[0] == '.') != (r->to[0] == '.'))
		return err_set(e, EINVAL, "both suffixes begin with a dot, or none of them");
	return 0;
}

int dns_rewrite_parse(struct dns_rewrites *rules, const char *text, struct err *e)
{
	struct dns_rewrite_rule rule = { .kind = DNS_REWRITE_EXACT };
	auto_free char *copy = xstrdup(text);
	char *word[8], *save = NULL, **first = word;
	unsigned n = 0;
	int ret;

	for (char *w = strtok_r(copy, " \t\r", &save); w && n < ARRAY_LEN(word);
	     w = strtok_r(NULL, " \t\r", &save))
		word[n++] = w;
	if (n > 2 && !strcasecmp(word[0], "name")) {
		first++;
		n--;
	}
	if (n > 3 && !strcasecmp(first[n - 2], "answer") && !strcasecmp(first[n - 1], "auto"))
		n -= 2; /* what CoreDNS calls what we always do */
	ret = read_words(&rule, first, n, e);
	if (ret)
		return ret;
	if (rules->n == DNS_REWRITE_MAX)
		return err_set(e, EINVAL, "at most %u rules", DNS_REWRITE_MAX);
	rules->v[rules->n++] = rule;
	return 0;
}

/* ---- the table ---------------------------------------------------------------------------------
 */

static uint32_t hash_of(unsigned kind, const char *text, size_t n)
{
	return (uint32_t)hash_bytes(text, n, SEED + kind);
}

static uint32_t mask_for(unsigned n)
{
	uint32_t places = 4;

	while (places < 2 * n)
		places *= 2;
	return places - 1;
}

/* A whole name is one group, whatever its length. */
static unsigned add_group(struct group *groups, unsigned n, const struct dns_rewrite_rule *rule)
{
	struct group g = { .kind = (uint16_t)rule->kind };

	g.len = rule->kind == DNS_REWRITE_EXACT ? 0 : (uint16_t)strlen(rule->from);
	for (unsigned i = 0; i < n; i++)
		if (groups[i].kind == g.kind && groups[i].len == g.len)
			return n;
	groups[n] = g;
	return n + 1;
}

void dns_rewrite_build(const struct dns_rewrites *rules, struct buf *out)
{
	struct dns_rewrite_head head = { .magic = MAGIC, .n_rules = rules->n };
	struct group groups[GROUPS_MAX];
	auto_free struct slot *slots = NULL;

	if (!rules->n)
		return;
	head.mask = mask_for(rules->n);
	slots = xcalloc(head.mask + 1, sizeof(*slots));
	for (unsigned i = 0; i < rules->n; i++) {
		const struct dns_rewrite_rule *rule = &rules->v[i];
		uint32_t hash = hash_of(rule->kind, rule->from, strlen(rule->from)), at = hash;

		head.n_groups = add_group(groups, head.n_groups, rule);
		while (slots[at & head.mask].rule)
			at++;
		slots[at & head.mask] = (struct slot){ .hash = hash, .rule = i + 1 };
	}
	buf_add(out, &head, sizeof(head));
	buf_add(out, groups, head.n_groups * sizeof(*groups));
	buf_add(out, slots, (head.mask + 1) * sizeof(*slots));
	buf_add(out, rules->v, rules->n * sizeof(*rules->v));
}

/* ---- in the worker -----------------------------------------------------------------------------
 */

bool dns_rewrite_open(struct dns_rewriter *r, const void *p, size_t n)
{
	const struct dns_rewrite_head *head = p;

	*r = (struct dns_rewriter){ 0 };
	if (n < sizeof(*head) || head->magic != MAGIC || head->n_groups > GROUPS_MAX ||
	    !head->n_rules || head->n_rules > DNS_REWRITE_MAX ||
	    head->mask != mask_for(head->n_rules))
		return false;
	if (n != sizeof(*head) + head->n_groups * sizeof(struct group) +
	                 (head->mask + 1) * sizeof(struct slot) +
	                 head->n_rules * sizeof(struct dns_rewrite_rule))
		return false;
	*r = (struct dns_rewriter){ .head = head, .n = n };
	return true;
}

static const struct group *groups_of(const struct dns_rewrite_head *h)
{
	return (const struct group *)(h + 1);
}

static const struct slot *slots_of(const struct dns_rewrite_head *h)
{
	return (const struct slot *)(groups_of(h) + h->n_groups);
}

static const struct dns_rewrite_rule *rules_of(const struct dns_rewrite_head *h)
{
	return (const struct dns_rewrite_rule *)(slots_of(h) + h->mask + 1);
}

/* Its bytes, 0 when it is the root, or a label holds a dot, which no rule means. */
static size_t name_text(char out[static DNS_NAME_MAX], const uint8_t *name, size_t len)
{
	for (size_t at = 0; at + 1 < len; at += name[at] + 1u) {
		out[at] = '.';
		memcpy(out + at + 1, name + at + 1, name[at]);
		if (memchr(name + at + 1, '.', name[at]))
			return 0;
	}
	return len - 1;
}

static bool text_name(uint8_t out[static DNS_NAME_MAX], size_t *out_len, const char *text, size_t n)
{
	if (n + 1 > DNS_NAME_MAX || !n || text[0] != '.')
		return false;
	for (size_t at = 0, end; at < n; at = end) {
		for (end = at + 1; end < n && text[end] != '.'; end++)
			;
		if (end - at - 1 > 63 || end - at == 1)
			return false;
		out[at] = (uint8_t)(end - at - 1);
		memcpy(out + at + 1, text + at + 1, end - at - 1);
	}
	out[n] = 0;
	*out_len = n + 1;
	return true;
}

/* The first of the rules for that piece of the name, or `best` when that one comes earlier. */
static uint32_t find(const struct dns_rewrite_head *h, unsigned kind, const char *text, size_t n,
                     uint32_t best)
{
	uint32_t hash = hash_of(kind, text, n);

	for (uint32_t i = 0; i <= h->mask; i++) {
		const struct slot *s = &slots_of(h)[(hash + i) & h->mask];
		const struct dns_rewrite_rule *rule;

		if (!s->rule || s->rule > h->n_rules)
			break;
		rule = &rules_of(h)[s->rule - 1];
		if (s->hash == hash && s->rule < best && rule->kind == kind &&
		    strnlen(rule->from, sizeof(rule->from)) == n && !memcmp(rule->from, text, n))
			best = s->rule;
	}
	return best;
}

static uint32_t find_rule(const struct dns_rewrite_head *h, const char *text, size_t n)
{
	const struct group *g = groups_of(h);
	uint32_t best = UINT32_MAX;

	for (unsigned i = 0; i < h->n_groups; i++) {
		if (g[i].kind == DNS_REWRITE_EXACT)
			best = find(h, g[i].kind, text, n, best);
		else if (g[i].kind == DNS_REWRITE_PREFIX && g[i].len <= n)
			best = find(h, g[i].kind, text, g[i].len, best);
		else if (g[i].kind == DNS_REWRITE_SUFFIX && g[i].len < n)
			best = find(h, g[i].kind, text + n - g[i].len, g[i].len, best);
	}
	return best;
}

bool dns_rewrite(const struct dns_rewriter *r, const uint8_t *name, size_t len,
                 uint8_t out[static DNS_NAME_MAX], size_t *out_len)
{
	char text[DNS_NAME_MAX], made[3 * DNS_NAME_MAX];
	const struct dns_rewrite_rule *rule;
	size_t n, from, to, before, after;
	uint32_t found;

	n = r->head ? name_text(text, name, len) : 0;
	found = n ? find_rule(r->head, text, n) : UINT32_MAX;
	if (found == UINT32_MAX)
		return false;
	rule = &rules_of(r->head)[found - 1];
	from = strnlen(rule->from, sizeof(rule->from));
	to = strnlen(rule->to, sizeof(rule->to));
	before = rule->kind == DNS_REWRITE_SUFFIX ? n - from : 0;
	after = rule->kind == DNS_REWRITE_PREFIX ? n - from : 0;
	memcpy(made, text, before);
	memcpy(made + before, rule->to, to);
	memcpy(made + before + to, text + n - after, after);
	return text_name(out, out_len, made, before + to + after);
}
