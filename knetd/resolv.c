/* resolv.c - see resolv.h */
#include <stdio.h>
#include <string.h>

#include <knetd/resolv.h>

bool resolv_is_server(const struct ip *ip)
{
	return !ip_is_any(ip) && !(ip->len == 16 && ip_is_link_local(ip));
}

bool resolv_is_domain(const char *name)
{
	size_t n = strlen(name);

	return n && n < 254 && name[0] != '.' && name[0] != '-' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                         "0123456789.-_")] == 0;
}

void resolv_add_server(struct resolv *r, const struct ip *ip)
{
	if (r->n < RESOLV_SERVERS && resolv_is_server(ip) && !ip_is_in(ip, r->servers, r->n))
		r->servers[r->n++] = *ip;
}

static bool has_domain(const struct resolv *r, const char *name)
{
	size_t n = strlen(name);
	const char *at = r->search;

	while ((at = strstr(at, name)))
		if (at[-1] == ' ' && (!at[n] || at[n] == ' '))
			return true;
		else
			at += n;
	return false;
}

void resolv_add_domain(struct resolv *r, const char *name)
{
	size_t n = strlen(r->search);

	if (resolv_is_domain(name) && !has_domain(r, name) &&
	    n + 1 + strlen(name) < sizeof(r->search))
		snprintf(r->search + n, sizeof(r->search) - n, " %s", name);
}

static void add_line(struct resolv *r, char *line)
{
	char *rest, *key = strtok_r(line, " ", &rest), *word;
	struct ip ip;

	while (key && (word = strtok_r(NULL, " ", &rest)))
		if (!strcmp(key, "search"))
			resolv_add_domain(r, word);
		else if (!strcmp(key, "nameserver") && ip_parse(&ip, word))
			resolv_add_server(r, &ip);
}

void resolv_add_text(struct resolv *r, const char *text)
{
	char line[512];

	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		add_line(r, line);
	}
}

void resolv_print(const struct resolv *r, struct buf *out)
{
	char text[IP_TEXT];

	for (unsigned i = 0; i < r->n; i++)
		buf_printf(out, "nameserver %s\n", ip_text(&r->servers[i], text));
	if (r->search[0])
		buf_printf(out, "search%s\n", r->search);
}
