/* cni_bandwidth.c - how fast a pod may send and receive: the bandwidth capability, or Kubernetes'
 * annotations where the runtime does not pass it on. */
#include <ctype.h>
#include <string.h>

#include "cni_config.h"

#define RATE_MIN 1000ull /* as Kubernetes: 1k to 1P */
#define RATE_MAX 1000000000000000ull
#define BURST_MAX 4294967295ull /* bits; containerd gives this for "none" */

static enum cni_code read_number(yyjson_val *obj, const char *key, uint64_t *out,
                                 struct cni_error *er)
{
	yyjson_val *v = cni_member(obj, key);

	if (v && !yyjson_is_uint(v))
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "runtimeConfig.bandwidth.%s is no whole number", key);
	*out = yyjson_get_uint(v);
	return CNI_OK;
}

static enum cni_code check_rate(uint64_t rate, const char *what, struct cni_error *er)
{
	if (rate < RATE_MIN || rate > RATE_MAX)
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "%s: a rate is from 1k to 1P bits a second", what);
	return CNI_OK;
}

static enum cni_code read_pair(yyjson_val *obj, const char *rate_key, const char *burst_key,
                               struct cni_rate *out, struct cni_error *er)
{
	uint64_t rate = 0, burst = 0;
	enum cni_code code = read_number(obj, rate_key, &rate, er);

	if (!code)
		code = read_number(obj, burst_key, &burst, er);
	if (code || (!rate && (!burst || burst == BURST_MAX)))
		return code;
	if (!rate || !burst)
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "runtimeConfig.bandwidth: %s is set and %s is not",
		                     rate ? rate_key : burst_key, rate ? burst_key : rate_key);
	if (burst > BURST_MAX)
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "runtimeConfig.bandwidth.%s: more than 4294967295 bits",
		                     burst_key);
	*out = (struct cni_rate){ .rate = rate, .burst = burst == BURST_MAX ? 0 : (burst + 7) / 8 };
	return check_rate(rate, rate_key, er);
}

/* ---- annotations ---------------------------------------------------------------------------- */

static const struct {
	const char *suffix;
	uint64_t factor;
} suffixes[] = {
	{ "", 1 },
	{ "k", 1000 },
	{ "M", 1000000 },
	{ "G", 1000000000 },
	{ "T", 1000000000000 },
	{ "P", 1000000000000000 },
	{ "Ki", 1ull << 10 },
	{ "Mi", 1ull << 20 },
	{ "Gi", 1ull << 30 },
	{ "Ti", 1ull << 40 },
};

/* A quantity of Kubernetes, as far as rates go: digits, perhaps a fraction, a suffix. */
static bool read_quantity(const char *s, uint64_t *out)
{
	uint64_t whole = 0, part = 0, unit = 1;
	const char *start = s;

	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*s - '0'), &whole))
			return false;
	if (s == start)
		return false;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s) && unit < 1000; s++, unit *= 10)
			part = part * 10 + (uint64_t)(*s - '0');
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++)
		if (!strcmp(s, suffixes[i].suffix))
			return !__builtin_mul_overflow(whole, suffixes[i].factor, out) &&
			       !__builtin_add_overflow(*out, suffixes[i].factor / unit * part, out);
	return false;
}

static enum cni_code read_annotation(yyjson_val *annotations, const char *key, struct cni_rate *out,
                                     struct cni_error *er)
{
	const char *text = yyjson_get_str(yyjson_obj_get(annotations, key));

	if (!text)
		return CNI_OK;
	if (!read_quantity(text, &out->rate))
		return cni_error_set(er, CNI_BAD_CONFIG,
		                     "annotation %s: \"%.32s\" is no quantity like 10M", key, text);
	return check_rate(out->rate, key, er);
}

enum cni_code cni_want_bandwidth(struct cni_request *r, yyjson_val *bandwidth, struct cni_error *er)
{
	enum cni_code code;

	if (!bandwidth || yyjson_is_null(bandwidth)) {
		code = read_annotation(r->annotations, "kubernetes.io/ingress-bandwidth",
		                       &r->ingress, er);
		return code ? code
		            : read_annotation(r->annotations, "kubernetes.io/egress-bandwidth",
		                              &r->egress, er);
	}
	if (!yyjson_is_obj(bandwidth))
		return cni_error_set(er, CNI_BAD_CONFIG, "runtimeConfig.bandwidth is no object");
	code = read_pair(bandwidth, "ingressRate", "ingressBurst", &r->ingress, er);
	return code ? code : read_pair(bandwidth, "egressRate", "egressBurst", &r->egress, er);
}
