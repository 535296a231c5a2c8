/* cni.h - the documents of the Container Network Interface (specification 1.1.0): versions, results
 * and errors. The daemon writes them as answers, the plugin where it answers itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <yyjson.h>

#include <knetd/buf.h>
#include <knetd/ip.h>

enum cni_version { CNI_0_3_1, CNI_0_4_0, CNI_1_0_0, CNI_1_1_0, CNI_VERSIONS };
extern const char *const cni_version_name[CNI_VERSIONS];
/* -1 for a version that is not spoken here. */
int cni_version_find(const char *text);

/* Section 5, "Error codes"; 100 and up are a plugin's own. */
enum cni_code {
	CNI_OK = 0,
	CNI_VERSION_UNKNOWN = 1,
	CNI_UNSUPPORTED_FIELD = 2,
	CNI_UNKNOWN_CONTAINER = 3,
	CNI_BAD_ENVIRONMENT = 4,
	CNI_IO = 5,
	CNI_DECODE = 6,
	CNI_BAD_CONFIG = 7,
	CNI_TRY_AGAIN = 11,
	CNI_NOT_AVAILABLE = 50, /* STATUS: an ADD would fail */
	CNI_LIMITED = 51,       /* STATUS: and pods that are there may be cut off */
	CNI_CHECK_FAILED = 100,
};

struct cni_error {
	enum cni_code code;
	char msg[256];
	char details[256]; /* "" for none */
};
/* Returns code, so that `return cni_error_set(er, ...)` reads well. */
enum cni_code cni_error_set(struct cni_error *er, enum cni_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* version NULL, or one that is not spoken here: the newest one. */
void cni_error_write(struct buf *out, const struct cni_error *er, const char *version);

/* The answer to VERSION. */
void cni_versions_write(struct buf *out, const char *version);

#define CNI_RESULT_MAX 8 /* interfaces or addresses that we add to a result */

struct cni_interface {
	const char *name, *mac;
	const char *sandbox; /* NULL: on the host */
	unsigned mtu;        /* 0: not told */
};
struct cni_address {
	struct ip ip;
	unsigned bits, interface; /* interface: index in our own list */
	struct ip gateway;        /* len 0: none. Else a default route goes there */
};
struct cni_result {
	enum cni_version version;
	yyjson_val
		*prev; /* result of the plugin before us in the chain, NULL for none: goes first */
	yyjson_val *dns; /* NULL for none */
	unsigned n_interfaces, n_addresses;
	struct cni_interface interfaces[CNI_RESULT_MAX];
	struct cni_address addresses[CNI_RESULT_MAX];
};
/* Members that the version does not know yet are left out of prev's entries, those that it wants
 * are put in: prev may be of any version. */
void cni_result_write(struct buf *out, const struct cni_result *r);
