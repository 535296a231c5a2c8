/* http_span.c - pieces of a head compared, and looked up in it; see http.h. */
#include <string.h>
#include <strings.h>

#include <knetd/http.h>

bool span_is_nocase(struct span s, const char *text)
{
	return strlen(text) == s.n && !strncasecmp(s.p, text, s.n);
}

static struct span trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool span_next_token(struct span *list, struct span *token)
{
	const char *comma;
	size_t n;

	if (!list->n)
		return false;
	comma = memchr(list->p, ',', list->n);
	n = comma ? (size_t)(comma - list->p) : list->n;
	*token = trim((struct span){ list->p, n });
	n += comma != NULL;
	list->p += n;
	list->n -= n;
	return true;
}

bool span_has_token(struct span list, const char *token)
{
	struct span one;

	while (span_next_token(&list, &one))
		if (span_is_nocase(one, token))
			return true;
	return false;
}

const struct span *http_find(const struct http_head *h, const char *name, size_t n)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (h->headers[i].name.n == n && !strncasecmp(h->headers[i].name.p, name, n))
			return &h->headers[i].value;
	return NULL;
}
