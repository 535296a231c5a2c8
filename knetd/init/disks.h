/* disks.h - the parts of disks.c that can be tried without a disk. Private to knetd/init. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SUPER_AT 1024
#define DISK_SUPER_SIZE 1024
/* The superblock of ext2 to ext4 has that label. */
bool disk_has_label(const uint8_t *super, const char *label);
/* mount(2)'s flags in "ro,noatime,data=journal"; the others to rest. */
unsigned long disk_options(const char *options, char *rest, size_t size);
unsigned long disk_flag(const char *word);
