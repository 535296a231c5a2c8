/* ctl.h - what the commands of knetctl share. */
#pragma once

#include <stdbool.h>

#include <yyjson.h>

#include <knetd/arena.h>
#include <knetd/object.h>

#include "args.h"
#include "client.h"

/* Each returns the exit status. */
int ctl_get(const struct ctl_args *a);
int ctl_describe(const struct ctl_args *a);
int ctl_apply(const struct ctl_args *a);
int ctl_create(const struct ctl_args *a);
int ctl_delete(const struct ctl_args *a);
int ctl_export(const struct ctl_args *a);
int ctl_status(const struct ctl_args *a);
int ctl_trace(const struct ctl_args *a);
int ctl_ui(const struct ctl_args *a);
int ctl_lb_test(const struct ctl_args *a);
int ctl_lb(const struct ctl_args *a);
int ctl_dns(const struct ctl_args *a);
int ctl_dns_watch(const struct ctl_args *a);
int ctl_logs_level(const struct ctl_args *a);
int ctl_upgrade(const struct ctl_args *a);
int ctl_version(const struct ctl_args *a);

/* "error: ..." on standard error; 1, which is the exit status. */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The daemon's refusal in kubectl's words; 1. doing: "error when creating \"x.yaml\": ", or "". */
int ctl_refused(const struct ctl_answer *answer, const char *doing);
/* The words of ctl_refused. Pure. */
void ctl_status_text(yyjson_val *status, const char *doing, struct buf *out);

const char *ctl_namespace(const struct ctl_args *a);
/* One request; false when it could not be made (told) . */
bool ctl_call(const struct ctl_args *a, const char *method, const char *path,
              struct ctl_answer *out);
bool ctl_send(const struct ctl_args *a, const char *method, const char *path, const char *type,
              const char *body, size_t n, struct ctl_answer *out);
struct ctl_request ctl_request(const struct ctl_args *a, const char *method, const char *path);
void ctl_print(const struct buf *b);

static inline void auto_answer_(struct ctl_answer *a)
{
	buf_free(&a->body);
}
#define auto_answer __attribute__((cleanup(auto_answer_)))
/* The answer's JSON, or NULL. */
yyjson_doc *ctl_json(const struct ctl_answer *a);

/* ---- what is asked for ------------------------------------------------------------------------
 */

struct item {
	enum kind kind;
	const char *name; /* NULL: all that are selected */
};
struct items {
	unsigned n;
	bool types; /* more than one kind is asked for */
	struct item v[CTL_WORDS];
};
/* TYPE[,TYPE] [NAME...] and TYPE/NAME..., from the words. Pure. */
int items_parse(unsigned n_words, const char *const *words, struct arena *a, struct items *out,
                struct err *e);
/* A kind by its plural, singular, short name or kind; with its version and group behind dots where
 * one likes. -1: none. Pure. */
int kind_by_word(const char *word, size_t n);
/* /apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME; ns NULL: of all, name NULL: the collection. */
void path_put(struct buf *out, enum kind kind, const char *ns, const char *name);
/* &name=value (or ?name=value where it is the first), percent-encoded. */
void query_put(struct buf *out, const char *name, const char *value);
/* "service/web", "ingress.networking.k8s.io/web". */
void name_put(struct buf *out, const char *kind, const char *api_version, const char *name);

/* ---- the manifests of -f ----------------------------------------------------------------------
 */

/* Calls each with the text of every file; false from it or a file that cannot be read ends it. */
typedef bool file_fn(void *arg, const char *path, const struct buf *text);
bool files_each(const struct ctl_args *a, file_fn *each, void *arg);
bool text_is_json(const struct buf *text);

/* ---- tables -----------------------------------------------------------------------------------
 */

struct columns;
#define TABLE_ACCEPT                                                                               \
	"application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g="      \
	"meta.k8s.io,application/json"
struct table {
	struct columns *to;
	bool wide, with_ns, with_kind, labels, no_headers;
	unsigned n;      /* columns of the last definitions */
	bool hidden[64]; /* wide ones that are not wanted */
	int headers_of;  /* the kind whose headers were printed last, -1 at first */
};
/* Rows, and headers where they are due, into t->to->text. False: no Table. */
bool table_put(struct table *t, enum kind kind, yyjson_val *table);
