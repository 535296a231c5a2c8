/* cni.h - a CNI call as the daemon gets it: the plugin's environment and network configuration,
 * read strictly. Pure: no kernel, no store. */
#pragma once

#include <knetd/arena.h>
#include <knetd/cni.h>
#include <knetd/ip.h>

enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERBS };

#define CNI_CONTAINER_MAX 200 /* characters; the link's alias must hold it (IFALIASZ 256) */
#define CNI_FAMILIES 2
#define CNI_PORTS_MAX 256 /* host ports of one attachment */

struct cni_port {           /* a port of the node that leads to one of the pod */
	uint8_t proto;      /* IPPROTO_TCP, UDP, SCTP */
	uint16_t host, pod; /* on the node, in the pod */
	struct ip host_ip;  /* the node's address; 0.0.0.0 or ::, all of that family; len 0: all */
};
const char *cni_proto_name(uint8_t number); /* "TCP" */
uint8_t cni_proto_number(const char *name); /* in letters of either case; 0 for none of them */
#define CNI_PARTS 8
#define CNI_SYSCTLS 32
#define CNI_ALIASES 16
#define CNI_DNS_LIST 32

struct cni_rate {
	uint64_t rate;  /* bits a second, 0: no limit */
	uint64_t burst; /* bytes, 0: to be chosen */
};
struct cni_sysctl {
	const char *key;  /* as it was written */
	const char *path; /* net/ipv4/... */
	const char *value;
};
struct cni_parts { /* of the pod ranges, one family: where the address is to come from */
	unsigned n;
	struct ip_range v[CNI_PARTS];
};
struct cni_dns {            /* config.dns, overlaid by runtimeConfig.dns */
	const char *domain; /* "" for none */
	unsigned n_servers, n_searches, n_options;
	const char *servers[CNI_DNS_LIST], *searches[CNI_DNS_LIST], *options[CNI_DNS_LIST];
};

struct cni_request { /* strings live as long as the request; "" where one is absent */
	enum cni_verb verb;
	enum cni_version version;
	const char *network; /* config.name */
	const char *container, *netns,
		*ifname; /* checked; container and ifname set for ADD DEL CHECK */
	const char *pod_ns, *pod_name,
		*pod_uid; /* from CNI_ARGS; pod_ns is "default" without one */
	unsigned n_ips;   /* addresses asked for, at most one a family */
	struct ip ips[CNI_FAMILIES];
	const char *unknown_arg; /* the first of CNI_ARGS that nobody knows, NULL for none */
	bool ignore_unknown;     /* CNI_ARGS: IgnoreUnknown */
	bool no_gc;              /* disableGC: others use the network too */
	unsigned n_ports;
	struct cni_port *ports; /* in the arena */
	unsigned n_parts;
	struct cni_parts parts[CNI_FAMILIES];
	bool has_mac;
	uint8_t mac[6];
	struct cni_rate ingress, egress; /* into and out of the pod */
	unsigned n_sysctls;
	struct cni_sysctl sysctls[CNI_SYSCTLS];
	unsigned n_aliases;
	const char *aliases[CNI_ALIASES];
	struct cni_dns names;    /* what dns says, checked */
	bool files;              /* write resolv.conf, hosts and hostname */
	yyjson_val *prev;        /* prevResult, NULL for none */
	yyjson_val *dns;         /* for the result, NULL for none */
	yyjson_doc *dns_doc;     /* where dns lives when it is not the configuration's own */
	yyjson_val *annotations; /* of the pod, an object or NULL */
	yyjson_val *valid;       /* GC: the attachments to keep, an array */
	yyjson_doc *doc;
	struct arena arena;
};

/* Fills r, which the caller frees with cni_request_free also after a failure; r->version is then
 * the caller's for the error document, or the newest one. Returns CNI_OK or the code in er. */
enum cni_code cni_request_parse(struct cni_request *r, enum cni_verb verb, const char *body,
                                size_t len, struct cni_error *er);
void cni_request_free(struct cni_request *r);

/* True when the array of {containerID, ifname} names this attachment. */
bool cni_attachments_have(yyjson_val *valid, const char *container, const char *ifname);
/* True when the result lists this address / this interface inside a sandbox. */
bool cni_result_has_ip(yyjson_val *result, const struct ip *ip);
bool cni_result_has_ips(yyjson_val *result);
bool cni_result_has_interface(yyjson_val *result, const char *name);
