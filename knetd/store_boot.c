/* store_boot.c - what must not outlive a reboot. The run directory is a tmpfs on a well set up
 * machine; the boot id in it makes it safe on any other. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/log.h>

#include "store_int.h"
#include "store_lmdb.h"

#define BOOT_KEY "boot-id" /* no '/': not an object's key */

static int read_boot_id(char out[static 64], struct err *e)
{
	auto_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, 63);

	if (n < 0)
		return err_set(e, errno, "boot id: %s", strerror(errno));
	out[n] = 0;
	out[strcspn(out, "\n")] = 0;
	return 0;
}

static char stored[64];

static int find_boot_id(enum store_env env, const char *key, const char *text, size_t n,
                        struct err *e)
{
	(void)env;
	(void)e;
	if (!strcmp(key, BOOT_KEY) && text && n < sizeof(stored))
		memcpy(stored, text, n + 1);
	return 0;
}

int store_boot_check(bool *rebooted, struct err *e)
{
	char now[64];
	struct lmdb_write w = { .env = ENV_RUN, .key = BOOT_KEY, .data = now };
	int ret = read_boot_id(now, e);

	stored[0] = 0;
	if (!ret)
		ret = lmdb_each(ENV_RUN, find_boot_id, e);
	if (ret)
		return ret;
	*rebooted = strcmp(stored, now) != 0;
	if (!*rebooted)
		return lmdb_damage(ENV_RUN) ? err_set(e, EIO, "%s", lmdb_damage(ENV_RUN)) : 0;
	/* It is not synced, so a power failure may leave it in any state. */
	ret = lmdb_damage(ENV_RUN) ? lmdb_start_anew(ENV_RUN, e) : lmdb_clear(ENV_RUN, e);
	w.n = strlen(now);
	return ret ? ret : lmdb_write(&w, 1, e);
}

static int forget_one(const struct object *pod, struct err *e)
{
	auto_doc yyjson_doc *doc = object_doc(pod);
	auto_mut yyjson_mut_doc *mut = yyjson_doc_mut_copy(doc, NULL);
	yyjson_mut_val *status = yyjson_mut_obj_get(yyjson_mut_doc_get_root(mut), "status");

	if (!json_at(yyjson_doc_get_root(doc), "status.podIP"))
		return 0;
	yyjson_mut_obj_remove_key(status, "podIP");
	yyjson_mut_obj_remove_key(status, "podIPs");
	yyjson_mut_obj_remove_key(status, "conditions");
	return store_put(KIND_POD, pod->ns, pod->name, mut, 0, NULL, e);
}

int store_forget_addresses(struct err *e)
{
	size_t n = store_count(KIND_POD), have = 0;
	auto_free struct object **pods = xcalloc(n, sizeof(*pods));
	const struct object *o;
	int ret = 0;

	for (size_t i = 0; (o = store_next_object(KIND_POD, &i));)
		pods[have++] = object_ref(o);
	store_begin();
	for (size_t i = 0; i < have; i++) {
		if (!ret && !pods[i]->run)
			ret = forget_one(pods[i], e);
		object_unref(pods[i]);
	}
	if (ret) {
		store_abort();
		return ret;
	}
	return store_commit(e);
}
