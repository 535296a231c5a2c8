/* test_lb_alloc.c - which Service holds which load-balancer address: tables of steps over the pure
 * allocator, a random walk against what a person would check by hand, and a large range.
 *
 * A Service is said in words: `ip=A,B` asks for addresses, `pool=P` for a pool, `share=K` is its
 * sharing key, `local=a:b` externalTrafficPolicy Local with that selector, `v6`, `prefer`,
 * `require` its families (v4 by itself), `ports=80,53/UDP`, `labels=a:b`, `has=A` what its status
 * says. A pool is `name=RANGE,RANGE` with `noauto`, `buggy`, `node`, `prio=N`, `ns=a,b`,
 * `nssel=a:b`, `sel=a:b`; pools are parted by ";". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/buf.h>

#include "../../modules/lb/lb_alloc.h"

#define NODE                                                                                       \
	"{\"metadata\":{\"name\":\"n\"},\"status\":{\"addresses\":["                               \
	"{\"type\":\"InternalIP\",\"address\":\"10.0.0.7\"},"                                      \
	"{\"type\":\"InternalIP\",\"address\":\"fd00::7\"},"                                       \
	"{\"type\":\"InternalIP\",\"address\":\"10.0.0.8\"}]}}"

static struct lb_alloc alloc;
static struct lb_pools pools;

/* ---- words to objects ----------------------------------------------------------------------- */

/* What follows "name=" in words; NULL: it is not there. The caller frees it. */
static char *value_of(const char *words, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = words; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (!strncmp(p, name, n) && p[n] == '=')
			return strndup(p + n + 1, strcspn(p + n + 1, " "));
	return NULL;
}

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; *p; p += strcspn(p, " "), p += strspn(p, " "))
		if (strcspn(p, " ") == n && !strncmp(p, word, n))
			return true;
	return false;
}

/* "a:b,c:d" as members of an object; "a,b" as items of a list. */
static void put_items(struct buf *b, const char *list, bool members)
{
	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t n = strcspn(p, ","), key = strcspn(p, ":,");

		buf_str(b, p > list ? "," : "");
		if (members)
			buf_printf(b, "\"%.*s\":\"%.*s\"", (int)key, p, (int)(n - key - 1),
			           p + key + 1);
		else
			buf_printf(b, "\"%.*s\"", (int)n, p);
	}
}

static void put_member(struct buf *b, const char *words, const char *word, const char *before,
                       const char *after, bool members)
{
	auto_free char *v = value_of(words, word);

	if (!v)
		return;
	buf_str(b, before);
	put_items(b, v, members);
	buf_str(b, after);
}

static void put_text(struct buf *b, const char *words, const char *word, const char *name)
{
	auto_free char *v = value_of(words, word);

	if (v)
		buf_printf(b, ",\"%s\":\"%s\"", name, v);
}

static void put_ports(struct buf *b, const char *words)
{
	auto_free char *v = value_of(words, "ports");
	const char *list = v ? v : "80";

	buf_str(b, ",\"ports\":[");
	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t n = strcspn(p, ",/"), end = strcspn(p, ",");

		buf_printf(b, "%s{\"port\":%.*s,\"protocol\":\"%.*s\"}", p > list ? "," : "",
		           (int)n, p, p[n] == '/' ? (int)(end - n - 1) : 3,
		           p[n] == '/' ? p + n + 1 : "TCP");
	}
	buf_str(b, "]");
}

static void put_status(struct buf *b, const char *words)
{
	auto_free char *v = value_of(words, "has");

	buf_str(b, "},\"status\":{\"loadBalancer\":{\"ingress\":[");
	for (const char *p = v ? v : ""; *p; p += strcspn(p, ","), p += *p == ',')
		buf_printf(b, "%s{\"ip\":\"%.*s\",\"ipMode\":\"VIP\"}", p > v ? "," : "",
		           (int)strcspn(p, ","), p);
	buf_str(b, "]}}}");
}

static void service_json(struct buf *b, const char *words)
{
	bool dual = has_word(words, "prefer") || has_word(words, "require");

	buf_str(b, "{\"metadata\":{\"annotations\":{\"x\":\"\"");
	put_text(b, words, "ip", "knetd.io/load-balancer-ips");
	put_text(b, words, "pool", "knetd.io/address-pool");
	put_text(b, words, "share", "metallb.io/allow-shared-ip");
	buf_str(b, "}");
	put_member(b, words, "labels", ",\"labels\":{", "}", true);
	buf_printf(b, "},\"spec\":{\"type\":\"%s\"",
	           has_word(words, "clusterip") ? "ClusterIP" : "LoadBalancer");
	put_text(b, words, "class", "loadBalancerClass");
	put_text(b, words, "lbip", "loadBalancerIP");
	put_member(b, words, "local", ",\"externalTrafficPolicy\":\"Local\",\"selector\":{", "}",
	           true);
	buf_printf(b, ",\"ipFamilyPolicy\":\"%s\",\"ipFamilies\":[%s]",
	           has_word(words, "prefer")    ? "PreferDualStack"
	           : has_word(words, "require") ? "RequireDualStack"
	                                        : "SingleStack",
	           dual                    ? "\"IPv4\",\"IPv6\""
	           : has_word(words, "v6") ? "\"IPv6\""
	                                   : "\"IPv4\"");
	put_ports(b, words);
	put_status(b, words);
}

