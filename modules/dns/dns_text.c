/* dns_text.c - see dns_text.h */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <knetd/auto.h>

#include "dns_text.h"

const struct dns_type_name dns_type_names[] = {
	{ DNS_A, "A" },       { DNS_AAAA, "AAAA" }, { DNS_CNAME, "CNAME" }, { 48, "DNSKEY" },
	{ 43, "DS" },         { 15, "MX" },         { 50, "NSEC3" },        { 47, "NSEC" },
	{ DNS_NS, "NS" },     { DNS_PTR, "PTR" },   { 46, "RRSIG" },        { DNS_SOA, "SOA" },
	{ DNS_SRV, "SRV" },   { DNS_TXT, "TXT" },   { 65, "HTTPS" },        { 64, "SVCB" },
	{ DNS_IXFR, "IXFR" }, { DNS_AXFR, "AXFR" }, { DNS_ANY, "ANY" },     { DNS_HINFO, "HINFO" },
	{ DNS_OPT, "OPT" },   { 35, "NAPTR" },      { 39, "DNAME" },        { 44, "SSHFP" },
	{ 51, "NSEC3PARAM" }, { 52, "TLSA" },       { 99, "SPF" },          { 249, "TKEY" },
	{ 250, "TSIG" },      { 256, "URI" },       { 257, "CAA" },         { 0, NULL },
};

const char *dns_type_text(uint16_t type, char out[static DNS_TYPE_TEXT])
{
	for (const struct dns_type_name *t = dns_type_names; t->name; t++)
		if (t->type == type)
			return t->name;
	snprintf(out, DNS_TYPE_TEXT, "TYPE%u", type);
	return out;
}

bool dns_type_parse(const char *text, uint16_t *type)
{
	unsigned long n;
	char *end;

	for (const struct dns_type_name *t = dns_type_names; t->name; t++)
		if (!strcasecmp(t->name, text)) {
			*type = t->type;
			return true;
		}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9')
		return false;
	n = strtoul(text + 4, &end, 10);
	*type = (uint16_t)n;
	return !*end && n && n <= 0xffff;
}

const char *dns_rcode_text(unsigned rcode)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
		                             "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
		                             "NXRRSET", "NOTAUTH", "NOTZONE" };

	return rcode < ARRAY_LEN(names) ? names[rcode]
	       : rcode == DNS_BADVERS   ? "BADVERS"
	       : rcode == 23            ? "BADCOOKIE"
	                                : NULL;
}
