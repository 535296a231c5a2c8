/* api_status.c - answers: objects as they are stored, and Status for everything else (Kubernetes
 * API conventions, "Response Status Kind"). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/conf.h>

#include "api_form.h"
#include "api_table.h"

const char *qualified_plural(struct arena *a, enum kind kind)
{
	const struct kind_info *k = &kind_info[kind];

	return *k->group ? arena_printf(a, "%s.%s", k->plural, k->group) : k->plural;
}

/* Length of the UTF-8 character at s (RFC 3629), 0 when it is none. */
static size_t character(const unsigned char *s)
{
	size_t n = s[0] < 0x80                   ? 1
	           : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
	           : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
	           : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
	                                         : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* A character that was cut by the end is none: what follows it is looked at, and a NUL stands
 * behind every body. */
bool utf8_valid(const char *s, size_t n)
{
	while (n) {
		size_t k = character((const unsigned char *)s);

		if (!k || k > n)
			return false;
		s += k;
		n -= k;
	}
	return true;
}

void put_text(struct buf *b, const char *s)
{
	auto_buf struct buf clean = { 0 };

	while (*s) {
		size_t n = character((const unsigned char *)s);

		if (n)
			buf_add(&clean, s, n);
		else
			buf_str(&clean, "\xef\xbf\xbd");
		s += n ? n : 1;
	}
	buf_json(b, clean.len ? clean.data : "", clean.len);
}

void answer_done(struct call *c)
{
	struct buf *b = &c->answer->body;
	struct buf yaml = { 0 };

	if (c->form != FORM_YAML) {
		buf_add(b, "\n", 1);
		return;
	}
	yaml_write(b->data, b->len, &yaml);
	buf_free(b);
	*b = yaml;
	c->answer->content_type = "application/yaml";
}

struct details {
	const char *name, *group, *kind, *uid;
	const struct causes *causes;
};

static void write_details(struct buf *b, const struct details *d)
{
	const char *sep = "";

	buf_str(b, ",\"details\":{");
#define MEMBER(key, text)                                                                          \
	if ((text) && *(text)) {                                                                   \
		buf_printf(b, "%s\"" key "\":", sep);                                              \
		put_text(b, text);                                                                 \
		sep = ",";                                                                         \
	}
	MEMBER("name", d->name)
	MEMBER("group", d->group)
	MEMBER("kind", d->kind)
	MEMBER("uid", d->uid)
#undef MEMBER
	if (d->causes && d->causes->n) {
		buf_printf(b, "%s\"causes\":[", sep);
		for (unsigned i = 0; i < d->causes->n; i++) {
			const struct cause *x = &d->causes->v[i];

			buf_printf(b, "%s{\"reason\":\"%s\",\"message\":", i ? "," : "", x->reason);
			put_text(b, x->message);
			buf_str(b, ",\"field\":");
			put_text(b, x->field);
			buf_str(b, "}");
		}
		buf_str(b, "]");
	}
	buf_str(b, "}");
}

static void write_status(struct call *c, unsigned code, const char *reason, const char *message,
                         const struct details *d)
{
	struct buf *b = &c->answer->body;

	buf_reset(b);
	c->answer->status = code;
	c->answer->content_type = "application/json";
	buf_printf(b,
	           "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"%s\"",
	           code < 400 ? "Success" : "Failure");
	if (message) {
		buf_str(b, ",\"message\":");
		put_text(b, message);
	}
	if (reason)
		buf_printf(b, ",\"reason\":\"%s\"", reason);
	if (d)
		write_details(b, d);
	if (code >= 400)
		buf_printf(b, ",\"code\":%u", code);
	buf_str(b, "}");
	answer_done(c);
}

void status_fail(struct call *c, unsigned code, const char *reason, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	write_status(c, code, reason, message, NULL);
}

static void invalid(struct call *c, const struct details *d)
{
	const struct causes *causes = d->causes;
	struct buf b = { 0 };

	if (causes->n && !strcmp(causes->v[0].reason, "InternalError")) { /* a range is full */
		status_fail(c, 500, "InternalError", "Internal error occurred%s",
		            strchr(causes->v[0].message, ':'));
		return;
	}
	buf_printf(&b, "%s%s%s \"%s\" is invalid: ", d->kind, *d->group ? "." : "", d->group,
	           d->name);
	if (causes->n > 1)
		buf_str(&b, "[");
	for (unsigned i = 0; i < causes->n; i++)
		buf_printf(&b, "%s%s: %s", i ? ", " : "", causes->v[i].field, causes->v[i].message);
	if (causes->n > 1)
		buf_str(&b, "]");
	buf_add(&b, "", 1);
	write_status(c, 422, "Invalid", b.data, d);
	buf_free(&b);
}

void status_invalid(struct call *c, enum kind kind, const char *name, const struct causes *causes)
{
	invalid(c, &(struct details){ name, kind_info[kind].group, kind_info[kind].kind, NULL,
	                              causes });
}

void status_invalid_options(struct call *c, const char *kind, const struct causes *causes)
{
	invalid(c, &(struct details){ "", "meta.k8s.io", kind, NULL, causes });
}

static void about(struct call *c, unsigned code, const char *reason, enum kind kind,
                  const char *name, const char *what)
{
	struct details d = { name, kind_info[kind].group, kind_info[kind].plural, NULL, NULL };

	write_status(c, code, reason,
	             arena_printf(&c->arena, "%s \"%s\" %s", qualified_plural(&c->arena, kind),
	                          name, what),
	             &d);
}

void status_not_found(struct call *c, enum kind kind, const char *name)
{
	about(c, 404, "NotFound", kind, name, "not found");
}

void status_exists(struct call *c, enum kind kind, const char *name, bool generated)
{
	about(c, 409, "AlreadyExists", kind, name,
	      generated ? "already exists, the server was not able to generate a unique name for "
	                  "the object"
	                : "already exists");
}

void status_forbidden(struct call *c, enum kind kind, const char *name, const char *why,
                      const struct causes *causes)
{
	struct details d = { name, kind_info[kind].group, kind_info[kind].plural, NULL, causes };

	write_status(c, 403, "Forbidden",
	             arena_printf(&c->arena, "%s \"%s\" is forbidden: %s",
	                          qualified_plural(&c->arena, kind), name, why),
	             &d);
}

void status_conflict(struct call *c, enum kind kind, const char *name, const char *why)
{
	struct details d = { name, kind_info[kind].group, kind_info[kind].plural, NULL, NULL };

	write_status(c, 409, "Conflict",
	             arena_printf(&c->arena, "Operation cannot be fulfilled on %s \"%s\": %s",
	                          qualified_plural(&c->arena, kind), name, why),
	             &d);
}

void status_apply_conflict(struct call *c, const char *message, const struct causes *causes)
{
	struct details d = { .causes = causes };

	write_status(c, 409, "Conflict", message, &d);
}

void status_error(struct call *c, const struct err *e)
{
	if (e->code == ENOSPC)
		status_fail(c, 507, "InsufficientStorage", "%s", e->text);
	else if (e->code == EINVAL) /* the store's only wish about a good object */
		status_fail(c, 413, "RequestEntityTooLarge", "%s", e->text);
	else
		status_fail(c, 500, "InternalError", "%s", e->text);
}

void status_deleted(struct call *c, const struct object *o)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	struct details d = { o->name, kind_info[o->kind].group, kind_info[o->kind].plural,
		             json_str(yyjson_doc_get_root(doc), "metadata.uid"), NULL };

	write_status(c, 200, NULL, NULL, &d);
}

