package storage

import (
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
)

// Snapshot is Inputs as data, for another process: what a driver needs to open the content of a medium. It holds
// credentials and belongs into a Secret.
type Snapshot struct {
	Coordinates    Coordinates              `json:"coordinates"`
	Infrastructure *configv1.Infrastructure `json:"infrastructure,omitempty"`
	UserSecret     *corev1.Secret           `json:"userSecret,omitempty"`
	MintedSecret   *corev1.Secret           `json:"mintedSecret,omitempty"`
	ConfigMaps     []corev1.ConfigMap       `json:"configMaps,omitempty"`
	Version        string                   `json:"version,omitempty"`
	// Observed is Inputs.Observed: a pod elsewhere does not have the operator's files.
	Observed string `json:"observed,omitempty"`
}

// TakeSnapshot keeps of in what does not change without meaning something else, and those ConfigMaps that read reads. An
// error of read is returned with the snapshot as far as it came.
func TakeSnapshot(in Inputs, read func(Inputs) error) (Snapshot, error) {
	s := Snapshot{
		Coordinates:  *in.Coordinates.DeepCopy(),
		UserSecret:   bareSecret(in.UserSecret),
		MintedSecret: bareSecret(in.MintedSecret),
		Version:      in.Version,
	}
	if in.Infrastructure != nil {
		s.Infrastructure = &configv1.Infrastructure{
			ObjectMeta: metav1.ObjectMeta{Name: in.Infrastructure.Name}, Spec: in.Infrastructure.Spec, Status: in.Infrastructure.Status,
		}
	}
	configMap := in.ConfigMap
	seen := map[string]bool{}
	in.ConfigMap = func(namespace, name string) (*corev1.ConfigMap, error) {
		found, err := configMap(namespace, name)
		if err == nil && !seen[namespace+"/"+name] {
			seen[namespace+"/"+name] = true
			s.ConfigMaps = append(s.ConfigMaps, corev1.ConfigMap{ObjectMeta: bare(found), Data: found.Data, BinaryData: found.BinaryData})
		}
		return found, err
	}
	err := read(in)
	return s, err
}

// Inputs are what the snapshot was taken of. A ConfigMap that nobody read then does not exist.
func (s Snapshot) Inputs() Inputs {
	return Inputs{
		Coordinates:    s.Coordinates,
		Infrastructure: s.Infrastructure,
		UserSecret:     s.UserSecret,
		MintedSecret:   s.MintedSecret,
		Version:        s.Version,
		Observed:       s.Observed,
		ConfigMap: func(namespace, name string) (*corev1.ConfigMap, error) {
			for i := range s.ConfigMaps {
				if s.ConfigMaps[i].Namespace == namespace && s.ConfigMaps[i].Name == name {
					return &s.ConfigMaps[i], nil
				}
			}
			return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
		},
	}
}

func bareSecret(secret *corev1.Secret) *corev1.Secret {
	if secret == nil {
		return nil
	}
	return &corev1.Secret{ObjectMeta: bare(secret), Type: secret.Type, Data: secret.Data}
}

// bare is what identifies an object.
func bare(object metav1.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: object.GetName()}
}