static void pool_json(struct buf *b, const char *words)
{
	auto_free char *prio = value_of(words, "prio"), *link = value_of(words, "on");
	const char *equals = strchr(words, '=');

	buf_str(b, "{\"spec\":{\"addresses\":[");
	if (equals[1] != ' ') {
		auto_free char *list = strndup(equals + 1, strcspn(equals + 1, " "));

		put_items(b, list, false);
	}
	buf_printf(b, "],\"autoAssign\":%s", has_word(words, "noauto") ? "false" : "true");
	if (has_word(words, "buggy"))
		buf_str(b, ",\"avoidBuggyIPs\":true");
	if (has_word(words, "node"))
		buf_str(b, ",\"node\":true");
	if (prio)
		buf_printf(b, ",\"priority\":%s", prio);
	if (link)
		buf_printf(b, ",\"interfaces\":[\"%s\"]", link);
	put_member(b, words, "ns", ",\"namespaces\":[", "]", false);
	put_member(b, words, "nssel", ",\"namespaceSelector\":{\"matchLabels\":{", "}}", true);
	put_member(b, words, "sel", ",\"serviceSelector\":{\"matchLabels\":{", "}}", true);
	buf_str(b, "}}");
}

/* ---- the two acts --------------------------------------------------------------------------- */

static void set_pools(const char *text)
{
	struct object objects[8] = { 0 }, node = { .json = NODE, .json_len = strlen(NODE) };
	const struct object *list[8] = { NULL };
	struct buf json[8] = { 0 };
	char names[8][32];
	struct lb_pools old = pools;
	unsigned n = 0;

	for (const char *p = text; *p; n++) {
		size_t len = strcspn(p, ";");
		auto_free char *words = strndup(p, len);

		snprintf(names[n], sizeof(names[n]), "%.*s", (int)strcspn(words, "="), words);
		pool_json(&json[n], words);
		buf_add(&json[n], "", 1);
		objects[n] = (struct object){ .kind = KIND_ADDRESSPOOL,
			                      .name = names[n],
			                      .json = json[n].data,
			                      .json_len = json[n].len - 1 };
		list[n] = &objects[n];
		p += len;
		p += strspn(p, "; ");
	}
	lb_pools_read(&pools, list, n, &node);
	lb_alloc_set_pools(&alloc, &pools);
	lb_pools_free(&old);
	for (unsigned i = 0; i < n; i++)
		buf_free(&json[i]);
}

static void ask(const char *key, const char *words, struct lb_result *r)
{
	auto_arena struct arena a = { 0 };
	auto_buf struct buf json = { 0 };
	auto_free char *ns = strndup(key, strcspn(key, "/"));
	auto_free char *ns_json = xasprintf("{\"team\":\"%s\"}", ns);
	auto_doc yyjson_doc *labels = yyjson_read(ns_json, strlen(ns_json), 0);
	struct object o = { .kind = KIND_SERVICE, .key = key, .ns = ns };
	struct lb_ask q;

	service_json(&json, words);
	o.json_len = json.len;
	buf_add(&json, "", 1);
	o.json = json.data;
	lb_ask_read(&o, &a, &q);
	q.ns_labels = yyjson_doc_get_root(labels);
	if (q.ours) {
		lb_alloc_ask(&alloc, &q, r);
	} else {
		lb_alloc_drop(&alloc, key);
		*r = (struct lb_result){ 0 };
	}
	yyjson_doc_free(q.doc);
}

static void start(void)
{
	lb_alloc_init(&alloc);
	pools = (struct lb_pools){ 0 };
}

static void end(void)
{
	lb_alloc_free(&alloc);
	lb_pools_free(&pools);
}

/* "192.0.2.1,2001:db8::1 lan": addresses, pool; "" for nothing. */
static const char *held(const struct lb_result *r, char out[static 256])
{
	char text[IP_TEXT];

	out[0] = 0;
	for (unsigned i = 0; i < r->n; i++) {
		strcat(out, i ? "," : "");
		strcat(out, ip_text(&r->ips[i], text));
	}
	if (r->n) {
		strcat(out, " ");
		strcat(out, r->pool);
	}
	return out;
}

/* ---- tables --------------------------------------------------------------------------------- */

struct step {
	const char *who;   /* a Service; "pools"; "-KEY": it goes */
	const char *words; /* NULL: as it asked the last time */
	const char *want;  /* what it holds then */
	const char *why;   /* part of what it waits for; NULL: it is content */
};

static void run(const char *name, const struct step *steps, size_t n)
{
	const char *last_key[64], *last_words[64];
	unsigned known = 0;

	start();
	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		const char *words = s->words;
		struct lb_result r;
		char text[256];

		if (!strcmp(s->who, "pools")) {
			set_pools(s->words);
			continue;
		}
		if (*s->who == '-') {
			lb_alloc_drop(&alloc, s->who + 1);
			continue;
		}
		for (unsigned k = known; !words && k-- > 0;)
			if (!strcmp(last_key[k], s->who))
				words = last_words[k];
		assert_non_null(words);
		ask(s->who, words, &r);
		if (strcmp(held(&r, text), s->want) != 0 || (s->why && !strstr(r.why, s->why)) ||
		    (!s->why && *r.why))
			fail_msg("%s, step %zu, %s: holds \"%s\", waits for \"%s\"", name, i,
			         s->who, text, r.why);
		assert_true(known < ARRAY_LEN(last_key));
		last_key[known] = s->who;
		last_words[known++] = words;
	}
	end();
}

#define RUN(steps) run(#steps, steps, ARRAY_LEN(steps))

