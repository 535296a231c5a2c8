/* fuzz_proxy_header.c - PROXY protocol headers: what is read is within the bytes and their maximum,
 * every shorter piece of a good one asks for more, and what is told can be made and read again. */
#include <stdlib.h>
#include <string.h>

#include "../../modules/ingress/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_made(const struct proxy_header *h, unsigned version)
{
	char made[PROXY_HEADER_MADE];
	size_t n = proxy_header_make(version, &h->from, &h->to, made);
	struct proxy_header again;

	must(n <= sizeof(made) && proxy_header_read(&again, made, n) == (int)n);
	must(again.known && endpoint_equal(&again.from, &h->from) &&
	     endpoint_equal(&again.to, &h->to));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, part;
	int n = proxy_header_read(&h, data, size);

	must(n <= (int)size && n <= PROXY_HEADER_MAX);
	if (n == 0)
		must(size < PROXY_HEADER_MAX);
	for (int i = 0; i < n; i++)
		must(proxy_header_read(&part, data, i) == 0);
	for (unsigned version = 1; n > 0 && h.known && version <= 2; version++)
		check_made(&h, version);
	return 0;
}
