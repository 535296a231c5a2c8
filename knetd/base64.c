/* base64.c - RFC 4648 read; buf.c writes it. */
#include <knetd/buf.h>

static int digit_value(char ch)
{
	if (ch >= 'A' && ch <= 'Z')
		return ch - 'A';
	if (ch >= 'a' && ch <= 'z')
		return ch - 'a' + 26;
	if (ch >= '0' && ch <= '9')
		return ch - '0' + 52;
	return ch == '+' ? 62 : ch == '/' ? 63 : -1;
}

int64_t base64_read(const char *s, size_t n, char *out, size_t *bad)
{
	size_t digits = 0, pads = 0, len = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		int v = digit_value(s[i]);

		*bad = i;
		if (s[i] == '\n' || s[i] == '\r')
			continue;
		if (s[i] == '=' && digits % 4 + pads >= 2 && digits % 4 + pads < 4) {
			pads++;
			continue;
		}
		if (v < 0 || pads)
			return -1;
		bits = bits << 6 | v;
		if (++digits % 4 == 1)
			continue;
		if (out)
			out[len] = bits >> (6 - 2 * ((digits - 1) % 4));
		len++;
	}
	*bad = n;
	return (digits + pads) % 4 ? -1 : (int64_t)len;
}