// clang-format off
static const struct step asked_for[] = {
	{ "pools", "one=192.0.2.0/31; two=198.51.100.0/24,2001:db8::/120; three=203.0.113.0/24 buggy", NULL, NULL },
	/* an address by name */
	{ "a/s1", "ip=192.0.2.0", "192.0.2.0 one", NULL },
	{ "a/s1", NULL, "192.0.2.0 one", NULL },
	{ "a/s1", "ip=192.0.2.1", "192.0.2.1 one", NULL },
	{ "a/s2", "ip=192.0.2.1", "", "192.0.2.1 is held by a/s1" },
	{ "a/s2", "lbip=192.0.2.0", "192.0.2.0 one", NULL },
	/* the annotation goes before the field */
	{ "a/s2", "lbip=192.0.2.0 ip=198.51.100.9", "198.51.100.9 two", NULL },
	{ "a/s3", "ip=10.9.9.9", "", "10.9.9.9 is in no pool" },
	{ "a/s3", "ip=203.0.113.255", "", "avoidBuggyIPs" },
	{ "a/s3", "ip=203.0.113.0", "", "avoidBuggyIPs" },
	{ "a/s3", "ip=203.0.113.254", "203.0.113.254 three", NULL },
	{ "a/s4", "ip=nonsense", "", "\"nonsense\" is no address" },
	{ "a/s4", "ip=192.0.2.0,192.0.2.1", "", "two addresses of one family" },
	{ "a/s4", "ip=2001:db8::5", "", "the Service has no IPv6" },
	{ "a/s4", "v6 ip=2001:db8::5", "2001:db8::5 two", NULL },
	{ "a/s5", "v6 ip=2001:db8::5", "", "2001:db8::5 is held by a/s4" },
	{ "a/s5", "v6 ip=2001:db8::", "", "every router's" },
	/* who holds one keeps it where the wish cannot be read, and loses it for a wish that is not fulfilled */
	{ "a/s1", "ip=nonsense", "192.0.2.1 one", "\"nonsense\" is no address" },
	{ "a/s1", "ip=198.51.100.9", "", "198.51.100.9 is held by a/s2" },
	{ "-a/s2", NULL, NULL, NULL },
	{ "a/s1", NULL, "198.51.100.9 two", NULL },
	/* and without a wish it stays */
	{ "a/s1", "", "198.51.100.9 two", NULL },
	/* of a pool */
	{ "a/s6", "pool=three", "203.0.113.1 three", NULL },
	{ "a/s6", "pool=one", "192.0.2.0 one", NULL },
	{ "a/s6", "pool=one ip=203.0.113.7", "", "203.0.113.7 is not in the pool asked for" },
	{ "a/s6", "pool=four", "", "there is no pool \"four\"" },
	{ "a/s6", "pool=three ip=203.0.113.7", "203.0.113.7 three", NULL },
	/* a pair */
	{ "a/s7", "require ip=198.51.100.7,2001:db8::7", "198.51.100.7,2001:db8::7 two", NULL },
	{ "a/s8", "require ip=2001:db8::8", "198.51.100.0,2001:db8::8 two", NULL },
	{ "a/s9", "require ip=192.0.2.0,2001:db8::9", "", "192.0.2.0 with 2001:db8::9 is in no pool" },
	/* another kind of Service, or of another class, holds nothing */
	{ "a/s7", "clusterip", "", NULL },
	{ "a/s9", "ip=198.51.100.7", "198.51.100.7 two", NULL },
	{ "a/s9", "ip=198.51.100.7 class=example.com/lb", "", NULL },
	{ "a/s10", "ip=198.51.100.7 class=knetd.io/lb", "198.51.100.7 two", NULL },
};

static const struct step of_itself[] = {
	{ "a/s0", "", "", "there is no pool" },
	{ "pools", "one=192.0.2.0/30", NULL, NULL },
	{ "a/s0", "", "192.0.2.0 one", NULL },
	{ "a/s1", "", "192.0.2.1 one", NULL },
	{ "a/s2", "", "192.0.2.2 one", NULL },
	{ "a/s3", "", "192.0.2.3 one", NULL },
	{ "a/s4", "", "", "pool \"one\" has no free IPv4 address" },
	{ "a/s5", "v6", "", "pool \"one\" has no free IPv6 address" },
	{ "a/s1", NULL, "192.0.2.1 one", NULL },
	{ "-a/s1", NULL, NULL, NULL },
	{ "a/s4", NULL, "192.0.2.1 one", NULL },
	{ "a/s1", NULL, "", "no free IPv4" },
	/* the lowest that is free, wherever it came back */
	{ "-a/s3", NULL, NULL, NULL },
	{ "-a/s0", NULL, NULL, NULL },
	{ "a/s6", "", "192.0.2.0 one", NULL },
	{ "a/s7", "", "192.0.2.3 one", NULL },
	{ "pools", "one=192.0.2.0/30; two=198.51.100.0/31", NULL, NULL },
	{ "a/s8", "", "198.51.100.0 two", NULL },
	{ "a/s9", "", "198.51.100.1 two", NULL },
	{ "a/s10", "", "", "pool \"one\" and others have no free IPv4 address" },
};

static const struct step buggy[] = {
	{ "pools", "one=192.0.2.254-192.0.3.1 buggy", NULL, NULL },
	{ "a/s0", "", "192.0.2.254 one", NULL },
	{ "a/s1", "", "192.0.3.1 one", NULL },
	{ "a/s2", "", "", "no free IPv4" },
	{ "pools", "one=192.0.2.254-192.0.3.1", NULL, NULL },
	{ "a/s2", NULL, "192.0.2.255 one", NULL },
	{ "a/s3", "", "192.0.3.0 one", NULL },
	/* switched on again: those that hold one have to move */
	{ "pools", "one=192.0.2.254-192.0.3.3 buggy", NULL, NULL },
	{ "a/s2", NULL, "192.0.3.2 one", NULL },
	{ "a/s3", NULL, "192.0.3.3 one", NULL },
	{ "a/s0", NULL, "192.0.2.254 one", NULL },
};

