/* api_yaml_write.c - JSON text as YAML, for clients that ask for it. */
#include <string.h>

#include <yaml.h>

#include <knetd/auto.h>

#include "api.h"
#include "api_yaml.h"

/* Quoted is what would be read as something else; lines are written as lines. What cannot be
 * written so in its place libyaml quotes by itself. */
static void emit_text(yaml_emitter_t *em, const char *s, size_t n, bool quoted)
{
	yaml_scalar_style_t style = quoted               ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
	                            : memchr(s, '\n', n) ? YAML_LITERAL_SCALAR_STYLE
	                                                 : YAML_PLAIN_SCALAR_STYLE;
	yaml_event_t ev;

	yaml_scalar_event_initialize(&ev, NULL, NULL, (const yaml_char_t *)s, n, 1, 1, style);
	yaml_emitter_emit(em, &ev);
}

static void emit(yaml_emitter_t *em, yyjson_val *v)
{
	yyjson_val *key, *item;
	yaml_event_t ev;
	size_t i, n;

	if (yyjson_is_obj(v)) {
		yaml_mapping_start_event_initialize(&ev, NULL, NULL, 1,
		                                    yyjson_obj_size(v) ? YAML_BLOCK_MAPPING_STYLE
		                                                       : YAML_FLOW_MAPPING_STYLE);
		yaml_emitter_emit(em, &ev);
		yyjson_obj_foreach (v, i, n, key, item) {
			emit(em, key);
			emit(em, item);
		}
		yaml_mapping_end_event_initialize(&ev);
		yaml_emitter_emit(em, &ev);
	} else if (yyjson_is_arr(v)) {
		yaml_sequence_start_event_initialize(&ev, NULL, NULL, 1,
		                                     yyjson_arr_size(v) ? YAML_BLOCK_SEQUENCE_STYLE
		                                                        : YAML_FLOW_SEQUENCE_STYLE);
		yaml_emitter_emit(em, &ev);
		yyjson_arr_foreach (v, i, n, item)
			emit(em, item);
		yaml_sequence_end_event_initialize(&ev);
		yaml_emitter_emit(em, &ev);
	} else if (yyjson_is_str(v)) {
		emit_text(em, yyjson_get_str(v), yyjson_get_len(v),
		          yaml_needs_quotes(yyjson_get_str(v), yyjson_get_len(v)));
	} else {
		auto_free char *text = yyjson_val_write(v, 0, &n);

		if (text)
			emit_text(em, text, n, false);
	}
}

static int append(void *data, unsigned char *p, size_t n)
{
	buf_add(data, p, n);
	return 1;
}

void yaml_write(const char *json, size_t n, struct buf *out)
{
	auto_doc yyjson_doc *doc = yyjson_read(json, n, 0);
	yaml_emitter_t em;
	yaml_event_t ev;

	if (!doc || !yaml_emitter_initialize(&em))
		return;
	yaml_emitter_set_output(&em, append, out);
	yaml_emitter_set_unicode(&em, 1);
	yaml_emitter_set_width(&em, -1);
	yaml_stream_start_event_initialize(&ev, YAML_UTF8_ENCODING);
	yaml_emitter_emit(&em, &ev);
	yaml_document_start_event_initialize(&ev, NULL, NULL, NULL, 1);
	yaml_emitter_emit(&em, &ev);
	emit(&em, yyjson_doc_get_root(doc));
	yaml_document_end_event_initialize(&ev, 1);
	yaml_emitter_emit(&em, &ev);
	yaml_stream_end_event_initialize(&ev);
	yaml_emitter_emit(&em, &ev);
	yaml_emitter_delete(&em);
}
