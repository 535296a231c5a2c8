/* modules.c - kernel modules, in the order of their names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "init.h"

static int is_module(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 3 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 3, ".ko");
}

static void load(int dir, const char *name)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	/* EEXIST: it is in the kernel already; ENODEV: a driver without its device; ENOENT: one
	 * that builds upon such a driver, of which the kernel tells itself */
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST &&
	               errno != ENODEV && errno != ENOENT))
		init_say("module %s: %m", name);
}

void init_load_modules(const char *path)
{
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names;
	int n = dir < 0 ? 0 : scandir(path, &names, is_module, alphasort);

	if (dir < 0 ? errno != ENOENT : n < 0)
		init_say("%s: %m", path);
	for (int i = 0; i < n; i++) {
		load(dir, names[i]->d_name);
		free(names[i]);
	}
	if (n > 0)
		free(names);
}
