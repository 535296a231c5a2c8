/* ui_files.c - the page's files, put into the binary by the assembler. The Makefile packs them. */
#include "ui.h"

#ifndef UI_PACKED
#define UI_PACKED "build/ui/"
#endif

#define UI_FILE(name, file, mime)                                                                  \
	__asm__(".pushsection .rodata.ui,\"a\",%progbits\n"                                        \
	        "ui_" #name "_begin:\n"                                                            \
	        ".incbin \"" UI_PACKED file ".gz\"\n"                                              \
	        "ui_" #name "_end:\n"                                                              \
	        ".popsection\n");                                                                  \
	extern const char ui_##name##_begin[] __attribute__((visibility("hidden"))),               \
		ui_##name##_end[] __attribute__((visibility("hidden")));                           \
	const struct ui_file ui_##name = { mime, ui_##name##_begin, ui_##name##_end }

UI_FILE(html, "ui.html", "text/html; charset=utf-8");
UI_FILE(css, "ui.css", "text/css; charset=utf-8");
UI_FILE(js, "ui.js", "text/javascript; charset=utf-8");
