/* fields_meta.c - fields of the metadata and the small types that every group shares
 * (k8s.io/apimachinery/pkg/apis/meta/v1). See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field meta_preconditions_fields[] = {
	{ "uid", STRING, POINTER, 1, NULL, NULL, "The object still has this uid." },
	{ "resourceVersion", STRING, POINTER, 2, NULL, NULL, "The object still has this resourceVersion." },
	END
};
static const struct message meta_preconditions = { "io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions", "What has to hold for a delete to happen.", meta_preconditions_fields };

static const struct field meta_delete_options_fields[] = {
	TYPE_META
	{ "gracePeriodSeconds", INT64, POINTER, 1, NULL, NULL, "Seconds the object may take to end; 0 is at once." },
	{ "preconditions", OBJECT, POINTER, 2, &meta_preconditions, NULL, "What has to hold, else 409 Conflict is answered." },
	{ "orphanDependents", BOOL, POINTER, 3, NULL, NULL, "Out of use; propagationPolicy says it better." },
	{ "propagationPolicy", STRING, POINTER, 4, NULL, NULL, "What happens to objects owned by this one: Background, Foreground or Orphan." },
	{ "dryRun", STRING, LIST, 5, NULL, NULL, "With All, everything is checked and nothing is done." },
	{ "ignoreStoreReadErrorWithClusterBreakingPotential", BOOL, POINTER, 6, NULL, NULL, "Deletes also what cannot be read any more." },
	END
};
const struct message meta_delete_options = { "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "How an object is to be deleted.", meta_delete_options_fields };

static const struct field meta_owner_reference_fields[] = {
	{ "apiVersion", STRING, REQUIRED | POINTER, 5, NULL, NULL, "Group and version of the owner." },
	{ "kind", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Kind of the owner." },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "Name of the owner, in the same namespace or of the cluster." },
	{ "uid", STRING, REQUIRED | POINTER, 4, NULL, NULL, "Uid of the owner." },
	{ "controller", BOOL, POINTER, 6, NULL, NULL, "Whether this owner is the one that manages the object." },
	{ "blockOwnerDeletion", BOOL, POINTER, 7, NULL, NULL, "Whether a foreground delete of the owner waits for this object." },
	END
};
static const struct message meta_owner_reference = { "io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference", "Names an object that this one belongs to.", meta_owner_reference_fields };

static const struct field meta_managed_fields_entry_fields[] = {
	{ "manager", STRING, 0, 1, NULL, NULL, "Who set them." },
	{ "operation", STRING, 0, 2, NULL, NULL, "How they were set: Apply or Update." },
	{ "apiVersion", STRING, 0, 3, NULL, NULL, "The version in which the fields are named." },
	{ "time", TIME, POINTER, 4, NULL, NULL, "When the manager last changed one of them." },
	{ "fieldsType", STRING, 0, 6, NULL, NULL, "How fieldsV1 is written: FieldsV1." },
	{ "fieldsV1", OPEN, POINTER, 7, NULL, NULL, "The fields, as a tree of names." },
	{ "subresource", STRING, 0, 8, NULL, NULL, "The subresource they were set through, as status." },
	END
};
static const struct message meta_managed_fields_entry = { "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry", "Which fields one manager has set.", meta_managed_fields_entry_fields };

static const struct field meta_object_meta_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "Name of the object, unique among its kind in the namespace." },
	{ "generateName", STRING, 0, 2, NULL, NULL, "Beginning of a name that the server completes with five characters, when name is not set." },
	{ "namespace", STRING, 0, 3, NULL, NULL, "Namespace the object is in; empty for kinds of the cluster." },
	{ "selfLink", STRING, 0, 4, NULL, NULL, "Out of use." },
	{ "uid", STRING, 0, 5, NULL, NULL, "Unique among all objects of all time; given by the server." },
	{ "resourceVersion", STRING, 0, 6, NULL, NULL, "Changes with every write; sent back with an update, it makes sure that nothing was written in between." },
	{ "generation", INT64, 0, 7, NULL, NULL, "Counts changes of the spec." },
	{ "creationTimestamp", TIME, 0, 8, NULL, NULL, "When the object was made; given by the server." },
	{ "deletionTimestamp", TIME, POINTER, 9, NULL, NULL, "When deletion was asked for; the object goes when its finalizers are gone." },
	{ "deletionGracePeriodSeconds", INT64, POINTER, 10, NULL, NULL, "Seconds between the wish to delete and the deletion." },
	{ "labels", STRING, MAP, 11, NULL, NULL, "Names and values that objects are selected by." },
	{ "annotations", STRING, MAP, 12, NULL, NULL, "Names and values for tools, which nothing is selected by." },
	{ "ownerReferences", OBJECT, LIST, 13, &meta_owner_reference, "uid", "Objects that this one belongs to; it is deleted when all of them are gone." },
	{ "finalizers", STRING, LIST | SET, 14, NULL, "", "Who has something to do before the object may go; each takes its own line out." },
	{ "managedFields", OBJECT, LIST, 17, &meta_managed_fields_entry, NULL, "Which fields each manager has set; kept by the server for server-side apply." },
	END
};
const struct message meta_object_meta = { "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "What every object carries: its names, labels and what the server keeps.", meta_object_meta_fields };

static const struct field meta_condition_fields[] = {
	{ "type", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the aspect, as Ready or Accepted." },
	{ "status", STRING, REQUIRED | POINTER, 2, NULL, NULL, "True, False or Unknown." },
	{ "observedGeneration", INT64, 0, 3, NULL, NULL, "The metadata.generation that was looked at." },
	{ "lastTransitionTime", TIME, REQUIRED | POINTER, 4, NULL, NULL, "When status last changed." },
	{ "reason", STRING, REQUIRED | POINTER, 5, NULL, NULL, "Why, in one word for programs." },
	{ "message", STRING, REQUIRED | POINTER, 6, NULL, NULL, "Why, in a sentence for people." },
	END
};
const struct message meta_condition = { "io.k8s.apimachinery.pkg.apis.meta.v1.Condition", "One aspect of an object's state, and since when it is so.", meta_condition_fields };

static const struct field meta_label_selector_requirement_fields[] = {
	{ "key", STRING, REQUIRED | POINTER, 1, NULL, NULL, "Name of the label." },
	{ "operator", STRING, REQUIRED | POINTER, 2, NULL, NULL, "In, NotIn, Exists or DoesNotExist." },
	{ "values", STRING, LIST, 3, NULL, NULL, "Values for In and NotIn." },
	END
};
const struct message meta_label_selector_requirement = { "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement", "A demand on one label.", meta_label_selector_requirement_fields };

static const struct field meta_label_selector_fields[] = {
	{ "matchLabels", STRING, MAP, 1, NULL, NULL, "Labels that have to be there with these values." },
	{ "matchExpressions", OBJECT, LIST, 2, &meta_label_selector_requirement, NULL, "Further demands on labels." },
	END
};
const struct message meta_label_selector = { "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector", "Selects objects by their labels; all demands have to hold, and an empty selector takes everything.", meta_label_selector_fields };

static const struct field meta_field_selector_requirement_fields[] = {
	{ "key", STRING, POINTER, 1, NULL, NULL, "Path of the field." },
	{ "operator", STRING, POINTER, 2, NULL, NULL, "In, NotIn, Exists or DoesNotExist." },
	{ "values", STRING, LIST, 3, NULL, NULL, "Values for In and NotIn." },
	END
};
const struct message meta_field_selector_requirement = { "io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement", "A demand on one field.", meta_field_selector_requirement_fields };

// clang-format on
