/* proxy_udp.h - datagrams of clients and their sessions. */
#pragma once

#include <stdint.h>

void udp_readable(uint32_t door, int fd);
void udp_door_closes(uint32_t door); /* answers can no longer leave by it */
void udp_changed(void);              /* the tables did: sessions are looked at again */
