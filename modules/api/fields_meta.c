/* fields_meta.c - fields of the metadata and the small types that every group shares
 * (k8s.io/apimachinery/pkg/apis/meta/v1). See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field meta_preconditions_fields[] = {
	{ "uid", STRING, POINTER, 1, NULL, NULL, "" },
	{ "resourceVersion", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message meta_preconditions = { "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions", "", meta_preconditions_fields };

static const struct field meta_delete_options_fields[] = {
	TYPE_META
	{ "gracePeriodSeconds", INT64, POINTER, 1, NULL, NULL, "" },
	{ "preconditions", OBJECT, POINTER, 2, &meta_preconditions, NULL, "" },
	{ "orphanDependents", BOOL, POINTER, 3, NULL, NULL, "" },
	{ "propagationPolicy", STRING, POINTER, 4, NULL, NULL, "" },
	{ "dryRun", STRING, LIST, 5, NULL, NULL, "" },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", BOOL, POINTER, 6, NULL, NULL, "" },
	END
};
const struct message meta_delete_options = { "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "", meta_delete_options_fields };

static const struct field meta_owner_reference_fields[] = {
	{ "apiVersion", STRING, REQUIRED | POINTER, 5, NULL, NULL, "" },
	{ "kind", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "uid", STRING, REQUIRED | POINTER, 4, NULL, NULL, "" },
	{ "controller", BOOL, POINTER, 6, NULL, NULL, "" },
	{ "blockOwnerDeletion", BOOL, POINTER, 7, NULL, NULL, "" },
	END
};
static const struct message meta_owner_reference = { "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference", "", meta_owner_reference_fields };

static const struct field meta_managed_fields_entry_fields[] = {
	{ "manager", STRING, 0, 1, NULL, NULL, "" },
	{ "operation", STRING, 0, 2, NULL, NULL, "" },
	{ "apiVersion", STRING, 0, 3, NULL, NULL, "" },
	{ "time", TIME, POINTER, 4, NULL, NULL, "" },
	{ "fieldsType", STRING, 0, 6, NULL, NULL, "" },
	{ "fieldsV1", OPEN, POINTER, 7, NULL, NULL, "" },
	{ "subresource", STRING, 0, 8, NULL, NULL, "" },
	END
};
static const struct message meta_managed_fields_entry = { "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry", "", meta_managed_fields_entry_fields };

static const struct field meta_object_meta_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "" },
	{ "generateName", STRING, 0, 2, NULL, NULL, "" },
	{ "namespace", STRING, 0, 3, NULL, NULL, "" },
	{ "selfLink", STRING, 0, 4, NULL, NULL, "" },
	{ "uid", STRING, 0, 5, NULL, NULL, "" },
	{ "resourceVersion", STRING, 0, 6, NULL, NULL, "" },
	{ "generation", INT64, 0, 7, NULL, NULL, "" },
	{ "creationTimestamp", TIME, 0, 8, NULL, NULL, "" },
	{ "deletionTimestamp", TIME, POINTER, 9, NULL, NULL, "" },
	{ "deletionGracePeriodSeconds", INT64, POINTER, 10, NULL, NULL, "" },
	{ "labels", STRING, MAP, 11, NULL, NULL, "" },
	{ "annotations", STRING, MAP, 12, NULL, NULL, "" },
	{ "ownerReferences", OBJECT, LIST, 13, &meta_owner_reference, "uid", "" },
	{ "finalizers", STRING, LIST | SET, 14, NULL, "", "" },
	{ "managedFields", OBJECT, LIST, 17, &meta_managed_fields_entry, NULL, "" },
	END
};
const struct message meta_object_meta = { "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "", meta_object_meta_fields };

static const struct field meta_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "observedGeneration", INT64, 0, 3, NULL, NULL, "" },
	{ "lastTransitionTime", TIME, REQUIRED | POINTER, 4, NULL, NULL, "" },
	{ "reason", STRING, REQUIRED | POINTER, 5, NULL, NULL, "" },
	{ "message", STRING, REQUIRED | POINTER, 6, NULL, NULL, "" },
	END
};
const struct message meta_condition = { "io.k8s.apimachinery.pkg.apis.meta.v1.Condition", "", meta_condition_fields };

static const struct field meta_label_selector_requirement_fields[] = {
	{ "key", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "operator", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "values", STRING, LIST, 3, NULL, NULL, "" },
	END
};
const struct message meta_label_selector_requirement = { "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement", "", meta_label_selector_requirement_fields };

static const struct field meta_label_selector_fields[] = {
	{ "matchLabels", STRING, MAP, 1, NULL, NULL, "" },
	{ "matchExpressions", OBJECT, LIST, 2, &meta_label_selector_requirement, NULL, "" },
	END
};
const struct message meta_label_selector = { "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", "", meta_label_selector_fields };

static const struct field meta_field_selector_requirement_fields[] = {
	{ "key", STRING, POINTER, 1, NULL, NULL, "" },
	{ "operator", STRING, POINTER, 2, NULL, NULL, "" },
	{ "values", STRING, LIST, 3, NULL, NULL, "" },
	END
};
const struct message meta_field_selector_requirement = { "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement", "", meta_field_selector_requirement_fields };

// clang-format on
