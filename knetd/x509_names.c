/* x509_names.c - the names a certificate is for. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <knetd/x509.h>

static bool same(const struct x509_name *a, const struct x509_name *b)
{
	return ip_equal(&a->ip, &b->ip) && !strcasecmp(a->dns, b->dns);
}

static bool is_dns(const char *text)
{
	size_t n = strlen(text);

	if (!n || n > 253 || text[0] == '.' || text[n - 1] == '.')
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p) && !(*p == '*' && p == text))
			return false;
	return !strstr(text, "..");
}

bool x509_names_add(struct x509_names *names, const char *text)
{
	struct x509_name name = { 0 };

	if (!ip_parse(&name.ip, text)) {
		name.ip = (struct ip){ 0 };
		if (!is_dns(text))
			return false;
		strcpy(name.dns, text);
	}
	for (unsigned i = 0; i < names->n; i++)
		if (same(&names->v[i], &name))
			return true;
	if (names->n == X509_NAMES)
		return false;
	names->v[names->n++] = name;
	return true;
}

bool x509_names_equal(const struct x509_names *a, const struct x509_names *b)
{
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!same(&a->v[i], &b->v[i]))
			return false;
	return true;
}

bool x509_names_match(const struct x509_names *names, const char *host)
{
	const char *dot = strchr(host, '.');
	struct ip ip;
	bool is_ip = ip_parse(&ip, host);

	for (unsigned i = 0; i < names->n; i++) {
		const struct x509_name *n = &names->v[i];

		if (is_ip ? n->ip.len && ip_equal(&n->ip, &ip)
		          : n->dns[0] && !strcasecmp(n->dns, host))
			return true;
		if (!is_ip && dot && dot != host && !strncmp(n->dns, "*.", 2) &&
		    !strcasecmp(n->dns + 1, dot))
			return true;
	}
	return false;
}
