/* nft_bench.h - the nftables door against the real kernel, in a network namespace of the test's
 * own, and what `nft list` makes of it. */
#pragma once

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <knetd/auto.h>
#include <knetd/kern.h>

__attribute__((unused)) static struct ip ip(const char *text)
{
	struct ip out;

	assert_true(ip_parse(&out, text));
	return out;
}

static void commit(struct nft_txn *t)
{
	struct err e = { 0 };

	if (nft_commit(t, &e))
		fail_msg("%s", e.text);
}

/* What nft prints, or NULL where there is no nft. */
static const char *listing(void)
{
	static char text[64 * 1024];
	FILE *p = popen("nft list ruleset 2>&1", "r");
	size_t n = fread(text, 1, sizeof(text) - 1, p);
	int status = pclose(p);

	text[n] = '\0';
	if (status == 127 << 8)
		return NULL;
	if (status)
		fail_msg("nft list: status %d: %s", status, text);
	return text;
}

static void lists(const char *want)
{
	const char *text = listing();

	if (text && !strstr(text, want))
		fail_msg("not listed: %s\n%s", want, text);
}

static bool into_namespace(void)
{
	if (!unshare(CLONE_NEWNET) || !unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return true;
	printf("no network namespace to be had: %s\n", strerror(errno));
	return false;
}
