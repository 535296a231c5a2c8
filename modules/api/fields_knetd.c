/* fields_knetd.c - fields of knetd.io/v1alpha1. See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field knetd_address_pool_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message knetd_address_pool = { "io.knetd.v1alpha1.AddressPool", "", knetd_address_pool_fields };

static const struct field knetd_pod_network_fields[] = {
	TYPE_META
	OBJECT_META
	{ "spec", OPEN, 0, 0, NULL, NULL, "" },
	{ "status", OPEN, 0, 0, NULL, NULL, "" },
	END
};
const struct message knetd_pod_network = { "io.knetd.v1alpha1.PodNetwork", "", knetd_pod_network_fields };

// clang-format on
