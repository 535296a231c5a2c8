/* lb_test.h - the self-test of announcing: POST /knetd/v1/lb/test[?address=] begins one, GET tells
 * what it has found ("done": whether it is over). */
#pragma once

#include <knetd/http.h>
#include <knetd/kern.h>

void lb_test_init(struct rt *rt);
void lb_test_exit(void);
void lb_test_claim(const struct wire_claim *c); /* somebody says that he has an address */
void lb_test_begin(const struct http_call *call, struct http_answer *answer);
void lb_test_show(const struct http_call *call, struct http_answer *answer);
