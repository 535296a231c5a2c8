/* dns_watch.h - tells when a file was replaced or written, as soon as it was. In the control
 * process. */
#pragma once

/* changed is called from the loop when there may be another file of that name, or of one that a
 * link of that name leads to. Not all changes can be seen (a mount, a directory that comes later):
 * look yourself as well, now and then, and call dns_watch_again then. */
void dns_watch_begin(const char *path, void (*changed)(void));
void dns_watch_again(void);
void dns_watch_end(void);
