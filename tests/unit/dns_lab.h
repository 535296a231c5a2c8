/* dns_lab.h - for the DNS tests: a store in a temporary directory, the plan's snapshots made from
 * it, and questions put to them whose answers come as one line of text. Included by one test each.
 */
#pragma once

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/store.h>

#include "../../modules/dns/dns_answer.h"
#include "../../modules/dns/dns_plan.h"

static char lab_dir[] = "/tmp/knettestXXXXXX";
static struct cursor lab_cursor;
static struct buf lab_slot[DNS_SLOTS];
static size_t lab_built; /* bytes of shards that syncs built */
static struct dns_zone lab_zone;
static struct dns_groups lab_upstreams = { .n = 1, .group[0].suffix_len = 1 };
static struct dns_searches lab_searches;
static struct sockaddr_in lab_from; /* who asks; port 0: unknown */

static inline void lab_open(void)
{
	char run[64], state[64];
	struct err e = { 0 };

	assert_non_null(mkdtemp(lab_dir));
	snprintf(run, sizeof(run), "%s/run", lab_dir);
	snprintf(state, sizeof(state), "%s/state", lab_dir);
	mkdir(run, 0700);
	mkdir(state, 0700);
	assert_int_equal(conf_load(NULL, &e), 0);
	assert_int_equal(store_open(state, run, &e), 0);
	cursor_now(&lab_cursor);
}

static inline void lab_close(void)
{
	char command[96];

	for (unsigned i = 0; i < DNS_SLOTS; i++)
		buf_free(&lab_slot[i]);
	store_close();
	snprintf(command, sizeof(command), "rm -rf %s", lab_dir);
	assert_int_equal(system(command), 0);
}

static bool lab_batch; /* the test begins and commits by itself */

static inline void lab_put(enum kind kind, const char *ns, const char *name, const char *json)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	struct err e = { 0 };

	assert_non_null(doc);
	if (!lab_batch)
		store_begin();
	assert_int_equal(store_put(kind, ns, name, mut, 0, NULL, &e), 0);
	if (!lab_batch)
		assert_int_equal(store_commit(&e), 0);
}

static inline void lab_delete(enum kind kind, const char *ns, const char *name)
{
	store_begin();
	store_delete(kind, ns, name);
	assert_int_equal(store_commit(NULL), 0);
}

/* A Service: ips "10.96.0.1,fd00::1", "None" or "" for ExternalName; ports "http/TCP/80,...". */
static inline void lab_service(const char *ns, const char *name, const char *ips, const char *ports,
                               const char *more)
{
	char json[4096], list[512], *next, *save;
	size_t n = 0;

	n += snprintf(json + n, sizeof(json) - n, "{\"spec\":{\"clusterIPs\":[");
	snprintf(list, sizeof(list), "%s", ips);
	for (next = strtok_r(list, ",", &save); next; next = strtok_r(NULL, ",", &save))
		n += snprintf(json + n, sizeof(json) - n, "%s\"%s\"", json[n - 1] == '[' ? "" : ",",
		              next);
	n += snprintf(json + n, sizeof(json) - n, "],\"ports\":[");
	snprintf(list, sizeof(list), "%s", ports);
	for (next = strtok_r(list, ",", &save); next; next = strtok_r(NULL, ",", &save)) {
		char port[32] = "", proto[8] = "";
		unsigned number = 0;

		if (next[0] == '/')
			sscanf(next, "/%7[A-Z]/%u", proto, &number);
		else
			assert_int_equal(sscanf(next, "%31[^/]/%7[A-Z]/%u", port, proto, &number),
			                 3);
		n += snprintf(json + n, sizeof(json) - n,
		              "%s{\"name\":\"%s\",\"protocol\":\"%s\",\"port\":%u}",
		              json[n - 1] == '[' ? "" : ",", port, proto, number);
	}
	snprintf(json + n, sizeof(json) - n, "]%s}}", more);
	lab_put(KIND_SERVICE, ns, name, json);
}

/* A slice: endpoints "10.244.0.5 10.244.0.6=web-0 10.244.0.7!" ('=': hostname, '!': not ready). */
static inline void lab_slice(const char *ns, const char *service, const char *slice,
                             const char *ports, const char *endpoints)
{
	char json[8192], list[2048], *next, *save;
	size_t n = 0;

	n += snprintf(json + n, sizeof(json) - n,
	              "{\"metadata\":{\"labels\":{\"kubernetes.io/"
	              "service-name\":\"%s\"}},\"ports\":%s,\"endpoints\":[",
	              service, ports);
	snprintf(list, sizeof(list), "%s", endpoints);
	for (next = strtok_r(list, " ", &save); next; next = strtok_r(NULL, " ", &save)) {
		char *mark = strchr(next, '!'), *host = strchr(next, '=');

		if (mark)
			*mark = '\0';
		if (host)
			*host++ = '\0';
		n += snprintf(json + n, sizeof(json) - n,
		              "%s{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":%s}%s%s%s}",
		              json[n - 1] == '[' ? "" : ",", next, mark ? "false" : "true",
		              host ? ",\"hostname\":\"" : "", host ? host : "", host ? "\"" : "");
	}
	snprintf(json + n, sizeof(json) - n, "]}");
	lab_put(KIND_ENDPOINTSLICE, ns, slice, json);
}

