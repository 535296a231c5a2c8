/* handover.h - what a control process leaves to the one that takes its place in the same process,
 * by exec (upgrade.h): open descriptors and a few words, each by name.
 *
 * Releases of different age meet here: a name, once given, keeps its meaning; whoever does not know
 * one lets it be, and what is not there is made anew. */
#pragma once

#include <stdbool.h>

#include <knetd/err.h>

#define HANDOVER_NAME 200

/* ---- what there is to take; nothing after an ordinary start ---------------------------------- */

/* Once, at the very start. True when somebody has left something. */
bool handover_begin(void);
/* There is this one too, from elsewhere (fd_store.h); it is handover's from now on. */
void handover_found(const char *name, int fd);
/* A copy of the first descriptor of that name that was not taken yet, the caller's; -1: none. */
int handover_take(const char *name);
/* "" when nothing was said. */
const char *handover_text(const char *key);
/* The originals are closed: there is no way back from here. */
void handover_end(void);

/* ---- what is to be left ---------------------------------------------------------------------- */

/* fd is left as long as it is open and not dropped. */
void handover_keep(const char *name, int fd);
void handover_drop(int fd);
void handover_drop_all(const char *name);
void handover_say(const char *key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Who has something that comes and goes, or cannot be left in the middle of it. Members may be
 * NULL. */
struct handover_giver {
	void (*stop)(void);   /* begin nothing new */
	bool (*quiet)(void);  /* nothing is in hand any more; asked each turn, but only so long */
	void (*give)(void);   /* keep and say: the exec is next */
	void (*resume)(void); /* it failed: go on */
};
void handover_add_giver(const struct handover_giver *g);
void handover_stop(void);
bool handover_quiet(void);
void handover_give(void);
void handover_resume(void);

/* ---- the exec -------------------------------------------------------------------------------- */

/* Becomes the binary behind exe with what is kept and said; returns only when that fails. */
int handover_exec(int exe, char *const *argv, struct err *e);
/* Becomes exe with what was received, all of it, and the word why ("failed"). Only what a signal
 * handler may do. Returns when it cannot. */
void handover_back(int exe, char *const *argv, const char *why);
