/* kern_check.h - how the files of the kernel check share their work. */
#pragma once

#include <stdint.h>

#include <knetd/kern_check.h>

struct kern_finding {
	uint8_t state; /* enum kern_state */
	int16_t code;  /* -errno of what was tried, 0 when it went well */
};
extern struct kern_finding kern_findings[KERN_FEATURES];

/* Tries one: 0, or the -errno it ended with. In a network namespace of its own. */
int kern_probe(enum kern_feature f, const char *state_dir);