static const struct step sharing[] = {
	{ "pools", "one=192.0.2.0/31; two=198.51.100.0/24", NULL, NULL },
	{ "a/s1", "ip=192.0.2.0 share=k ports=80", "192.0.2.0 one", NULL },
	{ "a/s2", "ip=192.0.2.0 share=k ports=443", "192.0.2.0 one", NULL },
	{ "a/s3", "ip=192.0.2.0 share=other ports=90", "", "has another sharing key" },
	{ "a/s3", "ip=192.0.2.0 ports=90", "", "192.0.2.0 is held by a/s1" },
	{ "a/s3", "ip=192.0.2.0 share=k ports=90,443", "", "port 443/TCP of 192.0.2.0 is held by a/s2" },
	{ "a/s3", "ip=192.0.2.0 share=k ports=443/UDP,443/SCTP", "192.0.2.0 one", NULL },
	/* of its own accord too, from whatever namespace */
	{ "b/s4", "share=k ports=25", "192.0.2.0 one", NULL },
	{ "b/s5", "share=k ports=80", "192.0.2.1 one", NULL },
	{ "b/s6", "share=k ports=81", "192.0.2.0 one", NULL },
	/* a new port that another has: it has to move */
	{ "b/s6", "share=k ports=443", "192.0.2.1 one", NULL },
	{ "b/s6", "share=k ports=443,80", "198.51.100.0 two", NULL },
	{ "b/s6", "share=k ports=7", "198.51.100.0 two", NULL },
	/* a port given up is free */
	{ "a/s2", "ip=192.0.2.0 share=k ports=444", "192.0.2.0 one", NULL },
	{ "a/s7", "ip=192.0.2.0 share=k ports=443", "192.0.2.0 one", NULL },
	/* one that changes its key cannot stay with the others */
	{ "a/s7", "share=new ports=443", "198.51.100.1 two", NULL },
	{ "a/s2", "ip=192.0.2.0 share=new ports=444", "", "has another sharing key" },
	/* the only one that holds it may */
	{ "a/s7", "share=newer ports=443", "198.51.100.1 two", NULL },
	{ "a/s8", "share=newer ports=80", "198.51.100.1 two", NULL },
	{ "a/s9", "share=new ports=81", "198.51.100.2 two", NULL },
	/* nobody's key is not everybody's */
	{ "a/s10", "ports=1", "198.51.100.3 two", NULL },
	{ "a/s11", "ports=2", "198.51.100.4 two", NULL },
	{ "a/s11", "ports=2 ip=198.51.100.3", "", "198.51.100.3 is held by a/s10" },
};

static const struct step sharing_local[] = {
	{ "pools", "one=192.0.2.0/30", NULL, NULL },
	{ "a/s1", "ip=192.0.2.0 share=k ports=80 local=app:web,tier:a", "192.0.2.0 one", NULL },
	{ "a/s2", "ip=192.0.2.0 share=k ports=81", "", "sends to other pods" },
	{ "a/s2", "ip=192.0.2.0 share=k ports=81 local=app:web", "", "sends to other pods" },
	{ "a/s2", "ip=192.0.2.0 share=k ports=81 local=tier:a,app:web", "192.0.2.0 one", NULL },
	/* by itself it goes where it fits */
	{ "a/s3", "share=k ports=82", "192.0.2.1 one", NULL },
	{ "a/s4", "share=k ports=83 local=app:web,tier:a", "192.0.2.0 one", NULL },
	{ "a/s4", "share=k ports=83", "192.0.2.1 one", NULL },
	/* without a selector the pods are its own alone */
	{ "a/s5", "share=k ports=84 local=", "192.0.2.2 one", NULL },
	{ "a/s6", "share=k ports=85 local=", "192.0.2.3 one", NULL },
	{ "a/s7", "share=k ports=85 local=", "", "no free IPv4" },
};

static const struct step dual_stack[] = {
	{ "pools", "four=192.0.2.0/31; both=198.51.100.0/30,2001:db8::1-2001:db8::2; six=2001:db8:6::1-2001:db8:6::3", NULL, NULL },
	{ "a/s1", "require", "198.51.100.0,2001:db8::1 both", NULL },
	/* a pool with both before one with one */
	{ "a/s2", "prefer", "198.51.100.1,2001:db8::2 both", NULL },
	{ "a/s3", "require", "", "RequireDualStack" },
	{ "a/s3", "prefer", "198.51.100.2 both", NULL },
	{ "a/s4", "prefer", "198.51.100.3 both", NULL },
	{ "a/s5", "prefer", "192.0.2.0 four", NULL },
	{ "a/s6", "prefer", "192.0.2.1 four", NULL },
	{ "a/s7", "prefer", "2001:db8:6::1 six", NULL },
	{ "a/s8", "", "", "no free IPv4" },
	{ "a/s8", "v6", "2001:db8:6::2 six", NULL },
	/* one of the pair comes free: who prefers two and waits in that pool takes it */
	{ "-a/s1", NULL, NULL, NULL },
	{ "a/s3", NULL, "198.51.100.2,2001:db8::1 both", NULL },
	/* from two to one and back */
	{ "a/s3", "", "198.51.100.2 both", NULL },
	{ "a/s3", "v6", "2001:db8::1 both", NULL },
	{ "a/s3", "require", "198.51.100.0,2001:db8::1 both", NULL },
	/* what is held is kept where the second is not to be had */
	{ "a/s8", "require", "2001:db8:6::2 six", "RequireDualStack" },
	/* unless a pool has both */
	{ "-a/s2", NULL, NULL, NULL },
	{ "a/s8", NULL, "198.51.100.1,2001:db8::2 both", NULL },
	{ "a/s9", "require pool=four", "", "RequireDualStack" },
	{ "a/s9", "prefer pool=four", "", "no free IPv4" },
	{ "a/s9", "prefer pool=six ip=2001:db8:6::3", "2001:db8:6::3 six", NULL },
	{ "a/s9", "prefer pool=six ip=2001:db8:6::1", "", "2001:db8:6::1 is held by a/s7" },
};

