/* cni_config.h - how the files that read a CNI request (cni.c, cni_config.c, cni_ips.c ...) share
 * the work. Private to them. */
#pragma once

#include "cni.h"

/* A string member, "" when absent; a string with a NUL inside counts as absent. */
const char *cni_text(yyjson_val *obj, const char *key);
/* Any member, however its letters are written: containerd writes those of runtimeConfig in Go's
 * capitals. */
yyjson_val *cni_member(yyjson_val *obj, const char *key);

/* What every verb reads; checked by the caller. */
void cni_config_members(struct cni_request *r, yyjson_val *config);
/* ADD: an address manager that is not ours is refused. */
enum cni_code cni_config_ipam(yyjson_val *config, struct cni_error *er);
/* What the runtime and the user wish for this attachment: runtimeConfig and args.cni. */
enum cni_code cni_config_wishes(struct cni_request *r, yyjson_val *config, struct cni_error *er);

/* "10.1.2.3" or "10.1.2.3/24": the prefix length is the network's affair, not the asker's. */
enum cni_code cni_want_ip(struct cni_request *r, const char *text, struct cni_error *er);
enum cni_code cni_want_ips(struct cni_request *r, yyjson_val *list, struct cni_error *er);

/* runtimeConfig.portMappings; no two of them overlap. */
enum cni_code cni_ports_parse(struct cni_request *r, yyjson_val *list, struct cni_error *er);
/* [[{subnet, rangeStart, rangeEnd, gateway}]]: one address of each set; what names the member. */
enum cni_code cni_want_parts(struct cni_request *r, yyjson_val *sets, const char *what,
                             struct cni_error *er);
enum cni_code cni_want_mac(struct cni_request *r, const char *text, const char *what,
                           struct cni_error *er);

/* runtimeConfig.bandwidth, or without it the pod's annotations. */
enum cni_code cni_want_bandwidth(struct cni_request *r, yyjson_val *bandwidth,
                                 struct cni_error *er);
/* The object "sysctl" of the configuration. */
enum cni_code cni_want_sysctls(struct cni_request *r, yyjson_val *sysctls, struct cni_error *er);
/* As the member "dns" of a result; free with yyjson_doc_free. */
yyjson_doc *cni_dns_result(const struct cni_dns *d);
/* config.dns and runtimeConfig.dns; runtimeConfig.aliases. */
enum cni_code cni_want_dns(struct cni_request *r, yyjson_val *config, yyjson_val *runtime,
                           struct cni_error *er);
enum cni_code cni_want_aliases(struct cni_request *r, yyjson_val *aliases, struct cni_error *er);

/* One word of at most 253 visible bytes, so that no value can begin a line of its own. */
bool cni_is_word(const char *s); /* NULL is none */
/* RFC 1123 labels joined by dots (dots false: one label), as Kubernetes wants names. */
bool cni_is_dns_name(const char *s, bool dots);
