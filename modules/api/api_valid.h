/* api_valid.h - pieces of validation that several kinds share. */
#pragma once

#include "api.h"

#define PROTOCOLS "\"SCTP\", \"TCP\", \"UDP\""
extern const char *const valid_protocols[]; /* ends with NULL */

bool valid_among(const char *s, const char *const *list);
bool valid_port_name(const char *s); /* IANA_SVC_NAME, RFC 6335 */
void valid_port_number(yyjson_mut_val *v, const char *field, struct causes *c);
/* A port by number or by name. */
void valid_port_ref(yyjson_mut_val *v, const char *field, struct causes *c);

void valid_service(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_slice(yyjson_mut_val *root, yyjson_val *old, struct causes *c);
void valid_ingress(yyjson_mut_val *root, struct causes *c);
void valid_policy(yyjson_mut_val *root, struct causes *c);
bool valid_label(const char *name, bool may_start_with_digit); /* RFC 1123, or 1035 */
bool valid_subdomain(const char *name);

#define LABEL_HELP                                                                                 \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and must "                                                                                \
	"start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used " \
	"for "                                                                                     \
	"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define LABEL_1035_HELP                                                                            \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "  \
	"an "                                                                                      \
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "       \
	"'abc-123', "                                                                              \
	"regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_HELP                                                                             \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and "                                                                             \
	"must start and end with an alphanumeric character (e.g. 'example.com', regex used for "   \
	"validation "                                                                              \
	"is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
