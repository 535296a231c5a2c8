/* conf.h - knetd.ini, read once at start and never changed after. The keys, their defaults and what
 * they mean stand in etc/knetd.ini; the table in knetd/conf.c is the code's side of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/ip.h>
#include <knetd/log.h>
#include <knetd/upstream.h>

#define CONF_CIDRS 8
#define CONF_ADDRS 16
#define CONF_RANGES 32
#define CONF_LINKS 16

struct conf_cidrs {
	unsigned n;
	struct cidr v[CONF_CIDRS];
};
#define CONF_DNS_ALLOW 32
struct conf_allow {
	bool any;
	unsigned n;
	struct cidr v[CONF_DNS_ALLOW];
};
struct conf_ranges {
	unsigned n;
	struct ip_range v[CONF_RANGES];
};
struct conf_links {
	bool automatic, none;
	unsigned n;
	char v[CONF_LINKS][16]; /* names, as fnmatch(3) reads them */
};
struct conf_endpoints {
	unsigned n;
	struct endpoint v[CONF_ADDRS];
};

enum conf_masquerade { /* whose source address connections through Services lose */
	               CONF_MASQUERADE_STANDARD, /* as kube-proxy does it */
	               CONF_MASQUERADE_ALL,      /* those from pods to ClusterIPs too */
	               CONF_MASQUERADE_NEEDED,   /* only where answers would not find back */
};

enum conf_logged { /* which queries or requests are */
	           CONF_LOGGED_NO,
	           CONF_LOGGED_ERRORS, /* queries answered neither with data nor by saying that
	                                  there are none; requests answered with 400 and above */
	           CONF_LOGGED_ALL,
	           CONF_LOGGED
};
extern const char *const conf_logged_name[CONF_LOGGED]; /* as configured: "no" */

enum conf_dns_policy { /* which upstream of a list is asked first */
	               CONF_DNS_SEQUENTIAL,
	               CONF_DNS_RANDOM,
	               CONF_DNS_ROUND_ROBIN,
};

enum conf_pods {                     /* names of pods: 10-244-0-5.default.pod.<domain> */
	         CONF_PODS_INSECURE, /* any address in any namespace there is */
	         CONF_PODS_VERIFIED, /* where a Pod of the namespace has the address */
	         CONF_PODS_DISABLED,
};

enum conf_uplink {                   /* who gives the machine's link its addresses */
	           CONF_UPLINK_NONE, /* somebody else */
	           CONF_UPLINK_DHCP, /* with router advertisements */
	           CONF_UPLINK_SLAAC,
	           CONF_UPLINK_STATIC,
};

#define CONF_NAMESERVERS 4
struct conf_ips {
	unsigned n;
	struct ip v[CONF_NAMESERVERS];
};

#define CONF_INIT 8 /* mounts, and programs */
struct conf_mount {
	char source[64]; /* a device, or LABEL=... */
	char target[96], type[16], options[128];
};

