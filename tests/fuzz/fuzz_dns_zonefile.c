/* fuzz_dns_zonefile.c - any text as a zone file, as a hosts file and as rewrite rules. The first
 * byte says which. What is taken is put into a snapshot, and every name of it must be found there
 * with sound answers. */
#include <stdlib.h>

#include <knetd/auto.h>

#include "../../modules/dns/dns_hosts.h"
#include "../../modules/dns/dns_local.h"
#include "../../modules/dns/dns_rewrite.h"
#include "../../modules/dns/dns_zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void ask(const struct dns_local *l, const uint8_t *name, size_t len, bool host)
{
	static const uint16_t types[] = { DNS_A, DNS_NS, DNS_SOA, DNS_MX, DNS_DS, DNS_ANY };
	uint8_t below[DNS_NAME_MAX + 2] = { 1, 'x' };
	struct dns_local_hit hit;

	for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
		if (host)
			must(dns_local_host(l, name, len, types[i], &hit) != DNS_LOCAL_NONE);
		else
			must(dns_local_zone(l, name, len, types[i], &hit) != DNS_LOCAL_NONE);
	}
	if (host || len + 2 > DNS_NAME_MAX)
		return;
	memcpy(below + 2, name, len);
	must(dns_local_zone(l, below, len + 2, DNS_A, &hit) != DNS_LOCAL_NONE);
}

/* All names of entries, asked of the snapshot that they make. */
static void try_entries(const struct buf *entries, bool host)
{
	auto_buf struct buf out = { 0 };
	struct dns_local l;

	dns_local_build(&out, host, !host, entries);
	if (!entries->len)
		return;
	must(dns_local_open(&l, out.data, out.len));
	for (size_t at = 0; at < entries->len;) {
		const struct dns_entry *e = (const struct dns_entry *)(entries->data + at);

		must(dns_name_skip(e->key, e->key_len, 0) == e->key_len);
		ask(&l, e->key, e->key_len, host);
		at += e->size;
	}
}

static void as_zone(const char *text)
{
	struct dns_zonefile z = { 0 };
	uint8_t origin[DNS_NAME_MAX];
	struct err e = { 0 };

	if (!dns_zonefile_parse(&z, "fuzz", origin, dns_zonefile_origin("example.zone", origin),
	                        text, &e))
		try_entries(&z.entries, false);
	else
		must(e.code && *e.text);
	dns_zonefile_free(&z);
}

static void as_hosts(const char *text)
{
	auto_buf struct buf entries = { 0 };
	struct dns_hosts h = { 0 };
	struct err e = { 0 };

	if (dns_hosts_parse(&h, "fuzz", text, &e))
		must(e.code && *e.text);
	dns_hosts_entries(&h, 5, &entries);
	try_entries(&entries, true);
	dns_hosts_free(&h);
}

static void as_rules(const char *text)
{
	static const uint8_t name[] = "\1a\3www\7example";
	static struct dns_rewrites rules;
	auto_buf struct buf table = { 0 };
	auto_free char *copy = xstrdup(text);
	uint8_t out[DNS_NAME_MAX];
	struct dns_rewriter r;
	char *save = NULL;
	size_t n;

	rules.n = 0;
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		dns_rewrite_parse(&rules, line, NULL);
	dns_rewrite_build(&rules, &table);
	if (dns_rewrite_open(&r, table.data, table.len) &&
	    dns_rewrite(&r, name, sizeof(name), out, &n))
		must(dns_name_skip(out, n, 0) == n);
	dns_rewrite_open(&r, text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = NULL;

	if (!size)
		return 0;
	text = malloc(size); /* exactly as long, with its NUL */
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 3) {
	case 0:
		as_zone(text);
		break;
	case 1:
		as_hosts(text);
		break;
	case 2:
		as_rules(text);
		break;
	}
	return 0;
}
