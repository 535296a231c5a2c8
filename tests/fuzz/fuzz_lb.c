/* fuzz_lb.c - any words as the wishes of Services for load-balancer addresses, and as pools. Each
 * line is one act: P and the ranges of a pool; or a Service, by its first character, with words for
 * addresses, a pool and a sharing key between bars, ports for its second. Whoever is left, an
 * address has holders or is forgotten, and pools count what is held. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

#include "../../modules/lb/lb_alloc.h"

#define LINES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lb_alloc alloc;
static struct lb_pools pools;

static void put(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, "%s\"%s\":", b->data[b->len - 1] == '{' ? "" : ",", key);
	buf_json(b, text, strlen(text));
}

static void set_pools(char *text)
{
	struct lb_pools old = pools;
	auto_buf struct buf json = { 0 };
	struct object o = { .kind = KIND_ADDRESSPOOL, .name = "p" };
	const struct object *list = &o;
	char *save = NULL;

	buf_str(&json, "{\"spec\":{\"avoidBuggyIPs\":true,\"addresses\":[\"\"");
	for (char *s = strtok_r(text, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		buf_str(&json, ",");
		buf_json(&json, s, strlen(s));
	}
	buf_str(&json, "]}}");
	o.json_len = json.len;
	buf_add(&json, "", 1);
	o.json = json.data;
	lb_pools_read(&pools, &list, 1, NULL);
	lb_alloc_set_pools(&alloc, &pools);
	lb_pools_free(&old);
}

static void ask(char *line)
{
	static const char *const keys[] = { "knetd.io/load-balancer-ips", "metallb.io/address-pool",
		                            "metallb.universe.tf/allow-shared-ip" };
	static const char *const policies[] = { "SingleStack", "PreferDualStack",
		                                "RequireDualStack" };
	char key[] = { 'n', '/', line[0], 0 };
	unsigned how = line[1] ? (unsigned char)line[1] : 'a', n = 0;
	char *text = line[1] ? line + 2 : line + 1;
	struct object o = { .kind = KIND_SERVICE, .key = key, .ns = "n" };
	auto_arena struct arena a = { 0 };
	auto_buf struct buf json = { 0 };
	struct lb_result r;
	struct lb_ask q;

	buf_str(&json, "{\"metadata\":{\"annotations\":{");
	for (char *s = strsep(&text, "|"); s && n < ARRAY_LEN(keys); s = strsep(&text, "|"))
		put(&json, keys[n++], s);
	buf_printf(&json,
	           "}},\"spec\":{\"type\":\"LoadBalancer\",\"ipFamilies\":[\"IPv4\",\"IPv6\"],"
	           "\"ipFamilyPolicy\":\"%s\",\"ports\":[{\"port\":%u},{\"port\":%u}]}}",
	           policies[how % 3], how % 5, how % 7);
	o.json_len = json.len;
	buf_add(&json, "", 1);
	o.json = json.data;
	lb_ask_read(&o, &a, &q);
	lb_alloc_ask(&alloc, &q, &r);
	if (r.n == 0 && !*r.why)
		abort();
	lb_alloc_ask(&alloc, &q, &r);
	if (r.changed)
		abort();
	yyjson_doc_free(q.doc);
}

struct count {
	uint64_t held;
};

static void count_one(const struct lb_addr *addr, void *arg)
{
	((struct count *)arg)->held += addr->n > 0 && addr->pool;
}

static void check(void)
{
	struct count c = { 0 };
	uint64_t used = 0;

	lb_alloc_told(&alloc, true, count_one, &c);
	for (unsigned i = 0; i < pools.n; i++)
		used += pools.v[i].used[LB_IPV4] + pools.v[i].used[LB_IPV6];
	if (used != c.held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = strndup((const char *)data, size);
	unsigned lines = 0;
	char *rest = text;

	for (char *p = text; *p; p++)
		if (*p & 0x80)
			*p = '?'; /* the API lets nothing in that is no UTF-8 */
	lb_alloc_init(&alloc);
	pools = (struct lb_pools){ 0 };
	for (char *line = strsep(&rest, "\n"); line && lines < LINES; line = strsep(&rest, "\n")) {
		if (line[0] == 'P')
			set_pools(line + 1);
		else if (line[0] == '-' && line[1])
			lb_alloc_drop(&alloc, (char[]){ 'n', '/', line[1], 0 });
		else if (line[0])
			ask(line);
		lines++;
	}
	check();
	lb_alloc_free(&alloc);
	lb_pools_free(&pools);
	return 0;
}
