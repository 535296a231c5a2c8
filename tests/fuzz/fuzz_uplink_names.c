/* fuzz_uplink_names.c - options of router advertisements: what is kept is within its bounds, none
 * of it is over, resolv.conf has lines of its own alone, and what is kept as text reads as the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "../../modules/uplink/uplink_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_resolv(const struct uplink_names *t)
{
	struct buf b = { 0 };
	struct resolv r;
	unsigned lines = 0;

	uplink_names_resolv(t, &r);
	resolv_print(&r, &b);
	for (size_t i = 0; i < b.len; i++) {
		lines += b.data[i] == '\n';
		must(b.data[i] == '\n' || (b.data[i] >= ' ' && b.data[i] < 127));
	}
	must(lines == r.n + (r.search[0] != 0));
	buf_free(&b);
}

static void check_kept(const struct uplink_names *t)
{
	static struct uplink_names again;
	struct buf b = { 0 };

	uplink_names_print(t, &b);
	buf_add(&b, "", 1);
	uplink_names_parse(&again, b.data);
	must(again.servers.n == t->servers.n && again.domains.n == t->domains.n);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct uplink_names t;
	uint64_t now = 1;

	memset(&t, 0, sizeof(t));
	while (size) { /* one advertisement after another, each in its own second */
		size_t n = data[0] < size ? data[0] : size - 1;

		uplink_names_hear(&t, data + 1, n, ++now);
		must(t.servers.n <= UPLINK_NAMES && t.domains.n <= UPLINK_NAMES);
		must(uplink_names_expire(&t, now) > now);
		check_resolv(&t);
		check_kept(&t);
		data += 1 + n;
		size -= 1 + n;
	}
	return 0;
}