static const struct step reserved[] = {
	{ "pools", "auto=192.0.2.0/31; kept=198.51.100.0/30 noauto", NULL, NULL },
	{ "a/s1", "", "192.0.2.0 auto", NULL },
	{ "a/s2", "", "192.0.2.1 auto", NULL },
	{ "a/s3", "", "", "pool \"auto\" has no free IPv4 address" },
	{ "a/s3", "pool=kept", "198.51.100.0 kept", NULL },
	{ "a/s4", "ip=198.51.100.1", "198.51.100.1 kept", NULL },
	/* no longer asked for, but held */
	{ "a/s4", "", "198.51.100.1 kept", NULL },
	/* switched off under those that have it */
	{ "pools", "auto=192.0.2.0/31 noauto; kept=198.51.100.0/30 noauto", NULL, NULL },
	{ "a/s1", NULL, "192.0.2.0 auto", NULL },
	{ "a/s5", "", "", "autoAssign" },
};

static const struct step pinned[] = {
	{ "pools", "all=192.0.2.0/24; team=198.51.100.0/30 ns=a,b; web=203.0.113.0/30 sel=app:web; "
		   "green=10.1.0.0/30 nssel=team:g", NULL, NULL },
	/* what is meant for few goes before what is for all */
	{ "a/s1", "", "198.51.100.0 team", NULL },
	{ "c/s1", "", "192.0.2.0 all", NULL },
	{ "c/s2", "labels=app:web", "203.0.113.0 web", NULL },
	{ "g/s1", "", "10.1.0.0 green", NULL },
	{ "c/s3", "pool=team", "", "pool \"team\" is not for this Service" },
	{ "c/s3", "ip=198.51.100.3", "", "198.51.100.3 is in no pool that this Service may use" },
	{ "b/s3", "ip=198.51.100.3", "198.51.100.3 team", NULL },
	{ "a/s2", "", "198.51.100.1 team", NULL },
	{ "a/s3", "", "198.51.100.2 team", NULL },
	{ "a/s4", "", "192.0.2.1 all", NULL },
	/* labels taken away */
	{ "c/s2", "", "192.0.2.2 all", NULL },
	/* the pool is another's now */
	{ "pools", "all=192.0.2.0/24; team=198.51.100.0/30 ns=b; web=203.0.113.0/30 ns=c sel=app:web", NULL, NULL },
	{ "a/s1", NULL, "192.0.2.3 all", NULL },
	{ "b/s3", NULL, "198.51.100.3 team", NULL },
	{ "g/s1", NULL, "192.0.2.4 all", NULL },
	{ "a/s5", "labels=app:web", "192.0.2.5 all", NULL },
	{ "c/s5", "labels=app:web", "203.0.113.0 web", NULL },
	{ "c/s6", "labels=app:db", "192.0.2.6 all", NULL },
	/* names or labels of namespaces */
	{ "pools", "x=192.0.2.0/24 ns=a nssel=team:g", NULL, NULL },
	{ "g/s1", NULL, "192.0.2.4 x", NULL },
	{ "a/s1", NULL, "192.0.2.3 x", NULL },
	{ "b/s3", NULL, "", "198.51.100.3 is in no pool that this Service may use" },
};

static const struct step priorities[] = {
	{ "pools", "none=192.0.2.0/31; ten=198.51.100.0/31 prio=10; five=203.0.113.0/31 prio=5; low=10.1.0.0/31 prio=20 ns=a", NULL, NULL },
	{ "a/s1", "", "203.0.113.0 five", NULL },
	{ "a/s2", "", "203.0.113.1 five", NULL },
	{ "a/s3", "", "198.51.100.0 ten", NULL },
	{ "b/s4", "", "198.51.100.1 ten", NULL },
	{ "b/s5", "", "192.0.2.0 none", NULL },
	{ "a/s6", "", "10.1.0.0 low", NULL },
	{ "a/s7", "", "10.1.0.1 low", NULL },
	{ "a/s8", "", "192.0.2.1 none", NULL },
	{ "a/s9", "", "", "have no free IPv4" },
	/* a better one does not take anybody away */
	{ "pools", "none=192.0.2.0/31; ten=198.51.100.0/31 prio=10; first=203.0.113.0/24 prio=1", NULL, NULL },
	{ "b/s5", NULL, "192.0.2.0 none", NULL },
	{ "a/s1", NULL, "203.0.113.0 first", NULL },
	{ "a/s9", NULL, "203.0.113.2 first", NULL },
};

