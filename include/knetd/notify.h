/* notify.h - telling whoever started the daemon how it is (systemd's Type=notify). */
#pragma once

/* Lines as sd_notify(3) has them, "READY=1". Nothing happens where nobody asked for it
 * (NOTIFY_SOCKET), and nothing depends on its arrival. */
void notify_tell(const char *lines);

/* The configuration is being read again: in between, nothing is ready. */
void notify_reloading(void);
