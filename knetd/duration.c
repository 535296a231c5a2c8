/* duration.c - see duration.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/duration.h>

int64_t duration_ms(const char *s)
{
	int64_t total = 0;

	while (*s) {
		char *unit;
		int64_t n = strtol(s, &unit, 10);

		if (unit == s)
			break;
		if (!strncmp(unit, "ms", 2)) {
			total += n;
			s = unit + 2;
			continue;
		}
		total += n * (*unit == 'h' ? 3600000 : *unit == 'm' ? 60000 : 1000);
		s = *unit ? unit + 1 : unit;
	}
	return total;
}
