/* duration.c - see duration.h */
#include <stdlib.h>
#include <string.h>

#include <knetd/duration.h>

/* As many as the Gateway API allows: four parts of five digits. */
#define PARTS 4
#define PART_MAX 99999

int64_t duration_ms(const char *s)
{
	int64_t total = 0;

	for (unsigned parts = 0; *s && parts < PARTS; parts++) {
		char *unit;
		int64_t n = strtoll(s, &unit, 10);

		if (unit == s)
			break;
		n = n < 0 ? 0 : n > PART_MAX ? PART_MAX : n;
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
