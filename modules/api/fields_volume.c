/* fields_volume.c - fields of the volumes of a Pod (k8s.io/api/core/v1). See fields.h. */
#include "fields_int.h"

// clang-format off
static const struct field core_host_path_volume_source_fields[] = {
	{ "path", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "type", STRING, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_host_path_volume_source = { "io.k8s.api.core.v1.HostPathVolumeSource", "", core_host_path_volume_source_fields };

static const struct field core_empty_dir_volume_source_fields[] = {
	{ "medium", STRING, 0, 1, NULL, NULL, "" },
	{ "sizeLimit", QUANTITY, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_empty_dir_volume_source = { "io.k8s.api.core.v1.EmptyDirVolumeSource", "", core_empty_dir_volume_source_fields };

static const struct field core_gce_persistent_disk_volume_source_fields[] = {
	{ "pdName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	{ "partition", INT32, 0, 3, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 4, NULL, NULL, "" },
	END
};
static const struct message core_gce_persistent_disk_volume_source = { "io.k8s.api.core.v1.GCEPersistentDiskVolumeSource", "", core_gce_persistent_disk_volume_source_fields };

static const struct field core_aws_elastic_block_store_volume_source_fields[] = {
	{ "volumeID", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	{ "partition", INT32, 0, 3, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 4, NULL, NULL, "" },
	END
};
static const struct message core_aws_elastic_block_store_volume_source = { "io.k8s.api.core.v1.AWSElasticBlockStoreVolumeSource", "", core_aws_elastic_block_store_volume_source_fields };

static const struct field core_git_repo_volume_source_fields[] = {
	{ "repository", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "revision", STRING, 0, 2, NULL, NULL, "" },
	{ "directory", STRING, 0, 3, NULL, NULL, "" },
	END
};
static const struct message core_git_repo_volume_source = { "io.k8s.api.core.v1.GitRepoVolumeSource", "", core_git_repo_volume_source_fields };

static const struct field core_key_to_path_fields[] = {
	{ "key", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "path", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "mode", INT32, POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_key_to_path = { "io.k8s.api.core.v1.KeyToPath", "", core_key_to_path_fields };

static const struct field core_secret_volume_source_fields[] = {
	{ "secretName", STRING, 0, 1, NULL, NULL, "" },
	{ "items", OBJECT, LIST, 2, &core_key_to_path, NULL, "" },
	{ "defaultMode", INT32, POINTER, 3, NULL, NULL, "" },
	{ "optional", BOOL, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_secret_volume_source = { "io.k8s.api.core.v1.SecretVolumeSource", "", core_secret_volume_source_fields };

static const struct field core_nfs_volume_source_fields[] = {
	{ "server", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "path", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	END
};
static const struct message core_nfs_volume_source = { "io.k8s.api.core.v1.NFSVolumeSource", "", core_nfs_volume_source_fields };

static const struct field core_local_object_reference_fields[] = {
	{ "name", STRING, 0, 1, NULL, NULL, "" },
	END
};
const struct message core_local_object_reference = { "io.k8s.api.core.v1.LocalObjectReference", "", core_local_object_reference_fields };

static const struct field core_iscsi_volume_source_fields[] = {
	{ "targetPortal", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "iqn", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "lun", INT32, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "iscsiInterface", STRING, 0, 4, NULL, NULL, "" },
	{ "fsType", STRING, 0, 5, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 6, NULL, NULL, "" },
	{ "portals", STRING, LIST, 7, NULL, NULL, "" },
	{ "chapAuthDiscovery", BOOL, 0, 8, NULL, NULL, "" },
	{ "chapAuthSession", BOOL, 0, 11, NULL, NULL, "" },
	{ "secretRef", OBJECT, POINTER | ATOMIC, 10, &core_local_object_reference, NULL, "" },
	{ "initiatorName", STRING, POINTER, 12, NULL, NULL, "" },
	END
};
static const struct message core_iscsi_volume_source = { "io.k8s.api.core.v1.ISCSIVolumeSource", "", core_iscsi_volume_source_fields };

static const struct field core_glusterfs_volume_source_fields[] = {
	{ "endpoints", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "path", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	END
};
static const struct message core_glusterfs_volume_source = { "io.k8s.api.core.v1.GlusterfsVolumeSource", "", core_glusterfs_volume_source_fields };

static const struct field core_persistent_volume_claim_volume_source_fields[] = {
	{ "claimName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_persistent_volume_claim_volume_source = { "io.k8s.api.core.v1.PersistentVolumeClaimVolumeSource", "", core_persistent_volume_claim_volume_source_fields };

static const struct field core_rbd_volume_source_fields[] = {
	{ "monitors", STRING, LIST | REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "image", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "fsType", STRING, 0, 3, NULL, NULL, "" },
	{ "pool", STRING, 0, 4, NULL, NULL, "" },
	{ "user", STRING, 0, 5, NULL, NULL, "" },
	{ "keyring", STRING, 0, 6, NULL, NULL, "" },
	{ "secretRef", OBJECT, POINTER | ATOMIC, 7, &core_local_object_reference, NULL, "" },
	{ "readOnly", BOOL, 0, 8, NULL, NULL, "" },
	END
};
static const struct message core_rbd_volume_source = { "io.k8s.api.core.v1.RBDVolumeSource", "", core_rbd_volume_source_fields };

static const struct field core_flex_volume_source_fields[] = {
	{ "driver", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	{ "secretRef", OBJECT, POINTER | ATOMIC, 3, &core_local_object_reference, NULL, "" },
	{ "readOnly", BOOL, 0, 4, NULL, NULL, "" },
	{ "options", STRING, MAP, 5, NULL, NULL, "" },
	END
};
static const struct message core_flex_volume_source = { "io.k8s.api.core.v1.FlexVolumeSource", "", core_flex_volume_source_fields };

static const struct field core_cinder_volume_source_fields[] = {
	{ "volumeID", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	{ "secretRef", OBJECT, POINTER | ATOMIC, 4, &core_local_object_reference, NULL, "" },
	END
};
static const struct message core_cinder_volume_source = { "io.k8s.api.core.v1.CinderVolumeSource", "", core_cinder_volume_source_fields };

static const struct field core_ceph_fs_volume_source_fields[] = {
	{ "monitors", STRING, LIST | REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "path", STRING, 0, 2, NULL, NULL, "" },
	{ "user", STRING, 0, 3, NULL, NULL, "" },
	{ "secretFile", STRING, 0, 4, NULL, NULL, "" },
	{ "secretRef", OBJECT, POINTER | ATOMIC, 5, &core_local_object_reference, NULL, "" },
	{ "readOnly", BOOL, 0, 6, NULL, NULL, "" },
	END
};
static const struct message core_ceph_fs_volume_source = { "io.k8s.api.core.v1.CephFSVolumeSource", "", core_ceph_fs_volume_source_fields };

static const struct field core_flocker_volume_source_fields[] = {
	{ "datasetName", STRING, 0, 1, NULL, NULL, "" },
	{ "datasetUUID", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_flocker_volume_source = { "io.k8s.api.core.v1.FlockerVolumeSource", "", core_flocker_volume_source_fields };

static const struct field core_object_field_selector_fields[] = {
	{ "apiVersion", STRING, 0, 1, NULL, NULL, "" },
	{ "fieldPath", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	END
};
const struct message core_object_field_selector = { "io.k8s.api.core.v1.ObjectFieldSelector", "", core_object_field_selector_fields };

static const struct field core_resource_field_selector_fields[] = {
	{ "containerName", STRING, 0, 1, NULL, NULL, "" },
	{ "resource", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "divisor", QUANTITY, 0, 3, NULL, NULL, "" },
	END
};
const struct message core_resource_field_selector = { "io.k8s.api.core.v1.ResourceFieldSelector", "", core_resource_field_selector_fields };

static const struct field core_downward_api_volume_file_fields[] = {
	{ "path", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fieldRef", OBJECT, POINTER | ATOMIC, 2, &core_object_field_selector, NULL, "" },
	{ "resourceFieldRef", OBJECT, POINTER | ATOMIC, 3, &core_resource_field_selector, NULL, "" },
	{ "mode", INT32, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_downward_api_volume_file = { "io.k8s.api.core.v1.DownwardAPIVolumeFile", "", core_downward_api_volume_file_fields };

static const struct field core_downward_api_volume_source_fields[] = {
	{ "items", OBJECT, LIST, 1, &core_downward_api_volume_file, NULL, "" },
	{ "defaultMode", INT32, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_downward_api_volume_source = { "io.k8s.api.core.v1.DownwardAPIVolumeSource", "", core_downward_api_volume_source_fields };

static const struct field core_fc_volume_source_fields[] = {
	{ "targetWWNs", STRING, LIST, 1, NULL, NULL, "" },
	{ "lun", INT32, POINTER, 2, NULL, NULL, "" },
	{ "fsType", STRING, 0, 3, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 4, NULL, NULL, "" },
	{ "wwids", STRING, LIST, 5, NULL, NULL, "" },
	END
};
static const struct message core_fc_volume_source = { "io.k8s.api.core.v1.FCVolumeSource", "", core_fc_volume_source_fields };

static const struct field core_azure_file_volume_source_fields[] = {
	{ "secretName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "shareName", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	END
};
static const struct message core_azure_file_volume_source = { "io.k8s.api.core.v1.AzureFileVolumeSource", "", core_azure_file_volume_source_fields };

static const struct field core_config_map_volume_source_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "items", OBJECT, LIST, 2, &core_key_to_path, NULL, "" },
	{ "defaultMode", INT32, POINTER, 3, NULL, NULL, "" },
	{ "optional", BOOL, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_config_map_volume_source = { "io.k8s.api.core.v1.ConfigMapVolumeSource", "", core_config_map_volume_source_fields };

static const struct field core_vsphere_virtual_disk_volume_source_fields[] = {
	{ "volumePath", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	{ "storagePolicyName", STRING, 0, 3, NULL, NULL, "" },
	{ "storagePolicyID", STRING, 0, 4, NULL, NULL, "" },
	END
};
static const struct message core_vsphere_virtual_disk_volume_source = { "io.k8s.api.core.v1.VsphereVirtualDiskVolumeSource", "", core_vsphere_virtual_disk_volume_source_fields };

static const struct field core_quobyte_volume_source_fields[] = {
	{ "registry", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "volume", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	{ "user", STRING, 0, 4, NULL, NULL, "" },
	{ "group", STRING, 0, 5, NULL, NULL, "" },
	{ "tenant", STRING, 0, 6, NULL, NULL, "" },
	END
};
static const struct message core_quobyte_volume_source = { "io.k8s.api.core.v1.QuobyteVolumeSource", "", core_quobyte_volume_source_fields };

static const struct field core_azure_disk_volume_source_fields[] = {
	{ "diskName", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "diskURI", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "cachingMode", STRING, POINTER, 3, NULL, NULL, "" },
	{ "fsType", STRING, POINTER, 4, NULL, NULL, "" },
	{ "readOnly", BOOL, POINTER, 5, NULL, NULL, "" },
	{ "kind", STRING, POINTER, 6, NULL, NULL, "" },
	END
};
static const struct message core_azure_disk_volume_source = { "io.k8s.api.core.v1.AzureDiskVolumeSource", "", core_azure_disk_volume_source_fields };

static const struct field core_photon_persistent_disk_volume_source_fields[] = {
	{ "pdID", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_photon_persistent_disk_volume_source = { "io.k8s.api.core.v1.PhotonPersistentDiskVolumeSource", "", core_photon_persistent_disk_volume_source_fields };

static const struct field core_secret_projection_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "items", OBJECT, LIST, 2, &core_key_to_path, NULL, "" },
	{ "optional", BOOL, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_secret_projection = { "io.k8s.api.core.v1.SecretProjection", "", core_secret_projection_fields };

static const struct field core_downward_api_projection_fields[] = {
	{ "items", OBJECT, LIST, 1, &core_downward_api_volume_file, NULL, "" },
	END
};
static const struct message core_downward_api_projection = { "io.k8s.api.core.v1.DownwardAPIProjection", "", core_downward_api_projection_fields };

static const struct field core_config_map_projection_fields[] = {
	{ "", OBJECT, EMBEDDED | ATOMIC, 1, &core_local_object_reference, NULL, "" },
	{ "items", OBJECT, LIST, 2, &core_key_to_path, NULL, "" },
	{ "optional", BOOL, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_config_map_projection = { "io.k8s.api.core.v1.ConfigMapProjection", "", core_config_map_projection_fields };

static const struct field core_service_account_token_projection_fields[] = {
	{ "audience", STRING, 0, 1, NULL, NULL, "" },
	{ "expirationSeconds", INT64, POINTER, 2, NULL, NULL, "" },
	{ "path", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	END
};
static const struct message core_service_account_token_projection = { "io.k8s.api.core.v1.ServiceAccountTokenProjection", "", core_service_account_token_projection_fields };

static const struct field core_cluster_trust_bundle_projection_fields[] = {
	{ "name", STRING, POINTER, 1, NULL, NULL, "" },
	{ "signerName", STRING, POINTER, 2, NULL, NULL, "" },
	{ "labelSelector", OBJECT, POINTER | ATOMIC, 3, &meta_label_selector, NULL, "" },
	{ "optional", BOOL, POINTER, 5, NULL, NULL, "" },
	{ "path", STRING, REQUIRED | POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_cluster_trust_bundle_projection = { "io.k8s.api.core.v1.ClusterTrustBundleProjection", "", core_cluster_trust_bundle_projection_fields };

static const struct field core_pod_certificate_projection_fields[] = {
	{ "signerName", STRING, REQUIRED, 1, NULL, NULL, "" },
	{ "keyType", STRING, REQUIRED, 2, NULL, NULL, "" },
	{ "maxExpirationSeconds", INT32, POINTER, 3, NULL, NULL, "" },
	{ "credentialBundlePath", STRING, 0, 4, NULL, NULL, "" },
	{ "keyPath", STRING, 0, 5, NULL, NULL, "" },
	{ "certificateChainPath", STRING, 0, 6, NULL, NULL, "" },
	END
};
static const struct message core_pod_certificate_projection = { "io.k8s.api.core.v1.PodCertificateProjection", "", core_pod_certificate_projection_fields };

static const struct field core_volume_projection_fields[] = {
	{ "secret", OBJECT, POINTER, 1, &core_secret_projection, NULL, "" },
	{ "downwardAPI", OBJECT, POINTER, 2, &core_downward_api_projection, NULL, "" },
	{ "configMap", OBJECT, POINTER, 3, &core_config_map_projection, NULL, "" },
	{ "serviceAccountToken", OBJECT, POINTER, 4, &core_service_account_token_projection, NULL, "" },
	{ "clusterTrustBundle", OBJECT, POINTER, 5, &core_cluster_trust_bundle_projection, NULL, "" },
	{ "podCertificate", OBJECT, POINTER, 6, &core_pod_certificate_projection, NULL, "" },
	END
};
static const struct message core_volume_projection = { "io.k8s.api.core.v1.VolumeProjection", "", core_volume_projection_fields };

static const struct field core_projected_volume_source_fields[] = {
	{ "sources", OBJECT, LIST | POINTER, 1, &core_volume_projection, NULL, "" },
	{ "defaultMode", INT32, POINTER, 2, NULL, NULL, "" },
	END
};
static const struct message core_projected_volume_source = { "io.k8s.api.core.v1.ProjectedVolumeSource", "", core_projected_volume_source_fields };

static const struct field core_portworx_volume_source_fields[] = {
	{ "volumeID", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "fsType", STRING, 0, 2, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 3, NULL, NULL, "" },
	END
};
static const struct message core_portworx_volume_source = { "io.k8s.api.core.v1.PortworxVolumeSource", "", core_portworx_volume_source_fields };

static const struct field core_scale_io_volume_source_fields[] = {
	{ "gateway", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "system", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "secretRef", OBJECT, REQUIRED | POINTER | ATOMIC, 3, &core_local_object_reference, NULL, "" },
	{ "sslEnabled", BOOL, 0, 4, NULL, NULL, "" },
	{ "protectionDomain", STRING, 0, 5, NULL, NULL, "" },
	{ "storagePool", STRING, 0, 6, NULL, NULL, "" },
	{ "storageMode", STRING, 0, 7, NULL, NULL, "" },
	{ "volumeName", STRING, 0, 8, NULL, NULL, "" },
	{ "fsType", STRING, 0, 9, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 10, NULL, NULL, "" },
	END
};
static const struct message core_scale_io_volume_source = { "io.k8s.api.core.v1.ScaleIOVolumeSource", "", core_scale_io_volume_source_fields };

static const struct field core_storage_os_volume_source_fields[] = {
	{ "volumeName", STRING, 0, 1, NULL, NULL, "" },
	{ "volumeNamespace", STRING, 0, 2, NULL, NULL, "" },
	{ "fsType", STRING, 0, 3, NULL, NULL, "" },
	{ "readOnly", BOOL, 0, 4, NULL, NULL, "" },
	{ "secretRef", OBJECT, POINTER | ATOMIC, 5, &core_local_object_reference, NULL, "" },
	END
};
static const struct message core_storage_os_volume_source = { "io.k8s.api.core.v1.StorageOSVolumeSource", "", core_storage_os_volume_source_fields };

static const struct field core_csi_volume_source_fields[] = {
	{ "driver", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "readOnly", BOOL, POINTER, 2, NULL, NULL, "" },
	{ "fsType", STRING, POINTER, 3, NULL, NULL, "" },
	{ "volumeAttributes", STRING, MAP, 4, NULL, NULL, "" },
	{ "nodePublishSecretRef", OBJECT, POINTER | ATOMIC, 5, &core_local_object_reference, NULL, "" },
	END
};
static const struct message core_csi_volume_source = { "io.k8s.api.core.v1.CSIVolumeSource", "", core_csi_volume_source_fields };

static const struct field core_volume_resource_requirements_fields[] = {
	{ "limits", QUANTITY, MAP, 1, NULL, NULL, "" },
	{ "requests", QUANTITY, MAP, 2, NULL, NULL, "" },
	END
};
static const struct message core_volume_resource_requirements = { "io.k8s.api.core.v1.VolumeResourceRequirements", "", core_volume_resource_requirements_fields };

static const struct field core_typed_object_reference_fields[] = {
	{ "apiGroup", STRING, POINTER, 1, NULL, NULL, "" },
	{ "kind", STRING, REQUIRED | POINTER, 2, NULL, NULL, "" },
	{ "name", STRING, REQUIRED | POINTER, 3, NULL, NULL, "" },
	{ "namespace", STRING, POINTER, 4, NULL, NULL, "" },
	END
};
static const struct message core_typed_object_reference = { "io.k8s.api.core.v1.TypedObjectReference", "", core_typed_object_reference_fields };

static const struct field core_persistent_volume_claim_spec_fields[] = {
	{ "accessModes", STRING, LIST, 1, NULL, NULL, "" },
	{ "selector", OBJECT, POINTER | ATOMIC, 4, &meta_label_selector, NULL, "" },
	{ "resources", OBJECT, 0, 2, &core_volume_resource_requirements, NULL, "" },
	{ "volumeName", STRING, 0, 3, NULL, NULL, "" },
	{ "storageClassName", STRING, POINTER, 5, NULL, NULL, "" },
	{ "volumeMode", STRING, POINTER, 6, NULL, NULL, "" },
	{ "dataSource", OBJECT, POINTER | ATOMIC, 7, &core_typed_local_object_reference, NULL, "" },
	{ "dataSourceRef", OBJECT, POINTER, 8, &core_typed_object_reference, NULL, "" },
	{ "volumeAttributesClassName", STRING, POINTER, 9, NULL, NULL, "" },
	END
};
static const struct message core_persistent_volume_claim_spec = { "io.k8s.api.core.v1.PersistentVolumeClaimSpec", "", core_persistent_volume_claim_spec_fields };

static const struct field core_persistent_volume_claim_template_fields[] = {
	{ "metadata", OBJECT, 0, 1, &meta_object_meta, NULL, "Name, namespace, labels and what the server keeps about the object." },
	{ "spec", OBJECT, REQUIRED | POINTER, 2, &core_persistent_volume_claim_spec, NULL, "" },
	END
};
static const struct message core_persistent_volume_claim_template = { "io.k8s.api.core.v1.PersistentVolumeClaimTemplate", "", core_persistent_volume_claim_template_fields };

static const struct field core_ephemeral_volume_source_fields[] = {
	{ "volumeClaimTemplate", OBJECT, POINTER, 1, &core_persistent_volume_claim_template, NULL, "" },
	END
};
static const struct message core_ephemeral_volume_source = { "io.k8s.api.core.v1.EphemeralVolumeSource", "", core_ephemeral_volume_source_fields };

static const struct field core_image_volume_source_fields[] = {
	{ "reference", STRING, 0, 1, NULL, NULL, "" },
	{ "pullPolicy", STRING, 0, 2, NULL, NULL, "" },
	END
};
static const struct message core_image_volume_source = { "io.k8s.api.core.v1.ImageVolumeSource", "", core_image_volume_source_fields };

static const struct field core_volume_source_fields[] = {
	{ "hostPath", OBJECT, POINTER, 1, &core_host_path_volume_source, NULL, "" },
	{ "emptyDir", OBJECT, POINTER, 2, &core_empty_dir_volume_source, NULL, "" },
	{ "gcePersistentDisk", OBJECT, POINTER, 3, &core_gce_persistent_disk_volume_source, NULL, "" },
	{ "awsElasticBlockStore", OBJECT, POINTER, 4, &core_aws_elastic_block_store_volume_source, NULL, "" },
	{ "gitRepo", OBJECT, POINTER, 5, &core_git_repo_volume_source, NULL, "" },
	{ "secret", OBJECT, POINTER, 6, &core_secret_volume_source, NULL, "" },
	{ "nfs", OBJECT, POINTER, 7, &core_nfs_volume_source, NULL, "" },
	{ "iscsi", OBJECT, POINTER, 8, &core_iscsi_volume_source, NULL, "" },
	{ "glusterfs", OBJECT, POINTER, 9, &core_glusterfs_volume_source, NULL, "" },
	{ "persistentVolumeClaim", OBJECT, POINTER, 10, &core_persistent_volume_claim_volume_source, NULL, "" },
	{ "rbd", OBJECT, POINTER, 11, &core_rbd_volume_source, NULL, "" },
	{ "flexVolume", OBJECT, POINTER, 12, &core_flex_volume_source, NULL, "" },
	{ "cinder", OBJECT, POINTER, 13, &core_cinder_volume_source, NULL, "" },
	{ "cephfs", OBJECT, POINTER, 14, &core_ceph_fs_volume_source, NULL, "" },
	{ "flocker", OBJECT, POINTER, 15, &core_flocker_volume_source, NULL, "" },
	{ "downwardAPI", OBJECT, POINTER, 16, &core_downward_api_volume_source, NULL, "" },
	{ "fc", OBJECT, POINTER, 17, &core_fc_volume_source, NULL, "" },
	{ "azureFile", OBJECT, POINTER, 18, &core_azure_file_volume_source, NULL, "" },
	{ "configMap", OBJECT, POINTER, 19, &core_config_map_volume_source, NULL, "" },
	{ "vsphereVolume", OBJECT, POINTER, 20, &core_vsphere_virtual_disk_volume_source, NULL, "" },
	{ "quobyte", OBJECT, POINTER, 21, &core_quobyte_volume_source, NULL, "" },
	{ "azureDisk", OBJECT, POINTER, 22, &core_azure_disk_volume_source, NULL, "" },
	{ "photonPersistentDisk", OBJECT, POINTER, 23, &core_photon_persistent_disk_volume_source, NULL, "" },
	{ "projected", OBJECT, POINTER, 26, &core_projected_volume_source, NULL, "" },
	{ "portworxVolume", OBJECT, POINTER, 24, &core_portworx_volume_source, NULL, "" },
	{ "scaleIO", OBJECT, POINTER, 25, &core_scale_io_volume_source, NULL, "" },
	{ "storageos", OBJECT, POINTER, 27, &core_storage_os_volume_source, NULL, "" },
	{ "csi", OBJECT, POINTER, 28, &core_csi_volume_source, NULL, "" },
	{ "ephemeral", OBJECT, POINTER, 29, &core_ephemeral_volume_source, NULL, "" },
	{ "image", OBJECT, POINTER, 30, &core_image_volume_source, NULL, "" },
	END
};
static const struct message core_volume_source = { "io.k8s.api.core.v1.VolumeSource", "", core_volume_source_fields };

static const struct field core_volume_fields[] = {
	{ "name", STRING, REQUIRED | POINTER, 1, NULL, NULL, "" },
	{ "", OBJECT, EMBEDDED, 2, &core_volume_source, NULL, "" },
	END
};
const struct message core_volume = { "io.k8s.api.core.v1.Volume", "", core_volume_fields };

// clang-format on
