/* ingress_class.h - which Ingresses are ours. */
#pragma once

#include <knetd/object.h>

#define INGRESS_CLASS "knetd"
#define INGRESS_CONTROLLER "knetd.io/ingress"

/* By spec.ingressClassName or the old annotation kubernetes.io/ingress.class; without either by
 * the default class. */
bool ingress_class_ours(yyjson_val *ingress);
