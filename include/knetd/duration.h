/* duration.h - durations as Gateway API writes them (GEP-2257): "1h30m", "500ms", "0s". */
#pragma once

#include <stdint.h>

/* Milliseconds, at most 4 times 99999 hours; what is not one any more is left out. */
int64_t duration_ms(const char *s);
