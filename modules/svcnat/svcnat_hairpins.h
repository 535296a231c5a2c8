/* svcnat_hairpins.h - addresses that are endpoints, each once, however many Services have them. */
#pragma once

#include <stdbool.h>

#include <knetd/ip.h>

/* Counts an address as an endpoint once more, or once less. */
void hairpin_count(const struct ip *ip, int by);
/* Calls fn for each whose being there has changed since the last call. */
void hairpins_changed(void (*fn)(const struct ip *ip, bool there, void *arg), void *arg);
void hairpins_forget(void);
