/* emulated.c - for unit tests under QEMU's user emulation (make check ARCH=...), which has no
 * robust mutexes. LMDB asks for one that outlives its holder's death; in these tests nobody dies
 * holding it. */
#include <pthread.h>

int pthread_mutexattr_setrobust(pthread_mutexattr_t *attr, int robust)
{
	(void)attr, (void)robust;
	return 0;
}
