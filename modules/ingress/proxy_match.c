/* proxy_match.c - which listener, which rule. Pure, but for the expressions that are kept compiled.
 *
 * A host's rules are found by the paths that lead to them (proxy_index.h): that of the request and
 * each prefix of it, the longest first. The first that fits is the best of those; it may yet be
 * beaten by one of the few that no path leads to. */
#include <string.h>
#include <strings.h>

#include "proxy.h"
#include "proxy_index.h"
#include "proxy_regex.h"

#define VALUE_MAX 8192 /* of a header or query parameter; longer ones match nothing */

/* ---- listeners and hosts -------------------------------------------------------------------- */

bool match_host(struct span pattern, struct span host, bool one_label)
{
	size_t suffix = pattern.n - 1; /* with its dot */

	if (!pattern.n)
		return true;
	if (pattern.p[0] != '*')
		return pattern.n == host.n && !memcmp(pattern.p, host.p, host.n);
	if (host.n <= suffix || memcmp(host.p + host.n - suffix, pattern.p + 1, suffix) != 0)
		return false;
	return !one_label || !memchr(host.p, '.', host.n - suffix);
}

const struct table_listener *match_listener(const struct table_port *p, struct span host)
{
	for (uint32_t i = 0; i < p->n_listeners; i++) /* the most specific host first */
		if (match_host(p->listeners[i].host, host, false))
			return &p->listeners[i];
	return NULL;
}

/* ---- one rule ------------------------------------------------------------------------------- */

static bool path_fits(const struct table_rule *r, struct span path)
{
	if (r->kind == PATH_REGEX)
		return regex_matches(r->path, r->nocase, path);
	if (path.n < r->path.n)
		return false;
	if ((r->nocase ? strncasecmp(path.p, r->path.p, r->path.n)
	               : memcmp(path.p, r->path.p, r->path.n)) != 0)
		return false;
	return path.n == r->path.n || (r->kind == PATH_PREFIX && path.p[r->path.n] == '/');
}

static bool value_fits(const struct table_match *m, struct span value)
{
	if (m->regex)
		return regex_matches(m->value, false, value);
	return value.n == m->value.n && !memcmp(value.p, m->value.p, value.n);
}

/* A header that comes several times is one list (RFC 9110 5.3). */
static bool header_value(const struct http_head *h, struct span name, struct span *value)
{
	static char joined[VALUE_MAX];
	size_t n = 0, times = 0;

	for (size_t i = 0; i < h->n_headers; i++) {
		const struct http_header *x = &h->headers[i];

		if (x->name.n != name.n || strncasecmp(x->name.p, name.p, name.n) != 0)
			continue;
		if (!times++) {
			*value = x->value;
			continue;
		}
		if (times == 2) {
			n = value->n < sizeof(joined) ? value->n : sizeof(joined);
			memcpy(joined, value->p, n);
		}
		if (x->value.n + 1 > sizeof(joined) - n)
			return false;
		joined[n++] = ',';
		memcpy(joined + n, x->value.p, x->value.n);
		n += x->value.n;
		*value = (struct span){ joined, n };
	}
	return times > 0;
}

static bool decodes_to(struct span raw, struct span name)
{
	char out[VALUE_MAX];

	if (raw.n == name.n && !memcmp(raw.p, name.p, name.n))
		return true;
	return raw.n > name.n && http_decode(raw.p, raw.n, true, out, sizeof(out)) &&
	       strlen(out) == name.n && !memcmp(out, name.p, name.n);
}

/* The first parameter of that name counts. */
static bool query_value(struct span query, struct span name, struct span *value)
{
	static char decoded[VALUE_MAX];
	const char *p = query.p, *end = query.p + query.n;

	while (p && p <= end) {
		const char *amp = memchr(p, '&', end - p), *stop = amp ? amp : end,
			   *eq = memchr(p, '=', stop - p), *key_end = eq ? eq : stop;

		if (decodes_to((struct span){ p, key_end - p }, name)) {
			const char *v = eq ? eq + 1 : stop;

			if (!http_decode(v, stop - v, true, decoded, sizeof(decoded)))
				return false;
			*value = (struct span){ decoded, strlen(decoded) };
			return true;
		}
		p = stop + 1;
	}
	return false;
}

/* All but the path. */
static bool rest_fits(const struct table_rule *r, const struct request *q)
{
	struct span value;

	if (r->method.n &&
	    (r->method.n != q->method.n || memcmp(r->method.p, q->method.p, q->method.n) != 0))
		return false;
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (!header_value(q->head, r->headers[i].name, &value) ||
		    !value_fits(&r->headers[i], value))
			return false;
	for (uint32_t i = 0; i < r->n_queries; i++)
		if (!query_value(q->query, r->queries[i].name, &value) ||
		    !value_fits(&r->queries[i], value))
			return false;
	return true;
}

static bool rule_fits(const struct table_rule *r, const struct request *q)
{
	return path_fits(r, q->path) && rest_fits(r, q);
}

