/* api_options.h - what a list or a watch is asked for (ListOptions of meta.k8s.io). */
#pragma once

#include "api.h"

struct list_options {
	struct selector selector;
	uint64_t version;   /* resourceVersion; 0 when any will do */
	bool versioned;     /* a resourceVersion other than "" and "0" was given */
	bool newest;        /* none was given: the newest state is meant */
	bool exact;         /* resourceVersionMatch=Exact */
	size_t limit;       /* 0: none */
	const char *token;  /* continue; NULL when absent */
	bool bookmarks;     /* allowWatchBookmarks */
	int initial;        /* sendInitialEvents: -1 not said, 0, 1 */
	unsigned timeout_s; /* 0: not said */
};

/* Reads and checks them; pointers live in the arena. False: the answer was made (400, 422, 504). */
bool options_read(struct call *c, bool watch, struct arena *a, struct list_options *out);

/* As Kubernetes reads flags: present and neither "0" nor "false". */
bool query_flag(const char *query, const char *name);
