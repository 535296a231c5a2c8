/* certs_read.c - see certs_read.h */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/tls.h>

#include "certs_read.h"

static int no_key(const char *key, struct err *e)
{
	return err_set(e, EINVAL, "it has no %s", key);
}

/* A value of a Secret, or of a ConfigMap, in text or binary. */
static int add_value(yyjson_val *root, enum kind kind, const char *key, struct buf *out,
                     struct err *e)
{
	yyjson_val *v = yyjson_obj_get(json_at(root, "data"), key);
	bool coded = kind == KIND_SECRET;
	int64_t n = -1;
	size_t len, bad;
	char *room;

	if (!v && kind == KIND_CONFIGMAP) {
		v = yyjson_obj_get(json_at(root, "binaryData"), key);
		coded = true;
	}
	if (!yyjson_get_len(v) || !yyjson_is_str(v))
		return no_key(key, e);
	len = yyjson_get_len(v);
	room = buf_room(out, len + 1);
	if (room && coded)
		n = base64_read(yyjson_get_str(v), len, room, &bad);
	else if (room)
		n = memcpy(room, yyjson_get_str(v), len) ? (int64_t)len : -1;
	if (n < 0)
		return err_set(e, EINVAL, "its %s cannot be read", key);
	out->len += n;
	buf_add(out, "\n", 1);
	return 0;
}

/* ---- names ------------------------------------------------------------------------------------
 */

static bool host_like(const struct x509_part *text)
{
	for (size_t i = 0; i < text->n; i++)
		if (!isalnum(text->p[i]) && !strchr("-._*", text->p[i] ? text->p[i] : '/'))
			return false;
	return text->n && text->n < 254;
}

static void add_name(struct buf *names, const struct x509_part *text)
{
	if (!host_like(text))
		return;
	for (size_t i = 0; i < text->n; i++) {
		char c = (char)tolower(text->p[i]);

		buf_add(names, &c, 1);
	}
	buf_add(names, "", 1);
}

/* The common name counts where there is no subjectAltName (RFC 6125 6.4.4). */
static void add_names(struct buf *names, const struct x509_info *info)
{
	struct x509_part rest = info->alt_names, text;
	const struct x509_part cn = { (const uint8_t *)info->common_name,
		                      strlen(info->common_name) };
	enum x509_alt type;

	if (!rest.n)
		add_name(names, &cn);
	for (unsigned n = 0; n < CERTS_NAMES_MAX && x509_alt_next(&rest, &type, &text); n++)
		if (type == X509_ALT_DNS)
			add_name(names, &text);
}

int certs_read_names(const char *pem, size_t n, struct buf *names, struct err *e)
{
	struct tls_identity *id = NULL;
	int ret = tls_identity_new(&id, pem, n, e);

	if (ret)
		return ret;
	add_names(names, tls_identity_info(id));
	tls_identity_unref(id);
	return 0;
}

/* ---- objects ----------------------------------------------------------------------------------
 */

int certs_read_pair(const struct object *o, struct buf *pem, struct buf *names, struct err *e)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	yyjson_val *root = yyjson_doc_get_root(doc);
	const char *type = json_str(root, "type");
	int ret;

	if (!type || strcmp(type, "kubernetes.io/tls") != 0)
		return err_set(e, EINVAL, "its type is %s, not kubernetes.io/tls",
		               type ? type : "Opaque");
	ret = add_value(root, o->kind, "tls.crt", pem, e);
	if (!ret)
		ret = add_value(root, o->kind, "tls.key", pem, e);
	return ret ? ret : certs_read_names(pem->data, pem->len, names, e);
}

int certs_read_ca(const struct object *o, struct buf *pem, struct err *e)
{
	auto_doc yyjson_doc *doc = object_doc(o);
	auto_buf struct buf anchors = { 0 };
	int ret = add_value(yyjson_doc_get_root(doc), o->kind, "ca.crt", pem, e);

	return ret ? ret : tls_anchors_read(&anchors, pem->data, pem->len, e);
}
