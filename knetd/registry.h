/* registry.h - what main needs of the module table; modules use <knetd/module.h>. */
#pragma once

#include <knetd/module.h>

#define MODULES_MAX 16

extern const struct module *const modules[]; /* NULL-ended */

/* Starts all in order; on failure those that started are stopped again. */
int modules_start(struct err *e);
void modules_reload(void);
void modules_stop(bool remove);
