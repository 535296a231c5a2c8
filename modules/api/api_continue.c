/* api_continue.c - see api_continue.h */
#include <string.h>

#include <knetd/auto.h>
#include <knetd/buf.h>
#include <knetd/object.h>

#include "api_continue.h"

#define TOKEN_MAX 2048

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* RFC 4648, 5; without padding. */
static const char *encode(struct arena *a, const char *p, size_t n)
{
	char *out = arena_alloc(a, (n + 2) / 3 * 4 + 1), *to = out;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (unsigned char)p[i] << 16;

		v |= i + 1 < n ? (unsigned char)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned char)p[i + 2] : 0;
		for (unsigned k = 0; k < 4 && i + k <= n; k++)
			*to++ = alphabet[v >> (18 - 6 * k) & 63];
	}
	return out;
}

static const char *decode(struct arena *a, const char *s, size_t *n)
{
	char *out = arena_alloc(a, strlen(s) + 1);
	uint32_t v = 0;
	unsigned bits = 0;

	for (*n = 0; *s; s++) {
		const char *at = strchr(alphabet, *s);

		if (!at)
			return NULL;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[(*n)++] = (char)(v >> bits);
		}
	}
	return bits < 6 ? out : NULL; /* one letter alone is no byte */
}

const char *continue_write(struct arena *a, const struct continue_token *t)
{
	auto_buf struct buf b = { 0 };

	buf_printf(&b, "{\"v\":\"meta.k8s.io/v1\",\"rv\":%lld,\"start\":", (long long)t->version);
	buf_json(&b, t->after, strlen(t->after) + 1); /* the NUL: the first key behind */
	buf_str(&b, "}");
	return encode(a, b.data, b.len);
}

const char *continue_read(const char *text, struct arena *a, struct continue_token *out)
{
	size_t n;
	const char *json = strlen(text) < TOKEN_MAX ? decode(a, text, &n) : NULL, *v;
	auto_doc yyjson_doc *doc = json ? yyjson_read(json, n, 0) : NULL;
	yyjson_val *root = yyjson_doc_get_root(doc), *start = yyjson_obj_get(root, "start");
	size_t len = yyjson_get_len(start);

	if (!yyjson_is_obj(root))
		return "continue key is not valid";
	v = json_str(root, "v");
	if (!v || strcmp(v, "meta.k8s.io/v1") != 0)
		return "continue key is not valid: server does not recognize this encoded version";
	out->version = json_int(root, "rv", 0);
	if (!out->version || out->version < -1)
		return "continue key is not valid: incorrect encoded start resourceVersion "
		       "(version meta.k8s.io/v1)";
	if (!yyjson_is_str(start) || len < 2)
		return "continue key is not valid: encoded start key empty (version "
		       "meta.k8s.io/v1)";
	if (yyjson_get_str(start)[len - 1] || strlen(yyjson_get_str(start)) != len - 1)
		return "continue key is not valid";
	out->after = arena_strdup(a, yyjson_get_str(start));
	return NULL;
}
