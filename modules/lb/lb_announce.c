/* lb_announce.c - see lb_announce.h */
#include "lb_announce.h"

int lb_announce_init(struct err *e)
{
	(void)e;
	return 0;
}

void lb_announce_exit(bool remove)
{
	(void)remove;
}

int lb_announce_set(const struct lb_held *v, size_t n, bool full, struct err *e)
{
	(void)v;
	(void)n;
	(void)full;
	(void)e;
	return 0;
}

void lb_announce_show(const struct ip *ip, struct buf *out)
{
	(void)ip;
	buf_str(out, "\"announcedOn\":[],\"state\":\"held\"");
}

void lb_announce_metrics(struct buf *out)
{
	(void)out;
}
