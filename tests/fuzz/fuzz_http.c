/* fuzz_http.c - any bytes as a request, a response and a chunked body. Spans must lie inside them.
 */
#include <stdint.h>
#include <stdlib.h>

#include <knetd/http.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct http_head *h, const char *p, int used)
{
	for (size_t i = 0; i < h->n_headers; i++)
		if (h->headers[i].name.p < p ||
		    h->headers[i].value.p + h->headers[i].value.n > p + used)
			abort();
	if (h->request && (h->path.p < p || h->path.p + h->path.n > p + used))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head h;
	struct http_chunked c = { 0 };
	const char *p = (const char *)data, *why, *body;
	size_t at = 0, n;
	bool done = false;
	int used = http_parse_request(&h, p, size, &why);

	if (used > 0)
		check(&h, p, used);
	used = http_parse_response(&h, p, size, false, &why);
	if (used > 0)
		check(&h, p, used);
	while (at < size && !done) {
		long ret = http_chunked(&c, p + at, size - at, &body, &n, &done);

		if (ret <= 0)
			break;
		at += ret;
	}
	return 0;
}
