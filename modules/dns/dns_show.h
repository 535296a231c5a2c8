/* dns_show.h - where an answer comes from, told by the same code and the same snapshots that the
 * workers answer with. */
#pragma once

#include <knetd/http.h>

#include "dns_answer.h"

/* GET /knetd/v1/dns?name=NAME&type=TYPE&from=POD|ADDRESS&namespace=NS. Nothing is sent: of a name
 * that is asked for elsewhere it tells where. */
void dns_show(const struct dns_zone *z, const struct http_call *call, struct http_answer *answer);

/* GET /knetd/v1/dns/ask?name=NAME&type=TYPE: asks the cluster DNS address itself, as any client on
 * the node. The first call asks, the next ones tell whether the answer is there ("done"). One
 * question at a time: another one takes its place. */
void dns_ask(const struct http_call *call, struct http_answer *answer);
void dns_ask_exit(void);
/* name and type of a call; what is wrong with them, or NULL. */
const char *dns_show_question(const struct http_call *call, char name[static DNS_NAME_MAX + 1],
                              uint16_t *type);
/* A query for it, its length; 0: it is no name. */
size_t dns_show_query(uint8_t out[static DNS_QUERY_PACKED], const char *name, uint16_t type,
                      uint16_t id);
