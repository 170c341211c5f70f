// Package featuregates stands in for OpenShift's config operator: for each version that the ClusterVersion knows it writes
// into the FeatureGate's status which gates are on. Operators refuse to start until their version is listed.
package featuregates

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/openshift/api/features"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const (
	name        = "cluster"
	versionName = "version"
	// defaultMajor is taken for versions that are not OpenShift's own, such as those of a development build.
	defaultMajor = 4
)

type lister struct{ *loop.Cluster }

// New makes the stand-in.
func New(cluster *loop.Cluster) (*loop.Controller, error) {
	l := &lister{cluster}
	c := loop.New("feature-gates", l.sync)
	if err := c.Watch(cluster.DynamicInformers.ForResource(gvr.FeatureGates).Informer(), loop.Always(name)); err != nil {
		return nil, err
	}
	return c, c.Watch(cluster.DynamicInformers.ForResource(gvr.ClusterVersions).Informer(), loop.Always(name))
}

func (l *lister) sync(ctx context.Context, _ string) error {
	gate, err := loop.Cached[configv1.FeatureGate](l.Cluster, gvr.FeatureGates, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	version, err := loop.Cached[configv1.ClusterVersion](l.Cluster, gvr.ClusterVersions, versionName)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	obj, err := loop.Unstructured(gate)
	if err != nil {
		return err
	}
	var details []configv1.FeatureGateDetails
	for _, v := range versions(version) {
		d, err := Details(gate.Spec, v)
		if err != nil {
			l.Refuse(obj, "UnknownFeatureSet", "%v", err)
			return nil
		}
		details = append(details, d)
	}
	if equality.Semantic.DeepEqual(gate.Status.FeatureGates, details) {
		return nil
	}
	gate.Status.FeatureGates = details
	_, err = loop.WriteStatus(ctx, l.Dynamic, gvr.FeatureGates, gate)
	return err
}

// versions lists what the ClusterVersion is, becomes and was, without repetition.
func versions(version *configv1.ClusterVersion) []string {
	var out []string
	add := func(v string) {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	add(version.Status.Desired.Version)
	for _, entry := range version.Status.History {
		add(entry.Version)
	}
	return out
}

// Details are the gates of one version under a FeatureGate's spec.
func Details(spec configv1.FeatureGateSpec, version string) (configv1.FeatureGateDetails, error) {
	set := spec.FeatureSet
	if set == configv1.CustomNoUpgrade {
		set = configv1.Default
	}
	if !slices.Contains(configv1.AllFixedFeatureSets, set) {
		return configv1.FeatureGateDetails{}, fmt.Errorf("feature set %q is not known", spec.FeatureSet)
	}
	known := features.FeatureSets(major(version), features.SelfManaged, set)
	enabled := map[configv1.FeatureGateName]bool{}
	for _, g := range known.Disabled {
		enabled[g.FeatureGateAttributes.Name] = false
	}
	for _, g := range known.Enabled {
		enabled[g.FeatureGateAttributes.Name] = true
	}
	if spec.FeatureSet == configv1.CustomNoUpgrade && spec.CustomNoUpgrade != nil {
		for _, gate := range spec.CustomNoUpgrade.Enabled {
			enabled[gate] = true
		}
		for _, gate := range spec.CustomNoUpgrade.Disabled {
			enabled[gate] = false
		}
	}
	out := configv1.FeatureGateDetails{Version: version}
	for gate, on := range enabled {
		if on {
			out.Enabled = append(out.Enabled, configv1.FeatureGateAttributes{Name: gate})
		} else {
			out.Disabled = append(out.Disabled, configv1.FeatureGateAttributes{Name: gate})
		}
	}
	byName := func(a, b configv1.FeatureGateAttributes) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(out.Enabled, byName)
	slices.SortFunc(out.Disabled, byName)
	return out, nil
}

// major is the first number of an OpenShift version. Some gates depend on it.
func major(version string) uint64 {
	first, _, _ := strings.Cut(version, ".")
	n, err := strconv.ParseUint(first, 10, 64)
	if err != nil || n < defaultMajor {
		return defaultMajor
	}
	return n
}
