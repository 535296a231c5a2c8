/* What a broken release is like: its start ends in the middle, by ONE_WAY. Linked in front of the real one. */
#include <unistd.h>

struct err;
int __wrap_modules_start(struct err *e);

int __wrap_modules_start(struct err *e)
{
	(void)e;
	ONE_WAY;
	return -1;
}
