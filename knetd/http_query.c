/* http_query.c - percent-decoding of paths and query parameters (RFC 3986, 2.1). */
#include <string.h>

#include <knetd/http.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(const char *p, size_t n, bool plus, char *out, size_t size)
{
	size_t got = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i] == '+' && plus ? ' ' : p[i];

		if (c == '%') {
			int high = i + 2 < n ? hex(p[i + 1]) : -1;
			int low = i + 2 < n ? hex(p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (!c || got + 1 >= size)
			return false;
		out[got++] = c;
	}
	out[got] = 0;
	return true;
}

bool http_query(const char *query, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	while (*query) {
		size_t n = strcspn(query, "&");

		if (n > len && query[len] == '=' && !memcmp(query, name, len))
			return http_decode(query + len + 1, n - len - 1, true, out, size);
		query += n + (query[n] == '&');
	}
	return false;
}

bool http_query_has(const char *query, const char *name)
{
	size_t len = strlen(name);

	for (; *query; query += strcspn(query, "&"), query += *query == '&')
		if (!strncmp(query, name, len) && strchr("=&", query[len]))
			return true;
	return false;
}
