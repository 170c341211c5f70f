package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// inputs gathers what a backend may look at, for coordinates still to be filled in.
func (p *pass) inputs() (storage.Inputs, error) {
	infrastructure, err := p.Infrastructures.Get(names.Cluster)
	if err != nil {
		return storage.Inputs{}, fmt.Errorf("reading infrastructure %s: %w", names.Cluster, err)
	}
	in := storage.Inputs{
		Managed:         p.config.Spec.Storage.ManagementState == imageregistryv1.StorageManagementStateManaged,
		Replicas:        p.config.Spec.Replicas,
		RolloutStrategy: p.config.Spec.RolloutStrategy,
		Infrastructure:  infrastructure,
		ConfigMap:       onceRead(p.configMap),
		Version:         p.Version,
	}
	if in.UserSecret, err = p.Secret(names.PrivateConfigurationUser); err != nil {
		return storage.Inputs{}, err
	}
	in.MintedSecret, err = p.Secret(names.CloudCredentials)
	return in, err
}

// onceRead reads each ConfigMap once: a pass works with what it has begun with, and knows that it has.
func onceRead(read func(namespace, name string) (*corev1.ConfigMap, error)) func(namespace, name string) (*corev1.ConfigMap, error) {
	type answer struct {
		configMap *corev1.ConfigMap
		err       error
	}
	answers := map[string]answer{}
	return func(namespace, name string) (*corev1.ConfigMap, error) {
		known, found := answers[namespace+"/"+name]
		if !found {
			known.configMap, known.err = read(namespace, name)
			answers[namespace+"/"+name] = known
		}
		return known.configMap, known.err
	}
}

// observed is what the driver sees beside its inputs.
func observed(driver storage.Driver, in storage.Inputs) string {
	if driver.Observed == nil {
		return ""
	}
	return driver.Observed(in)
}

func (c *controller) configMap(namespace, name string) (*corev1.ConfigMap, error) {
	switch namespace {
	case names.UserConfigNamespace:
		return c.UserConfigMaps.Get(name)
	case names.ManagedConfigNamespace:
		return c.ManagedConfigMaps.Get(name)
	}
	return nil, fmt.Errorf("configmaps of namespace %s are not watched", namespace)
}

// fingerprint identifies everything that decides what to do with the storage, so that a sync on unchanged inputs does
// nothing. Secrets count by their digest, seen is what the driver observed.
func (p *pass) fingerprint(in storage.Inputs, driver storage.Driver, seen string) string {
	all := struct {
		Storage      imageregistryv1.ImageRegistryConfigStorage
		Name         string
		Platform     *configv1.PlatformStatus
		User, Minted map[string][]byte
		Bundle       storage.CABundle
		BundleError  string
		Observed     string
		Removing     bool
	}{
		Storage: in.Coordinates, Name: in.Infrastructure.Status.InfrastructureName, Platform: in.Infrastructure.Status.PlatformStatus,
		Observed: seen, Removing: p.removing(),
	}
	all.Storage.ManagementState = p.config.Spec.Storage.ManagementState
	if in.UserSecret != nil {
		all.User = in.UserSecret.Data
	}
	if in.MintedSecret != nil {
		all.Minted = in.MintedSecret.Data
	}
	bundle, err := driver.CABundle(in)
	all.Bundle = bundle
	if err != nil {
		all.BundleError = err.Error()
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(fmt.Sprintf("storage inputs do not marshal: %v", err)) // plain data always does
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
