/* attachment.h - one interface in one pod, as podnet knows it, and its PodNetwork object.
 *
 * The store keeps the truth; the index here is rebuilt from it at start and follows each commit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <knetd/err.h>
#include <knetd/ip.h>
#include <knetd/list.h>
#include <knetd/object.h>

#include "cni.h"

/* COMING and GOING: the store has taken the attach or detach, but not yet to the disk. The end of
 * the turn settles it. */
enum attachment_state { ATTACHED, COMING, GOING };

#define ATTACHMENT_WHO 336

struct attachment {
	enum attachment_state state;
	struct list moving;                   /* the index's: while it is not ATTACHED */
	char key[CNI_CONTAINER_MAX + 1 + 16]; /* "container/ifname" */
	char container[CNI_CONTAINER_MAX + 1], ifname[16];
	char network[254];
	char ns[64], object[254];        /* the PodNetwork */
	char pod[254];                   /* the Pod in ns it belongs to, "" for none */
	char link[16];                   /* host side */
	uint8_t mac[6], link_mac[6];     /* pod side, host side */
	struct cni_rate ingress, egress; /* rate 0: as fast as it goes */
	bool default_route;              /* the pod's way out; a second interface is not */
	unsigned mtu;                    /* 0: of before it was kept */
	bool files;                      /* it has files under <run_dir>/pods */
	unsigned n_ips;
	struct ip ips[CNI_FAMILIES];
	unsigned n_ports; /* host ports */
	const struct cni_port *ports;
};

void attachment_key(char out[static CNI_CONTAINER_MAX + 17], const char *container,
                    const char *ifname);
/* How people know it: "pod shop/web-0" or "container c1". */
const char *attachment_who(const struct attachment *a, char out[static ATTACHMENT_WHO]);

/* The PodNetwork of an attachment, and back (false: not one of ours). */
yyjson_mut_doc *attachment_doc(const struct attachment *a, const struct cni_request *r);
bool attachment_read(struct attachment *a, const struct object *o); /* but for its host ports */
unsigned attachment_read_ports(struct cni_port out[static CNI_PORTS_MAX], const struct object *o);

/* The index. */
void attachments_load(void (*each)(const struct attachment *a));
bool attachments_newest(
	struct attachment *a); /* the last attach that the store knows; false: none */
void attachments_free(void);
struct attachment *attachment_find(const char *container, const char *ifname);
struct attachment *attachment_of_link(const char *link);
bool attachments_of_container(const char *container); /* is there one? */
void attachment_insert(const struct attachment *a);   /* copies, with its host ports */
void attachment_remove(struct attachment *a);         /* frees a */
void attachment_going(struct attachment *a);          /* from now on GOING */
void attachment_settled(struct attachment *a);        /* from now on ATTACHED */
struct attachment *attachment_moving(void); /* one that is coming or going, NULL when none is */
/* for (size_t i = 0; (a = attachment_next(&i));) - the body may remove a. */
struct attachment *attachment_next(size_t *i);
size_t attachments_count(void);
