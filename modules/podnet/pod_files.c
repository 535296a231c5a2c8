/* pod_files.c - see pod_files.h
 *
 * Only folders under <run_dir>/pods that hold nothing but our own files are ever removed, and no
 * symbolic link is followed: everything below goes through the folder's descriptor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/file.h>
#include <knetd/log.h>
#include <knetd/store.h>

#include "cni_config.h"
#include "pod_files.h"
#include "pod_names.h"

#define HOST_FILE_MAX 65536
#define FILE_MAX 65536

static const char *const names[] = { "resolv.conf", "hosts", "hostname" };
enum { RESOLVER, HOSTS, HOSTNAME, FILES };

/* The node's own resolv.conf, for dnsPolicy Default and for its search list. */
static const char *host_file(struct buf *text)
{
	struct err e;

	if (!conf.dns.upstreams_file || file_read(conf.dns.resolv_conf, HOST_FILE_MAX, text, &e) ||
	    !text->data)
		return "";
	return text->data;
}

static yyjson_doc *pod_doc(const struct attachment *a)
{
	const struct object *pod = a->pod[0] ? store_get(KIND_POD, a->ns, a->pod) : NULL;

	return pod ? object_doc(pod) : NULL;
}

static yyjson_doc *make_texts(struct buf texts[static FILES], const struct attachment *a,
                              const struct cni_request *r)
{
	auto_doc yyjson_doc *doc = pod_doc(a);
	yyjson_val *spec = json_at(yyjson_doc_get_root(doc), "spec");
	auto_arena struct arena arena = { 0 };
	auto_buf struct buf host = { 0 };
	struct cni_dns dns;

	names_resolver(&dns, spec, a->ns, &r->names, host_file(&host), &arena);
	names_write_resolver(&texts[RESOLVER], &dns);
	names_write_hosts(&texts[HOSTS], spec, a, r);
	names_write_hostname(&texts[HOSTNAME], spec, a);
	return cni_dns_result(&dns);
}

/* ---- folders -------------------------------------------------------------------------------- */

static int make_folder(int at, const char *name, struct err *e)
{
	int fd;

	if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "%s: %s", name, strerror(errno));
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "%s: %s", name, strerror(errno)) : fd;
}

static int open_pods(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/pods", conf.node.run_dir);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int write_all(int folder, const struct buf *text, const char *name, struct err *e)
{
	char aside[32];
	auto_close int fd = -1;

	snprintf(aside, sizeof(aside), "%s.new", name);
	unlinkat(folder, aside, 0);
	fd = openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || file_write(fd, text->data, text->len) || fchmod(fd, 0644) < 0 ||
	    renameat(folder, aside, folder, name) < 0)
		return err_set(e, errno, "%s: %s", name, strerror(errno));
	return 0;
}

int pod_files_write(const struct attachment *a, const struct cni_request *r, yyjson_doc **dns,
                    struct err *e)
{
	struct buf texts[FILES] = { { .max = FILE_MAX }, { .max = FILE_MAX }, { .max = FILE_MAX } };
	auto_close int run = -1, pods = -1, folder = -1;
	int ret = 0;

	run = open(conf.node.run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run < 0)
		return err_set(e, errno, "%s: %s", conf.node.run_dir, strerror(errno));
	pods = make_folder(run, "pods", e);
	if (pods >= 0)
		folder = make_folder(pods, a->container, e);
	if (folder < 0)
		return err_wrap(e, "files of the pod");
	*dns = make_texts(texts, a, r);
	for (unsigned i = 0; i < FILES && !ret; i++)
		ret = texts[i].failed ? err_set(e, EFBIG, "%s is too large", names[i])
		                      : write_all(folder, &texts[i], names[i], e);
	for (unsigned i = 0; i < FILES; i++)
		buf_free(&texts[i]);
	return ret ? err_wrap(e, "files of the pod") : 0;
}

/* A folder that holds something else stays, with that. */
static void remove_folder(int pods, const char *container)
{
	auto_close int folder =
		openat(pods, container, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char aside[32];

	if (folder < 0)
		return;
	for (unsigned i = 0; i < FILES; i++) {
		unlinkat(folder, names[i], 0);
		snprintf(aside, sizeof(aside), "%s.new", names[i]);
		unlinkat(folder, aside, 0);
	}
	if (unlinkat(pods, container, AT_REMOVEDIR) < 0)
		log_warn("podnet: %s/pods/%s: %s", conf.node.run_dir, container, strerror(errno));
}

void pod_files_remove(const struct attachment *a)
{
	auto_close int pods = a->files ? open_pods() : -1;

	if (pods >= 0)
		remove_folder(pods, a->container);
}

/* ---- the full pass -------------------------------------------------------------------------- */

static bool wanted(const char *container)
{
	const struct attachment *a;

	for (size_t i = 0; (a = attachment_next(&i));)
		if (a->files && !strcmp(a->container, container))
			return true;
	return false;
}

static void sweep(void)
{
	int pods = open_pods();
	DIR *dir = pods >= 0 ? fdopendir(pods) : NULL;
	struct dirent *d;

	if (!dir) {
		if (pods >= 0)
			close(pods);
		return;
	}
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && !wanted(d->d_name))
			remove_folder(pods, d->d_name);
	closedir(dir);
}

int pod_files_repair(struct err *e)
{
	auto_arena struct arena arena = { 0 };
	auto_buf struct buf host = { 0 }, text = { .max = FILE_MAX };
	char path[128];
	struct cni_dns dns;

	sweep();
	names_resolver(&dns, NULL, "default", NULL, host_file(&host), &arena);
	names_write_resolver(&text, &dns);
	snprintf(path, sizeof(path), "%s/resolv.conf", conf.node.run_dir);
	return file_settle(path, text.data, text.len, 0644, e);
}
