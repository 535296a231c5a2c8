/* kern_lacks.c - what the kernel check found. A file of its own, so that whoever asks does not
 * bring along how it was found. */
#include "kern_check.h"

struct kern_finding kern_findings[KERN_FEATURES];

bool kern_lacks(enum kern_feature f)
{
	return kern_findings[f].state == KERN_MISSING;
}
