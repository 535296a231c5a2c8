/* ingress_log_text.c - a request as a line of the access log, one JSON object:
 *
 *   {"time":"2026-11-27T17:07:18.123Z","client":"10.0.0.9","client_port":40212,"method":"GET",
 *    "host":"shop.example","target":"/cart?id=7","protocol":"HTTP/1.1","status":200,"bytes":1024,
 *    "bytes_received":0,"duration":0.001234,"upstream":"10.244.0.7:8080","tries":1,
 *    "backend":"default/web:80","route":"HTTPRoute/default/shop","rule":"cart","tls":"TLSv1.2",
 *    "user_agent":"curl/8.5.0","cut":true}
 *
 * What there is not is left out: upstream when nothing was asked, status when no answer was given,
 * tls when there was none, cut when the answer was whole. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <knetd/ip.h>

#include "proxy_log.h"

struct line {
	char *p;
	size_t n, size;
};

static void put(struct line *l, const char *text, size_t n)
{
	if (n <= l->size - l->n)
		memcpy(l->p + l->n, text, n);
	l->n = n <= l->size - l->n ? l->n + n : l->size;
}

static void __attribute__((format(printf, 2, 3))) put_f(struct line *l, const char *fmt, ...)
{
	char text[160];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(l, text, n > 0 && n < (int)sizeof(text) ? (size_t)n : 0);
}

/* Bytes that are no ASCII are told one by one: what clients send need not be UTF-8. */
static void put_text(struct line *l, const char *name, const char *p, size_t n)
{
	put_f(l, ",\"%s\":\"", name);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c >= 0x7f)
			put_f(l, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			put(l, (char[]){ '\\', (char)c }, 2);
		else
			put(l, p + i, 1);
	}
	put(l, "\"", 1);
}

static void put_time(struct line *l, uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / 1000000000);
	struct tm tm;
	char text[32];

	if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm))
		text[0] = '\0';
	put_f(l, "{\"time\":\"%s.%03uZ\"", text, (unsigned)(unix_ns / 1000000 % 1000));
}

static const char *address(const uint8_t *b, uint8_t len, char out[static IP_TEXT])
{
	struct ip ip = { .len = len == 4 ? 4 : 16 };

	memcpy(ip.b, b, ip.len);
	return ip_text(&ip, out);
}

static void put_texts(struct line *l, const struct proxy_log_record *r, unsigned from, unsigned to)
{
	static const char *const names[LOG_TEXTS] = {
		[LOG_METHOD] = "method",    [LOG_HOST] = "host",   [LOG_TARGET] = "target",
		[LOG_AGENT] = "user_agent", [LOG_ROUTE] = "route", [LOG_RULE] = "rule",
		[LOG_BACKEND] = "backend",
	};
	size_t at = 0;

	for (unsigned i = 0; i < to && at + r->n[i] <= sizeof(r->text); at += r->n[i], i++)
		if (i >= from && r->n[i])
			put_text(l, names[i], r->text + at, r->n[i]);
}

size_t ingress_log_text(const struct proxy_log_record *r, uint64_t unix_ns, char *out, size_t size)
{
	static const char *const versions[] = { "1.0", "1.1", "2" };
	struct line l = { out, 0, size };
	char ip[IP_TEXT];
	bool six = r->upstream_len == 16;

	put_time(&l, unix_ns);
	put_f(&l, ",\"client\":\"%s\",\"client_port\":%u", address(r->client, r->client_len, ip),
	      r->client_port);
	put_texts(&l, r, LOG_METHOD, LOG_AGENT);
	put_f(&l, ",\"protocol\":\"HTTP/%s\"", versions[r->version <= LOG_HTTP_2 ? r->version : 0]);
	if (r->status)
		put_f(&l, ",\"status\":%u", r->status);
	put_f(&l, ",\"bytes\":%llu,\"bytes_received\":%llu,\"duration\":%llu.%06u",
	      (unsigned long long)r->bytes_down, (unsigned long long)r->bytes_up,
	      (unsigned long long)(r->took / 1000000000), (unsigned)(r->took / 1000 % 1000000));
	if (r->upstream_len)
		put_f(&l, ",\"upstream\":\"%s%s%s:%u\"", six ? "[" : "",
		      address(r->upstream, r->upstream_len, ip), six ? "]" : "", r->upstream_port);
	put_f(&l, ",\"tries\":%u", r->tries);
	put_texts(&l, r, LOG_AGENT, LOG_TEXTS);
	if (r->tls)
		put_f(&l, ",\"tls\":\"TLSv1.2\"");
	if (r->cut)
		put_f(&l, ",\"cut\":true");
	put(&l, "}", 1);
	return l.n < size ? l.n : 0;
}
