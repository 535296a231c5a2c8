/* dns_trust.c - see dns_trust.h */
#include <errno.h>
#include <stdlib.h>

#include <knetd/auto.h>
#include <knetd/file.h>

#include "dns_trust.h"

#define BUNDLE_MAX (4u << 20)

int dns_trust_build(const struct dns_groups *groups, struct buf *out, struct err *e)
{
	auto_buf struct buf pem = { 0 };
	bool names = false;
	int ret;

	for (unsigned i = 0; i < groups->n_upstreams; i++)
		names |= groups->upstream[i].name[0] != '\0';
	if (!names)
		return 0;
	if (!conf.dns.tls_ca[0])
		return err_set(e, ENOENT,
		               "[dns] tls_ca is empty: no name of an upstream can be "
		               "proved");
	ret = file_read(conf.dns.tls_ca, BUNDLE_MAX, &pem, e);
	if (!ret)
		ret = tls_anchors_read(out, pem.data, pem.len, e);
	return ret ? err_wrap(e, "[dns] tls_ca %s: no name of an upstream can be proved",
	                      conf.dns.tls_ca)
	           : 0;
}

struct dns_trust {
	struct tls_anchors *anchors;
	struct snapshot *s; /* that they point into */
	unsigned refs;
};
static struct dns_trust *now;

void dns_trust_drop(struct dns_trust *t)
{
	if (!t || --t->refs)
		return;
	tls_anchors_free(t->anchors);
	snapshot_unref(t->s);
	free(t);
}

void dns_trust_changed(struct snapshot *s)
{
	struct tls_anchors *anchors = s ? tls_anchors_open(s->data, s->len) : NULL;

	dns_trust_drop(TAKE(now));
	if (!anchors)
		return;
	now = xcalloc(1, sizeof(*now));
	*now = (struct dns_trust){ .anchors = anchors, .s = snapshot_ref(s), .refs = 1 };
}

struct dns_trust *dns_trust_hold(void)
{
	if (now)
		now->refs++;
	return now;
}

const struct tls_anchors *dns_trust_anchors(const struct dns_trust *t)
{
	return t ? t->anchors : NULL;
}
