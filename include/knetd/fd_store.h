/* fd_store.h - listening sockets that whoever started the daemon keeps open while none runs
 * (systemd's FileDescriptorStoreMax=): who knocks during a restart waits, and is not refused. */
#pragma once

/* Once, before handover_take. */
void fd_store_take(void);
/* For as long as the service runs or restarts; the name is handover_take's. */
void fd_store_keep(const char *name, int fd);
