/* proxy_trust.c - see proxy_trust.h. X-Forwarded-For is read from its end: each proxy that is
 * believed vouches for the one before it; the first that is not is the client. */
#include <string.h>
#include <strings.h>

#include "proxy_trust.h"

static bool is_trusted(const struct ip *ip)
{
	const struct table *t = proxy_table();

	for (uint32_t i = 0; i < t->n_trusted; i++)
		if (cidr_has(&t->trusted[i], ip))
			return true;
	return false;
}

/* "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]:80" */
static bool address(struct span s, struct ip *out)
{
	char text[IP_TEXT + 8];
	char *p = text, *colon;

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	colon = strchr(text, ':');
	if (*p == '[') {
		p++;
		p[strcspn(p, "]")] = 0;
	} else if (colon && !strchr(colon + 1, ':')) {
		*colon = 0;
	}
	return ip_parse(out, p);
}

/* The last entry of a list, which becomes shorter. */
static struct span last_of(struct span *list)
{
	struct span s;

	while (list->n && strchr(", \t", list->p[list->n - 1]))
		list->n--;
	s = (struct span){ list->p + list->n, 0 };
	while (list->n && !strchr(", \t", list->p[list->n - 1])) {
		list->n--;
		s.p--;
		s.n++;
	}
	return s;
}

/* False: what stands further left is nobody's word. */
static bool read_list(struct exchange *x, struct span list)
{
	struct span one;
	struct ip ip;

	while ((one = last_of(&list)).n) {
		if (!address(one, &ip))
			return false;
		x->client = ip;
		if (!is_trusted(&ip))
			return false;
	}
	return true;
}

static bool is(struct span name, const char *text)
{
	return name.n == strlen(text) && !strncasecmp(name.p, text, name.n);
}

void trust_read(struct exchange *x, const struct http_head *h)
{
	bool more = true, scheme = false;

	x->client = x->arrival->from.ip;
	x->client_tls = x->arrival->tls;
	x->believed = proxy_table()->n_trusted && is_trusted(&x->client);
	for (size_t i = h->n_headers; x->believed && i-- > 0;) {
		struct span value = h->headers[i].value;

		if (more && is(h->headers[i].name, "x-forwarded-for"))
			more = read_list(x, value);
		else if (!scheme && is(h->headers[i].name, "x-forwarded-proto")) {
			struct span last = last_of(&value);

			scheme = true;
			x->client_tls = is(last, "https") || (x->client_tls && !is(last, "http"));
		}
	}
}

static struct span word_of(const struct http_head *h, const char *name)
{
	const struct span *v = http_header(h, name);

	return v ? *v : (struct span){ NULL, 0 };
}

void trust_keep(struct trust_words *w, const struct exchange *x, const struct http_head *h)
{
	*w = (struct trust_words){ .host = { NULL, 0 } };
	if (!x->believed)
		return;
	w->addresses = word_of(h, "x-forwarded-for");
	w->host = word_of(h, "x-forwarded-host");
	w->port = word_of(h, "x-forwarded-port");
	w->prefix = word_of(h, "x-forwarded-prefix");
}

static void tell(struct http_head *h, struct scratch *s, const char *name, struct span value)
{
	if (value.p)
		head_set(h, s, (struct span){ name, strlen(name) }, value);
}

void trust_tell(const struct trust_words *w, const struct exchange *x, struct http_head *h,
                struct scratch *s)
{
	char ip[IP_TEXT];

	if (!x->believed)
		return;
	if (w->addresses.n)
		tell(h, s, "X-Forwarded-For",
		     scratch_printf(s, "%.*s, %s", (int)w->addresses.n, w->addresses.p,
		                    x->arrival->ip));
	ip_text(&x->client, ip);
	tell(h, s, "X-Real-IP", (struct span){ ip, strlen(ip) });
	tell(h, s, "X-Forwarded-Proto",
	     x->client_tls ? (struct span){ "https", 5 } : (struct span){ "http", 4 });
	tell(h, s, "X-Forwarded-Host", w->host);
	tell(h, s, "X-Forwarded-Port", w->port);
	tell(h, s, "X-Forwarded-Prefix", w->prefix);
}
