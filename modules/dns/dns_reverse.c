/* dns_reverse.c - see dns_reverse.h */
#include "dns_reverse.h"

static int nibble(const uint8_t *label)
{
	if (label[0] != 1)
		return -1;
	return label[1] >= '0' && label[1] <= '9'   ? label[1] - '0'
	       : label[1] >= 'a' && label[1] <= 'f' ? label[1] - 'a' + 10
	                                            : -1;
}

static int octet(const uint8_t *label)
{
	int v = 0;

	if (label[0] < 1 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return -1;
	for (unsigned i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return -1;
		v = v * 10 + label[i] - '0';
	}
	return v <= 255 ? v : -1;
}

bool dns_reverse_parse(const struct dns_name *name, struct dns_reverse *r)
{
	unsigned n = name->n_labels;
	bool v6;

	if (n < 2 || !dns_label_is(name->p + name->label[n - 1], "arpa"))
		return false;
	v6 = dns_label_is(name->p + name->label[n - 2], "ip6");
	if (!v6 && !dns_label_is(name->p + name->label[n - 2], "in-addr"))
		return false;
	*r = (struct dns_reverse){ .ip.len = v6 ? 16 : 4, .step = v6 ? 4 : 8 };
	for (n -= 2; n && r->bits < r->ip.len * 8u; n--) {
		const uint8_t *label = name->p + name->label[n - 1];
		int v = v6 ? nibble(label) : octet(label);

		if (v < 0)
			break;
		r->ip.b[r->bits / 8] |= (uint8_t)(v6 && r->bits % 8 == 0 ? v << 4 : v);
		r->bits += r->step;
	}
	r->exact = !n && r->bits == r->ip.len * 8u;
	return true;
}
