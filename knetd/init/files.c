/* files.c - directories and the few files of /etc that programs count on, made where the image does
 * not bring them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/uplink.h>

#include "init.h"

static void put(const char *path, const char *text, size_t n)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 ? errno != EEXIST : write(fd, text, n) != (ssize_t)n)
		init_say("%s: %m", path);
}

static void put_hosts(void)
{
	auto_buf struct buf b = { 0 };

	buf_printf(&b, "127.0.0.1 localhost\n::1 localhost\n");
	if (conf.node.name[0])
		buf_printf(&b, "127.0.1.1 %s\n", conf.node.name);
	put("/etc/hosts", b.data, b.len);
}

/* With servers given, the file is theirs. Otherwise it is where the uplink writes what it was told,
 * by router advertisements or DHCP. */
static void put_resolv_conf(void)
{
	auto_buf struct buf b = { 0 };
	auto_free char *target = xasprintf("%s/" UPLINK_DIR "/resolv.conf", conf.node.run_dir);
	char text[IP_TEXT];

	for (unsigned i = 0; i < conf.node.nameservers.n; i++)
		buf_printf(&b, "nameserver %s\n", ip_text(&conf.node.nameservers.v[i], text));
	if (b.len) {
		unlink("/etc/resolv.conf");
		put("/etc/resolv.conf", b.data, b.len);
	} else if ((conf.node.uplink == CONF_UPLINK_DHCP ||
	            conf.node.uplink == CONF_UPLINK_SLAAC) &&
	           symlink(target, "/etc/resolv.conf") < 0 && errno != EEXIST) {
		init_say("/etc/resolv.conf: %m");
	}
}

void init_make_files(void)
{
	static const char *const dirs[] = { "/etc", "/var", "/var/lib", "/var/log", "/root" };
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				     "dhcp:x:100:100::/:/bin/false\n" /* INIT_DHCP_USER */
				     "nobody:x:65534:65534:nobody:/:/bin/false\n",
			  group[] = "root:x:0:\ndhcp:x:100:\nnogroup:x:65534:\n";

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		mkdir(dirs[i], 0755);
	if (symlink("/run", "/var/run") < 0 && errno != EEXIST)
		init_say("/var/run: %m");
	put("/etc/passwd", passwd, strlen(passwd));
	put("/etc/group", group, strlen(group));
	put_hosts();
	put_resolv_conf();
}

void init_set_hostname(void)
{
	if (sethostname(conf.node.name, strlen(conf.node.name)) < 0)
		init_say("host name: %m");
}
