/* policy_events.h - Events on policies: that one selects no pod, that something in one cannot be
 * met. Each is looked at a while after its last change, when the pods it is made for have come too;
 * so one change is one Event at most of a kind, and a flood of changes is none. */
#pragma once

#include <knetd/module.h>

#define POLICY_EVENTS_WAIT_MS 3000

/* What changed; leaves c as it is. Before the plan is brought up to date. */
void policy_events_note(const struct changes *c);
void policy_events_forget(void);
