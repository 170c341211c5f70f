package ibmcos

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	credentialsDirectory = "/var/run/secrets/cloud"
	credentialsFile      = "credentials"

	factCredentials = credentialsFile
	factEndpoint    = "endpoint"
)

// facts reads the HMAC pair of the resource key, which the registry signs with, and says where the endpoint is. A key that
// is gone is replaced.
func (b *backend) facts(ctx context.Context) (storage.Facts, error) {
	k, err := b.session.key(ctx, b.config.ResourceKeyCRN)
	if lost(k, err) {
		k, err = b.replaceKey(ctx)
	}
	if err != nil {
		return nil, b.failure(ctx, "reading "+b.keyText(), err)
	}
	if err := b.validate(k); err != nil {
		return nil, err
	}
	return storage.Facts{factCredentials: credentialsText(k), factEndpoint: []byte(b.registryEndpoint())}, nil
}

// credentialsText is the HMAC pair of a key as the registry reads it.
func credentialsText(k resourceKey) []byte {
	return fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
		k.Credentials.HMAC.AccessKeyID, k.Credentials.HMAC.SecretAccessKey)
}

// validate tells whether the registry can work with a key.
func (b *backend) validate(k resourceKey) error {
	pair := k.Credentials.HMAC
	switch {
	case k.Source != b.config.ServiceInstanceCRN:
		return invalidKey(b.keyText() + " is of another service instance than spec.storage.ibmcos.serviceInstanceCRN")
	case pair.AccessKeyID == "" || pair.SecretAccessKey == "":
		return invalidKey(b.keyText() + " has no HMAC pair (cos_hmac_keys)")
	case k.Credentials.Role != writer && k.Credentials.Role != manager:
		return invalidKey(b.keyText() + " has neither the role Writer nor the role Manager")
	}
	return nil
}

func invalidKey(what string) error {
	return incomplete("InvalidResourceKey", what+"; give another spec.storage.ibmcos.resourceKeyCRN, or none to have one made")
}

// settings is what the registry needs for a bucket.
func settings(coordinates storage.Coordinates, facts storage.Facts) (storage.Settings, error) {
	c := coordinates.IBMCOS
	if c == nil {
		return storage.Settings{}, errors.New("coordinates are not of IBM COS")
	}
	text, endpoint := facts[factCredentials], facts[factEndpoint]
	if len(text) == 0 || len(endpoint) == 0 {
		return storage.Settings{}, errors.New("the credentials for IBM COS have not been recorded yet")
	}
	return storage.Settings{
		Env: []storage.EnvVar{
			{Name: "REGISTRY_STORAGE", Value: "s3"},
			{Name: "REGISTRY_STORAGE_S3_BUCKET", Value: c.Bucket},
			{Name: "REGISTRY_STORAGE_S3_REGION", Value: c.Location},
			{Name: "REGISTRY_STORAGE_S3_REGIONENDPOINT", Value: string(endpoint)},
			{Name: "REGISTRY_STORAGE_S3_ENCRYPT", Value: false},
			{Name: "REGISTRY_STORAGE_S3_FORCEPATHSTYLE", Value: true},
			{Name: "REGISTRY_STORAGE_S3_USEDUALSTACK", Value: false},
			{Name: "REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH", Value: credentialsDirectory + "/" + credentialsFile},
		},
		SecretData: map[string][]byte{credentialsFile: text},
		Volumes: []corev1.Volume{{
			Name: names.PrivateConfiguration,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
				SecretName: names.PrivateConfiguration,
				Optional:   ptr.To(false),
			}},
		}},
		Mounts: []corev1.VolumeMount{{Name: names.PrivateConfiguration, MountPath: credentialsDirectory, ReadOnly: true}},
	}, nil
}
