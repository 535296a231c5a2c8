/* modules.c - the table of features: a feature is a directory in modules/ and one line here.
 * Started in this order, stopped in reverse; synced in this order too, so what writes objects that
 * others read stands before them. Of a full pass what shields comes first (module.h). */
#include "registry.h"

extern const struct module life_module, uplink_module, node_module, podnet_module, lb_module,
	endpoints_module, policy_module, svcnat_module, health_module, dns_module, ingress_module,
	trace_module, ui_module, api_module;

const struct module *const modules[] = {
	&life_module,      /* what follows a deletion: the others see it in the same turn */
	&uplink_module,    /* the machine's own link: before podnet switches forwarding on */
	&node_module,      /* the Node object of this machine */
	&podnet_module,    /* attachments, pod addresses, routes */
	&lb_module,        /* addresses of Services of type LoadBalancer, and their status */
	&endpoints_module, /* Services x Pods -> EndpointSlices */
	&policy_module,    /* who may talk to whom */
	&svcnat_module,    /* Services in nftables */
	&health_module,    /* health ports of Services: behind svcnat, whose state they tell */
	&dns_module,       /* cluster DNS */
	&ingress_module,   /* HTTP routing */
	&trace_module,     /* what would happen to a packet */
	&ui_module,        /* the status page */
	&api_module,       /* the REST doors: opened last, when everything behind them stands */
	NULL,
};
