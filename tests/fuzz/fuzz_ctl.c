/* fuzz_ctl.c - what knetctl reads from others: any bytes as an answer, in pieces of any size, and
 * the body that comes of it as a table, as JSON text and as what a jsonpath walks over. The first
 * byte is the size of the pieces; the bytes up to the first NUL behind it are the template. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <knetd/auto.h>

#include "../../knetd/ctl/columns.h"
#include "../../knetd/ctl/ctl.h"
#include "../../knetd/ctl/json_text.h"
#include "../../knetd/ctl/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_answer(const char *p, size_t n, size_t piece)
{
	auto_answer struct ctl_answer out = { 0 };
	struct ctl_reader *r = ctl_reader_new(&out, NULL, NULL);
	int ret = 0;

	for (size_t at = 0; !ret && at < n; at += piece)
		ret = ctl_reader_feed(r, p + at, n - at < piece ? n - at : piece);
	if (!ret)
		ret = ctl_reader_feed(r, NULL, 0);
	if (ret < 0 && ret != -EPROTO && ret != -EMSGSIZE)
		abort();
	ctl_reader_free(r);
}

static void print_all(const char *template, yyjson_val *root)
{
	struct columns columns = { .least = 6, .pad = 3, .remember = true };
	struct table table = { .to = &columns, .wide = true, .labels = true, .headers_of = -1 };
	auto_buf struct buf out = { .max = 1 << 20 }, words = { 0 };
	struct err e = { 0 };

	table_put(&table, KIND_SERVICE, root);
	columns_flush(&columns, &out);
	json_text(&out, root, JSON_PRETTY, true);
	ctl_status_text(root, "", &words);
	buf_reset(&out);
	if (jsonpath_write(template, root, &out, &e) && !*e.text)
		abort();
	buf_free(&columns.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data + 1, *nul = size > 1 ? memchr(p, 0, size - 1) : NULL;
	auto_doc yyjson_doc *doc = NULL;
	size_t rest;

	if (size < 2)
		return 0;
	read_answer(p, size - 1, data[0] + 1u);
	if (!nul)
		return 0;
	rest = size - 1 - (nul + 1 - p);
	doc = yyjson_read(nul + 1, rest, 0);
	if (doc)
		print_all(p, yyjson_doc_get_root(doc));
	return 0;
}
