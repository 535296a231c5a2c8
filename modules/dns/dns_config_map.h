/* dns_config_map.h - the ConfigMap of [dns] config_map: what it says is put in force value by
 * value, live. A value that is wrong is told by an Event and in the log; what it said before stays.
 *
 * stubDomains and upstreamNameservers are JSON as kube-dns had them, hosts is a text like
 * /etc/hosts, rewrite has a rule a line, NAME.zone is a zone file, log says which questions are
 * logged. Other keys mean nothing here. */
#pragma once

#include <stdbool.h>

struct object;

/* o: NULL when there is none (any more). Others than the one that is configured are not looked at.
 */
void dns_config_map_read(const struct object *o);
bool dns_config_map_is(const struct object *o);
const struct object *dns_config_map_now(void); /* of the store; NULL: none */
void dns_config_map_exit(void);
