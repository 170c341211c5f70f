package s3

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Where the registry finds its files.
const (
	credentialsDirectory = "/var/run/secrets/cloud"
	credentialsPath      = credentialsDirectory + "/credentials"
	cloudFrontVolume     = "registry-cloudfront"
	cloudFrontDirectory  = "/etc/docker/cloudfront"
	cloudFrontFile       = "private.pem"
)

// Limits of chunkSizeMiB; a value beyond them is ignored, as it always was.
const (
	minChunkMiB = 5
	maxChunkMiB = 5120
	mebibyte    = 1 << 20
)

// cloudFront is one entry of the registry's storage middleware; the order of its fields is the order of the YAML.
type cloudFront struct {
	Name    string            `yaml:"name"`
	Options cloudFrontOptions `yaml:"options"`
}

type cloudFrontOptions struct {
	BaseURL      string `yaml:"baseurl"`
	PrivateKey   string `yaml:"privatekey"`
	KeypairID    string `yaml:"keypairid"`
	Duration     string `yaml:"duration"`
	IPFilteredBy string `yaml:"ipfilteredby"`
}

// settings is what the registry needs for a bucket.
func settings(coordinates storage.Coordinates, facts storage.Facts) (storage.Settings, error) {
	c := coordinates.S3
	if c == nil {
		return storage.Settings{}, errors.New("coordinates are not of S3")
	}
	text, found := facts[factCredentials]
	if !found {
		return storage.Settings{}, errors.New("the credentials for S3 have not been recorded yet")
	}
	s := storage.Settings{
		Env:        environment(c),
		SecretData: map[string][]byte{factCredentials: text},
		Volumes: []corev1.Volume{{
			Name: names.PrivateConfiguration,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
				SecretName: names.PrivateConfiguration,
				Optional:   ptr.To(false),
			}},
		}},
		Mounts: []corev1.VolumeMount{{Name: names.PrivateConfiguration, MountPath: credentialsDirectory, ReadOnly: true}},
	}
	if c.CloudFront != nil {
		s.Volumes = append(s.Volumes, cloudFrontKey(c.CloudFront.PrivateKey))
		s.Mounts = append(s.Mounts, corev1.VolumeMount{Name: cloudFrontVolume, MountPath: cloudFrontDirectory, ReadOnly: true})
	}
	return s, nil
}

func environment(c *imageregistryv1.ImageRegistryConfigStorageS3) []storage.EnvVar {
	var env []storage.EnvVar
	add := func(name string, value any) { env = append(env, storage.EnvVar{Name: name, Value: value}) }
	if c.RegionEndpoint != "" {
		add("REGISTRY_STORAGE_S3_REGIONENDPOINT", c.RegionEndpoint)
	}
	if c.KeyID != "" {
		add("REGISTRY_STORAGE_S3_KEYID", c.KeyID)
	}
	if c.ChunkSizeMiB >= minChunkMiB && c.ChunkSizeMiB <= maxChunkMiB {
		add("REGISTRY_STORAGE_S3_CHUNKSIZE", int64(c.ChunkSizeMiB)*mebibyte)
	}
	add("REGISTRY_STORAGE", "s3")
	add("REGISTRY_STORAGE_S3_BUCKET", c.Bucket)
	add("REGISTRY_STORAGE_S3_REGION", c.Region)
	add("REGISTRY_STORAGE_S3_ENCRYPT", c.Encrypt)
	// True on Amazon too, unless virtual hosted style is asked for.
	add("REGISTRY_STORAGE_S3_FORCEPATHSTYLE", !c.VirtualHostedStyle)
	add("REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH", credentialsPath)
	if c.RegionEndpoint != "" || dualStackRegion(c.Region) {
		add("REGISTRY_STORAGE_S3_USEDUALSTACK", true)
	}
	if c.CloudFront != nil {
		add("REGISTRY_MIDDLEWARE_STORAGE", middlewareValue(c.CloudFront))
	}
	return env
}

func middlewareValue(c *imageregistryv1.ImageRegistryConfigStorageS3CloudFront) []cloudFront {
	// Unset is written in seconds, given ones the way Go writes durations: both texts are in the field, and another
	// text would roll the pods out.
	duration := "1200s"
	if c.Duration.Duration != 0 {
		duration = c.Duration.Duration.String()
	}
	return []cloudFront{{Name: "cloudfront", Options: cloudFrontOptions{
		BaseURL:      c.BaseURL,
		PrivateKey:   cloudFrontDirectory + "/" + cloudFrontFile,
		KeypairID:    c.KeypairID,
		Duration:     duration,
		IPFilteredBy: "none",
	}}}
}

func cloudFrontKey(key corev1.SecretKeySelector) corev1.Volume {
	return corev1.Volume{
		Name: cloudFrontVolume,
		VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: key.Name,
			Items:      []corev1.KeyToPath{{Key: key.Key, Path: cloudFrontFile}},
			Optional:   ptr.To(false),
		}},
	}
}
