/* policy_log.h - [policy] log: what policies deny, a line each on standard error.
 *
 * Rules copy the first bytes of denied packets to a log group, POLICY_LOG_RATE a second and class;
 * the daemon reads them from there and writes no more than POLICY_LOG_LINES a second. What is more
 * is not logged, nothing is kept, and nothing waits; the counters of policy_counts.h count all. */
#pragma once

#include <stdbool.h>

#include <knetd/buf.h>
#include <knetd/kern.h>

#define POLICY_LOG_GROUP 6 /* of NFLOG */
#define POLICY_LOG_RATE 10
#define POLICY_LOG_LINES 100

/* When the configuration asks for it. A kernel that cannot log is told of, and the rest goes on. */
void policy_log_begin(void);
void policy_log_end(void);
bool policy_log_on(void);
/* The rule before the one that drops. what: the class that says no, "in7" or "out7"; another text
 * is the reason itself. */
void policy_log_rule(struct nft_txn *t, const char *table, const char *chain, const char *what);
void policy_log_metrics(struct buf *out);
/* One packet as a line (tests). */
void policy_log_line(struct buf *out, const struct nflog_packet *p);
