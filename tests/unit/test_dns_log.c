/* test_dns_log.c - a query as a line, whatever the worker left; types by name and number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../modules/dns/dns_log.h"

static struct dns_log_record record(void)
{
	struct dns_log_record r = { .took = 123456, .port = 40212, .id = 12345, .type = DNS_A };

	r.v4 = 1;
	memcpy(r.ip, (uint8_t[]){ 10, 244, 0, 5 }, 4);
	r.class = DNS_IN;
	r.size = 51;
	r.udp_size = 1232;
	r.flags = DNS_QR | DNS_AA | DNS_RD;
	r.answer_size = 106;
	r.name_len = (uint8_t)dns_name_from_text(r.name, "web.default.svc.cluster.local");
	return r;
}

static void test_line(void **state)
{
	struct dns_log_record r = record();
	char line[DNS_LOG_LINE];
	size_t n = dns_log_text(&r, line);

	(void)state;
	assert_int_equal(n, strlen(line));
	assert_string_equal(line, "[INFO] 10.244.0.5:40212 - 12345 \"A IN "
	                          "web.default.svc.cluster.local. udp 51 false 1232\" NOERROR "
	                          "qr,aa,rd 106 0.000123456s");
	r.v4 = 0;
	memset(r.ip, 0, sizeof(r.ip));
	r.ip[15] = 1;
	r.stream = r.dnssec_ok = 1;
	r.type = 4711;
	r.class = 3;
	r.rcode = 4095;
	r.flags = DNS_QR | DNS_TC | DNS_RA | 0x60 | DNS_CD;
	r.name_len = 0;
	r.took = 2000000001;
	dns_log_text(&r, line);
	assert_string_equal(line, "[INFO] [::1]:40212 - 12345 \"TYPE4711 CH . tcp 51 true 65535\" "
	                          "4095 qr,tc,ra,z,ad,cd 106 2.000000001s");
}

/* Whoever reads strangers' bytes may have been taken over by them. */
static void test_any_bytes(void **state)
{
	struct dns_log_record r;
	char line[DNS_LOG_LINE];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(r); k++)
			((uint8_t *)&r)[k] = (uint8_t)(i < 256 ? i : (unsigned)rand());
		size_t n = dns_log_text(&r, line);

		assert_true(n < sizeof(line));
		assert_int_equal(n, strlen(line));
		for (size_t k = 0; k < n; k++)
			assert_true(line[k] >= ' ' && line[k] < 0x7f);
	}
}

static void test_types(void **state)
{
	char text[DNS_TYPE_TEXT];
	uint16_t type;

	(void)state;
	for (unsigned i = 1; i <= 0xffff; i++) {
		assert_true(dns_type_parse(dns_type_text((uint16_t)i, text), &type));
		assert_int_equal(type, i);
	}
	assert_true(dns_type_parse("aaaa", &type) && type == DNS_AAAA);
	assert_true(dns_type_parse("type1", &type) && type == DNS_A);
	assert_false(dns_type_parse("", &type) || dns_type_parse("AAA", &type) ||
	             dns_type_parse("TYPE", &type) || dns_type_parse("TYPE0", &type) ||
	             dns_type_parse("TYPE65536", &type) || dns_type_parse("TYPE-1", &type) ||
	             dns_type_parse("TYPE1x", &type) ||
	             dns_type_parse("TYPE99999999999999999999", &type));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