static const struct step changes[] = {
	{ "pools", "one=192.0.2.0/30", NULL, NULL },
	/* at start: what the status says, for those that come first */
	{ "a/s1", "has=192.0.2.2", "192.0.2.2 one", NULL },
	{ "a/s2", "has=192.0.2.2", "192.0.2.0 one", NULL },
	{ "a/s3", "has=10.1.1.1", "192.0.2.1 one", NULL },
	{ "a/s4", "has=192.0.2.3 ip=192.0.2.3", "192.0.2.3 one", NULL },
	/* by hand later: it is no claim */
	{ "a/s2", "has=192.0.2.3", "192.0.2.0 one", NULL },
	/* renamed, cut in two, grown */
	{ "pools", "uno=192.0.2.0/24", NULL, NULL },
	{ "a/s1", NULL, "192.0.2.2 uno", NULL },
	{ "pools", "a=192.0.2.0/31; b=192.0.2.2/31", NULL, NULL },
	{ "a/s1", NULL, "192.0.2.2 b", NULL },
	{ "a/s2", NULL, "192.0.2.0 a", NULL },
	/* shrunk: who is out moves, when there is room */
	{ "pools", "a=192.0.2.0-192.0.2.2", NULL, NULL },
	{ "a/s4", "", "", "no free IPv4" },
	{ "a/s3", NULL, "192.0.2.1 a", NULL },
	{ "a/s1", NULL, "192.0.2.2 a", NULL },
	/* gone and back */
	{ "pools", "", NULL, NULL },
	{ "a/s1", NULL, "", "there is no pool" },
	{ "pools", "a=192.0.2.0-192.0.2.2", NULL, NULL },
	{ "a/s2", NULL, "192.0.2.0 a", NULL },
	{ "a/s1", NULL, "192.0.2.2 a", NULL },
	/* overlapping pools, should they get in: an address has one holder all the same */
	{ "pools", "p=192.0.2.0-192.0.2.3; q=192.0.2.2-192.0.2.5", NULL, NULL },
	{ "a/s5", "pool=q", "192.0.2.3 q", NULL },
	{ "a/s6", "pool=q", "192.0.2.4 q", NULL },
	{ "a/s7", "pool=p", "", "no free IPv4" },
	{ "-a/s5", NULL, NULL, NULL },
	{ "a/s7", NULL, "192.0.2.3 p", NULL },
};

static const struct step own_address[] = {
	{ "pools", "host= node", NULL, NULL },
	{ "a/s1", "ports=80", "10.0.0.7 host", NULL },
	{ "a/s2", "ports=443", "10.0.0.7 host", NULL },
	{ "a/s3", "ports=80,81", "", "port 80/TCP of 10.0.0.7 is held by a/s1" },
	{ "a/s4", "ports=80/UDP", "10.0.0.7 host", NULL },
	{ "a/s5", "v6 ports=80", "fd00::7 host", NULL },
	{ "a/s6", "require ports=82", "10.0.0.7,fd00::7 host", NULL },
	{ "a/s7", "prefer ports=80", "", "port 80/TCP of 10.0.0.7" },
	{ "-a/s1", NULL, NULL, NULL },
	{ "a/s3", NULL, "10.0.0.7 host", NULL },
	{ "a/s2", "ports=81", "", "port 81/TCP of 10.0.0.7 is held by a/s3" },
	{ "a/s8", "ports=83 ip=10.0.0.7", "10.0.0.7 host", NULL },
	/* behind ranges, and never of another pool */
	{ "pools", "host=192.0.2.0-192.0.2.0 node; wide=10.0.0.0/24", NULL, NULL },
	{ "a/s9", "pool=host ports=90", "192.0.2.0 host", NULL },
	{ "a/s10", "pool=host ports=91", "10.0.0.7 host", NULL },
	{ "a/s11", "pool=wide ip=10.0.0.7", "", "the node's own address, which pool \"wide\" does not give" },
	{ "a/s12", "pool=wide ip=10.0.0.8", "10.0.0.8 wide", NULL },
	{ "a/s3", NULL, "10.0.0.7 host", NULL },
};
// clang-format on

static void test_steps(void **state)
{
	(void)state;
	RUN(asked_for);
	RUN(of_itself);
	RUN(buggy);
	RUN(sharing);
	RUN(sharing_local);
	RUN(dual_stack);
	RUN(reserved);
	RUN(pinned);
	RUN(priorities);
	RUN(changes);
	RUN(own_address);
}

/* ---- counts, and what is told --------------------------------------------------------------- */

static void counts(const char *pool, unsigned long long used4, unsigned long long free4,
                   unsigned long long used6, unsigned long long free6)
{
	const struct lb_pool *p = lb_pools_find(&pools, pool);

	assert_non_null(p);
	assert_int_equal(p->used[LB_IPV4], used4);
	assert_int_equal(lb_pool_free(p, LB_IPV4), free4);
	assert_int_equal(p->used[LB_IPV6], used6);
	assert_int_equal(lb_pool_free(p, LB_IPV6), free6);
}

static void test_counts(void **state)
{
	struct lb_result r;

	(void)state;
	start();
	set_pools("p=192.0.2.0/23,192.0.2.7,2001:db8::/126; q=192.0.8.250-192.0.9.5 buggy; "
	          "big=2001:db8:1::/48; h=203.0.113.1 node");
	counts("p", 0, 512, 0, 3); /* an entry within another counts once, 2001:db8:: not at all */
	counts("q", 0, 10, 0, 0);
	counts("big", 0, 0, 0, INT64_MAX);
	counts("h", 0, 2, 0, 1);
	ask("a/s1", "require pool=p", &r);
	counts("p", 1, 511, 1, 2);
	ask("a/s2", "pool=p share=k ports=1", &r);
	ask("a/s3", "pool=p share=k ports=2", &r);
	counts("p", 2, 510, 1, 2);
	lb_alloc_drop(&alloc, "a/s2");
	counts("p", 2, 510, 1, 2);
	lb_alloc_drop(&alloc, "a/s3");
	counts("p", 1, 511, 1, 2);
	ask("a/s4", "v6 pool=big", &r);
	counts("big", 0, 0, 1, INT64_MAX);
	set_pools("p=192.0.2.0/23,2001:db8::/126");
	counts("p", 1, 511, 1, 2);
	end();
}

struct told {
	unsigned n, held, holders;
};

static void tell(const struct lb_addr *addr, void *arg)
{
	struct told *t = arg;

	t->n++;
	t->held += addr->n > 0;
	t->holders += addr->n;
	assert_true((lb_addr_holder(addr) != NULL) == (addr->n > 0));
}

