/* fuzz_cni.c - CNI requests: the first byte is the verb, the rest the body. What is accepted is
 * held to what the other files rely on; what is refused says why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../modules/podnet/cni.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_rate(const struct cni_rate *r)
{
	must(!r->rate || (r->rate >= 1000 && r->rate <= 1000000000000000ull));
	must(r->burst <= UINT32_MAX);
}

static void check_accepted(const struct cni_request *r)
{
	must(r->n_ips <= CNI_FAMILIES && r->n_parts <= CNI_FAMILIES && r->n_ports <= CNI_PORTS_MAX);
	check_rate(&r->ingress);
	check_rate(&r->egress);
	for (unsigned i = 0; i < r->n_parts; i++) {
		must(r->parts[i].n > 0);
		for (unsigned k = 0; k < r->parts[i].n; k++)
			must(ip_order(&r->parts[i].v[k].first, &r->parts[i].v[k].last) <= 0);
	}
	for (unsigned i = 0; i < r->n_sysctls; i++)
		must(!strncmp(r->sysctls[i].path, "net/", 4) &&
		     !strstr(r->sysctls[i].path, "/../"));
	for (unsigned i = 0; i < r->names.n_searches; i++)
		must(!strpbrk(r->names.searches[i], " \t\r\n"));
	must(!r->has_mac || !(r->mac[0] & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ip ip = { 4, { 10, 244, 0, 7 } };
	struct cni_error er = { 0 };
	struct cni_request r;
	enum cni_code code;

	if (!size)
		return 0;
	code = cni_request_parse(&r, data[0] % CNI_VERBS, (const char *)data + 1, size - 1, &er);
	must(code == er.code && (code == CNI_OK) == !*er.msg);
	if (!code) {
		check_accepted(&r);
		cni_attachments_have(r.valid, "c1", "eth0");
		cni_result_has_ip(r.prev, &ip);
		cni_result_has_ips(r.prev);
		cni_result_has_interface(r.prev, "eth0");
	}
	cni_request_free(&r);
	return 0;
}
