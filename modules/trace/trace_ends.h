/* trace_ends.h - the two ends of a connection as policies see them: pods with their labels, those
 * whose labels nobody has said, the cluster DNS, nodes, anybody. */
#pragma once

#include <knetd/netpol_match.h>

#include "trace_plan.h"

struct trace_ends {
	struct netpol_connection c;
	bool to_here; /* its receiver is a pod of this node: only those are judged */
	bool from_finished, to_finished; /* pods that have ended are nobody's peers */
	unsigned n_docs;
	yyjson_doc *docs[8]; /* that c points into */
};
void trace_ends_open(struct trace *t, struct trace_ends *e); /* of t's sender and t->to */
void trace_ends_close(struct trace_ends *e);

bool trace_is_dns(const struct ip *ip);
