package registry

import (
	"encoding/json"
	"maps"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// httpSecret carries spec.httpSecret into the pod. The registry reads its variables as YAML, hence the rendering.
func httpSecret(value string) (*corev1.Secret, error) {
	rendered, err := storage.RenderEnv(storage.EnvVar{Name: names.RegistryHTTPSecretKey, Value: value})
	if err != nil {
		return nil, err
	}
	secret := load[corev1.Secret]("httpsecret")
	secret.Data = map[string][]byte{names.RegistryHTTPSecretKey: []byte(rendered)}
	return secret, nil
}

// pullSecret copies the cluster's pull secret. Without one, or with one that is none, there is nothing to copy: an
// earlier copy stays, and without it the registry pulls through without credentials. The API server would refuse a copy
// that is no JSON object, and nothing else may wait for that.
func pullSecret(source *corev1.Secret) *corev1.Secret {
	if source == nil {
		return nil
	}
	var content map[string]any
	if json.Unmarshal(source.Data[corev1.DockerConfigJsonKey], &content) != nil {
		return nil
	}
	secret := load[corev1.Secret]("pullsecret")
	secret.Data = maps.Clone(source.Data)
	return secret
}

// privateConfiguration holds the storage backend's secret variables and files. A backend without any has an empty one.
func privateConfiguration(settings storage.Settings) (*corev1.Secret, error) {
	secret := load[corev1.Secret]("privateconfiguration")
	secret.Data = map[string][]byte{}
	for _, variable := range settings.Env {
		if !variable.Secret {
			continue
		}
		rendered, err := storage.RenderEnv(variable)
		if err != nil {
			return nil, err
		}
		secret.Data[variable.Name] = []byte(rendered)
	}
	maps.Copy(secret.Data, settings.SecretData)
	return secret, nil
}