/* A Pod with addresses "10.244.0.5,fd00::5"; spec: further JSON in it, like "\"hostNetwork\":true".
 */
static inline void lab_pod(const char *ns, const char *name, const char *ips, const char *spec)
{
	char json[1024], list[128], *next, *save;
	size_t n = 0;

	n += snprintf(json + n, sizeof(json) - n, "{\"spec\":{%s},\"status\":{\"podIPs\":[", spec);
	snprintf(list, sizeof(list), "%s", ips);
	for (next = strtok_r(list, ",", &save); next; next = strtok_r(NULL, ",", &save))
		n += snprintf(json + n, sizeof(json) - n, "%s{\"ip\":\"%s\"}",
		              json[n - 1] == '[' ? "" : ",", next);
	snprintf(json + n, sizeof(json) - n, "]}}");
	lab_put(KIND_POD, ns, name, json);
}

/* ---- snapshots ----------------------------------------------------------------------------------
 */

static inline void lab_open_slot(unsigned slot)
{
	struct buf *b = &lab_slot[slot];

	if (slot)
		dns_shard_open(&lab_zone.shard[slot], b->data, b->len);
	else if ((lab_zone.set = dns_settings_open(b->data, b->len)))
		assert_true(dns_shard_open(&lab_zone.shard[0], lab_zone.set->shard,
		                           b->len - offsetof(struct dns_settings, shard)));
}

/* What the module's sync does, without workers. Returns how many shards were built. */
static inline unsigned lab_sync(bool full)
{
	struct dns_shard none = { 0 };
	struct change change;
	struct dns_plan plan;
	unsigned built = 0;

	dns_plan_begin(&plan);
	if (full) {
		cursor_now(&lab_cursor);
		dns_plan_all(&plan);
	} else {
		while (cursor_next(&lab_cursor, &change) == CURSOR_CHANGE)
			dns_plan_change(&plan, &change);
		dns_plan_changes_end(&plan);
	}
	for (unsigned i = 1; i < DNS_SLOTS; i++) {
		struct buf out = { 0 };

		if (!plan.rebuild[i])
			continue;
		if (!dns_plan_shard(&plan, i, full ? &none : &lab_zone.shard[i], &out) && !full)
			continue;
		lab_built += out.len;
		buf_free(&lab_slot[i]);
		lab_slot[i] = out;
		lab_open_slot(i);
		built++;
	}
	buf_reset(&lab_slot[0]);
	dns_plan_settings(&lab_upstreams, &lab_searches, &lab_slot[0]);
	lab_open_slot(0);
	assert_non_null(lab_zone.set);
	dns_plan_free(&plan);
	return built;
}

/* ---- questions ----------------------------------------------------------------------------------
 */

static inline uint16_t lab_type(const char *name)
{
	static const struct {
		const char *name;
		uint16_t type;
	} types[] = { { "A", 1 },     { "NS", 2 },     { "CNAME", 5 }, { "SOA", 6 },
		      { "PTR", 12 },  { "HINFO", 13 }, { "MX", 15 },   { "TXT", 16 },
		      { "AAAA", 28 }, { "SRV", 33 },   { "OPT", 41 },  { "AXFR", 252 },
		      { "ANY", 255 } };

	for (unsigned i = 0; i < ARRAY_LEN(types); i++)
		if (!strcmp(types[i].name, name))
			return types[i].type;
	if (!atoi(name))
		fail_msg("no type %s", name);
	return (uint16_t)atoi(name);
}

/* A query; letters' case is kept. edns: the size told, 0 for none. */
static inline size_t lab_query(uint8_t *p, const char *name, const char *type, unsigned edns)
{
	uint8_t wire[DNS_NAME_MAX];
	size_t n = *name == '.' ? 1 : dns_name_from_text(wire, name), at = DNS_HEADER;

	memset(p, 0, DNS_HEADER);
	dns_put16(p, 0x1234);
	dns_put16(p + 2, DNS_RD);
	p[5] = 1;
	wire[0] = *name == '.' ? 0 : wire[0];
	memcpy(p + at, wire, n);
	for (size_t i = 0; *name != '.' && name[i]; i++)
		if (name[i] != '.')
			p[at + 1 + i] = (uint8_t)name[i];
	at += n;
	dns_put16(p + at, lab_type(type));
	dns_put16(p + at + 2, DNS_IN);
	at += 4;
	if (edns) {
		p[11] = 1;
		dns_opt_write(p + at, false, 0);
		dns_put16(p + at + 3, (uint16_t)edns);
		at += DNS_OPT_SIZE;
	}
	return at;
}

static inline void lab_name_text(const uint8_t *p, size_t n, size_t at, char *out)
{
	uint8_t name[DNS_NAME_MAX];
	size_t len;

	assert_true(dns_name_read(p, n, at, name, &len) != 0);
	if (len == 1)
		strcpy(out, ".");
	for (const uint8_t *l = name; *l; l += *l + 1)
		out += sprintf(out, "%.*s.", *l, (const char *)l + 1);
}

