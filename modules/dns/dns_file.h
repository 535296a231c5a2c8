/* dns_file.h - a file that is looked at from time to time, and read when it is another one. In the
 * control process. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include <knetd/buf.h>
#include <knetd/err.h>

#define DNS_FILE_MAX (16u << 20) /* bytes of a hosts file or zone file */

struct dns_file { /* zero: never read */
	struct stat seen;
	bool failed; /* it was told that it cannot be read */
};

/* 1: out holds its new content, with a NUL behind it. 0: nothing new. Else an error, once: the file
 * was not, or cannot be, read. */
int dns_file_read(struct dns_file *f, const char *path, struct buf *out, struct err *e);