static void told(bool all, unsigned n, unsigned n_held, unsigned holders)
{
	struct told t = { 0 };

	assert_true(all || lb_alloc_n_changed(&alloc) == n);
	lb_alloc_told(&alloc, all, tell, &t);
	assert_int_equal(t.n, n);
	assert_int_equal(t.held, n_held);
	assert_int_equal(t.holders, holders);
}

/* Each address whose holders have changed is told once, and again only when they change again. */
static void test_telling(void **state)
{
	struct lb_result r;

	(void)state;
	start();
	set_pools("p=192.0.2.0/24,2001:db8::/120");
	ask("a/s1", "require", &r);
	ask("a/s2", "share=k ports=1", &r);
	ask("a/s3", "share=k ports=2", &r);
	told(false, 3, 3, 4);
	ask("a/s1", "require", &r);
	assert_false(r.changed);
	told(false, 0, 0, 0);
	lb_alloc_drop(&alloc, "a/s3");
	ask("a/s1", "", &r);
	assert_true(r.changed);
	told(false, 2, 1, 1);
	/* taken again before it was told that it was given back */
	lb_alloc_drop(&alloc, "a/s2");
	ask("a/s4", "ip=192.0.2.1", &r);
	told(false, 1, 1, 1);
	told(true, 2, 2, 2);
	lb_alloc_drop(&alloc, "a/s4");
	told(true, 2, 1, 1);
	told(true, 1, 1, 1);
	end();
}

/* The same complaint is made once; those that wait are found when something is given back. */
static void test_waiting(void **state)
{
	struct lb_claim *c;
	struct lb_result r;
	struct list taken;

	(void)state;
	start();
	set_pools("p=192.0.2.1; q=192.0.2.9");
	ask("a/s1", "pool=p", &r);
	ask("a/s2", "pool=q", &r);
	ask("a/s3", "", &r);
	assert_true(*r.why && !r.told);
	ask("a/s3", "", &r);
	assert_true(*r.why && r.told);
	ask("a/s4", "ip=192.0.2.9", &r);
	assert_int_equal(alloc.n_waiting, 2);
	assert_false(alloc.eased);
	lb_alloc_drop(&alloc, "a/s2");
	list_take(&taken, &alloc.waiting);
	c = lb_alloc_next_waiting(&alloc, &taken);
	assert_string_equal(c->key, "a/s3");
	ask("a/s3", "", &r);
	assert_true(r.n == 1 && !*r.why);
	c = lb_alloc_next_waiting(&alloc, &taken);
	assert_string_equal(c->key, "a/s4"); /* waits for one that it names */
	assert_null(lb_alloc_next_waiting(&alloc, &taken));
	assert_int_equal(alloc.n_waiting, 1);
	/* an address given back by one that goes to another pool is as free */
	ask("a/s5", "pool=p", &r);
	assert_int_equal(r.n, 0);
	alloc.eased = false;
	set_pools("p=192.0.2.1; q=192.0.2.9; r=192.0.2.20-192.0.2.30");
	ask("a/s1", "pool=r", &r);
	assert_true(r.n == 1 && r.changed);
	list_take(&taken, &alloc.waiting);
	c = lb_alloc_next_waiting(&alloc, &taken);
	while (c && strcmp(c->key, "a/s5") != 0)
		c = lb_alloc_next_waiting(&alloc, &taken);
	assert_non_null(c);
	lb_alloc_drop(&alloc, "a/s5");
	lb_alloc_drop(&alloc, "a/s4");
	assert_int_equal(alloc.n_waiting, 0);
	end();
}

/* ---- a walk --------------------------------------------------------------------------------- */

#define WALKERS 24
#define STEPS 6000

static const char *const walk_pools[] = {
	"p=192.0.2.0-192.0.2.5,2001:db8::1-2001:db8::3; q=192.0.2.9 noauto; r=198.51.100.0/31 ns=a",
	"p=192.0.2.0-192.0.2.3,2001:db8::1-2001:db8::9; q=192.0.2.4-192.0.2.9 prio=3",
	"p=192.0.2.0/28 buggy; r=198.51.100.0/31 sel=x:y",
	"h=192.0.2.3,2001:db8::3 node",
	"",
};
static const char *const walk_words[] = {
	"",
	"",
	"v6",
	"prefer",
	"require",
	"share=k ports=80",
	"share=k ports=81,82",
	"share=k ports=81 local=x:y",
	"share=k ports=83 local=x:y",
	"share=l prefer ports=83",
	"share=k require ports=84",
	"ip=192.0.2.2",
	"ip=192.0.2.9",
	"pool=q",
	"pool=r labels=x:y",
	"labels=x:y ports=80,90",
	"ip=10.0.0.7 ports=99",
	"clusterip",
};

struct walker {
	char key[8];
	const char *words;
	struct lb_result r;
};

/* May two Services hold one address? Said again, in another way than the allocator does. */
static bool may_be_beside(const struct walker *a, const struct walker *b, const struct ip *ip)
{
	auto_free char *key_a = value_of(a->words, "share"), *key_b = value_of(b->words, "share");
	auto_free char *local_a = value_of(a->words, "local"),
		       *local_b = value_of(b->words, "local");
	auto_free char *ports_a = value_of(a->words, "ports"),
		       *ports_b = value_of(b->words, "ports");
	bool node = ip_equal(ip, &pools.node[lb_family(ip)]);
	char *save = NULL;

	for (char *p = strtok_r(ports_a ? ports_a : strdupa("80"), ",", &save); p;
	     p = strtok_r(NULL, ",", &save)) {
		auto_free char *list = xasprintf(",%s,", ports_b ? ports_b : "80");
		auto_free char *one = xasprintf(",%s,", p);

		if (strstr(list, one))
			return false;
	}
	return node || (key_a && key_b && !strcmp(key_a, key_b) &&
	                !strcmp(local_a ? local_a : "", local_b ? local_b : ""));
}

