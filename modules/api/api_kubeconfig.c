/* api_kubeconfig.c - see api_kubeconfig.h; etc/kubeconfig shows the form. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>
#include <knetd/file.h>

#include "api_kubeconfig.h"

static void put_base64(struct buf *out, const uint8_t *p, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789+/";

	for (; n > 0; p += 3, n = n > 3 ? n - 3 : 0) {
		unsigned v = p[0] << 16 | (n > 1 ? p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
		char four[4] = { letters[v >> 18], letters[v >> 12 & 63],
			         n > 1 ? letters[v >> 6 & 63] : '=',
			         n > 2 ? letters[v & 63] : '=' };

		buf_add(out, four, 4);
	}
}

/* Where clients on this machine reach the door: a door on every address is on loopback too. */
static void put_server(struct buf *out, char host[static IP_TEXT])
{
	struct endpoint ep = conf.api.listen.v[0];

	if (ip_is_any(&ep.ip))
		ip_parse(&ep.ip, ep.ip.len == 4 ? "127.0.0.1" : "::1");
	ip_text(&ep.ip, host);
	buf_printf(out, ep.ip.len == 4 ? "https://%s:%u" : "https://[%s]:%u", host, ep.port);
}

/* A certificate that is not for the address: the name it is for. */
static const char *other_name(const struct x509_names *names, const char *host)
{
	for (unsigned i = 0; i < names->n && !x509_names_match(names, host); i++)
		if (names->v[i].dns[0] && names->v[i].dns[0] != '*')
			return names->v[i].dns;
	return NULL;
}

int kubeconfig_write(const struct x509_names *names, const struct buf *trust, const char *token,
                     struct err *e)
{
	auto_buf struct buf b = { 0 };
	char path[128], host[IP_TEXT];
	const char *name;
	int ret;

	buf_str(&b,
	        "apiVersion: v1\nkind: Config\nclusters:\n- name: knetd\n  cluster:\n    server: ");
	put_server(&b, host);
	buf_str(&b, "\n    certificate-authority-data: ");
	put_base64(&b, (const uint8_t *)trust->data, trust->len);
	name = other_name(names, host);
	if (name)
		buf_printf(&b, "\n    tls-server-name: %s", name);
	buf_printf(&b,
	           "\ncontexts:\n- name: knetd\n  context:\n    cluster: knetd\n    user: knetd\n"
	           "current-context: knetd\nusers:\n- name: knetd\n  user:\n    token: %s\n",
	           token);
	snprintf(path, sizeof(path), "%s/kubeconfig", conf.node.run_dir);
	ret = file_settle(path, b.data, b.len, 0600, e);
	explicit_bzero(b.data, b.len);
	return ret;
}
