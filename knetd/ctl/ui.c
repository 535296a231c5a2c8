/* ui.c - `ui`: where a browser finds the status page, with the token where the door wants one. The
 * token is read by whoever runs this from the kubeconfig beside the socket: the API gives none. */
#include <stdio.h>
#include <string.h>

#include <knetd/auto.h>
#include <knetd/file.h>

#include "ctl.h"

#define KUBECONFIG_MAX (64 << 10)

/* The address of the first door of that type; NULL when there is none. */
static const char *door(yyjson_val *status, const char *type)
{
	yyjson_val *doors = yyjson_obj_get(status, "doors"), *v;
	size_t i, n;

	yyjson_arr_foreach (doors, i, n, v) {
		const char *is = json_str(v, "type");

		if (is && !strcmp(is, type))
			return json_str(v, "address");
	}
	return NULL;
}

/* Listening on all addresses is reached by the loopback one. */
static void put_address(struct buf *out, const char *address)
{
	static const char *const all[][2] = { { "://0.0.0.0:", "://127.0.0.1:" },
		                              { "://[::]:", "://[::1]:" } };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const char *at = strstr(address, all[i][0]);

		if (!at)
			continue;
		buf_add(out, address, at - address);
		buf_str(out, all[i][1]);
		address = at + strlen(all[i][0]);
	}
	buf_str(out, address);
	buf_str(out, "/ui");
}

static bool put_token(struct buf *out, const char *socket)
{
	const char *end = strrchr(socket, '/'), *token;
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };
	char path[512];

	snprintf(path, sizeof(path), "%.*s/kubeconfig", end ? (int)(end - socket) : 1,
	         end ? socket : ".");
	if (file_read(path, KUBECONFIG_MAX, &text, &e)) {
		ctl_fail("%s: %s", path, e.text);
		return false;
	}
	token = strstr(text.data, " token: ");
	if (!token) {
		ctl_fail("%s has no token", path);
		return false;
	}
	token += strlen(" token: ");
	buf_str(out, "#token=");
	buf_add(out, token, strcspn(token, "\r\n"));
	return true;
}

int ctl_ui(const struct ctl_args *a)
{
	auto_answer struct ctl_answer answer = { 0 };
	auto_buf struct buf out = { 0 };
	auto_doc yyjson_doc *doc = NULL;
	const char *address;

	if (!ctl_call(a, "GET", "/knetd/v1/status", &answer))
		return 1;
	doc = ctl_json(&answer);
	if (answer.status != 200 || !doc)
		return ctl_refused(&answer, "");
	if ((address = door(yyjson_doc_get_root(doc), "http"))) {
		put_address(&out, address);
	} else if ((address = door(yyjson_doc_get_root(doc), "https"))) {
		put_address(&out, address);
		if (!put_token(&out, ctl_request(a, "GET", "/").socket))
			return 1;
	} else {
		return ctl_fail(
			"the API has no TCP door: [api] listen and insecure_listen are empty");
	}
	buf_str(&out, "\n");
	ctl_print(&out);
	return 0;
}