static bool holds(const struct walker *w, const struct ip *ip)
{
	for (unsigned i = 0; i < w->r.n; i++)
		if (ip_equal(&w->r.ips[i], ip))
			return true;
	return false;
}

/* Every address has holders that may be together, is its pool's, and is counted once. */
static void check_all(struct walker *v)
{
	uint64_t used[LB_FAMILIES] = { 0 }, counted[LB_FAMILIES] = { 0 };

	for (unsigned i = 0; i < WALKERS; i++)
		for (unsigned k = 0; k < v[i].r.n; k++) {
			const struct ip *ip = &v[i].r.ips[k];
			bool first = true;

			for (unsigned j = 0; j < WALKERS; j++) {
				if (j == i || !holds(&v[j], ip))
					continue;
				assert_true(may_be_beside(&v[i], &v[j], ip));
				first &= j > i;
			}
			counted[lb_family(ip)] += first;
		}
	for (unsigned i = 0; i < pools.n; i++)
		for (unsigned f = 0; f < LB_FAMILIES; f++)
			used[f] += pools.v[i].used[f];
	assert_memory_equal(used, counted, sizeof(used));
}

/* One that has nothing and says that none is free is right: nobody could be put anywhere. */
static void check_exhausted(const struct walker *v, const struct walker *w)
{
	if (w->r.n || !strstr(w->r.why, "no free IPv4") || *w->words)
		return;
	for (unsigned i = 0; i < pools.n; i++)
		for (unsigned k = 0; k < pools.v[i].n_ranges; k++) {
			struct ip_range *range = &pools.v[i].ranges[k].of;
			struct ip ip = range->first;
			char namespace[2] = { w->key[0], 0 };
			bool taken = false;

			if (ip.len != 4 || !pools.v[i].auto_assign ||
			    !lb_pool_allows(&pools.v[i], namespace, NULL, NULL))
				continue;
			for (; range_has(range, &ip); ip_next(&ip), taken = false) {
				for (unsigned j = 0; j < WALKERS; j++)
					taken |= holds(&v[j], &ip);
				assert_true(taken || lb_pool_leaves_out(&pools.v[i], &ip));
			}
		}
}

static void ask_walker(struct walker *v, struct walker *w)
{
	struct lb_result before = w->r;

	ask(w->key, w->words, &w->r);
	assert_true(w->r.changed == (before.n != w->r.n ||
	                             memcmp(before.ips, w->r.ips, sizeof(before.ips)) != 0) ||
	            before.n != w->r.n);
	check_exhausted(v, w);
}

static void ask_waiting(struct walker *v)
{
	struct lb_claim *c;
	struct list taken;

	while (alloc.eased) {
		alloc.eased = false;
		list_take(&taken, &alloc.waiting);
		while ((c = lb_alloc_next_waiting(&alloc, &taken)))
			for (unsigned i = 0; i < WALKERS; i++)
				if (!strcmp(v[i].key, c->key)) {
					ask_walker(v, &v[i]);
					break;
				}
	}
}

static void test_walk(void **state)
{
	struct walker v[WALKERS] = { 0 };
	struct lb_result again;

	(void)state;
	start();
	srand(7);
	for (unsigned i = 0; i < WALKERS; i++) {
		snprintf(v[i].key, sizeof(v[i].key), "%c/%u", 'a' + (char)(i % 3), i);
		v[i].words = "clusterip";
	}
	for (unsigned step = 0; step < STEPS; step++) {
		struct walker *w = &v[rand() % WALKERS];

		if (rand() % 40 == 0) {
			set_pools(walk_pools[rand() % ARRAY_LEN(walk_pools)]);
			for (unsigned i = 0; i < WALKERS; i++)
				ask_walker(v, &v[i]);
		} else if (rand() % 5 == 0) {
			lb_alloc_drop(&alloc, w->key);
			w->words = "clusterip";
			w->r = (struct lb_result){ 0 };
		} else {
			w->words = walk_words[rand() % ARRAY_LEN(walk_words)];
			ask_walker(v, w);
		}
		ask_waiting(v);
		check_all(v);
		for (unsigned i = 0; i < WALKERS; i++)
			check_exhausted(v, &v[i]);
		/* nothing comes of asking again */
		ask(w->key, w->words, &again);
		assert_int_equal(again.n, w->r.n);
		assert_false(again.changed);
	}
	end();
}

/* ---- size ----------------------------------------------------------------------------------- */

static double ask_many(unsigned from, unsigned n)
{
	struct timespec t0, t1;
	struct lb_result r;
	char key[16];

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	for (unsigned i = from; i < from + n; i++) {
		snprintf(key, sizeof(key), "a/%u", i);
		ask(key, "", &r);
		assert_int_equal(r.n, 1);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	return (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
}

/* A whole /16: the last thousand costs what the first did, and not sixty times as much. */
static void test_size(void **state)
{
	double first, last;
	struct lb_result r;

	(void)state;
	start();
	set_pools("p=10.1.0.0/16");
	first = ask_many(0, 1000);
	ask_many(1000, 63536);
	last = ask_many(64536, 1000);
	assert_true(last < 10 * first);
	ask("a/more", "", &r);
	assert_int_equal(r.n, 0);
	/* one comes back in the middle: it is found without a walk */
	first = ask_many(0, 1000);
	lb_alloc_drop(&alloc, "a/30000");
	ask("a/more", "", &r);
	assert_true(r.n == 1 && r.ips[0].b[2] == 30000 / 256 && r.ips[0].b[3] == 30000 % 256);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),   cmocka_unit_test(test_counts),
		cmocka_unit_test(test_telling), cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_walk),    cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
