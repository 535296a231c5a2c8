/* notify.h - telling whoever started the daemon how it is (systemd's Type=notify). */
#pragma once

#include <stdbool.h>

/* Lines as sd_notify(3) has them, "READY=1". Nothing happens where nobody asked for it
 * (NOTIFY_SOCKET), and nothing depends on its arrival. */
void notify_tell(const char *lines);

/* The same with a descriptor beside it; -1: none. */
void notify_pass(const char *lines, int fd);
/* Somebody has asked. */
bool notify_wanted(void);

/* The configuration is being read again: in between, nothing is ready. */
void notify_reloading(void);
