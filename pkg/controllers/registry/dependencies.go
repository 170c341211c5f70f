package registry

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// dependency is a ConfigMap or Secret that the pod mounts or reads variables from.
type dependency struct {
	kind, name string
	optional   bool
}

const (
	kindConfigMap = "ConfigMap"
	kindSecret    = "Secret"
)

// resolved is what the dependencies of a pod template amount to.
type resolved struct {
	checksum string
	// missing names the dependencies that the pod cannot start without.
	missing []string
}

// dependenciesOf lists what a pod template refers to, ConfigMaps first, by name, each once.
func dependenciesOf(spec *corev1.PodSpec) []dependency {
	found := map[dependency]bool{}
	for _, container := range spec.Containers {
		for _, variable := range container.Env {
			if variable.ValueFrom == nil {
				continue
			}
			if ref := variable.ValueFrom.SecretKeyRef; ref != nil {
				found[dependency{kindSecret, ref.Name, ptr.Deref(ref.Optional, false)}] = true
			}
			if ref := variable.ValueFrom.ConfigMapKeyRef; ref != nil {
				found[dependency{kindConfigMap, ref.Name, ptr.Deref(ref.Optional, false)}] = true
			}
		}
	}
	for _, volume := range spec.Volumes {
		for _, d := range volumeDependencies(volume.VolumeSource) {
			found[d] = true
		}
	}
	list := make([]dependency, 0, len(found))
	for d := range found {
		// Needed in one place is needed.
		if !d.optional || !found[dependency{d.kind, d.name, false}] {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b dependency) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
	})
	return list
}

func volumeDependencies(source corev1.VolumeSource) []dependency {
	var found []dependency
	if source.Secret != nil {
		found = append(found, dependency{kindSecret, source.Secret.SecretName, ptr.Deref(source.Secret.Optional, false)})
	}
	if source.ConfigMap != nil {
		found = append(found, dependency{kindConfigMap, source.ConfigMap.Name, ptr.Deref(source.ConfigMap.Optional, false)})
	}
	if source.Projected == nil {
		return found
	}
	for _, projection := range source.Projected.Sources {
		if s := projection.Secret; s != nil {
			found = append(found, dependency{kindSecret, s.Name, ptr.Deref(s.Optional, false)})
		}
		if m := projection.ConfigMap; m != nil {
			found = append(found, dependency{kindConfigMap, m.Name, ptr.Deref(m.Optional, false)})
		}
	}
	return found
}

// resolve hashes the content of the dependencies. Secrets that this sync writes count with what it writes: the cache
// does not have it yet, and hashing the old content would roll the pods twice.
func resolve(in Inputs, desired Objects, deployment *appsv1.Deployment) (resolved, error) {
	written := map[string]*corev1.Secret{}
	for _, secret := range []*corev1.Secret{desired.HTTPSecret, desired.PrivateConfiguration, desired.PullSecret} {
		if secret != nil {
			written[secret.Name] = secret
		}
	}
	contents := fingerprint{sha256.New()}
	var result resolved
	for _, d := range dependenciesOf(&deployment.Spec.Template.Spec) {
		data, err := dataOf(in, written, d)
		if err != nil {
			return resolved{}, fmt.Errorf("reading %s %s: %w", d.kind, d.name, err)
		}
		switch {
		case data != nil && !unfinished(in, d, data):
			contents.add(d, data)
		case !d.optional:
			result.missing = append(result.missing, d.kind+" "+d.name+origin(d.name))
		}
	}
	result.checksum = "sha256:" + hex.EncodeToString(contents.Sum(nil))
	return result, nil
}

// fingerprint hashes contents as they are. Encoded together, they were a megabyte of garbage in each sync: CA bundles are large.
type fingerprint struct{ hash.Hash }

func (f fingerprint) add(d dependency, data map[string][]byte) {
	f.part([]byte(d.kind))
	f.part([]byte(d.name))
	f.number(len(data))
	for _, key := range slices.Sorted(maps.Keys(data)) {
		f.part([]byte(key))
		f.part(data[key])
	}
}

// part is told by its length from what follows.
func (f fingerprint) part(content []byte) {
	f.number(len(content))
	_, _ = f.Write(content) // a hash takes everything
}

func (f fingerprint) number(n int) {
	_, _ = f.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// unfinished tells that a first Deployment should not be made with this content: the CA ConfigMap gets the service CA
// moments after it was created, and the pods would be replaced then.
func unfinished(in Inputs, d dependency, data map[string][]byte) bool {
	return in.Live.Deployment == nil && d.kind == kindConfigMap && d.name == names.Certificates && len(data[serviceCAKey]) == 0
}

// serviceCAKey is the key under which the CA ConfigMap has the service CA: the registry's hostname, the port after two
// dots.
var serviceCAKey = fmt.Sprintf("%s.%s.svc..%d", names.Registry, names.OperatorNamespace, names.RegistryPort)

// dataOf is the content of a dependency; nil when it is absent.
func dataOf(in Inputs, written map[string]*corev1.Secret, d dependency) (map[string][]byte, error) {
	if d.kind == kindConfigMap {
		configMap, err := in.ConfigMap(d.name)
		if err != nil || configMap == nil {
			return nil, err
		}
		data := make(map[string][]byte, len(configMap.Data)+len(configMap.BinaryData))
		for key, value := range configMap.Data {
			data[key] = []byte(value)
		}
		for key, value := range configMap.BinaryData {
			data[key] = value
		}
		return data, nil
	}
	secret, found := written[d.name]
	if !found {
		var err error
		if secret, err = in.Secret(d.name); err != nil || secret == nil {
			return nil, err
		}
	}
	if secret.Data == nil {
		return map[string][]byte{}, nil
	}
	return secret.Data, nil
}

// origin tells who should have made a missing dependency.
func origin(name string) string {
	switch name {
	case names.RegistryTLSSecret:
		return " (made by the service CA for Service " + names.Registry + ")"
	case names.Certificates:
		return " with the service CA (made by this operator once the service CA has filled ConfigMap " + names.ServiceCA + ")"
	}
	return ""
}

func setChecksum(deployment *appsv1.Deployment, checksum string) {
	deployment.Spec.Template.Annotations[names.DependenciesChecksumAnnotation] = checksum
}

func checksumOf(deployment *appsv1.Deployment) string {
	return deployment.Spec.Template.Annotations[names.DependenciesChecksumAnnotation]
}