/* ---- the rules of a host --------------------------------------------------------------------- */

static const struct table_place *place_at(uint64_t hash, const struct table_host *h, bool whole,
                                          struct span path)
{
	const struct table_shard *s = proxy_shard(index_shard(hash));
	uint32_t i = s ? index_slot(hash, s->n_slots) : 0;

	if (!s || s->n_slots & (s->n_slots - 1))
		return NULL;
	for (uint32_t looked = 0; looked < s->n_slots; looked++, i = (i + 1) & (s->n_slots - 1)) {
		uint32_t k = s->slots[i] - 1;

		if (k >= s->n_places)
			break; /* an empty slot */
		if (index_is(&s->places[k], h, whole, path))
			return &s->places[k];
	}
	return NULL;
}

static const struct table_rule *first_fit(const struct table_place *p, const struct request *q)
{
	for (uint32_t i = 0; p && i < p->n_rules; i++)
		if (rule_fits(&p->rules[i], q))
			return &p->rules[i];
	return NULL;
}

/* The best of those that paths lead to. */
static const struct table_rule *by_path(const struct table_host *h, uint32_t longest, uint64_t hash,
                                        const struct request *q)
{
	struct {
		uint64_t hash;
		uint32_t n;
	} ends[VALUE_MAX / 2];
	const struct table_rule *r = NULL;
	uint32_t n = 0;

	hash = index_step(hash, INDEX_PATHS);
	for (uint32_t i = 0; i <= q->path.n && i <= longest; i++) {
		if ((i == q->path.n || q->path.p[i] == '/') && n < sizeof(ends) / sizeof(*ends)) {
			ends[n].hash = hash;
			ends[n++].n = i;
		}
		if (i < q->path.n)
			hash = index_step(hash, q->path.p[i]);
	}
	while (!r && n--)
		r = first_fit(
			place_at(ends[n].hash, h, false, (struct span){ q->path.p, ends[n].n }), q);
	return r;
}

static bool comes_first(const struct table_rule *a, const struct table_rule *b)
{
	int d = index_rank(a) - index_rank(b);

	return d < 0 || (!d && a->path.n > b->path.n);
}

static const struct table_rule *rule_of(const struct table_host *h, const struct request *q)
{
	uint64_t hash = index_host(proxy_table()->seed, h);
	const struct table_place *whole = place_at(hash, h, true, (struct span){ "", 0 });
	const struct table_rule *best = whole ? by_path(h, whole->longest, hash, q) : NULL;

	for (uint32_t i = 0; whole && i < whole->n_rules; i++) {
		if (best && !comes_first(&whole->rules[i], best))
			break;
		if (rule_fits(&whole->rules[i], q))
			return &whole->rules[i];
	}
	return best;
}

/* ---- the rule ------------------------------------------------------------------------------- */

/* Of one label before any number of them. */
static const struct table_rule *rule_below(struct table_host *h, const struct request *q)
{
	const struct table_rule *r = NULL;

	h->wild = true;
	if (!memchr(q->host.p, '.', q->host.n - h->name.n)) {
		h->one_label = true;
		r = rule_of(h, q);
	}
	h->one_label = false;
	return r ? r : rule_of(h, q);
}

/* Its own name, then what it ends in, the longer first, then every host. */
const struct table_rule *match_rule(const struct table_listener *l, const struct request *q)
{
	struct table_host h = { .rules = l->rules, .name = q->host };
	const struct table_rule *r = q->host.n ? rule_of(&h, q) : NULL;
	const char *end = q->host.p + q->host.n, *dot;

	for (dot = q->host.n ? memchr(q->host.p + 1, '.', q->host.n - 1) : NULL; dot && !r;
	     dot = memchr(dot + 1, '.', end - dot - 1)) {
		h.name = (struct span){ dot, end - dot };
		r = rule_below(&h, q);
	}
	h = (struct table_host){ .rules = l->rules, .name = { "", 0 } };
	return r ? r : rule_of(&h, q);
}

/* ---- paths ---------------------------------------------------------------------------------- */

static bool dot_segment(const char *p, size_t n)
{
	return (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.');
}

/* "%2f" and "%5c": a separator for one server, a character for another. */
static bool hides_separator(struct span raw)
{
	for (size_t i = 0; i + 2 < raw.n; i++)
		if (raw.p[i] == '%' &&
		    (!strncasecmp(raw.p + i + 1, "2f", 2) || !strncasecmp(raw.p + i + 1, "5c", 2)))
			return true;
	return false;
}

bool match_path(struct span raw, char *out, size_t size, size_t *n)
{
	size_t start = 1;

	if (hides_separator(raw) || !http_decode(raw.p, raw.n, false, out, size) || out[0] != '/')
		return false;
	*n = strlen(out);
	for (size_t i = 1; i <= *n; i++) {
		if (i < *n && out[i] != '/')
			continue;
		if (dot_segment(out + start, i - start) || (i == start && i < *n))
			return false;
		start = i + 1;
	}
	return true;
}