static inline void lab_rr_text(const uint8_t *p, size_t n, const struct dns_rr *rr, char *out)
{
	const uint8_t *d = p + rr->rdata;
	char owner[1024], name[1024], ip[IP_TEXT];
	struct ip addr = { .len = rr->type == DNS_A ? 4 : 16 };

	lab_name_text(p, n, rr->at, owner);
	switch (rr->type) {
	case DNS_A:
	case DNS_AAAA:
		assert_int_equal(rr->rdlen, addr.len);
		memcpy(addr.b, d, addr.len);
		sprintf(out, "%s %s %s", owner, rr->type == DNS_A ? "A" : "AAAA",
		        ip_text(&addr, ip));
		return;
	case DNS_CNAME:
	case DNS_PTR:
	case DNS_NS:
	case DNS_SOA:
		lab_name_text(p, n, rr->rdata, name);
		sprintf(out, "%s %s %s", owner,
		        rr->type == DNS_CNAME ? "CNAME"
		        : rr->type == DNS_PTR ? "PTR"
		        : rr->type == DNS_NS  ? "NS"
		                              : "SOA",
		        name);
		return;
	case DNS_SRV:
		lab_name_text(p, n, rr->rdata + 6, name);
		sprintf(out, "%s SRV %u %u %u %s", owner, dns_get16(d), dns_get16(d + 2),
		        dns_get16(d + 4), name);
		return;
	case DNS_TXT:
	case DNS_HINFO:
		sprintf(out, "%s %s \"%.*s\"", owner, rr->type == DNS_TXT ? "TXT" : "HINFO", d[0],
		        (const char *)d + 1);
		return;
	case DNS_OPT:
		sprintf(out, "OPT %u", rr->class);
		return;
	default:
		sprintf(out, "%s TYPE%u", owner, rr->type);
	}
}

/* "NOERROR AA | answers | authorities | extras", records separated by ", ". */
static inline const char *lab_text(const uint8_t *p, size_t n)
{
	static const char *const rcodes[16] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
		                                "NOTIMP",  "REFUSED", "YXDOMAIN" };
	static char text[200000];
	size_t at = DNS_HEADER, out;
	struct dns_rr rr;

	assert_true(n >= DNS_HEADER && (p[2] & 0x80));
	out = sprintf(text, "%s%s%s%s", rcodes[p[3] & 15], p[2] & 4 ? " AA" : "",
	              p[2] & 2 ? " TC" : "", p[3] & 0x80 ? " RA" : "");
	if (dns_get16(p + 4))
		at = dns_name_skip(p, n, at) + 4;
	for (unsigned section = 0; section < 3; section++) {
		out += sprintf(text + out, " |");
		for (unsigned i = 0; i < dns_get16(p + 6 + section * 2); i++, at = rr.end) {
			assert_true(dns_rr_read(p, n, at, &rr));
			out += sprintf(text + out, "%s", i ? ", " : " ");
			lab_rr_text(p, n, &rr, text + out);
			out += strlen(text + out);
		}
	}
	assert_int_equal(at, n);
	while (out && (text[out - 1] == '|' || text[out - 1] == ' '))
		text[--out] = '\0';
	return text;
}

static unsigned lab_turn, lab_step;
static uint8_t lab_out[DNS_TCP_MAX];
static struct dns_reply lab_reply;
static struct dns_forwarded lab_forwarded;

static inline const char *lab_ask_bytes(const uint8_t *query, size_t n, bool stream)
{
	struct dns_asker by = { .stream = stream,
		                .from = lab_from.sin_port ? (struct sockaddr *)&lab_from : NULL,
		                .step = lab_step };
	struct dns_query q;
	enum dns_result r;

	lab_reply = (struct dns_reply){ .p = lab_out,
		                        .max = stream ? DNS_TCP_MAX : DNS_UDP_MAX,
		                        .turn = lab_turn };
	r = dns_answer(&lab_zone, query, n, &by, &q, &lab_forwarded, &lab_reply);
	if (r == DNS_DROP)
		return "DROP";
	if (r == DNS_FORWARD) {
		static char text[2200];
		char target[1100];

		lab_name_text(lab_forwarded.target, lab_forwarded.target_len, 0, target);
		sprintf(text, "FORWARD %s%s", target, lab_forwarded.alias ? " alias" : "");
		return text;
	}
	assert_true(lab_reply.len <= (stream ? DNS_TCP_MAX : q.udp_size));
	assert_int_equal(dns_get16(lab_out), dns_get16(query));
	return lab_text(lab_out, lab_reply.len);
}

static inline const char *lab_ask(const char *name, const char *type)
{
	uint8_t query[600];

	return lab_ask_bytes(query, lab_query(query, name, type, 0), false);
}

static inline void is(const char *name, const char *type, const char *want)
{
	const char *got = lab_ask(name, type);

	if (strcmp(got, want))
		fail_msg("%s %s\n got  %s\n want %s", name, type, got, want);
}
