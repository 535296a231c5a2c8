/* fuzz_x509.c - any bytes as a certificate and as PEM. Parts must lie inside them. */
#include <stdint.h>
#include <stdlib.h>

#include <knetd/tls.h>
#include <knetd/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct x509_part part, const uint8_t *data, size_t size)
{
	if (part.n && (part.p < data || part.p + part.n > data + size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct x509_info info;
	struct tls_identity *id = NULL;
	struct x509_part rest, text;
	enum x509_alt type;
	struct err e = { 0 };

	if (!x509_read(data, size, &info, &e)) {
		inside(info.signed_part, data, size);
		inside(info.signature, data, size);
		inside(info.issuer, data, size);
		inside(info.subject, data, size);
		inside(info.key, data, size);
		inside(info.key_id, data, size);
		inside(info.alt_names, data, size);
		for (rest = info.alt_names; x509_alt_next(&rest, &type, &text);)
			inside(text, data, size);
		x509_names_match(&info.names, "a.example.org");
	}
	if (!tls_identity_new(&id, (const char *)data, size, &e))
		tls_identity_unref(id);
	return 0;
}
