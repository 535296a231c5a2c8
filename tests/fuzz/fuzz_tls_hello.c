/* fuzz_tls_hello.c - any bytes as the begin of a TLS connection. A hello that was read must be the
 * same one when more follows it, and needs all the bytes it took. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/tls_hello.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_hello h, again;
	int used = tls_hello_read(&h, data, size);
	uint8_t *cut;

	if (used <= 0)
		return 0;
	if ((size_t)used > size || strlen(h.sni) >= sizeof(h.sni))
		abort();
	cut = malloc(used); /* exactly as long: nothing beyond is read */
	memcpy(cut, data, used);
	if (tls_hello_read(&again, cut, used) != used || memcmp(&h, &again, sizeof(h)) != 0)
		abort();
	if (tls_hello_read(&again, cut, used - 1) > 0)
		abort();
	free(cut);
	return 0;
}
