package gcs

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Where the registry finds its credentials.
const (
	keyVolume    = "registry-storage-keyfile"
	keyDirectory = "/gcs"
	keyFile      = "keyfile"
)

// settings is what the registry needs for a bucket.
func settings(coordinates storage.Coordinates, facts storage.Facts) (storage.Settings, error) {
	c := coordinates.GCS
	if c == nil {
		return storage.Settings{}, errors.New("coordinates are not of GCS")
	}
	text, found := facts[userKey]
	if !found {
		return storage.Settings{}, errors.New("the credentials for GCS have not been recorded yet")
	}
	return storage.Settings{
		Env: []storage.EnvVar{
			{Name: "REGISTRY_STORAGE", Value: "gcs"},
			{Name: "REGISTRY_STORAGE_GCS_BUCKET", Value: c.Bucket},
			// The same name is a key of the Secret: the variable says where that key is mounted.
			{Name: userKey, Value: keyDirectory + "/" + keyFile},
		},
		SecretData: map[string][]byte{userKey: text},
		Volumes: []corev1.Volume{{
			Name: keyVolume,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
				SecretName: names.PrivateConfiguration,
				Items:      []corev1.KeyToPath{{Key: userKey, Path: keyFile}},
				Optional:   ptr.To(false),
			}},
		}},
		Mounts: []corev1.VolumeMount{{Name: keyVolume, MountPath: keyDirectory, ReadOnly: true}},
	}, nil
}
