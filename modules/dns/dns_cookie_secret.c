/* dns_cookie_secret.c - see dns_cookie_secret.h */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/file.h>
#include <knetd/log.h>

#include "dns_cookie_secret.h"

static uint8_t secret[DNS_COOKIE_SECRET];

const uint8_t *dns_cookie_secret(void)
{
	return secret;
}

static bool secret_read(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 077) &&
	       st.st_size == sizeof(secret) && read(fd, secret, sizeof(secret)) == sizeof(secret);
}

void dns_cookie_secret_init(void)
{
	char path[112];
	struct err e = { 0 };

	snprintf(path, sizeof(path), "%s/dns-cookie", conf.node.run_dir);
	if (secret_read(path))
		return;
	while (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		;
	if (file_replace(path, secret, sizeof(secret), 0600, &e))
		log_warn("dns: %s: cookies of clients will not outlive this daemon", e.text);
}