void answer_object(struct call *c, unsigned code, const struct object *o)
{
	c->answer->status = code;
	if (form_is_table(c->form)) {
		table_build(&c->answer->body, o, table_object_wanted(c->http->query), true,
		            c->form);
	} else {
		form_put_object(&c->answer->body, o, c->target.version, c->form);
	}
	answer_done(c);
}

void answer_warning(struct call *c, const char *text)
{
	struct buf *h = &c->answer->headers;

	if (h->len > 4096) /* there is an end to what a client reads */
		return;
	buf_str(h, "Warning: 299 - ");
	put_text(h, text);
	buf_str(h, "\r\n");
}

void answer_idle(struct call *c, enum kind kind)
{
	if ((kind == KIND_NETWORKPOLICY || kind == KIND_CLUSTERNETWORKPOLICY) &&
	    !conf.policy.enabled)
		answer_warning(c, arena_printf(&c->arena,
		                               "%s is stored, and not in force: [policy] "
		                               "enabled = no",
		                               kind_info[kind].kind));
}

void answer_unknown_fields(struct call *c, const struct causes *causes)
{
	for (unsigned i = 0; !c->ignore_unknown && i < causes->n_unknown; i++)
		answer_warning(
			c, arena_printf(&c->arena, "unknown field \"%.200s\"", causes->unknown[i]));
}
