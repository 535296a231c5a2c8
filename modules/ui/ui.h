/* ui.h - the files of the status page, as they stand in the binary: packed by gzip. */
#pragma once

struct ui_file {
	const char *type;
	const char *begin, *end;
};
extern const struct ui_file ui_html, ui_css, ui_js;