struct conf {
	struct {
		char name[64]; /* default: the host's name */
		enum conf_uplink uplink;
		struct conf_cidrs uplink_at; /* static: addresses with their lengths */
		char uplink_link[16];        /* "auto" */
		struct ip gateways[2];       /* IPv4, IPv6; len 0: none */
		struct conf_ips nameservers;
		char state_dir[96], run_dir[96], manifests[256];
		enum log_level log_level;
		unsigned workers; /* per role; auto = online processors */
	} node;
	struct {
		char socket[108];
		char socket_group[32];                 /* "knetd" where that group exists */
		struct conf_endpoints listen;          /* HTTPS */
		char names[1024];                      /* further ones of its certificate */
		char cert[256], key[256];              /* somebody else's; "" = our own */
		struct conf_endpoints insecure_listen; /* loopback only */
		uint16_t event_ttl;                    /* seconds an Event is kept */
	} api;
	struct {
		struct conf_cidrs cidrs;
		struct conf_ranges reserved; /* never a pod's */
		unsigned mtu;                /* 0 = auto, from the uplink */
		bool masquerade;
		bool flow_tables;
		struct conf_cidrs masquerade_except; /* who sees pods under their addresses */
		struct ip outbound[2];               /* IPv4, IPv6; len 0: masquerade */
	} podnet;
	struct {
		struct conf_cidrs cidrs; /* at most one a family */
		uint16_t node_port_first, node_port_last;
		struct conf_endpoints healthz;  /* where kube-proxy's /healthz is answered */
		bool node_port_primary;         /* on the Node's InternalIPs alone */
		struct conf_cidrs node_port_at; /* on addresses in these; neither: on all */
		bool node_port_localhost;       /* on 127.0.0.1 and ::1 too */
		bool external_ips;              /* spec.externalIPs are served */
		enum conf_masquerade masquerade;
		unsigned metrics; /* connections of at most so many Services are counted */
	} service;
	struct {
		char domain[254];              /* lower case, no dot at the end: "cluster.local" */
		struct conf_endpoints address; /* the cluster DNS addresses, port 53; auto = 10th of
		                                  each Service range */
		struct conf_endpoints listen;  /* further ones */
		struct conf_allow allow;       /* who is answered besides pods and the node */
		uint16_t ttl;                  /* seconds, of records and of denials */
		enum conf_pods pods;
		bool upstreams_file; /* upstreams come from resolv_conf */
		char resolv_conf[256];
		struct dns_upstreams upstreams;
		enum conf_dns_policy policy;
		struct stub_domains stubs;
		bool autopath;        /* walk the search path for pods */
		char tls_ca[256];     /* PEM, "": no names can be proved */
		char hosts[256];      /* a file like /etc/hosts, "": none */
		char rewrite[16384];  /* rules with commas between them */
		char zones[4096];     /* files, patterns and directories, with commas */
		char config_map[320]; /* "namespace/name", "": none */
		uint32_t cache_ttl, cache_deny_ttl; /* seconds, the most */
		uint32_t cache_size;                /* bytes, of each worker */
		bool prefetch;
		uint32_t serve_stale; /* seconds; 0: off */
		uint32_t rate_limit;  /* answers a second to a network of others; 0: any */
		enum conf_logged log;
	} dns;
	struct {
		bool any_address;            /* addresses=*: one dual-stack socket a port */
		struct conf_cidrs addresses; /* whole addresses, bits = all */
		uint16_t http, https;        /* ports; 0 = off */
		uint16_t timeout;            /* seconds until a backend's answer begins */
		enum conf_logged access_log; /* may change at SIGHUP */
		struct conf_cidrs trusted; /* whose X-Forwarded-* and PROXY headers are believed */
		bool proxy_protocol;       /* connections to http and https begin with one */
	} ingress;
	struct {
		struct conf_ranges pools;   /* addresses for Services of type LoadBalancer */
		bool node;                  /* and the node's own */
		struct conf_links announce; /* where they are brought to */
	} lb;
	struct {
		bool enabled;
		bool log; /* what is denied */
	} policy;
	struct { /* read by the first process of a machine alone */
		char modules[128];
		unsigned n_mounts, n_runs;
		struct conf_mount mounts[CONF_INIT];
		char runs[CONF_INIT][256]; /* command lines */
		char console[128];         /* "no", "rescue", or a program */
	} init;
};

extern struct conf conf; /* read-only after conf_load, but for conf_reload */

/* Reads path over the defaults. An unknown section or key, or a bad value, is an error that names
 * file and line. path NULL: defaults only. */
int conf_load(const char *path, struct err *e);
/* "SECTION.KEY=VALUE" each, in force over the file in every conf_load from now on. The list ends
 * with NULL and is kept. What is wrong in it is told as of the parameter knetd.SECTION.KEY. */
void conf_override(const char *const *texts);
/* Reads the file of conf_load again, judges all of it, and takes over the few keys that may change
 * while the daemon runs; a bad file changes nothing. */
int conf_reload(struct err *e);
