/* files.c - the manifests that -f names: files, directories of them, standard input. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>

#include "ctl.h"

#define MANIFEST_MAX ((size_t)64 << 20) /* what POST /apply takes */
#define DEPTH_MAX 16

struct walk {
	const struct ctl_args *args;
	file_fn *each;
	void *arg;
};

bool text_is_json(const struct buf *text)
{
	size_t i = 0;

	while (i < text->len && strchr(" \t\r\n", text->data[i]))
		i++;
	return i < text->len && (text->data[i] == '{' || text->data[i] == '[');
}

static bool read_all(int fd, const char *path, struct buf *out)
{
	ssize_t n;

	for (;;) {
		char *room = buf_room(out, 65536);

		if (!room) {
			ctl_fail("%s: larger than %zu MB", path, MANIFEST_MAX >> 20);
			return false;
		}
		n = read(fd, room, 65535);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->len += n;
	}
	if (n < 0)
		ctl_fail("%s: %s", path, strerror(errno));
	return n == 0;
}

static bool one_file(const struct walk *w, const char *path)
{
	auto_buf struct buf text = { .max = MANIFEST_MAX };
	bool input = !strcmp(path, "-");
	auto_close int opened = input ? -1 : open(path, O_RDONLY | O_CLOEXEC);

	if (!input && opened < 0) {
		ctl_fail("the path \"%s\" cannot be read: %s", path, strerror(errno));
		return false;
	}
	if (!read_all(input ? STDIN_FILENO : opened, input ? "STDIN" : path, &text))
		return false;
	buf_add(&text, "", 1); /* parsers may look at one byte behind */
	text.len--;
	return w->each(w->arg, input ? "STDIN" : path, &text);
}

static bool is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml") || !strcmp(dot, ".json"));
}

static bool walk_path(const struct walk *w, const char *path, unsigned depth);

static bool walk_entry(const struct walk *w, const char *dir, const char *name, unsigned depth)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	struct stat st;

	if (!strcmp(name, ".") || !strcmp(name, "..") || stat(path, &st) < 0)
		return true;
	if (S_ISDIR(st.st_mode))
		return !w->args->recursive || walk_path(w, path, depth + 1);
	return !is_manifest(name) || one_file(w, path);
}

static bool walk_path(const struct walk *w, const char *path, unsigned depth)
{
	struct dirent **names;
	bool ok = true;
	int n;

	if (depth > DEPTH_MAX) {
		ctl_fail("%s: directories are nested too deeply", path);
		return false;
	}
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		ctl_fail("the path \"%s\" cannot be read: %s", path, strerror(errno));
		return false;
	}
	for (int i = 0; i < n; i++) {
		ok = ok && walk_entry(w, path, names[i]->d_name, depth);
		free(names[i]);
	}
	free(names);
	return ok;
}

bool files_each(const struct ctl_args *a, file_fn *each, void *arg)
{
	struct walk w = { a, each, arg };

	for (unsigned i = 0; i < a->n_files; i++) {
		const char *path = a->files[i];
		struct stat st = { 0 };

		if (!strncmp(path, "http://", 7) || !strncmp(path, "https://", 8)) {
			ctl_fail("%s: knetctl reads files, no URLs", path);
			return false;
		}
		if (strcmp(path, "-") != 0 && stat(path, &st) < 0) {
			ctl_fail("the path \"%s\" does not exist", path);
			return false;
		}
		if (!strcmp(path, "-") || !S_ISDIR(st.st_mode) ? !one_file(&w, path)
		                                               : !walk_path(&w, path, 0))
			return false;
	}
	return true;
}
